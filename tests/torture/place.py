"""A folder to be tortured: documents, a store of two collections, known questions, and what an unbroken run makes."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rag_pipeline.config import RetrievalMode, load_settings
from rag_pipeline.store import Store
from tests.torture.processes import CRASH, Ending, call, run

_CONFIG = """
default_collection: docs
collections:
  docs: {folder: docs, embedding: bundled}
  other: {folder: others, embedding: bundled}
reading: {seconds_per_file: 15, memory_mb: 2048}
"""
MODES: tuple[RetrievalMode, ...] = ("dense", "lexical", "hybrid")
_STABLE, _CHANGING = range(6), range(6, 12)
_PARTS = 4
INTERRUPTED = (130, 143)
_HONEST = frozenset({0, 1, 2, 3, 4})

Rows = dict[str, tuple[str, bytes]]
"""Text and vector by the chunk's id."""


@dataclass(frozen=True)
class Problem:
    """What must not have happened."""

    kind: str
    """``lost``, ``wrong``, ``hung`` or ``crashed``."""
    detail: str


@dataclass
class Place:
    """The folder of one trial, and what was seen in it."""

    folder: Path
    wanted: Rows
    """What `docs` holds after an unbroken run."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def store(self) -> Path:
        """Its store."""
        return self.folder / "chroma_db"

    def note(self, kind: str, detail: str) -> None:
        """Something went wrong."""
        self.problems.append(Problem(kind, " ".join(detail.split())[:600]))

    def judge(self, what: str, ending: Ending, codes: Iterable[int] = _HONEST) -> Ending:
        """See whether a command ended as it may: in time, by an exit code, with one line of error at most."""
        # A finding of verify, which ends with 1, is told on standard output.
        said = f"{what}: {ending.code} {ending.err[-400:]} {ending.out[-300:] if ending.code == 1 else ''}"
        errors = [line for line in ending.said if line.startswith("error: ")]
        if ending.hung:
            self.note("hung", said)
        elif ending.code == CRASH or "Traceback" in ending.err or ending.code not in {*codes}:
            self.note("crashed", said)
        elif ending.code > 1 and (len(errors) != 1 or ending.said[-1] != errors[0]):
            self.note("wrong", said)
        return ending

    def ask(self, mode: str, number: int, *, well: bool = False, collection: str = "docs", **options: int) -> Ending:
        """A known question: answered rightly, or by an honest error unless all is `well`."""
        told = question(number, collection)
        arguments = ("query", told, "-k", "1", "--mode", mode, "--collection", collection, "--json")
        ending = self.judge(f"query {mode}", run(self.folder, *arguments, **options), {0} if well else _HONEST)
        if ending.code == 0:
            found = [passage["source"] for passage in json.loads(ending.out)["passages"]]
            if found != [f"{number:02}.md"]:
                self.note("wrong", f"query {mode} for {number:02}.md found {found}; {ending.err}")
        return ending

    def check(self) -> None:
        """After a last run nothing is missing, nothing is wrong, and every question is answered."""
        self.judge("last ingest", run(self.folder, "ingest", "--collection", "docs", "--yes"), {0})
        self.judge("last verify", run(self.folder, "verify"), {0})
        found = self.rows()
        if missing := self.wanted.keys() - found.keys():
            self.note("lost", f"{len(missing)} of {len(self.wanted)} chunks")
        if more := found.keys() - self.wanted.keys():
            self.note("wrong", f"{len(more)} chunks too many")
        differing = [key for key in found.keys() & self.wanted.keys() if found[key] != self.wanted[key]]
        if differing:
            self.note("wrong", f"{len(differing)} chunks differ")
        for mode in MODES:
            self.ask(mode, _STABLE[3], well=True)

    def rows(self, collection: str = "docs") -> Rows:
        """What a collection holds."""
        kept = self.folder / "rows.pickle"
        kept.unlink(missing_ok=True)
        self.judge("reading all", call(_dump, collection, kept, folder=self.folder), {0})
        return dict(pickle.loads(kept.read_bytes())) if kept.exists() else {}


def question(number: int, collection: str = "docs") -> str:
    """A question that document `number` answers, in every edition."""
    return f"Which of the {_words(number)} of {collection} is berthed at pier {number * 731}?"


def sources() -> list[int]:
    """Numbers of the documents that no trial changes."""
    return list(_STABLE)


def write_documents(folder: Path, edition: str, collection: str = "docs") -> None:
    """The documents of an edition, those of earlier ones replaced; half of them are the same in all."""
    folder.mkdir(exist_ok=True)
    for number in (*_STABLE, *_CHANGING):
        said = edition if number in _CHANGING else "always"
        parts = "\n\n".join(
            f"## {_words(number)} {part}\n\n{said}: the {_words(number)} of {collection} is berthed at pier"
            f" {number * 731}, hour {part}."
            for part in range(_PARTS)
        )
        (folder / f"{number:02}.md").write_text(f"# {_words(number)} 선박\n\n{parts}\n", "utf-8")


def make(folder: Path) -> Place:
    """A place of the first edition, ingested, with the second edition in its folders; what that makes is wanted."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(_CONFIG)
    place = Place(folder, {})
    for name, collection in (("docs", "docs"), ("others", "other")):
        write_documents(folder / name, "second", collection)
    for collection in ("docs", "other"):
        place.judge("making", run(folder, "ingest", "--collection", collection), {0})
    place.wanted = place.rows()
    shutil.rmtree(place.store)
    write_documents(folder / "docs", "first")
    for collection in ("docs", "other"):
        place.judge("making", run(folder, "ingest", "--collection", collection), {0})
    write_documents(folder / "docs", "second")
    for problem in place.problems:
        raise RuntimeError(f"an unbroken run fails: {problem}")
    return place


def copy(place: Place, folder: Path) -> Place:
    """The same place elsewhere, with times as they were."""
    shutil.copytree(place.folder, folder)
    return Place(folder, place.wanted)


def _words(number: int) -> str:
    names = ("anchor", "barge", "cutter", "dredger", "ferry", "galley", "hulk", "icebreaker", "junk", "ketch", "lugger")
    return f"{names[number % len(names)]} {names[number * 7 % 5]}{number}"


def _dump(collection: str, kept: Path) -> None:
    store = Store(load_settings("config.yaml").resolve_path(Path("chroma_db")))
    opened = store.get(collection)
    vectors = {key: vector.round(4).tobytes() for key, _, vector in opened.rows()}
    texts = opened.texts_of(list(vectors))
    kept.write_bytes(pickle.dumps({key: (texts[key], vector) for key, vector in vectors.items()}))
    store.close()
