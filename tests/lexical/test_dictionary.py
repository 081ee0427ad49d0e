from __future__ import annotations

from rag_pipeline.lexical import analyze
from rag_pipeline.lexical.dictionary import translations


def test_words_stand_for_one_another_both_ways():
    assert "흘수" in translations()["draft"]
    assert "draft" in translations()["흘수"]


def test_a_word_is_written_as_the_index_has_it():
    (made,) = analyze(["배를 만들다"])
    assert "만들/V" in made.words and "make" in translations()["만들/V"]
    (shipping,) = analyze(["shipping capacities"])
    assert all(word in translations() for word in shipping.words)


def test_most_of_its_korean_words_are_terms_of_the_analyser():
    korean = [word for word in translations() if not word.isascii()]
    known = [word for word, terms in zip(korean, analyze([w.replace("/V", "다") for w in korean]), strict=True)
             if word in terms.words]  # fmt: skip
    assert len(korean) > 900
    assert len(known) > 0.9 * len(korean)
