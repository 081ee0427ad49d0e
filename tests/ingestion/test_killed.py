"""An ingest killed at any moment, or out of room, ends after a second run in the collection an unbroken run makes."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.testing import HashEmbeddings
from tests.conftest import started
from tests.ingestion.test_sync import contents

pytestmark = pytest.mark.slow

# A whole ingest in a process of its own, by the public API; small groups, so that there is much to be cut between.
WORKER = """
import sys, time
from rag_pipeline.config import load_settings
from rag_pipeline.embeddings import base
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.testing import HashEmbeddings
base._GROUP_TEXTS = 20
class Slow(HashEmbeddings):
    def embed_documents(self, texts):
        time.sleep(0.2 if sys.argv[1] == "slowly" else 0)
        return super().embed_documents(texts)
settings = load_settings("config.yaml")
print("started", flush=True)
ingest(settings, IngestTarget("docs", [settings.base_dir / "docs"], "bundled"), embeddings=Slow(),
       rebuild=sys.argv[1] == "rebuild")
print("done", flush=True)
"""


def make_documents(folder: Path, edition: str) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(30):
        sections = "\n\n".join(
            f"## 절 {part}\n\n{edition} 문서 {number}의 {part}번째 글." for part in range(number % 12 + 1)
        )
        (folder / f"{number:02}.md").write_text(f"# 문서 {number}\n\n{sections}\n", "utf-8")


def start(folder: Path, mode: str = "plain"):
    return started("-c", WORKER, mode, cwd=folder)


def settings_in(folder: Path):
    return load_settings(folder / "config.yaml")


def unbroken(folder: Path) -> dict:
    """What a collection made from nothing, in one go, holds of the same documents."""
    (folder / "config.yaml").write_text("")
    settings = settings_in(folder)
    target = IngestTarget("fresh", [folder / "docs"], "bundled")
    ingest(settings, target, embeddings=HashEmbeddings())
    return contents(settings, "fresh")


@pytest.fixture
def workplace(tmp_path):
    (tmp_path / "config.yaml").write_text("")
    make_documents(tmp_path / "docs", "첫")
    return tmp_path


@pytest.mark.parametrize("mode", ["first", "update", "rebuild"])
@pytest.mark.slow
def test_killed_at_ten_random_moments_it_ends_in_the_same_collection(workplace, mode):
    if mode != "first":
        # There is an earlier edition in the collection, some files of which are changed, removed and new.
        process = start(workplace)
        assert process.communicate()[0].endswith("done\n")
        make_documents(workplace / "docs", "둘째")
        (workplace / "docs" / "03.md").unlink()
        (workplace / "docs" / "04.md").write_text("# 문서 4\n\n첫 글.\n", "utf-8")
        (workplace / "docs" / "new.md").write_text("# 새 문서\n\n글.\n", "utf-8")
    chosen = random.Random(20_000 + len(mode))
    killed = 0
    for attempt in range(10):
        process = start(workplace, mode)
        assert process.stdout.readline() == "started\n", process.stderr.read()
        time.sleep(chosen.uniform(0.2, 1.2) if attempt else 0.3)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.communicate()
    assert killed >= 3, "the worker is too quick for this test to kill it; give it more documents"
    process = start(workplace, mode)
    output, errors = process.communicate()
    assert output.endswith("done\n"), errors
    assert contents(settings_in(workplace)) == unbroken(workplace)


def test_out_of_room_it_says_so_and_goes_on_when_there_is_room(workplace, python):
    """A real limit on the size of files, at which writes fail as they do on a full disk."""
    limited = WORKER.replace(
        "import sys, time\n", "import sys, time, resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n", 1
    )
    limited = limited.replace(
        'print("started"',
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))\nprint('started'",
    )
    assert "setrlimit" in limited
    done = python("-c", limited, "plain", cwd=workplace)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "rag_pipeline.errors.StoreError" in last, done.stderr
    assert "the vector store cannot be written" in last
    assert "is the disk full" in last
    assert "run the same command again" in last
    assert start(workplace).communicate()[0].endswith("done\n")
    assert contents(settings_in(workplace)) == unbroken(workplace)
