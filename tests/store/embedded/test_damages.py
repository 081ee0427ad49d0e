"""What each command says of a store whose files are damaged: no traceback, no wrong answer, and a remedy that works."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from rag_pipeline import cli
from rag_pipeline.embeddings import base
from rag_pipeline.ingestion import preparation
from rag_pipeline.lexical import writer as lexical_writer
from rag_pipeline.retrieval import factory
from rag_pipeline.testing import HashEmbeddings
from tests import damages
from tests.saving import save_often

CONFIG = """
default_collection: docs
collections:
  docs: {folder: docs, embedding: bundled}
  other: {folder: others, embedding: bundled}
"""
QUESTION = "harbour 17 of docs has berth 203 for tugs"
OTHERS = "harbour 17 of others has berth 203 for tugs"
ANSWER = "02.md"
MODES = ("dense", "lexical", "hybrid")
START_AGAIN = re.compile(r"restore .*from a copy, or move it away and ingest again")


@dataclass(frozen=True)
class Said:
    """What a command ended with."""

    code: int
    out: str
    err: str

    @property
    def answered(self) -> bool:
        """Whether a query gave the right passage; a wrong one is never given."""
        if self.code:
            return False
        found = [passage["source"] for passage in json.loads(self.out)["passages"]]
        assert found == [ANSWER], (found, self.err)
        return True


@pytest.fixture(scope="module")
def patched():
    with pytest.MonkeyPatch.context() as patch:
        for module in (factory, preparation):
            patch.setattr(module, "make_embeddings", lambda *_: HashEmbeddings())
        save_often(patch, 10)
        patch.setattr(base, "_GROUP_TEXTS", 10)
        patch.setattr(lexical_writer, "_SECONDS_BETWEEN_COMMITS", 0.0)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory, patched):
    """A folder with a store of two collections, whose indexes have been saved."""
    place = tmp_path_factory.mktemp("whole")
    (place / "config.yaml").write_text(CONFIG)
    for name in ("docs", "others"):
        (place / name).mkdir()
        for number in range(4):
            parts = "\n\n".join(
                f"## Part {part}\n\nharbour {number * 7 + part} of {name} has berth {number * 100 + part} for tugs"
                for part in range(6)
            )
            (place / name / f"{number:02}.md").write_text(f"# Ship {number * 1117} of {name}\n\n{parts}\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert cli.run("ingest", ["--collection", "docs"]) == cli.run("ingest", ["--collection", "other"]) == 0
    return place


@pytest.fixture
def place(whole, tmp_path, monkeypatch):
    shutil.copytree(whole, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    return tmp_path / "place"


@pytest.fixture
def say(capsys):
    def say(*arguments: str) -> Said:
        capsys.readouterr()
        code = cli.run(arguments[0], list(arguments[1:]))
        said = Said(code, *capsys.readouterr())
        assert code in (0, 1, 2, 3, 4)
        errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == (code > 1), said.err
        assert "Traceback" not in said.err
        return said

    return say


@pytest.fixture
def ask(say):
    def ask(mode: str, question: str = QUESTION, collection: str = "docs") -> Said:
        return say("query", question, "-k", "1", "--mode", mode, "--collection", collection, "--json")

    return ask


def check_whole(say, ask) -> None:
    """All is well again."""
    assert say("verify").code == 0
    for mode in MODES:
        assert ask(mode).answered
        assert ask(mode, OTHERS, "other").answered


def start_again(place: Path, say) -> None:
    """What is advised where a database is lost."""
    (place / "chroma_db").rename(place / "away")
    assert say("ingest", "--collection", "docs").code == say("ingest", "--collection", "other").code == 0


@pytest.mark.slow
def test_a_whole_store_is_asked_in_every_mode(place, say, ask):
    check_whole(say, ask)


HARMLESS = ("journal of noise", "log of noise")


@pytest.mark.parametrize("damage", damages.DATABASE_DAMAGES)
@pytest.mark.slow
def test_a_damaged_database_gives_no_wrong_answer_and_is_replaced_as_advised(place, say, ask, damage):
    damages.DATABASE_DAMAGES[damage](place / "chroma_db", "docs")
    answers = [ask(mode) for mode in MODES] + [ask("hybrid", OTHERS, "other")]
    said = [one for one in answers if not one.answered]
    said += [one for one in (say("status"), say("ingest"), say("ingest", "--rebuild")) if one.code]
    verified = say("verify", "--repair")
    assert verified.code == say("verify").code == (0 if damage in HARMLESS else 4)
    if damage in HARMLESS:
        assert not said
        return
    for one in [*said, verified]:
        assert one.code == 4
        assert START_AGAIN.search(one.err) or "cannot be read just now" in one.err, one.err
    start_again(place, say)
    check_whole(say, ask)


@pytest.mark.parametrize("damage", ["database empty", "database missing"])
def test_a_store_that_lost_its_database_is_not_taken_for_a_new_one(place, say, ask, damage):
    damages.DATABASE_DAMAGES[damage](place / "chroma_db", "docs")
    before = sorted(place.rglob("*"))
    for said in (ask("hybrid"), say("status"), say("verify"), say("ingest")):
        assert said.code == 4
        assert "has lost" in said.err
        assert START_AGAIN.search(said.err)
    assert {path for path in place.rglob("*") if not path.name.endswith(".lock")} <= set(before)


def test_a_store_whose_making_was_cut_off_at_its_beginning_is_made(tmp_path, whole, monkeypatch, say):
    shutil.copytree(whole / "docs", tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chroma_db").mkdir()
    (tmp_path / "chroma_db" / "chroma.sqlite3").touch()
    (tmp_path / "chroma_db" / "lexical").mkdir()
    assert say("status").code == 0
    assert say("ingest", "docs").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["words' terms overwritten", "words missing"])
def test_without_words_vectors_go_on_and_the_next_ingest_makes_them(place, say, ask, damage):
    check_lexical_damage(place, say, ask, damage)


@pytest.mark.parametrize("damage", damages.LEXICAL_DAMAGES)
@pytest.mark.slow
def test_damaged_words_cost_words_alone_until_the_next_ingest(place, say, ask, damage):
    check_lexical_damage(place, say, ask, damage)


def check_lexical_damage(place: Path, say, ask, damage: str) -> None:
    damages.LEXICAL_DAMAGES[damage](place / "chroma_db", "docs")
    assert ask("dense").answered
    dull = damage == "words' lock left"
    hybrid, lexical = ask("hybrid"), ask("lexical")
    assert hybrid.answered
    assert ("ranked by their vectors alone" in hybrid.err) is not dull
    assert lexical.answered is dull
    assert lexical.code == 0 if dull else lexical.code in (3, 4)
    status = say("status", "--json")
    assert status.code == 0
    [row] = [row for row in json.loads(status.out)["collections"] if row["collection"] == "docs"]
    assert row["lexical_chunks"] == (row["chunks"] if dull else 0)
    assert say("verify", "--collection", "docs").code == (0 if dull else 1)
    if damage != "all words missing":
        assert all(ask(mode, OTHERS, "other").answered for mode in MODES)
        assert say("verify", "--collection", "other").code == 0
    if damage == "words a file":
        refused = say("ingest")
        assert "move it away and run the same command again" in refused.err
        damages.parts_of(place / "chroma_db", "docs")[1].rename(place / "away")
    assert say("ingest", "--collection", "docs").code == say("ingest", "--collection", "other").code == 0
    check_whole(say, ask)


@pytest.mark.parametrize("damage", damages.LEXICAL_DAMAGES)
@pytest.mark.slow
def test_damaged_words_are_made_by_a_repair_as_well(place, say, ask, damage):
    damages.LEXICAL_DAMAGES[damage](place / "chroma_db", "docs")
    if damage == "words a file":
        damages.parts_of(place / "chroma_db", "docs")[1].unlink()
    repaired = say("verify", "--repair")
    assert repaired.code == (0 if damage == "words' lock left" else 1)
    check_whole(say, ask)


@pytest.mark.parametrize("damage", damages.INDEX_DAMAGES)
@pytest.mark.parametrize("remedy", [["ingest"], ["verify", "--repair"], ["ingest", "--rebuild"]], ids=" ".join)
@pytest.mark.slow
def test_a_damaged_vector_index_costs_vectors_alone_until_what_is_advised(place, say, ask, damage, remedy):
    damages.INDEX_DAMAGES[damage](place / "chroma_db", "docs")
    assert ask("lexical").answered
    for said in (ask("dense"), ask("hybrid")):
        assert said.code == 4
        assert "the next rag-pipeline ingest recovers it" in said.err
    assert say("status").code == 0
    assert say("verify").code == 1
    assert all(ask(mode, OTHERS, "other").answered for mode in MODES)
    assert say(*remedy).code == (1 if "--repair" in remedy else 0)
    check_whole(say, ask)


REFUSED = re.compile(
    r"is none of a store's files, and stands where a store keeps its own;"
    r" set store.path to a folder of its own, or move it away|cannot be written: Not a directory"
)


@pytest.mark.parametrize("damage", [name for name in damages.LOCK_DAMAGES if "unreadable" not in name])
@pytest.mark.slow
def test_what_stands_in_the_place_of_locks_is_harmless_or_named(place, say, ask, damage):
    damages.LOCK_DAMAGES[damage](place / "chroma_db", "docs")
    answers = [ask(mode) for mode in MODES]
    others = [say("status"), say("verify"), say("ingest"), say("verify", "--repair"), say("ingest", "--rebuild")]
    refused = [said for said in (*answers, *others) if said.code]
    assert [said.answered for said in answers] == [said.code == 0 for said in answers]
    for said in refused:
        assert REFUSED.search(said.err), said.err
    if refused:
        name = damage.split()[0]
        (place / "chroma_db" / name).rename(place / "away")
        assert say("ingest").code == 0
    check_whole(say, ask)
