"""Whether the files of a lexical index hold what was written."""

from __future__ import annotations

import pytest

from rag_pipeline.errors import LexicalIndexError
from rag_pipeline.lexical.index import LexicalIndex
from rag_pipeline.lexical.links import Links


@pytest.fixture
def index(tmp_path):
    made = LexicalIndex(tmp_path / "words")
    with made.writer() as writer:
        writer.add({"a": "a tug tows ships", "b": "a pilot boards"})
        writer.commit()
    made.close()
    return LexicalIndex(tmp_path / "words")


def test_a_whole_index_has_no_problem(index):
    index.check()
    assert index.problem == ""


def test_a_single_byte_that_changed_is_found_and_named(index):
    [terms] = index.folder.glob("*.term")
    data = bytearray(terms.read_bytes())
    data[5] ^= 1
    terms.write_bytes(data)
    with pytest.raises(LexicalIndexError, match=rf"\({terms.name} is damaged\); run rag-pipeline ingest again"):
        index.check()
    assert terms.name in index.problem


def test_an_index_that_is_not_there_has_no_problem(tmp_path):
    index = LexicalIndex(tmp_path / "nothing")
    index.check()
    assert index.problem == ""


def test_links_lead_to_the_files_and_follow_what_is_added(index):
    links = Links(index.folder)
    (index.folder / "added").write_text("later")
    links.renew()
    assert LexicalIndex(links.place).ids() == {"a", "b"}
    assert (links.place / "added").read_text() == "later"
    links.remove()
    assert not links.place.exists()
    assert index.ids() == {"a", "b"}
