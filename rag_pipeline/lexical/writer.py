"""Adding chunks to a lexical index, and removing them; what is not committed is not there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag_pipeline.errors import LexicalIndexError, StoreError
from rag_pipeline.lexical.analysis import Terms, analyze
from rag_pipeline.text import one_line

if TYPE_CHECKING:
    import tantivy

FIELD_WEIGHTS = {"words": 1.0, "compounds": 0.5, "pairs": 0.3}
"""The kinds of terms, each a field of the index, and what a term of each is worth."""
OTHER_FIELDS = ("ranges", "glosses", "sounds", "language")
"""Kinds of terms that are looked up, and not ranked by how often they are there."""
_LONGEST_PROBLEM = 120
_SECONDS_BETWEEN_COMMITS = 2.0
_ADVICE = "run rag-pipeline ingest again, which recreates it if it is damaged"
# What the system says where nothing is damaged.
_NO_PLACE = ("no space left", "file too large", "disk quota", "permission denied", "read-only", "too many open files")
_PLACE_ADVICE = "nothing is damaged: mend that and run the same command again"


class LexicalWriter:
    """Adds and removes chunks; made by :meth:`LexicalIndex.writer`."""

    def __init__(self, writer: tantivy.IndexWriter, folder: Path) -> None:
        self._writer: tantivy.IndexWriter | None = writer
        self._folder = folder
        self._pending = False
        self._committed = time.monotonic()

    def add(self, texts: Mapping[str, str]) -> None:
        """Add chunks by id; one that is there is replaced."""
        self.add_terms(dict(zip(texts, analyze(list(texts.values())), strict=True)))

    def add_terms(self, terms_by_id: Mapping[str, Terms]) -> None:
        """Add chunks whose texts have been analysed already."""
        import tantivy

        assert self._writer is not None
        with translated("write", self._folder):
            for chunk_id, terms in terms_by_id.items():
                self._writer.delete_documents_by_term("id", chunk_id)
                fields = {field: " ".join(getattr(terms, field)) for field in (*FIELD_WEIGHTS, "ranges", "glosses")}
                fields["language"] = terms.language
                fields["sounds"] = " ".join({sound for sounds in terms.sounds.values() for sound in sounds})
                self._writer.add_document(tantivy.Document(id=chunk_id, **fields))
                self._pending = True

    def remove(self, ids: Sequence[str]) -> None:
        """Remove chunks by id."""
        assert self._writer is not None
        with translated("write", self._folder):
            for chunk_id in ids:
                self._writer.delete_documents_by_term("id", chunk_id)
                self._pending = True

    def commit(self) -> None:
        """Make what was added and removed lasting, and seen by readers."""
        if self._writer is not None and self._pending:
            with translated("write", self._folder):
                self._writer.commit()
            self._pending = False
            self._committed = time.monotonic()

    def commit_if_due(self) -> bool:
        """Commit if the last time is a while ago: each commit costs a few writes to disk. Whether it did."""
        if not self._pending or time.monotonic() - self._committed < _SECONDS_BETWEEN_COMMITS:
            return False
        self.commit()
        return True

    def close(self) -> None:
        """Let go of what was not committed, and of the right to write."""
        if self._writer is not None:
            with contextlib.suppress(Exception):  # the disk may be full; the last commit stands
                self._writer.rollback()
                self._writer.wait_merging_threads()
            self._writer = None


@contextlib.contextmanager
def translated(action: str, folder: Path) -> Iterator[None]:
    """Turn a failure of the engine or the disk into a LexicalIndexError; ``action`` is ``read`` or ``write``."""
    try:
        yield
    except StoreError:
        raise
    except BaseException as error:
        # The engine's core panics with a BaseException of its own.
        if not isinstance(error, (ValueError, OSError)) and type(error).__module__ != "pyo3_runtime":
            raise
        problem = one_line(str(error).replace(f"{folder}/", ""), _LONGEST_PROBLEM)
        advice = _PLACE_ADVICE if any(sign in problem.lower() for sign in _NO_PLACE) else _ADVICE
        raise LexicalIndexError(f"cannot {action} the lexical index {folder} ({problem}); {advice}") from None
