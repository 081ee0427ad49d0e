"""Whatever happens to a folder, and wherever a run is cut off: in the end the collection is one made from nothing."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rag_pipeline.config import load_settings
from rag_pipeline.embeddings import base
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.testing import HashEmbeddings
from tests.damages import remove_folder
from tests.ingestion.test_sync import contents

pytestmark = pytest.mark.slow

NAMES = st.sampled_from(["a.md", "b.md", "c.txt", "sub/d.md", "한글.md"])
# Few texts, so that the same one comes again under other names and beside others.
PARTS = st.lists(st.sampled_from(["흘수", "길이", "항구", "갑문", "운하"]), min_size=1, max_size=5)


class Cut(BaseException):
    """Stands for the end of the process: nothing catches it."""


class CutOff(HashEmbeddings):
    """Ends the run after some texts."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.after -= len(texts)
        if self.after < 0:
            raise Cut
        return super().embed_documents(texts)


class FolderAndCollection(RuleBasedStateMachine):
    """Files come, change, move and go; runs are cut off or not."""

    @initialize()
    def start(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="rag_pipeline-test-"))
        self.folder = self.place / "docs"
        self.folder.mkdir()
        (self.folder / "stays.md").write_text("# 언제나\n\n여기 있다.\n", "utf-8")
        (self.place / "config.yaml").write_text("")
        self.settings = load_settings(self.place / "config.yaml")
        self.group = base._GROUP_TEXTS
        base._GROUP_TEXTS = 2

    def teardown(self) -> None:
        base._GROUP_TEXTS = self.group
        remove_folder(self.place)

    @rule(name=NAMES, parts=PARTS)
    def write(self, name: str, parts: list[str]) -> None:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("# 배\n\n" + "\n\n".join(f"## {part}\n\n{part}에 관한 글." for part in parts), "utf-8")

    @rule(name=NAMES, other=NAMES)
    def rename(self, name: str, other: str) -> None:
        if (self.folder / name).exists():
            (self.folder / other).parent.mkdir(exist_ok=True)
            (self.folder / name).replace(self.folder / other)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    @rule(year=st.integers(2000, 2002), name=NAMES)
    def describe(self, year: int, name: str) -> None:
        if (self.folder / name).exists():
            (self.folder / f"{name}.meta.yaml").write_text(f"year: {year}\n")

    @rule(after=st.integers(0, 8))
    def run_and_cut_off(self, after: int) -> None:
        with contextlib.suppress(Cut):
            self._ingest(CutOff(after))

    @rule()
    def run(self) -> None:
        self._ingest(HashEmbeddings())
        fresh = IngestTarget("fresh", [self.folder], "hash")
        ingest(self.settings, fresh, embeddings=HashEmbeddings(), rebuild=True)
        assert contents(self.settings, "docs") == contents(self.settings, "fresh")

    @rule()
    def run_again_changes_nothing(self) -> None:
        self._ingest(HashEmbeddings())
        embeddings = HashEmbeddings()
        report = self._ingest(embeddings)
        assert (report.chunks_written, report.chunks_removed, embeddings.embedded) == (0, 0, [])

    @invariant()
    def the_folder_is_never_empty(self) -> None:
        assert (self.folder / "stays.md").exists()

    def _ingest(self, embeddings: HashEmbeddings):
        target = IngestTarget("docs", [self.folder], "hash")
        return ingest(self.settings, target, embeddings=embeddings, confirm_removal=lambda *_: True)


TestFolderAndCollection = FolderAndCollection.TestCase
TestFolderAndCollection.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
