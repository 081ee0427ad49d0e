from __future__ import annotations

import pytest
from langchain_core.documents import Document

from rag_pipeline.passages import Passage


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
