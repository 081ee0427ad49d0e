from __future__ import annotations

import pytest

from rag_pipeline.lexical import analyze


def glosses(text):
    return analyze([text])[0].glosses


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("파나막스(Panamax)급 선박", "파나막스≡panamax"),
        ("대표적인 벌크선(Bulk Carrier)은 크다", "벌크선≡bulk_carrier"),
        ("흘수(draft)는 12 m", "흘수≡draft"),
        ("액화천연가스(LNG)를 나른다", "액화천연가스≡lng"),
        ("LNG(액화천연가스)", "액화천연가스≡lng"),
        ("the Panamax (파나막스) ship", "파나막스≡panamax"),
        ("파나마 운하(Panama Canal)를", "파나마운하≡panama_canal"),
        ("세계무역기구(WTO)", "세계무역기구≡wto"),
    ],
)
def test_a_term_in_brackets_is_found_both_ways_round(text, pair):
    korean, latin = pair.split("≡")
    assert {pair, f"{latin}≡{korean}"} <= set(glosses(text))


def test_a_title_of_several_terms_explains_each_of_them():
    found = glosses("컨테이너 선 _ 파나막스 (Container Ship _ Panamax) > 주요 제원 (Key figures)")
    assert {"컨테이너선≡contain_ship", "파나막스≡panamax", "주요제원≡key_figur"} <= set(found)
    assert "파나막스≡contain_ship" not in found


@pytest.mark.parametrize(
    "text", ["길이(m)", "2016년(재위 3년)", "기체가 뜨는 힘(양력)", "갔다(went)", "(only) a word", "값 (see 3)"]
)
def test_units_remarks_and_sentences_are_no_glosses(text):
    assert glosses(text) == []
