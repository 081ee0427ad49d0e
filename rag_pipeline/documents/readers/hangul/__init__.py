"""HWP 5 and HWPX, the formats of Hangul.

Both are read after what Hancom publishes of them: 본 제품은 한글과컴퓨터의 한글 문서 파일(.hwp) 공개 문서를 참고하여
개발하였습니다.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from rag_pipeline.documents.document import Document
from rag_pipeline.documents.readers.archive import OLE
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.titles import useful_title
from rag_pipeline.errors import DocumentError
from rag_pipeline.text import clean

_ZIP = b"PK\x03\x04"
_OLD = b"HWP Document File V"
# Hangul takes the first words for a title, whatever they are.
_SHORTEST_TITLE, _LONGEST_TITLE = 4, 100
_SENTENCE = re.compile(r"\S+ \S+ .*다\.?")


def read(name: str, content: bytes, options: ReadingOptions) -> Document:
    """Read the text under its headings, which are the paragraphs with a level of the outline (개요).

    Read are paragraphs with the numbers that Hangul gives them, tables (Markdown), text boxes and other drawn shapes
    with text, captions, footnotes and endnotes (behind the paragraph that names them), formulas as they are typed,
    ruby in brackets, form fields, and the text of fields and links. Of tracked changes HWPX gives the new text; HWP 5
    gives both, and a warning. Locked for distribution (배포용), an HWP 5 file is read all the same.

    Left out are pictures, the addresses behind links, names of bookmarks, marks of an index, descriptions of shapes,
    and charts (a warning says how many); headers, footers and master pages unless ``page_headers``; memos and hidden
    comments (숨은 설명) unless ``comments``.

    Raises:
        DocumentError: it is locked with a password, of a format before HWP 5, or damaged.
    """
    # Either is often found under the other's name; the first bytes tell.
    if content.startswith(_OLD):
        raise DocumentError("is of a format before HWP 5; save it again in Hangul")
    is_archive = content.startswith(_ZIP) or PurePath(name).suffix.lower() == ".hwpx"
    if content.startswith(OLE):
        from rag_pipeline.documents.readers.hangul import hwp5

        title, body = hwp5.read(content, options)
    elif is_archive:
        from rag_pipeline.documents.readers.hangul import hwpx

        title, body = hwpx.read(content, options)
    else:
        raise DocumentError("is damaged, or no HWP file")
    return Document(_title(title) or stem_of(name), body.sections(), warnings=body.warnings())


def _title(said: str) -> str:
    title = useful_title(clean(said))
    says_nothing = sum(letter.isalpha() for letter in title) < _SHORTEST_TITLE
    return "" if says_nothing or len(title) > _LONGEST_TITLE or _SENTENCE.fullmatch(title) else title
