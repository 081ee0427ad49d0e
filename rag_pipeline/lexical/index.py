"""An index on disk that finds chunks by their terms.

The engine is tantivy: files that are mapped, not loaded; a commit that is whole or not there at all, whenever the
process dies; and a ranking that touches only the documents of the question's terms. The score is BM25+ (Lv and Zhai,
2011, "Lower-Bounding Term Frequency Normalization"), whose constant for a term's mere presence matters for passages:
they are short, and that a term is there says more than how often.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag_pipeline.errors import LexicalIndexError
from rag_pipeline.lexical.alternatives import Alternative
from rag_pipeline.lexical.analysis import Terms, version
from rag_pipeline.lexical.checksums import META_FILE, check_files
from rag_pipeline.lexical.links import Links, is_needed
from rag_pipeline.lexical.question import Question, query_parts, weighed
from rag_pipeline.lexical.writer import FIELD_WEIGHTS, OTHER_FIELDS, LexicalWriter, translated

if TYPE_CHECKING:
    import tantivy

_RULES_FILE = "rules.txt"
_REVISION_FILE = "mark.txt"
# What tantivy writes, and what we add to it.
_INDEX_FILES = re.compile(
    r"meta\.json|\.managed\.json|\.tantivy-\w+\.lock|\.tmp\w+|rules\.txt|mark\.txt"
    r"|[0-9a-f]{32}\.(?:[0-9]+\.)?(?:idx|pos|term|store|fast|fieldnorm|del|temp)"
)
_HEAP_BYTES = 64 << 20
_TRIES = 3
_MOST_GLOSSES = 2_000_000
# A twentieth of a second's work; larger indexes are read as a whole by an ingest and by verify.
_READ_AT_OPENING = 64 << 20


class LexicalIndex:
    """The chunks of one collection by their terms. One writer at a time; readers see whole commits.

    Args:
        folder: where its files are; made by the first :meth:`writer`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opened: tantivy.Index | None = None
        self._links: Links | None = None

    @property
    def exists(self) -> bool:
        """Whether there is an index whose terms are those that questions get now."""
        with contextlib.suppress(OSError):
            rules = (self.folder / _RULES_FILE).read_text(encoding="utf-8", errors="replace").strip()
            return rules == version() and (self.folder / META_FILE).exists()
        return False

    @property
    def problem(self) -> str:
        """Why it cannot be asked; empty if nothing speaks against it, or there is none. Reads it, unless it is large.

        The engine ends by a panic, or answers wrongly, over bytes that are not those it wrote.
        """
        found = self.problem_of_files
        if not found and self.exists:
            try:
                self._searcher()
            except LexicalIndexError as error:
                return str(error)
        return found

    @property
    def problem_of_files(self) -> str:
        """As :attr:`problem`, by its files alone: nothing is opened."""
        try:
            if self.exists:
                with translated("read", self.folder):
                    if sum(file.stat().st_size for file in self.folder.iterdir()) <= _READ_AT_OPENING:
                        check_files(self.folder)
        except LexicalIndexError as error:
            return str(error)
        return ""

    def check(self) -> None:
        """Read all of its files, if there is one.

        Raises:
            LexicalIndexError: one is damaged, or cannot be read.
        """
        if self.exists:
            with translated("read", self.folder):
                check_files(self.folder)

    @property
    def count(self) -> int:
        """How many chunks it holds, without opening it.

        Raises:
            LexicalIndexError: the files cannot be read.
        """
        if not self.exists:
            return 0
        try:
            segments = json.loads((self.folder / META_FILE).read_text(encoding="utf-8"))["segments"]
            deleted = sum(one["deletes"]["num_deleted_docs"] for one in segments if one["deletes"])
            return int(sum(one["max_doc"] for one in segments) - deleted)
        except (OSError, ValueError, KeyError, TypeError):
            return int(self._searcher().num_docs)

    @property
    def glosses(self) -> int:
        """How many terms its texts explain by another, as ``파나막스(Panamax)`` does.

        Raises:
            LexicalIndexError: the index cannot be read.
        """
        if not self.exists:
            return 0
        was_open = self._opened is not None
        # Each stands there from both sides.
        found = len(self._searcher().terms_with_prefix("glosses", "", limit=_MOST_GLOSSES)) // 2
        if not was_open:
            self.close()
        return found

    @property
    def revision(self) -> str:
        """What :attr:`revision` was set to last, for whoever keeps it in step with something; empty at first."""
        with contextlib.suppress(OSError):
            return (self.folder / _REVISION_FILE).read_text(encoding="utf-8", errors="replace").strip()
        return ""

    @revision.setter
    def revision(self, revision: str) -> None:
        if revision or self.revision:
            with translated("write", self.folder):
                (self.folder / _REVISION_FILE).write_text(revision + "\n", encoding="utf-8")

    def ids(self) -> set[str]:
        """Ids of the chunks it holds.

        Raises:
            LexicalIndexError: the files cannot be read.
        """
        if not self.exists:
            return set()
        with translated("read", self.folder):
            searcher = self._searcher()
            if searcher.num_docs == 0:
                return set()
            hits = searcher.search(_query().all_query(), int(searcher.num_docs), count=False).hits
            return {_id(searcher, address) for _, address in hits}

    @contextlib.contextmanager
    def writer(self) -> Iterator[LexicalWriter]:
        """Write; what was not committed when it ends by an exception, or by a kill, is not there.

        Raises:
            LexicalIndexError: the files cannot be written.
        """
        with translated("write", self.folder):
            if not self.exists:
                self._make()
            writer = LexicalWriter(self._index().writer(heap_size=_HEAP_BYTES, num_threads=1), self.folder)
        try:
            yield writer
        finally:
            # Committing what is whole is the caller's; the rest is let go, and the lock with it.
            writer.close()

    def ask(self, terms: Terms) -> Question:
        """Weigh a question's terms.

        Raises:
            LexicalIndexError: the files cannot be read.
        """
        searcher = self._searcher()  # what search() will look at too
        with translated("read", self.folder):
            return weighed(searcher, terms)

    def search(self, question: Question, limit: int, ids: Sequence[str] | None = None) -> dict[str, float]:
        """Scores of the chunks that hold terms of the question, best first.

        Args:
            question: from :meth:`ask`.
            limit: how many at most.
            ids: only these chunks; None: all.

        Returns:
            By id, BM25+ as a share of :attr:`Question.ideal`: from 0 to 1.

        Raises:
            LexicalIndexError: the files cannot be read.
        """
        ideal = question.ideal
        if ideal <= 0 or (ids is not None and not ids) or not self.exists:
            return {}
        with translated("read", self.folder):
            for attempt in range(_TRIES):
                try:
                    return self._search(question, ideal, limit, ids)
                except (ValueError, OSError):
                    # A writer's commit removed a file between our look at the index and its opening.
                    if attempt == _TRIES - 1:
                        raise
                    self._searcher()
        raise AssertionError("not reached")

    def shares(self, question: Question, ids: Sequence[str]) -> dict[str, dict[str, float]]:
        """What each term gives to the score of each chunk, largest first; terms it does not hold are left out.

        A term that stands in the place of another is named with it: ``panamax → 파나막스``.
        """
        found: dict[str, dict[str, float]] = {chunk_id: {} for chunk_id in ids}

        def scores(terms: list[tuple[str, str, float]], others: tuple[Alternative, ...] = ()) -> dict[str, float]:
            return self._search(Question(terms, 1, others), question.ideal, len(ids), ids)

        with translated("read", self.folder):
            for field, term, weight in question.terms:
                for chunk_id, score in scores([(field, term, weight)]).items() if weight > 0 else ():
                    found[chunk_id][term] = score
            groups: dict[tuple[str, ...], list[Alternative]] = {}
            for other in question.alternatives:
                groups.setdefault(other.words, []).append(other)
            for words, others in groups.items():
                best: dict[str, tuple[float, str]] = {}
                for other in others:
                    for chunk_id, score in scores([], (other,)).items():
                        best[chunk_id] = max(best.get(chunk_id, (0.0, "")), (score, str(other)))
                own = scores([term for term in question.terms if term[0] == "words" and term[1] in words])
                for chunk_id, (score, name) in best.items():
                    if score > own.get(chunk_id, 0.0):
                        for word in words:
                            found[chunk_id].pop(word, None)
                        found[chunk_id][name] = score
        return {chunk_id: dict(sorted(terms.items(), key=lambda item: -item[1])) for chunk_id, terms in found.items()}

    def discard(self) -> None:
        """Remove a damaged index; the next :meth:`writer` makes an empty one."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of the files."""
        self._opened = None
        links, self._links = self._links, None
        if links is not None:
            links.remove()

    def _search(self, question: Question, ideal: float, limit: int, ids: Sequence[str] | None) -> dict[str, float]:
        import tantivy

        query = _query()
        index = self._index()
        searcher, schema = index.searcher(), index.schema
        whole = query.boolean_query(query_parts(query, schema, question))
        if ids is not None:
            only = query.const_score_query(query.term_set_query(schema, "id", list(ids)), 0.0)
            whole = query.boolean_query([(tantivy.Occur.Must, only), (tantivy.Occur.Must, whole)])
        # tantivy sets memory aside for as many as are asked for, before it knows how many there are.
        hits = searcher.search(whole, max(min(limit, int(searcher.num_docs)), 1), count=False).hits
        return {_id(searcher, address): float(score) / ideal for score, address in hits}

    def _index(self) -> tantivy.Index:
        opened = self._opened  # another thread may close it meanwhile
        if opened is None:
            import tantivy

            if self._links is None and is_needed(self.folder):
                self._links = Links(self.folder)
            opened = self._opened = tantivy.Index.open(str(self._links.place if self._links else self.folder))
        return opened

    def _searcher(self) -> tantivy.Searcher:
        with translated("read", self.folder):
            index, links = self._index(), self._links
            if links is not None:
                links.renew()
            index.reload()
            return index.searcher()

    def _make(self) -> None:
        import tantivy

        if self.folder.exists() and not self.folder.is_dir():
            raise LexicalIndexError(
                f"{self.folder} is not a folder, and stands where the index of the collection's words belongs;"
                " move it away and run the same command again"
            )
        self.discard()
        self.folder.mkdir(parents=True, exist_ok=True)
        schema = tantivy.SchemaBuilder()
        schema.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
        for field in FIELD_WEIGHTS:
            schema.add_text_field(field, tokenizer_name="whitespace", index_option="freq")
        for field in OTHER_FIELDS:
            schema.add_text_field(field, tokenizer_name="whitespace", index_option="basic")
        self._opened = tantivy.Index(schema.build(), path=str(self.folder))
        # Last: an index without it is one that was cut off in the making.
        (self.folder / _RULES_FILE).write_text(version() + "\n", encoding="utf-8")


def remove_index(folder: Path) -> bool:
    """Remove an index, if the folder is one and holds nothing else; whether it was removed."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    with contextlib.suppress(OSError):
        ours = (folder / _RULES_FILE).is_file()
        for _ in range(_TRIES):
            files = {entry.name: entry for entry in folder.iterdir()}
            if not ours or not all(_INDEX_FILES.fullmatch(name) for name in files):
                return False
            # The mark goes last, so that what is cut off is finished another time.
            for name in sorted(files, key=lambda name: name == _RULES_FILE):
                files[name].unlink(missing_ok=True)
            # A thread of tantivy's in any process takes a lock here soon after it opened the index.
            with contextlib.suppress(OSError):
                folder.rmdir()
                return True
    return False


def _query() -> type[tantivy.Query]:
    import tantivy

    return tantivy.Query


def _id(searcher: tantivy.Searcher, address: tantivy.DocAddress) -> str:
    return str(searcher.doc(address)["id"][0])
