"""Titles that somebody wrote, told from those that programs fill in."""

from __future__ import annotations

import re

_FILE = re.compile(
    r"\.(?:docx?|docm|dotx?|pptx?|pptm|ppsx?|potx?|xlsx?|xlsm|hwpx?|odt|odp|ods|pdf|rtf|txt|indd|tex)$", re.IGNORECASE
)
_MAKERS = (
    r"(?:(?:untitled|unnamed|new|microsoft|office|word|power ?point|excel|libreoffice|google|제목 ?없는|새)[ _-]+)*"
)
_KINDS = (
    r"(?:document|presentation|slides?(?: ?show)?|workbook|spreadsheet|title"
    r"|문서|프레젠테이션|슬라이드(?: ?쇼)?|통합 ?문서|제목|文書|プレゼンテーション|文档|演示文稿)"
)
_NOBODYS = re.compile(
    rf"{_MAKERS}{_KINDS}[ _-]*\(?\d*\)?"
    r"|(?:untitled|unnamed|무제|無題|無標題|无标题|タイトルなし|제목 ?없음)[ _-]*\(?\d*\)?"
    r"|book ?\d+|\(?(?:anonymous|unknown|unspecified|none|null)\)?"
    r"|(?:마스터 )?제목을? ?(?:입력|편집).*|click to (?:add|edit) .*",
    re.IGNORECASE,
)


def written_title(title: str | None) -> str | None:
    """A title without what programs put around it; None for a file's name, or one such as "PowerPoint Presentation"."""
    words = " ".join((title or "").split()).removeprefix("Microsoft Word - ").removeprefix("Microsoft PowerPoint - ")
    return None if not words or _FILE.search(words) or _NOBODYS.fullmatch(words) else words
