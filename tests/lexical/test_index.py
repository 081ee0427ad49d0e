from __future__ import annotations

import math
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from rag_pipeline.errors import StoreError
from rag_pipeline.lexical import Terms, analyze
from rag_pipeline.lexical.index import LexicalIndex, remove_index
from tests.conftest import ROOT

TEXTS = {
    "container": "컨테이너선의 최대 흘수는 12.04 m이다.",
    "bulk": "벌크선의 최대 흘수는 17 m, 화물은 석탄과 곡물이다.",
    "history": "The canal was opened in 1914.",
}


@pytest.fixture
def index(tmp_path):
    made = LexicalIndex(tmp_path / "index")
    with made.writer() as writer:
        writer.add(TEXTS)
        writer.commit()
    return made


def ask(index, text, ids=None, limit=10):
    return index.search(index.ask(analyze([text])[0]), limit, ids)


def by_hand(question, chunk_id, texts):
    """BM25+ from its definition, a share of what every term over and over would give."""
    terms = {key: analyze([text])[0] for key, text in texts.items()}
    asked = analyze([question])[0]
    score = ideal = 0.0
    for kind, weight in (("words", 1.0), ("compounds", 0.5), ("pairs", 0.3)):
        lengths = {key: len(getattr(value, kind)) for key, value in terms.items()}
        average = sum(lengths.values()) / len(lengths)
        for term in set(getattr(asked, kind)):
            holding = sum(term in getattr(value, kind) for value in terms.values())
            inverse = math.log(1 + (len(terms) - holding + 0.5) / (holding + 0.5))
            ideal += weight * inverse * (1.2 + 1 + 2.0)
            count = getattr(terms[chunk_id], kind).count(term)
            if count:
                norm = 1.2 * (1 - 0.75 + 0.75 * lengths[chunk_id] / average)
                score += weight * inverse * (count * 2.2 / (count + norm) + 2.0)
    return score / ideal


@pytest.mark.parametrize("question", ["최대 흘수가 12.04 m인 컨테이너선", "canal opened", "석탄과 없는낱말"])
def test_the_score_is_bm25_plus_as_a_share_of_the_ideal(index, question):
    found = ask(index, question)
    assert found
    assert found == pytest.approx({key: by_hand(question, key, TEXTS) for key in found}, rel=1e-4)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_word_that_is_nowhere_lowers_every_score(index):
    assert ask(index, "canal tunnel")["history"] < ask(index, "canal")["history"] < 1


def test_only_the_chunks_asked_for_are_scored_and_as_they_would_be_among_all(index):
    every = ask(index, "최대 흘수")
    assert ask(index, "최대 흘수", ["bulk", "history", "unknown"]) == pytest.approx({"bulk": every["bulk"]})
    assert ask(index, "최대 흘수", []) == {}


def test_a_question_without_terms_finds_nothing(index):
    assert ask(index, "?!") == {}
    assert ask(index, "the of and") == {}


def test_the_shares_of_the_terms_add_up_to_the_score(index):
    question = index.ask(analyze(["최대 흘수 12.04m"])[0])
    shares = index.shares(question, ["container", "history"])
    assert sum(shares["container"].values()) == pytest.approx(index.search(question, 5)["container"], rel=1e-5)
    assert "+12.04m" in shares["container"]
    assert shares["history"] == {}


def test_chunks_are_replaced_and_removed(index):
    with index.writer() as writer:
        writer.add({"bulk": "원유를 나른다."})
        writer.remove(["history", "unknown"])
        writer.commit()
    assert index.ids() == {"container", "bulk"}
    assert index.count == 2
    assert ask(index, "석탄") == {}
    assert set(ask(index, "원유")) == {"bulk"}


def test_what_was_not_committed_is_not_there(index):
    with pytest.raises(RuntimeError), index.writer() as writer:
        writer.add({"new": "새 글"})
        raise RuntimeError
    assert index.ids() == set(TEXTS)
    with index.writer() as writer:
        writer.add({"new": "새 글"})
        writer.commit()
    assert "new" in index.ids()


def test_an_open_reader_sees_the_commits_of_another_writer(index):
    assert index.count == 3
    with LexicalIndex(index.folder).writer() as writer:
        writer.add({"new": "새로운 등대"})
        writer.commit()
    assert set(ask(index, "등대")) == {"new"}


@pytest.mark.slow
def test_a_writer_that_is_killed_leaves_the_last_commit(index):
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom rag_pipeline.lexical.index import LexicalIndex\n"
        "with LexicalIndex(Path(sys.argv[1])).writer() as writer:\n"
        "    writer.add({f'n{i}': f'text {i}' for i in range(500)})\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(index.folder)], cwd=ROOT, check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    assert index.ids() == set(TEXTS)
    with index.writer() as writer:
        writer.add({"after": "after the kill"})
        writer.commit()
    assert index.count == 4


def test_an_index_of_other_rules_is_made_anew(index):
    (index.folder / "rules.txt").write_text("0 kiwi 0.1\n")
    assert not index.exists
    assert (index.count, index.ids(), ask_nothing(index)) == (0, set(), {})
    with index.writer() as writer:
        writer.commit()
    assert index.exists
    assert index.ids() == set()


def ask_nothing(index):
    from rag_pipeline.lexical.question import Question

    return index.search(Question([("words", "canal", 1.0)], 1), 5)


def test_an_index_cut_off_in_the_making_does_not_count(tmp_path):
    index = LexicalIndex(tmp_path / "index")
    with index.writer() as writer:
        writer.commit()
    (index.folder / "rules.txt").unlink()
    assert not LexicalIndex(index.folder).exists


def test_damaged_files_are_named_in_one_line(index):
    (index.folder / "meta.json").write_text("{")
    with pytest.raises(
        StoreError, match="cannot read the lexical index .*; run rag-pipeline ingest again, which recreates it"
    ) as raised:
        LexicalIndex(index.folder).ids()
    assert "\n" not in str(raised.value)


def test_two_writers_at_once_are_refused(index):
    with index.writer(), pytest.raises(StoreError, match="cannot write the lexical index"), index.writer():
        pass


def test_terms_may_be_added_as_they_are(index):
    with index.writer() as writer:
        writer.add_terms({"raw": Terms(["lighthouse"], [], [])})
        writer.commit()
    assert index.search(index.ask(Terms(["lighthouse"], [], [])), 3) == pytest.approx({"raw": 1.0}, rel=0.5)


def test_an_index_is_removed_though_a_searcher_takes_a_lock_in_it_meanwhile(index, monkeypatch):
    remove = pathlib.Path.rmdir
    takes = iter([True])

    def taken_meanwhile(folder):
        if next(takes, False):
            (folder / ".tantivy-meta.lock").touch()
        remove(folder)

    monkeypatch.setattr(pathlib.Path, "rmdir", taken_meanwhile)
    assert remove_index(index.folder)
    assert not index.folder.exists()


def test_a_folder_with_a_file_of_somebody_else_is_not_removed(index):
    (index.folder / "letter.txt").write_text("mine")
    before = sorted(file.name for file in index.folder.iterdir())
    assert not remove_index(index.folder)
    assert sorted(file.name for file in index.folder.iterdir()) == before


def test_terms_that_the_texts_explain_are_counted_each_once(tmp_path):
    made = LexicalIndex(tmp_path / "explained")
    assert made.glosses == 0
    with made.writer() as writer:
        writer.add({"a": "파나막스(Panamax) 선박", "b": "파나막스(Panamax)와 벌크선 (Bulk Carrier)", "c": "no term"})
        writer.commit()
    made.close()
    assert made.glosses == 2
    assert made._opened is None
    made.close()
