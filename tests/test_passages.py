from __future__ import annotations

import json

import pytest
from langchain_core.documents import Document

from rag_pipeline.passages import Explanation, Passage


def passage(text, **metadata):
    return Passage.from_document(Document(text, id="7f3a", metadata=metadata), 1)


@pytest.mark.parametrize(
    ("text", "metadata", "body"),
    [
        ("Tugs > Work\n\nA tug tows.", {"title": "Tugs"}, "A tug tows."),
        ("Tugs\n\nA tug tows.", {"title": "Tugs"}, "A tug tows."),
        ("A tug tows.\n\nIt also pushes.", {}, "A tug tows.\n\nIt also pushes."),
        ("A tug tows.\n\nIt also pushes.", {"title": "A"}, "A tug tows.\n\nIt also pushes."),
        ("Tugs", {"title": "Tugs"}, "Tugs"),
    ],
)
def test_only_a_title_path_is_taken_from_the_front_of_a_text(text, metadata, body):
    assert passage(text, **metadata).body == body


@pytest.mark.parametrize(
    ("metadata", "caption"),
    [
        ({"title": "Tugs", "section": "Work", "source": "tug.md", "page": 3}, "Tugs — Work — tug.md, page 3"),
        ({"source": "tug.md"}, "tug.md"),
        ({}, "7f3a"),
    ],
)
def test_a_caption_names_what_is_known_and_the_id_where_nothing_is(metadata, caption):
    assert passage("A tug tows.", **metadata).caption == caption


def test_what_is_sent_away_holds_no_folder_of_this_machine_and_has_one_order():
    one = passage("A tug tows.", page=3, folder="/home/me/docs", source="tug.md", author="Kim")
    assert one.as_dict()["metadata"] == {"author": "Kim", "page": 3}
    other = passage("A tug tows.", author="Kim", source="tug.md", folder="/home/me/docs", page=3)
    assert json.dumps(one.as_dict()) == json.dumps(other.as_dict())


def test_plain_values_hold_everything():
    explanation = Explanation(inner_product=0.123456789, dense_rank=1, terms={"tug": 0.987654321})
    one = Passage(
        1, 0.1234567891, "7f", "Tug", "Work", "tug.md", "A tug tows.", {"page": 3, "folder": "x"}, explanation, "docs"
    )
    assert Passage.from_values(json.loads(json.dumps(one.as_values()))) == one
    plain = passage("A tug tows.", page=3)
    assert Passage.from_values(json.loads(json.dumps(plain.as_values()))) == plain
    for wrong in ({}, {**plain.as_values(), "more": 1}):
        with pytest.raises((KeyError, TypeError)):
            Passage.from_values(wrong)
