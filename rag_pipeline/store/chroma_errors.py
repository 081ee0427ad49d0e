"""What Chroma raises becomes a :class:`StoreError` in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rag_pipeline.errors import RagPipelineError, StoreError

_FULL = ("disk is full", "no space left", "file too large", "disk i/o error", "(code: 13)", "(code: 778)")


@contextlib.contextmanager
def translated(action: str) -> Iterator[None]:
    """Turn any failure of Chroma into a StoreError; ``action`` is ``read``, ``write`` or ``opened``."""
    try:
        yield
    except RagPipelineError:
        raise
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # Chroma's Rust core panics with a BaseException of its own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        if any(words in reason.lower() for words in _FULL):
            raise StoreError(
                f"the disk is full, or a limit was reached ({reason}); what was written before is kept:"
                " make room and run the same command again"
            ) from error
        past = {"read": "be read", "write": "be written", "opened": "be opened"}[action]
        raise StoreError(f"the vector store cannot {past}: {reason}") from error
