"""A save of the vector index cut off at any write: words are found, and the next run ends in the same collection.

What a kill leaves is made by hand: Chroma rewrites the five files of an index in place, one after another and each from
its beginning (seen by strace), so a save cut off after any write has left the new bytes of the files before, the new
beginning and the old rest of one, and the old ones of those after. The last test kills for real.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import chromadb
import numpy as np
import pytest

from rag_pipeline.config import Settings, load_settings
from rag_pipeline.embeddings import base
from rag_pipeline.errors import StoreError
from rag_pipeline.ingestion import adoption
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.lexical import writer as lexical_writer
from rag_pipeline.pipeline import Pipeline
from rag_pipeline.store import Store
from rag_pipeline.store.checking import Check, Finding
from rag_pipeline.store.embedded import database, index_files
from rag_pipeline.store.embedded.safekeeping import FOLDER, IndexKeeper
from rag_pipeline.store.names import STAGING
from rag_pipeline.store.repair import repair_collection, verify_collections
from rag_pipeline.testing import HashEmbeddings
from tests.damages import remove_folder
from tests.ingestion.test_sync import contents
from tests.saving import save_often

# Far fewer than Chroma's own thousand, so that a small collection is saved several times.
EACH = 30


@pytest.fixture(autouse=True)
def often_saved(monkeypatch):
    save_often(monkeypatch, EACH)
    monkeypatch.setattr(base, "_GROUP_TEXTS", 20)
    # Words are committed every two seconds, and a fast machine makes its first save before: here, with each write.
    monkeypatch.setattr(lexical_writer, "_SECONDS_BETWEEN_COMMITS", 0.0)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "config.yaml").write_text("")
    return tmp_path / "work"


def settings_in(place: Path) -> Settings:
    return load_settings(place / "config.yaml")


def make_documents(folder: Path, edition: str, numbers: range) -> None:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        parts = "\n\n".join(
            f"## 절 {part}\n\n{edition} 글 {number}, {part}: harbour {number * 7}." for part in range(7)
        )
        (folder / f"{number:02}.md").write_text(f"# 문서 {number}\n\n{parts}\n", "utf-8")


def run(place: Path, embeddings: HashEmbeddings, *, rebuild: bool = False) -> None:
    target = IngestTarget("docs", [place / "docs"], "bundled")
    ingest(settings_in(place), target, embeddings=embeddings, rebuild=rebuild, confirm_removal=lambda *_: True)


def run_rebuild(place: Path, embeddings: HashEmbeddings) -> None:
    run(place, embeddings, rebuild=True)


def run_repair(place: Path, _: HashEmbeddings) -> None:
    store = Store(place / "chroma_db")
    with store.writer():
        repair_collection(store, "docs", Check(findings=[Finding("index", "it should be rebuilt")]))
    store.close()


def run_adoption(place: Path, embeddings: HashEmbeddings) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adoption, "make_embeddings", lambda *_: embeddings)
        adoption.adopt(settings_in(place), "theirs", "bundled", into="docs")


def prepare(place: Path, operation: Callable[..., None]) -> None:
    """What is there before the operation that will be cut off."""
    make_documents(place / "docs", "첫째", range(10))
    if operation is run_adoption:
        texts = [f"어떤 글 {number} about harbour {number}" for number in range(100)]
        client = chromadb.PersistentClient(str(place / "chroma_db"))
        theirs = client.create_collection("theirs", embedding_function=None, configuration={"hnsw": {"space": "l2"}})
        rows = np.asarray(HashEmbeddings().embed_documents(texts), np.float32)
        ids, metadatas = [f"id-{number}" for number in range(100)], [{"number": number} for number in range(100)]
        theirs.add(ids=ids, documents=texts, embeddings=rows, metadatas=metadatas)
        client.close()
    elif operation is not first:
        run(place, HashEmbeddings())
    if operation is update:
        make_documents(place / "docs", "둘째", range(5, 12))
        (place / "docs" / "01.md").unlink()


def first(place: Path, embeddings: HashEmbeddings) -> None:
    run(place, embeddings)


def update(place: Path, embeddings: HashEmbeddings) -> None:
    run(place, embeddings)


@dataclass
class Save:
    """One save of an index, kept as it was at its end, before anyone knew of it."""

    store: Path
    index: str
    before: dict[str, bytes]


@dataclass
class Recorder:
    """Keeps every save of an operation."""

    room: Path
    saves: list[Save] = field(default_factory=list)
    before: dict[str, bytes] = field(default_factory=dict)

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        mark, note = IndexKeeper._set_mark, IndexKeeper._note_save

        def set_mark(keeper: IndexKeeper) -> None:
            self.before = files_of(keeper._folder)
            mark(keeper)

        def note_save(keeper: IndexKeeper, *arguments, **options) -> None:
            kept = self.room / f"save-{len(self.saves)}"
            shutil.copytree(keeper._store, kept)
            self.saves.append(Save(kept, keeper._segment, self.before))
            note(keeper, *arguments, **options)

        patch.setattr(IndexKeeper, "_set_mark", set_mark)
        patch.setattr(IndexKeeper, "_note_save", note_save)


def files_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in index_files.FILES if (folder / name).exists()}


def cut_off(save: Save) -> Iterator[tuple[str, dict[str, bytes]]]:
    """What a kill leaves, in words and as files: it comes at the first byte of a file, halfway, and at the last."""
    after, left = files_of(save.store / save.index), dict(save.before)
    yield "before the first write", dict(left)
    for name in index_files.FILES:
        new, old = after[name], b"" if name == index_files.IDS else left.get(name, b"")
        places = [place for place in range(len(new)) if old[place : place + 1] != new[place : place + 1]]
        if name == index_files.IDS:
            places = [-1, *places[:-1]]  # it is emptied first
        for place in sorted({places[0], places[len(places) // 2], places[-1]}) if places else []:
            yield f"{name} up to byte {place + 1}", {**left, name: new[: place + 1] + old[place + 1 :]}
        left[name] = new
    yield "after the last write", left


def put_back(place: Path, save: Save, files: dict[str, bytes]) -> None:
    """The store as it was when the save was cut off with these files."""
    store = place / "chroma_db"
    remove_folder(store)
    shutil.copytree(save.store, store)
    marked = int((store / FOLDER / f"{save.index}.saving").read_text())
    # The number of the last saved record is written after the files.
    database.change(store, [database.replay(save.index, marked)], alone=True)
    for name in index_files.FILES:
        (store / save.index / name).unlink(missing_ok=True)
    for name, data in files.items():
        (store / save.index / name).write_bytes(data)


def texts_in(store: Path, collection: str) -> set[str]:
    found = database.query(
        store,
        "SELECT string_value FROM embedding_metadata AS kept JOIN embeddings ON embeddings.id = kept.id"
        " JOIN segments ON segments.id = segment_id JOIN collections ON collections.id = segments.collection"
        " WHERE key = 'chroma:document' AND name = ?",
        [collection],
    )
    return {str(text) for (text,) in found}


def check_reading(place: Path) -> str:
    """Readers find words, and are either answered by vectors or told; what they are told."""
    with Pipeline(place / "config.yaml", collection="docs", embeddings=HashEmbeddings()) as pipeline:
        assert pipeline.retrieve("harbour", k=3, mode="lexical")
        try:
            assert len(pipeline.retrieve("harbour 21", k=3, mode="dense")) == 3
        except StoreError as error:
            assert "is damaged" in str(error)
            assert "the next rag-pipeline ingest recovers it without embedding again" in str(error)
            return str(error)
    return ""


OPERATIONS = [first, update, run_rebuild, run_repair, run_adoption]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__.removeprefix("run_"))
@pytest.mark.slow
def test_whatever_write_of_a_save_is_the_last_the_next_run_makes_the_same_collection(place, tmp_path, operation):
    check_all_cuts(place, tmp_path, operation, slice(None))


@pytest.mark.slow
def test_cut_off_in_the_last_save_of_an_update_the_next_run_makes_the_same_collection(place, tmp_path):
    check_all_cuts(place, tmp_path, update, slice(-1, None))


def check_all_cuts(place: Path, room: Path, operation: Callable[..., None], chosen: slice) -> None:
    prepare(place, operation)
    recorder = Recorder(room)
    with pytest.MonkeyPatch.context() as patch:
        recorder.watch(patch)
        operation(place, HashEmbeddings())
    wanted = contents(settings_in(place))
    written = "docs" if operation in (first, update) else "docs" + STAGING
    states = told = 0
    for save in recorder.saves[chosen]:
        for moment, files in cut_off(save):
            put_back(place, save, files)
            stored = texts_in(place / "chroma_db", written)
            assert len(stored) >= EACH
            if operation is not run_adoption:
                problem = check_reading(place)
                assert not problem or written == "docs", moment
                told += bool(problem)
            embeddings = HashEmbeddings()
            operation(place, embeddings)
            assert contents(settings_in(place)) == wanted, moment
            if operation is not run_adoption:
                assert not stored & set(embeddings.embedded), moment
            store = Store(place / "chroma_db")
            [check] = verify_collections(store, ["docs"]).values()
            store.close()
            assert (check.findings, check.recall) == ([], 1.0), moment
            states += 1
    print(f"{operation.__name__}: {len(recorder.saves[chosen])} saves, {states} states, {told} told")
    # Where nothing ever is damaged, nothing is tested.
    assert told > 5 or operation not in (first, update)


# An update in a process of its own, as big as Chroma's own threshold takes to be saved.
WORKER = """
import sys
from pathlib import Path
from tests.ingestion.test_killed_saves import run
from rag_pipeline.testing import HashEmbeddings
run(Path(sys.argv[1]), HashEmbeddings())
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("fault", ["signal=SIGKILL", "error=ENOSPC"])
@pytest.mark.slow
def test_killed_or_out_of_room_at_a_real_write_the_next_run_makes_the_same_collection(
    place, tmp_path, monkeypatch, fault
):
    monkeypatch.undo()
    make_documents(place / "docs", "첫째", range(150))
    run(place, HashEmbeddings())
    make_documents(place / "docs", "둘째", range(100, 260))
    shutil.copytree(place, tmp_path / "kept")
    run(place, HashEmbeddings())
    wanted = contents(settings_in(place))
    hit = 0
    for number in (1, 2, 700, 1500, 3000):
        remove_folder(place)
        shutil.copytree(tmp_path / "kept", place)
        [index] = [folder for folder in (place / "chroma_db").iterdir() if len(folder.name) == 36]
        watched = [part for name in index_files.FILES for part in ("-P", str(index / name))]
        # A disk that has room again in the middle of a save, too.
        times = f"{number}" if fault == "signal=SIGKILL" else f"{number}..{number + 40}"
        command = ["strace", "-f", "-o", "/dev/null", *watched, "-e", "trace=write,writev"]
        command += ["-e", f"inject=write,writev:{fault}:when={times}", sys.executable, "-c", WORKER, str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        hit += done.returncode != 0
        check_reading(place)
        run(place, HashEmbeddings())
        assert contents(settings_in(place)) == wanted, number
        store = Store(place / "chroma_db")
        [check] = verify_collections(store).values()
        store.close()
        assert (check.findings, check.recall) == ([], 1.0), number
    assert hit >= 3, done.stderr
