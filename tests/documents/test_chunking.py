from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_pipeline.documents import Document, Section, chunk_document
from rag_pipeline.testing import HashEmbeddings


class Letters(HashEmbeddings):
    """One token a character and two for the ends, as a model's tokenizer would count."""

    def count_document_tokens(self, texts):
        return [len(self._document_prompt + text) + 2 for text in texts]


def chunk(text, counter, title="T", headings=(), limit=None):
    return chunk_document(Document(title, (Section(tuple(headings), text),)), counter, limit)


def test_a_section_that_fits_is_one_chunk_with_its_title_path():
    (only,) = chunk("본문이다.", Letters(max_tokens=100), "제목", ("장", "절"))
    assert only.text == "제목 > 장 > 절\n\n본문이다."
    assert (only.title, only.section, only.tokens) == ("제목", "장 > 절", len(only.text) + 2)


def test_without_a_limit_nothing_is_split():
    assert len(chunk("가나다. " * 10_000, Letters(max_tokens=None))) == 1


def test_korean_and_english_are_split_at_sentence_ends():
    text = "배가 운하를 지난다. 갑문은 좁다. The pilot boards. 수심이 얕은가? 그렇다! 끝이다."
    chunks = chunk(text, Letters(max_tokens=28))
    bodies = [piece.text.removeprefix("T\n\n") for piece in chunks]
    assert len(bodies) > 2
    assert all(re.search(r"[.?!]$", body) for body in bodies), bodies
    assert " ".join(bodies) == text


def test_a_figure_is_not_taken_for_a_sentence_end():
    chunks = chunk("흘수는 12.04 m이고 폭은 32.31 m이다. 다음 문장이다.", Letters(max_tokens=38))
    assert [c.text for c in chunks] == ["T\n\n흘수는 12.04 m이고 폭은 32.31 m이다.", "T\n\n다음 문장이다."]


def test_paragraphs_are_kept_whole_before_sentences():
    chunks = chunk("하나. 둘.\n\n셋. 넷.\n\n다섯. 여섯.", Letters(max_tokens=20))
    assert [c.text for c in chunks] == ["T\n\n하나. 둘.\n\n셋. 넷.", "T\n\n다섯. 여섯."]


def test_the_limit_of_the_configuration_counts_when_it_is_lower():
    text = "가나다라. " * 20
    assert max(c.tokens for c in chunk(text, Letters(max_tokens=100), limit=30)) <= 30
    assert len(chunk(text, Letters(max_tokens=100), limit=30)) > len(chunk(text, Letters(max_tokens=100), limit=300))


def test_one_endless_word_is_cut_all_the_same():
    chunks = chunk("가" * 500, Letters(max_tokens=40))
    assert "".join(c.text.removeprefix("T\n\n") for c in chunks) == "가" * 500
    assert all(c.tokens <= 40 for c in chunks)


def test_a_title_path_longer_than_the_limit_leaves_room_for_text():
    chunks = chunk("본문 " * 30, Letters(max_tokens=40), "제목" * 50, ("장" * 60,))
    assert all(c.tokens <= 40 for c in chunks)
    assert sum(c.body.count("본문") for c in chunks) == 30


def test_a_title_path_that_is_cut_short_stands_whole_in_the_first_piece():
    heading = " ".join(f"낱말{number}" for number in range(60))
    chunks = chunk("짧은 본문", Letters(max_tokens=80), "제목", (heading,))
    bodies = " ".join(piece.body for piece in chunks)
    assert all(f"낱말{number}" in bodies for number in range(60))


def test_each_part_of_a_long_table_repeats_its_header():
    rows = "\n".join(f"| 배 {number} | {number}.5 m. 끝 |" for number in range(12))
    text = f"머리말이다.\n\n| 이름 | 흘수 |\n| --- | --- |\n{rows}\n\n맺음말이다."
    chunks = chunk(text, Letters(max_tokens=90))
    tables = [piece.body for piece in chunks if "| 배 " in piece.body]
    assert len(tables) > 3
    assert all("| 이름 | 흘수 |\n| --- | --- |\n| 배 " in body for body in tables)
    assert all(piece.tokens <= 90 for piece in chunks)
    lines = [line for body in tables for line in body.split("\n") if line.startswith("| 배 ")]
    assert lines == rows.split("\n"), "no row is cut, none comes twice"
    assert all("이름" not in piece.body for piece in chunks if "| 배 " not in piece.body)


def test_a_header_too_long_to_repeat_stands_once():
    text = f"| {'긴 이름 ' * 12}| 흘수 |\n| --- | --- |\n" + "| 배 | 9.1 |\n" * 12
    chunks = chunk(text, Letters(max_tokens=90))
    assert sum("긴 이름" in piece.body for piece in chunks) <= 2
    assert sum(piece.body.count("| 배 | 9.1 |") for piece in chunks) == 12


def test_a_long_text_is_counted_in_parts():
    """Tokenizing takes many times the memory of the text, so that a file of 100 MB must not be tokenized at once."""
    longest = 0

    class Watched(Letters):
        def count_document_tokens(self, texts):
            nonlocal longest
            longest = max([longest, *map(len, texts)])
            return super().count_document_tokens(texts)

    text = "배가 운하를 지난다.\n" * 100_000
    chunks = chunk(text, Watched(max_tokens=512))
    assert longest <= 100_100
    assert "".join("".join(piece.body for piece in chunks).split()) == "".join(text.split())


def test_the_prompt_counts():
    text = "가나다라마바사아자차. " * 4
    without = chunk(text, Letters(max_tokens=60))
    assert len(chunk(text, Letters(max_tokens=60, document_prompt="passage: " * 3))) > len(without)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    st.text(st.sampled_from("가나다 ab.?!\n。\t…3"), min_size=1, max_size=400).filter(str.strip),
    st.integers(12, 60),
)
def test_no_chunk_is_over_the_limit_and_no_word_is_lost(text, limit):
    chunks = chunk(text.strip(), Letters(max_tokens=limit))
    assert all(piece.tokens <= limit for piece in chunks)
    kept = "".join(piece.text.removeprefix("T\n\n") for piece in chunks)
    assert re.sub(r"\s", "", kept) == re.sub(r"\s", "", text)


@pytest.mark.slow
def test_counts_are_those_of_the_real_tokenizer(bundled_folder):
    from transformers import AutoTokenizer

    from rag_pipeline.embeddings import TransformerEmbeddings

    embeddings = TransformerEmbeddings(bundled_folder, document_prompt="passage: ", max_tokens=64)
    text = "파나막스는 구 파나마 운하의 갑문을 지날 수 있는 가장 큰 배이다. 최대 흘수는 12.04 m이다. " * 20
    chunks = chunk(text, embeddings, "컨테이너 선 _ 파나막스 (Container Ship _ Panamax)")
    tokenizer = AutoTokenizer.from_pretrained(bundled_folder)
    assert len(chunks) > 5
    for piece in chunks:
        assert piece.tokens == len(tokenizer("passage: " + piece.text)["input_ids"]) <= 64


@pytest.mark.parametrize("limit", [16, 512])
def test_the_same_document_gives_the_same_chunks(limit):
    text = "하나 둘 셋. 넷 다섯. " * 30
    assert chunk(text, Letters(max_tokens=limit)) == chunk(text, Letters(max_tokens=limit))


def test_a_limit_that_the_prompt_uses_up_is_refused():
    from rag_pipeline.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="limit of 16 tokens leaves too little room.*take 20"):
        chunk("글 " * 50, Letters(max_tokens=16, document_prompt="a long prompt here"))
