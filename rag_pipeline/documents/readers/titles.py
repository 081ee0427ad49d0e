"""Titles that a file's metadata hold: what a person wrote, and not what a program put there."""

from __future__ import annotations

import re

_PROGRAM = re.compile(r"^(?:microsoft (?:word|powerpoint|excel|office \w+)|print|내용 인쇄)\s*-\s*", re.IGNORECASE)
# Suffixes of files that people make documents with or turn into them.
_FILE = re.compile(
    r"[^\s.][^.\n]*\.(?:docx?|docm|dotx?|rtf|odt|hwpx?|hml|pptx?|ppsx?|odp|xlsx?|xlsm|csv|ods|pdf"
    r"|indd?|qxd|pmd|psd|tex|dvi|eps|html?|xml|txt|tmp|dwg|cdr|vsdx?)",
    re.IGNORECASE,
)
_NUMBER = r"[\s_-]*[(\[]?\d*[)\]]?"
_EMPTY = re.compile(
    r"[(\[<]?(?:anonymous|unspecified|untitled(?:[ -](?:document|presentation|spreadsheet|page|slide|form|book))?"
    r"|unnamed|unknown|no title|none|null|title|document|presentation|slide|book|workbook|sheet|new document"
    r"|(?:microsoft )?powerpoint[ -]presentation|powerpoint 프레젠테이션|microsoft word 문서|word document"
    r"|microsoft word|microsoft powerpoint|프레젠테이션|제목 ?없음|제목 없는 (?:문서|프레젠테이션|스프레드시트)"
    r"|무제|새 문서|빈 문서|문서|슬라이드|pdf 파일)" + _NUMBER + r"[)\]>]?",
    re.IGNORECASE,
)


def useful_title(text: str) -> str:
    """A title in one line, or nothing if no one wrote it.

    Programs write where the title belongs their own names, the name of the file ("report_final.docx"), or that there
    is none ("(anonymous)", "Untitled document", "PowerPoint Presentation", "제목 없음").

    Args:
        text: what the metadata, or the like, give as the title.
    """
    title = " ".join(text.split())
    title = _PROGRAM.sub("", title).strip()
    if not any(letter.isalnum() for letter in title) or _EMPTY.fullmatch(title) or _is_file(title):
        return ""
    return title


_ADDRESS = re.compile(r"(?:[a-z]:[\\/]|/|\\\\|file:|https?:)", re.IGNORECASE)
_MOST_SPACES = 5


def _is_file(title: str) -> bool:
    """Whether it is a file's name or address; a sentence may end in one ("How to write and test a robots.txt")."""
    if _ADDRESS.match(title):
        return bool(_FILE.fullmatch(re.split(r"[\\/]", title)[-1]))
    return title.count(" ") <= _MOST_SPACES and bool(_FILE.fullmatch(title))
