from __future__ import annotations

from email.message import EmailMessage
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from rag_pipeline.documents.readers import read_document
from rag_pipeline.documents.readers.mail import unflowed
from rag_pipeline.errors import DocumentError

HEAD = "From: kim@example.com\nTo: lee@example.com\nDate: Tue, 05 Mar 2024 14:30:00 +0900"


def headed(message, subject="안내"):
    message["Subject"], message["From"], message["To"] = subject, "kim@example.com", "lee@example.com"
    message["Date"] = "Tue, 05 Mar 2024 14:30:00 +0900"
    return message


def mixed(*parts, kind="mixed"):
    message = headed(MIMEMultipart(kind))
    for part in parts:
        message.attach(part)
    return message


def attached(part, name):
    part.add_header("Content-Disposition", "attachment", filename=name)
    return part


def sections(message):
    content = message if isinstance(message, bytes) else message.as_bytes()
    return [(section.headings, section.text) for section in read_document("편지.eml", content).sections]


def test_the_date_is_metadata_to_filter_by_and_the_headers_stay():
    document = read_document("a.eml", mixed(MIMEText("본문", "plain", "utf-8")).as_bytes())
    assert document.metadata == {
        "from": "kim@example.com", "to": "lee@example.com", "date": "2024-03-05T14:30:00+09:00",
    }  # fmt: skip
    assert document.sections[0].text == f"{HEAD}\n\n본문"


def test_a_date_that_is_none_stays_as_it_is():
    document = read_document("a.eml", b"Date: yesterday\n\nx")
    assert document.metadata == {"date": "yesterday"}


def test_all_texts_of_a_mail_are_read_in_order():
    picture = attached(MIMEBase("image", "png"), "배.png")
    message = mixed(MIMEText("첫 부분", "plain", "utf-8"), picture, MIMEText("둘째 부분", "plain", "utf-8"))
    assert sections(message) == [((), f"{HEAD}\n\n첫 부분\n\n둘째 부분\n\nAttachments: 배.png")]


def test_a_forwarded_mail_is_a_section_with_its_own_headers():
    inner = headed(EmailMessage(), "원래 메일")
    inner.set_content("계약 금액은 3천만원.")
    inner.add_attachment(b"x", maintype="application", subtype="pdf", filename="계약.pdf")
    assert sections(mixed(MIMEText("아래를 보세요.", "plain", "utf-8"), MIMEMessage(inner))) == [
        ((), f"{HEAD}\n\n아래를 보세요."),
        (("원래 메일",), f"{HEAD}\n\n계약 금액은 3천만원.\n\nAttachments: 계약.pdf"),
    ]


def test_the_mails_of_a_digest_are_sections():
    mails = b"--b\n\nSubject: one\n\nfirst\n--b\n\nSubject: two\n\nsecond\n--b--"
    raw = b'Content-Type: multipart/digest; boundary="b"\n\n' + mails
    assert sections(raw) == [(("one",), "first"), (("two",), "second")]


def test_attached_texts_are_sections_under_their_names():
    message = mixed(
        MIMEText("첨부를 보세요.", "plain", "utf-8"),
        attached(MIMEText("첨부 본문", "plain", "utf-8"), "회의록.txt"),
        attached(MIMEText("<h2>안건</h2><p>예산", "html", "utf-8"), "안건.html"),
    )
    assert sections(message) == [
        ((), f"{HEAD}\n\n첨부를 보세요."),
        (("회의록.txt",), "첨부 본문"),
        (("안건.html", "안건"), "예산"),
    ]


PLAIN = "회의는 3시입니다. 장소는 2층 회의실입니다. 자료를 가져오세요."


@pytest.mark.parametrize(
    ("plain", "page", "expected"),
    [
        ("HTML을 지원하는 프로그램이 필요합니다.", "<p>실제 본문: 3시.</p>", "실제 본문: 3시."),
        (PLAIN, f"<p>{PLAIN}</p>", PLAIN),
        (PLAIN, "<p>회의는 3시입니다.</p>", PLAIN),
        ("회의는 3시입니다. https://example.com/a/very/long/address", f"<p>{PLAIN}</p>", PLAIN),
        ("항로 운임 부산 500", "<table><tr><th>항로<th>운임<tr><td>부산<td>500</table>",
         "| 항로 | 운임 |\n| --- | --- |\n| 부산 | 500 |"),
    ],
)  # fmt: skip
def test_of_two_versions_the_richer_is_read(plain, page, expected):
    message = mixed(MIMEText(plain, "plain", "utf-8"), MIMEText(page, "html", "utf-8"), kind="alternative")
    assert sections(message) == [((), f"{HEAD}\n\n{expected}")]


def test_files_between_the_parts_of_a_version_are_named():
    html = mixed(
        MIMEText(f"<p>{PLAIN}</p><p>{PLAIN}</p>", "html", "utf-8"), attached(MIMEBase("application", "pdf"), "도면.pdf")
    )
    message = mixed(MIMEText(PLAIN, "plain", "utf-8"), html, kind="alternative")
    assert sections(message)[0][1].endswith(f"{PLAIN}\n\n{PLAIN}\n\nAttachments: 도면.pdf")


def test_pictures_in_a_page_are_no_attachments():
    picture = MIMEBase("image", "png", name="image001.png")
    message = mixed(MIMEText("<p>본문</p>", "html", "utf-8"), picture, kind="related")
    assert sections(message) == [((), f"{HEAD}\n\n본문")]


def test_a_mail_of_layout_tables_is_read_as_text():
    page = (
        "<div style='display:none'>미리보기</div><table><tr><td><table><tr><td><h1>제목</h1><p>첫 문단.</p>"
        "<p>둘째 문단.</p></td></tr></table></td></tr></table>"
    )
    message = headed(MIMEText(page, "html", "utf-8"))
    assert sections(message) == [((), HEAD), (("제목",), "첫 문단.\n\n둘째 문단.")]


def test_what_is_quoted_in_a_reply_stays():
    page = "<p>네.</p><blockquote type=cite><p>오시나요?</p></blockquote>"
    assert sections(headed(MIMEText(page, "html", "utf-8"))) == [((), f"{HEAD}\n\n네.\n\n> 오시나요?")]


@pytest.mark.parametrize("charset", ["ks_c_5601-1987", "euc-kr", "us-ascii", "iso-8859-1", "", "utf-8"])
def test_korean_mail_is_cp949_whatever_it_says(charset):
    said = f"; charset={charset}" if charset else ""
    raw = f"From: a@example.com\nContent-Type: text/plain{said}\n\n".encode() + "펲시 똠방각하 본문".encode("cp949")
    assert sections(raw) == [((), "From: a@example.com\n\n펲시 똠방각하 본문")]


@pytest.mark.parametrize(
    "subject",
    [
        "한글 제목".encode(),
        "한글 제목".encode("cp949"),
        b"=?utf-8?Q?=ED=95=9C=EA=B8?=\n =?utf-8?Q?=80_=EC=A0=9C=EB=AA=A9?=",
        b"=?ks_c_5601-1987?B?x9GxwCDBprjx?=".replace(b"wCDB", b"2yDB"),
        b"=?euc-kr?Q?=C7=D1=B1=DB?= =?euc-kr?Q?_=C1=A6=B8=F1?=",
    ],
)
def test_a_subject_is_read_however_it_is_written(subject):
    assert read_document("a.eml", b"Subject: " + subject + b"\n\nx").title == "한글 제목"


@pytest.mark.parametrize(
    "field",
    [
        b"filename*=UTF-8''%EB%8F%84%EB%A9%B4.pdf",
        b'filename="=?euc-kr?B?tbW46S5wZGY=?="',
        'filename="도면.pdf"'.encode(),
        b'filename="%EB%8F%84%EB%A9%B4.pdf"',
    ],
)
def test_the_name_of_a_file_is_read_however_it_is_written(field):
    raw = b"Content-Type: application/pdf\nFrom: a@example.com\nContent-Disposition: attachment; " + field + b"\n\nx"
    assert sections(raw) == [((), "From: a@example.com\n\nAttachments: 도면.pdf")]


def test_lines_that_flow_are_one_again():
    assert unflowed("가 \n나\n> 다 \n> 라\n-- \n끝", joined=False) == "가 나\n> 다 라\n-- \n끝"
    assert unflowed("최대 흘 \n수", joined=True) == "최대 흘수"


def test_an_encrypted_mail_says_that_it_was_not_read():
    document = read_document("a.eml", b"From: a@example.com\nContent-Type: application/pkcs7-mime; name=smime.p7m\n\nx")
    assert document.warnings == ("the text is encrypted and was not read",)


def test_a_mail_whose_parts_have_lost_their_borders_is_text():
    assert sections(b"Content-Type: multipart/mixed\n\nhello\n") == [((), "hello")]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["message/rfc822", 'multipart/mixed; boundary="b{}"'])
def test_mails_within_mails_without_end_are_refused(kind):
    opened = "".join(
        f"Content-Type: {kind.format(n)}\n\n" + (f"--b{n}\n" if "b{" in kind else "") for n in range(10_000)
    )
    with pytest.raises(DocumentError, match="nested too deeply"):
        read_document("a.eml", f"{opened}Subject: x\n\nbody".encode())


def test_a_page_that_a_browser_saved_is_read_with_its_frames():
    message = MIMEMultipart("related")
    message["Subject"], message["From"] = "저장", "<Saved by Blink>"
    message.attach(MIMEText("<meta charset=utf-8><title>공지</title><h1>점검</h1><p>3월 5일", "html", "utf-8"))
    message.attach(MIMEText("p {}", "css"))
    message.attach(MIMEText("<p>틀 안", "html", "utf-8"))
    document = read_document("a.mhtml", message.as_bytes())
    assert document.title == "공지"
    assert [(section.headings, section.text) for section in document.sections] == [
        (("점검",), "3월 5일"),
        ((), "틀 안"),
    ]
    with pytest.raises(DocumentError, match="holds no page"):
        read_document("a.mht", b"x")


@pytest.mark.slow
def test_a_header_of_any_length_is_read_in_proportion():
    """Decoded all at once, it would take minutes."""
    subject = " ".join(f"=?utf-8?q?a{number:05}?=" for number in range(50_000))
    title = read_document("a.eml", f"Subject: {subject}\n\ntext".encode()).title
    assert all(f"a{number:05}" in title for number in (0, 1, 25_000, 49_999))
