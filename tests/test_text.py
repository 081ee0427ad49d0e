from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_pipeline.documents.document import Document, Section, finished
from rag_pipeline.retrieval.questions import check_question
from rag_pipeline.text import clean, normalized


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("컨테\u00ad이너\u200b선\u2060은 \ufeff길다", "컨테이너선은 길다"),
        ("con\u00adtainer\u200d ship\u200c", "container ship"),
        ("파나\u200d막스", "파나막스"),
        ("가족 👨\u200d👩\u200d👧 ❤\ufe0f\u200d🔥", "가족 👨\u200d👩\u200d👧 ❤\ufe0f\u200d🔥"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af\r\n\0", "한글\n"),
    ],
)
def test_what_nobody_sees_is_taken_out_unless_it_shapes_letters(text, expected):
    assert clean(text) == expected


def test_questions_are_cleaned_as_documents_are():
    assert check_question(" 최대 흘\u00ad수는\u200b? ") == "최대 흘수는?"


def test_a_section_of_nothing_that_is_seen_is_none():
    document = finished(Document("t", (Section(("\u200b", "가"), "나"), Section((), "\u200b\ufeff"))))
    assert [(section.headings, section.text) for section in document.sections] == [(("가",), "나")]


_FORMS = st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"])


@pytest.mark.slow
@given(_FORMS, st.text())
def test_texts_are_normalized_as_unicode_says(form, text):
    assert normalized(form, text) == unicodedata.normalize(form, text)


@given(_FORMS, st.text(alphabet="e\u0301\u0327\u0338∃─가\u1161\u11a8\u09c7\u09be", max_size=40), st.integers(1, 6))
def test_long_runs_of_symbols_and_letters_are_too(form, text, times):
    assert normalized(form, text * times) == unicodedata.normalize(form, text * times)


def test_a_sign_is_not_parted_from_the_mark_after_it():
    text = "\u2203" * 256 + "\u0338" + "\u2203" * 255 + "\u0338"
    assert normalized("NFC", text) == unicodedata.normalize("NFC", text)


@pytest.mark.slow
@pytest.mark.parametrize("marks", ["\u0301", "\u0301\u0327", "\u0327\u0301\u0316"])
def test_a_letter_with_any_number_of_marks_takes_time_in_proportion(marks):
    """Ordered all at once, they would take hours."""
    text = "e" + marks * (600_000 // len(marks))
    assert len(clean(text)) >= 600_000
    assert check_question(text) == clean(text)
