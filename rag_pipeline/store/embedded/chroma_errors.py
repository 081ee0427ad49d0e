"""What Chroma raises becomes a :class:`StoreError` in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rag_pipeline.errors import RagPipelineError, StoreError
from rag_pipeline.text import first_line

_PAST = {"read": "be read", "write": "be written", "open": "be opened"}
# Chroma often names the step that failed and not the cause, which is mostly a full disk.
_READ_ADVICE = "; if it stays so, its files are damaged: recreate the collection with rag-pipeline ingest --rebuild"
_WRITE_ADVICE = (
    "; is the disk full, or the folder read-only? What was written before is kept:"
    " mend it and run the same command again"
)
# What SQLite says, in Chroma's words, where nothing is damaged.
_NO_PLACE = ("readonly", "read-only", "disk is full", "no space left", "permission denied")
# What it says of a damaged database, in words and by its codes.
_DAMAGED = ("malformed", "not a database", "(code: 11)", "(code: 26)")
DAMAGED_ADVICE = "; its database is damaged: restore the store from a copy, or move it away and ingest again"
# A write that failed for want of room, or a disk that is broken.
_DISK = "disk i/o error"
_DISK_ADVICE = "; is its disk full, or broken? Mend that and run the same command again"
# What was written and not yet taken into the collection Chroma takes in as it reads, which is writing.
_CATCHING_UP = ("backfill", "failed to apply logs")
_CATCHING_UP_ADVICE = (
    "; Chroma first takes in what was written last, which needs room: is the disk full? Make room and run the same"
    " command again; if there is room, see rag-pipeline verify"
)
_PLACE_ADVICE = "; the folder is read-only, or its disk full: nothing is damaged, mend that and try again"


def is_of_the_disk(error: StoreError) -> bool:
    """Whether a store could not be opened for want of room or of a right, and not because it is damaged."""
    said = str(error).lower()
    return any(sign in said for sign in (*_NO_PLACE, _DISK))


@contextlib.contextmanager
def translated(action: str, damage: Callable[[], str] | None = None) -> Iterator[None]:
    """Turn any failure of Chroma into a StoreError.

    Args:
        action: ``read``, ``write`` or ``open``.
        damage: what is wrong with the database, asked where Chroma does not say why it cannot take in what was written.

    Raises:
        StoreError: with what to do.
    """
    try:
        yield
    except (RagPipelineError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # Chroma's Rust core panics with a BaseException of its own
        reason = first_line(error, 300)
        said = reason.lower()
        if any(sign in said for sign in _DAMAGED):
            advice = DAMAGED_ADVICE
        elif any(sign in said for sign in _NO_PLACE):
            advice = _WRITE_ADVICE if action == "write" else _PLACE_ADVICE
        elif _DISK in said:
            advice = _DISK_ADVICE
        elif action == "read" and any(sign in said for sign in _CATCHING_UP):
            advice = DAMAGED_ADVICE if damage is not None and damage() else _CATCHING_UP_ADVICE
        elif action == "write":
            advice = DAMAGED_ADVICE if damage is not None and damage() else _WRITE_ADVICE
        else:
            advice = _READ_ADVICE
        raise StoreError(f"the vector store cannot {_PAST[action]}: {reason}{advice}") from error
