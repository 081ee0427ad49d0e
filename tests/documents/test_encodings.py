from __future__ import annotations

import pytest

from rag_pipeline.documents.encodings import decode
from rag_pipeline.errors import DocumentError

KOREAN = "최대 흘수는 12.04 m이다. 파나마 운하를 지나는 컨테이너선.\n" * 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp949", "euc-kr"])
def test_korean_is_read_in_every_encoding_it_comes_in(encoding):
    assert decode(KOREAN.encode(encoding)) == KOREAN


def test_syllables_that_only_cp949_has_are_read():
    assert decode("똠방각하 펲시 쑛 ".encode("cp949") * 3).startswith("똠방각하 펲시 쑛")


def test_western_text_is_not_taken_for_korean():
    text = "Le café où l'été s'achève à côté de la forêt, déjà très loin de l'Océan. " * 5
    assert decode(text.encode("cp1252")) == text


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", bytes(range(256)) * 4, b"\x01\x02\x03\x04\x05"])
def test_binary_is_refused(content):
    with pytest.raises(DocumentError, match="binary"):
        decode(content)


def test_a_mark_followed_by_something_else_is_refused():
    with pytest.raises(DocumentError, match="UTF-8"):
        decode(b"\xef\xbb\xbf\xff\xfe\xfd")
