"""What Chroma raises becomes a :class:`StoreError` in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

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
_PLACE_ADVICE = "; the folder is read-only, or its disk full: nothing is damaged, mend that and try again"


@contextlib.contextmanager
def translated(action: str) -> Iterator[None]:
    """Turn any failure of Chroma into a StoreError; ``action`` is ``read``, ``write`` or ``open``."""
    try:
        yield
    except (RagPipelineError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # Chroma's Rust core panics with a BaseException of its own
        reason = first_line(error, 300)
        advice = _WRITE_ADVICE if action == "write" else _READ_ADVICE
        if action != "write" and any(sign in reason.lower() for sign in _NO_PLACE):
            advice = _PLACE_ADVICE
        raise StoreError(f"the vector store cannot {_PAST[action]}: {reason}{advice}") from error
