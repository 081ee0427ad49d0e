"""Readers and writers of one store in several processes, and readers that stay open."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.errors import CollectionMismatchError, CollectionNotFoundError
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.retrieval import Searcher
from rag_pipeline.store import Store
from rag_pipeline.testing import HashEmbeddings
from tests.conftest import started
from tests.store.test_store import FINGERPRINT, records, vectors

pytestmark = pytest.mark.slow

# A damaged index may ask for any number of bytes.
BOUNDED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 28, 1 << 28))
"""
# Far more than Chroma keeps in its log before it saves the index.
ROWS = 6000
WRITER = f"""{BOUNDED}
import sys
from pathlib import Path
from rag_pipeline.store import Store
from tests.store.test_store import FINGERPRINT, records, vectors
store = Store(Path(sys.argv[1]))
with store.writer():
    collection = store.get("docs")
    chunks, rows = records({ROWS}), vectors({ROWS})
    for start in range(0, {ROWS}, 1500):
        collection.write(chunks[start:start + 1500], rows[start:start + 1500])
        collection.delete([chunk.id for chunk in chunks[start:start + 200]])
store.close()
"""
READER = f"""{BOUNDED}
import sys
from pathlib import Path
from rag_pipeline.store import Store
from tests.store.test_store import vectors
question = vectors(1, seed=9)[0]
while not Path(sys.argv[2]).exists():
    store = Store(Path(sys.argv[1]))
    store.get("docs").search(question, 5)
    store.close()
    print("asked", flush=True)
"""
CHECK = f"""{BOUNDED}
import sys
import chromadb
collection = chromadb.PersistentClient(sys.argv[1]).get_collection("docs", embedding_function=None)
got = collection.get(include=["embeddings"])
found = collection.query(query_embeddings=got["embeddings"][:1], n_results=len(got["ids"]), include=["documents"])
print(len(got["ids"]), len(found["ids"][0]), None in found["documents"][0])
"""


def process(script: str, *arguments: object):
    return started("-c", script, *arguments)


def output(running) -> str:
    out, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    return out


def test_readers_during_a_long_write_leave_the_index_whole(tmp_path):
    store = Store(tmp_path / "store")
    with store.writer():
        store.create("docs", FINGERPRINT, "hash").write(records(10), vectors(10))
    store.close()
    stop = tmp_path / "stop"
    readers = [process(READER, Path(store.address), stop) for _ in range(2)]
    for reader in readers:
        assert reader.stdout.readline() == "asked\n"
    output(process(WRITER, Path(store.address)))
    stop.touch()
    for reader in readers:
        assert "asked" in output(reader)
    whole = ROWS - 4 * 200
    assert output(process(CHECK, Path(store.address))) == f"{whole} {whole} False\n"


@pytest.fixture
def workplace(tmp_path):
    (tmp_path / "config.yaml").write_text("")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "one.md").write_text("# Tugs\n\nA tug tows ships.\n")
    fill(tmp_path)
    return tmp_path


def fill(place: Path, dimension: int = 64, **options):
    settings = load_settings(place / "config.yaml")
    ingest(settings, IngestTarget("docs", [place / "docs"], "hash"), embeddings=HashEmbeddings(dimension), **options)


def fill_elsewhere(place: Path, dimension: int = 64, rebuild: bool = False) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom tests.store.embedded.test_connection import fill\n"
        "fill(Path(sys.argv[1]), int(sys.argv[2]), rebuild=sys.argv[3] == 'True')"
    )
    output(process(script, place, dimension, rebuild))


def searcher(place: Path) -> Searcher:
    return Searcher(Store(place / "chroma_db").get("docs"), HashEmbeddings(64))


def sources(asked: Searcher, question: str) -> list[str]:
    return [passage.source for passage in asked.search(question, 2)]


@pytest.mark.parametrize("elsewhere", [True, False], ids=["another process", "this process"])
@pytest.mark.parametrize("rebuild", [True, False], ids=["recreated", "added to"])
def test_a_reader_that_stays_open_finds_what_is_written_later(workplace, elsewhere, rebuild):
    asked = searcher(workplace)
    assert sources(asked, "an icebreaker breaks ice") == ["one.md"]
    (workplace / "docs" / "two.md").write_text("# Icebreakers\n\nAn icebreaker breaks ice.\n")
    (fill_elsewhere if elsewhere else fill)(workplace, rebuild=rebuild)
    assert sources(asked, "an icebreaker breaks ice") == ["two.md", "one.md"]


def test_a_reader_that_stays_open_refuses_a_collection_made_anew_in_another_way(workplace):
    asked = searcher(workplace)
    fill(workplace, 32, rebuild=True)
    with pytest.raises(CollectionMismatchError, match="recreated in another way while it was in use; open it again"):
        sources(asked, "a tug")


def test_a_reader_that_stays_open_says_that_its_collection_is_gone(workplace):
    asked = searcher(workplace)
    store = Store(workplace / "chroma_db")
    with store.writer():
        store._delete("docs")
    with pytest.raises(CollectionNotFoundError, match="'docs' is no longer in .*chroma_db"):
        sources(asked, "a tug")


def test_a_writer_that_stays_open_starts_from_what_others_wrote(workplace):
    store = Store(workplace / "chroma_db")
    collection = store.get("docs")
    (workplace / "docs" / "two.md").write_text("# Icebreakers\n\nAn icebreaker breaks ice.\n")
    fill_elsewhere(workplace)
    more = records(1500)
    with store.writer():
        collection.write(more, np.pad(vectors(1500), ((0, 0), (0, 56))))
        assert collection.count == 1502
    store.close()
    assert output(process(CHECK, workplace / "chroma_db")) == "1502 1502 False\n"


def test_threads_ask_one_reader_while_the_store_is_opened_again(workplace):
    asked = searcher(workplace)
    found: list[list[str]] = []
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(10):
                found.append(sources(asked, "a tug tows"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(3):
        (workplace / "docs" / f"more{number}.md").write_text(f"# Buoy {number}\n\nA buoy marks water {number}.\n")
        fill(workplace)
    for thread in threads:
        thread.join()
    assert not failures
    assert {names[0] for names in found} == {"one.md"}
    assert len(found) == 40


FORKED = """
import os, sys
from pathlib import Path
from rag_pipeline.retrieval import Searcher
from rag_pipeline.store import Store
from rag_pipeline.testing import HashEmbeddings
asked = Searcher(Store(Path(sys.argv[1])).get("docs"), HashEmbeddings(64))
asked.search("a tug", 1)
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
    print([passage.source for passage in asked.search("a tug", 1)])
else:
    try:
        asked.search("a tug", 1)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_a_forked_process_is_told_at_once_that_it_cannot_use_what_its_parent_opened(workplace):
    told, found = output(process(FORKED, workplace / "chroma_db")).splitlines()
    assert told.startswith("StoreError store ")
    assert "opened before this process was forked" in told
    assert found == "['one.md']"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are listed in /proc")
def test_a_closed_store_leaves_no_file_open(workplace):
    store = Store(workplace / "chroma_db")
    store.get("docs").search(HashEmbeddings(64).embed_query("tug"), 1)
    assert open_files(workplace)
    store.close()
    end = time.monotonic() + 10
    while open_files(workplace) and time.monotonic() < end:  # Chroma closes its database in a thread of its own
        time.sleep(0.05)
    assert open_files(workplace) == []


def open_files(folder: Path) -> list[str]:
    opened = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    return [path for path in opened if path.startswith(str(folder))]
