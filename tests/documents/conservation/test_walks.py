"""Every letter of the project's own small files of each format reaches the chunks."""

from __future__ import annotations

import io
import zipfile

import pytest

from rag_pipeline.documents import chunk_document, read_document
from rag_pipeline.documents.conservation import WALKED_SUFFIXES, compare, walk
from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers.base import ReadingOptions
from rag_pipeline.documents.worker import check_file
from rag_pipeline.errors import DocumentError
from rag_pipeline.testing import HashEmbeddings
from tests import formats

SENTENCE = "최대 흘수 12.04 m인 컨테이너선은 파나막스이다."
FILES = {suffix: make for suffix, make in formats.FORMATS.items() if suffix in WALKED_SUFFIXES}


def test_there_is_a_walk_for_every_format_of_paragraphs():
    expected = {".docx", ".pptx", ".xlsx", ".ods", ".hwpx", ".hwp", ".epub", ".html", ".eml", ".pdf", ".md", ".txt"}
    assert expected <= WALKED_SUFFIXES
    assert expected - {".ods"} <= FILES.keys()


@pytest.mark.parametrize("suffix", FILES)
def test_a_plain_walk_finds_the_sentence(suffix):
    strings = walk(f"a{suffix}", FILES[suffix](SENTENCE), ReadingOptions())
    assert strings is not None
    assert SENTENCE.replace(" ", "") in "".join("".join(strings).split())


@pytest.mark.parametrize("suffix", FILES)
def test_every_letter_is_in_the_chunks_and_none_twice(suffix):
    content = FILES[suffix](SENTENCE)
    chunks = chunk_document(read_document(f"a{suffix}", content), HashEmbeddings())
    text = Document("", tuple(Section((), chunk.text) for chunk in chunks))
    strings = walk(f"a{suffix}", content, ReadingOptions())
    check = compare(strings, text)
    assert (check.kept, check.missing, check.doubled) == (1.0, (), ())


def test_a_format_of_rows_or_records_has_no_walk():
    assert walk("a.csv", b"a,b", ReadingOptions()) is None


def test_a_walk_that_fails_does_not_bring_the_process_down():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as parts:
        parts.writestr("xl\\Workbook.XML", "")
    with pytest.raises(DocumentError, match=r"is read, but cannot be compared \(KeyError"):
        check_file("a.xlsx", archive.getvalue(), Document("a", (Section((), "text"),)), ReadingOptions())
