from __future__ import annotations

import pytest

from rag_pipeline.lexical.sounds import korean_sound, latin_sounds


@pytest.mark.parametrize(
    ("latin", "korean"),
    [
        ("panama", "파나마"), ("suez", "수에즈"), ("panamax", "파나막스"), ("container", "컨테이너"), ("bulk", "벌크"),
        ("tokyo", "도쿄"), ("beijing", "베이징"), ("singapore", "싱가포르"), ("hamburg", "함부르크"), ("robot", "로봇"),
        ("washington", "워싱턴"), ("george", "조지"), ("shakespeare", "셰익스피어"), ("michael", "마이클"),
        ("einstein", "아인슈타인"), ("elizabeth", "엘리자베스"),
        ("madagascar", "마다가스카르"), ("christie", "크리스티"),
        ("galileo", "갈릴레오"), ("internet", "인터넷"), ("hormuz", "호르무즈"), ("twitter", "트위터"),
    ],
)  # fmt: skip
def test_a_name_sounds_alike_in_both_scripts(latin, korean):
    assert korean_sound(korean) in latin_sounds(latin)


@pytest.mark.parametrize(("latin", "korean"), [("panama", "수에즈"), ("tokyo", "베이징"), ("carrier", "컨테이너")])
def test_other_names_sound_otherwise(latin, korean):
    assert korean_sound(korean) not in latin_sounds(latin)


@pytest.mark.parametrize("word", ["아이", "우유", "abc", "가", "12", "東京"])
def test_a_word_of_too_few_consonants_or_other_letters_has_no_sound(word):
    assert korean_sound(word) == ""


@pytest.mark.parametrize("word", ["a", "eau", "naïve", "x1", "서울"])
def test_so_has_a_latin_one(word):
    assert latin_sounds(word) == ()
