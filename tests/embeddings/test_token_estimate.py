from __future__ import annotations

import pytest

from rag_pipeline.embeddings.token_estimate import estimate_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("  \t ", 0),
        ("ship", 1),
        ("container", 3),
        ("12.04 m", 6),
        ("대한민국만세", 6),
        ("최대 흘수", 4),
        ("a\n\n\nb", 3),
        ("🚢", 4),
        ("漢字かな", 4),
    ],
)
def test_estimates(text, tokens):
    assert estimate_tokens(text) == tokens


def test_unspaced_korean_is_not_taken_for_one_word():
    assert estimate_tokens("가" * 1000) == 1000
