from __future__ import annotations

import pytest

from rag_pipeline.documents.encodings import decode, decode_with_warnings
from rag_pipeline.documents.readers import read_document
from rag_pipeline.errors import DocumentError

KOREAN = "최대 흘수는 12.04 m이다. 파나마 운하를 지나는 컨테이너선.\n" * 3
ARTICLE = "제1조(목적) 이 규정은 항만 시설의 사용에 관한 사항을 정함을 목적으로 한다.\n" * 20
RULE = "━" * 40 + "\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp949", "euc-kr"])
def test_korean_is_read_in_every_encoding_it_comes_in(encoding):
    assert decode(KOREAN.encode(encoding)) == KOREAN


def test_syllables_that_only_cp949_has_are_read():
    assert decode("똠방각하 펲시 쑛 ".encode("cp949") * 3).startswith("똠방각하 펲시 쑛")


@pytest.mark.parametrize(
    "text",
    [
        "선박 제원표\n┌──┬──┐\n│선종│흘수│\n│벌크│14.5│\n└──┴──┘\n",
        "┌──────┐\n│  비상연락망  │\n└──────┘\n당직자는 김철수 과장이다.\n",
        f"{RULE}정기 점검 안내\n{RULE}점검 시간은 3월 5일 09시부터 12시까지입니다.\n{RULE}",
        "大韓民國 憲法 第一條: 大韓民國은 民主共和國이다. 主權은 國民에게 있다.",
        "번호,내용\n①,※ ★★★\n②,☆☆ ▷\n",
        "★★★ 접수 안내 ★★★\n※ ① 접수 ② 심사 ③ 발표 ④ 등록\n",
        "ㅋㅋㅋ 그래 ㅠㅠ",
        "10℃, 61 m × 26 m",
        "(ぎん), 긴",
        "흘수",
        "한글",
        "치호",
        "특징",
        "큰",
        "A형",
        "펲시",
        "확인",
        "㈜한라",
        "부산港",
        "쭈꾸미볶음",
        "★",
    ],
)
def test_korean_in_cp949_is_told_by_its_letters_and_not_by_how_many_signs_stand_between(text):
    assert decode(text.encode("cp949")) == text


# Of each, sentences and short texts: letters that the same bytes would also be in another encoding.
OTHERS = {
    "cp932": [
        "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
        "最大喫水は12.04 mです。",
        "東京都",
        "株式会社",
        "ありがとう",
        "コンテナ船",
        "会議は三時から",
    ],
    "euc_jp": [
        "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
        "最大喫水は12.04 mです。",
        "ありがとう",
        "コンテナ船",
        "お問い合わせ",
        "会議は三時から",
    ],
    "gb18030": [
        "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心。",
        "集装箱船的最大吃水是12.04米。",
        "你好",
        "中国",
        "测试",
        "北京市",
        "请输入您的密码",
    ],
    "big5": [
        "人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心。",
        "貨櫃船的最大吃水是12.04公尺。",
        "你好",
        "中國",
        "台北市",
        "請輸入您的密碼",
        "會議記錄",
    ],
    "cp1252": [
        "Le café où l'été s'achève à côté de la forêt, déjà très loin.",
        "naïve “quotes” – and dashes…",
        "El Niño llegó mañana; ¿qué pasó?",
        "São Paulo: informação e ação",
        "Größe: 12,04 m",
        "Müller",
        "Übung",
        "Ångström",
        "don’t",
        "20 €",
        "£5",
        "100 °C",
        "è",
    ],
    "latin-1": ["Le café où l'été s'achève.", "Señor Muñoz", "© 2024 Firma", "½ cup"],
    "cp1251": ["Все люди рождаются свободными и равными в своём достоинстве и правах. Они наделены разумом." * 3],
}


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, texts in OTHERS.items() for text in texts])
def test_other_languages_are_told_by_their_letters(encoding, text):
    assert decode_with_warnings(text.encode(encoding)) == decode_with_warnings(text.encode("utf-8"))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "text", ["최대 흘수는 12.04 m이다.\n", "최대흘수컨테이너선", "hello world", "你好，世界。\n", "Grüße aus Köln"]
)
def test_utf_16_needs_no_mark(encoding, text):
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("content", "text", "warning"),
    [
        (ARTICLE.encode("cp949") + b"\xff" + "끝".encode("cp949"), f"{ARTICLE}\ufffd끝", "1 byte is no Korean (cp949)"),
        ((ARTICLE + "다").encode("cp949")[:-1], f"{ARTICLE}\ufffd", "1 byte is no Korean (cp949)"),
        (KOREAN.encode() + b"\xff" + "끝".encode(), f"{KOREAN}\ufffd끝", "1 byte is no UTF-8"),
        (KOREAN.encode() + b"\xff\xfe\xb0", f"{KOREAN}\ufffd", "3 bytes are no UTF-8"),
        ("한글 문서".encode()[:-1], "한글 문\ufffd", "2 bytes are no UTF-8"),
        (b"plain text " * 20 + b"\xff", f"{'plain text ' * 20}\ufffd", "1 byte is no UTF-8"),
        ("\ufeff한글".encode() + b"\xff", "한글\ufffd", "1 byte is no UTF-8"),
        ("\ufeff한글".encode("utf-16-le") + b"\0", "한글\ufffd", "1 byte is no UTF-16"),
        (KOREAN.encode("utf-16-be")[:-1], f"{KOREAN[:-1]}\ufffd", "1 byte is no UTF-16"),
    ],
)
def test_a_byte_that_does_not_fit_costs_that_byte_and_is_said(content, text, warning):
    decoded = decode_with_warnings(content)
    assert decoded.text == text
    assert [said.startswith(warning) and said.endswith("replaced") for said in decoded.warnings] == [True]


def test_an_ingest_hears_of_it():
    document = read_document("a.txt", ARTICLE.encode("cp949") + b"\xff")
    assert document.warnings == ("1 byte is no Korean (cp949) and was replaced",)
    assert read_document("a.md", b"# T\n\nx").warnings == ()


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("ks_c_5601-1987", "cp949"),
        ("EUC-KR", "cp949"),
        ("us-ascii", "cp949"),
        ("iso-8859-1", "cp949"),
        ("utf-8", "cp949"),
        ("euc-kr", "utf-8"),
        ("no-such-thing", "utf-8"),
        ("base64", "utf-8"),
        (None, "cp949"),
    ],
)
def test_what_is_declared_counts_unless_the_bytes_speak_against_it(declared, encoding):
    assert decode_with_warnings("펲시 똠방각하 본문".encode(encoding), declared).text == "펲시 똠방각하 본문"


def test_a_declared_encoding_is_believed_where_bytes_alone_say_too_little():
    assert decode_with_warnings("東京都".encode("euc_jp"), "euc-jp").text == "東京都"
    assert decode_with_warnings("谢谢".encode("gb18030"), "gb2312").text == "谢谢"


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", bytes(range(256)) * 4, b"\x01\x02\x03\x04\x05"])
def test_binary_is_refused(content):
    with pytest.raises(DocumentError, match="binary"):
        decode(content)


def test_what_reads_as_nothing_is_refused():
    with pytest.raises(DocumentError, match="save it as UTF-8"):
        decode(bytes(number * 7919 % 128 + 128 for number in range(2000)))


def test_a_mark_followed_by_something_else_is_refused():
    with pytest.raises(DocumentError, match="UTF-8"):
        decode(b"\xef\xbb\xbf\xff\xfe\xfd")
