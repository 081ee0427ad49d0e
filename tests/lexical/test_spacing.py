"""Where a space belongs in Korean text."""

from __future__ import annotations

import pytest

from rag_pipeline.lexical import are_separate_words

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("before", "after", "separate"),
    [
        ("국내 확", "진자는", False),
        ("최대 흘수는 12.04 m이며 감염병예방", "법에 따라 소독한다.", False),
        ("구명정은 매월 점", "검한다", False),
        ("달리 정의되지 않는", "한 다음과 같습니다.", True),
        ("보험금을 청구하여 받을 수 있는 사람을", "말합니다", True),
    ],
)
def test_a_space_is_seen_between_words_and_none_within_one(before, after, separate):
    assert are_separate_words(before, after) is separate
