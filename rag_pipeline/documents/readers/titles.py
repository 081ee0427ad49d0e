"""Titles that a file's metadata hold: what a person wrote, and not what a program put there."""

from __future__ import annotations

import re

_PROGRAM = re.compile(r"^(?:microsoft (?:word|powerpoint|excel|office \w+)|print|내용 인쇄)\s*-\s*", re.IGNORECASE)
# Suffixes of files that people make documents with or turn into them.
_FILE = re.compile(
    r"[^\s.][^.\n]*\.(?:docx?|docm|dotx?|rtf|odt|hwpx?|hwt|hml|pptx?|ppsx?|odp|xlsx?|xlsm|csv|ods|pdf"
    r"|indd?|qxd|pmd|psd|tex|dvi|eps|html?|xml|txt|tmp|dwg|cdr|vsdx?)",
    re.IGNORECASE,
)
# Suffixes that no sentence ends in, however long it is.
_OFFICE_FILE = re.compile(
    r"\.(?:docx?|docm|dotx?|pptx?|pptm|ppsx?|potx?|xlsx?|xlsm|hwpx?|hwt|odt|odp|ods|pdf|rtf|indd|tex)$", re.IGNORECASE
)
_NUMBER = r"[\s_-]*[(\[]?\d*[)\]]?"
_MAKERS = (
    r"(?:(?:untitled|unnamed|new|microsoft|office|word|power ?point|excel|libreoffice|google|제목 ?없는|새|빈)[ _-]+)*"
)
_KINDS = (
    r"(?:document|presentation|slides?(?: ?show)?|workbook|spreadsheet|book|sheet|title"
    r"|pdf 파일|빈문서|문서|프레젠테이션|슬라이드(?: ?쇼)?|통합 ?문서|스프레드시트|제목"
    r"|文書|プレゼンテーション|文档|演示文稿)"
)
_EMPTY = re.compile(
    rf"[(\[<]?(?:{_MAKERS}{_KINDS}|anonymous|unspecified|untitled(?:[ -](?:page|form))?|unnamed"
    r"|unknown|no title|none|null|microsoft word|microsoft powerpoint|무제|無題|無標題|无标题|タイトルなし|제목 ?없음)"
    rf"{_NUMBER}[)\]>]?|(?:마스터 )?제목을? ?(?:입력|편집).*|click to (?:add|edit) .*",
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
    if _OFFICE_FILE.search(title):
        return True
    if _ADDRESS.match(title):
        return bool(_FILE.fullmatch(re.split(r"[\\/]", title)[-1]))
    return title.count(" ") <= _MOST_SPACES and bool(_FILE.fullmatch(title))
