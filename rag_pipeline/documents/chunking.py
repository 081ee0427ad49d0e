"""A document becomes chunks that an embedding model can read whole."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from rag_pipeline.documents.document import Document
from rag_pipeline.errors import ConfigurationError
from rag_pipeline.metadata_values import MetadataValue
from rag_pipeline.text import PATH_SEPARATOR

# Raised when the same document would come out in other chunks; it is part of a collection's fingerprint.
CHUNKING_VERSION = 3

# Where a text may be cut, best first. Sentence ends are those of Latin, Korean and CJK punctuation; a Korean
# sentence ends in a full stop like an English one. Each pattern matches the white space after the cut.
_CUTS = (
    re.compile(r"\n[ \t]*\n\s*"),
    re.compile(r"\n(?=\|)|(?<=\|)\n"),  # between rows of a table
    re.compile(r"(?<=[.!?…。！？])[\"'”’)\]」』]*\s+|(?<=[。！？])|\n"),
    re.compile(r"\s+"),
)


_TABLE_HEAD = re.compile(r"(?:^|(?<=\n))\|[^\n]*\n\|[ :|-]+\|\n(?=\|)")
_NO_ROW = re.compile(r"\n(?!\|)|\Z")
# Characters that a token hardly ever covers, one with another: a longer text need not be counted to be too long.
_CHARACTERS_A_TOKEN = 40
# Characters that are cut, and counted, at a time: tokenizing takes memory many times the text.
_BLOCK = 100_000


class TokenCounter(Protocol):
    """What chunking must know of an embedding model."""

    @property
    def max_tokens(self) -> int | None:
        """Tokens the model reads of one text; None: no limit."""

    def count_document_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as the model reads a document: with its prompt and special tokens."""


@dataclass(frozen=True)
class Chunk:
    """A piece of a document: what is embedded, stored and returned."""

    text: str
    """The title path, a blank line, and the piece itself."""
    title: str
    section: str
    """Headings above the piece, outermost first, joined by ``PATH_SEPARATOR``; empty above the first heading."""
    tokens: int
    """Tokens as the embedding model counts them, with prompt and special tokens."""
    head: str = ""
    """The title path in front of the text."""
    place: Mapping[str, MetadataValue] = field(default_factory=dict)
    """Where it stands, for citations: page, slide, or sheet and rows."""

    @property
    def body(self) -> str:
        """The text without the title path in front."""
        return self.text.removeprefix(_with_head(self.head, ""))

    @property
    def text_sha256(self) -> str:
        """What its vector depends on: title path and body. Equal hashes have equal vectors."""
        return hashlib.sha256(f"{self.head}\0{self.body}".encode()).hexdigest()


def chunk_document(document: Document, counter: TokenCounter, max_tokens: int | None = None) -> list[Chunk]:
    """Cut a document into chunks: a section each, split further only where the model could not read it whole.

    Args:
        document: what a reader returned.
        counter: the embedding model.
        max_tokens: a limit below the model's own; None takes the model's.

    Raises:
        ConfigurationError: the limit leaves no room for text after the prompt.
    """
    limits = [limit for limit in (counter.max_tokens, max_tokens) if limit is not None]
    limit = min(limits) if limits else None
    heads = [_head(document.title, section.headings) for section in document.sections]
    whole = [_with_head(head, section.text) for head, section in zip(heads, document.sections, strict=True)]
    counted = [limit is None or len(text) <= _CHARACTERS_A_TOKEN * limit for text in whole]
    counts = iter(counter.count_document_tokens(list(itertools.compress(whole, counted))))
    chunks = []
    for section, head, text, is_counted in zip(document.sections, heads, whole, counted, strict=True):
        path = PATH_SEPARATOR.join(section.headings)
        tokens = next(counts) if is_counted else None
        if tokens is not None and (limit is None or tokens <= limit):
            chunks.append(Chunk(text, document.title, path, tokens, head, section.place))
        else:
            assert limit is not None
            splitter = _Splitter(counter, limit, head, section.headings[-1] if section.headings else "")
            chunks += [
                Chunk(piece, document.title, path, count, splitter.head, section.place)
                for piece, count in splitter.split(section.text)
            ]
    return chunks


def _head(title: str, headings: Sequence[str]) -> str:
    return PATH_SEPARATOR.join([title, *headings])


def _with_head(head: str, body: str) -> str:
    return f"{head}\n\n{body}" if head else body


class _Splitter:
    """Cuts one section so that each piece, with its title path, is within the limit."""

    def __init__(self, counter: TokenCounter, limit: int, head: str, heading: str) -> None:
        self._counter = counter
        self._limit = limit
        # What prompt and special tokens cost, so that it is not counted for every unit again.
        self._overhead = self._count([""])[0]
        if self._overhead > limit // 2:
            raise ConfigurationError(
                f"a limit of {limit} tokens leaves too little room: prompt and special tokens take {self._overhead};"
                " raise max_tokens"
            )
        self.head = self._shorten(head)
        # A heading that is cut short stands whole in the first piece, so that no word of it is lost.
        self._lead = f"{heading}\n\n" if heading and not self.head.endswith(heading) else ""
        """The title path as it stands in front of each piece, cut short where the limit wants it."""
        self._room = limit - self._count([_with_head(self.head, "")])[0]

    def split(self, body: str) -> Iterator[tuple[str, int]]:
        """Pieces in order, each with its exact token count."""
        for block in _blocks(self._lead + body):
            yield from self._split(block, _table_heads(block))

    def _split(self, body: str, tables: Sequence[_TableHead]) -> Iterator[tuple[str, int]]:
        units = deque(self._units(body, 0))
        position = 0
        while units:
            repeated, room = self._repeated(tables, position)
            taken: list[str] = []
            total = 0
            for unit, own in units:
                if taken and total + own > room:
                    break
                taken.append(unit)
                total += own
            text, tokens = self._piece(repeated, taken)
            while tokens > self._limit and len(taken) > 1:
                # Counts do not add up exactly: give way unit by unit.
                taken.pop()
                text, tokens = self._piece(repeated, taken)
            if tokens > self._limit and len(taken[0]) > 1:
                unit, own = units.popleft()
                units.extendleft(reversed([(half, own // 2 + 1) for half in _halves(unit)]))
                continue
            yield text, tokens
            for unit in taken:
                position += len(unit)
                units.popleft()

    def _repeated(self, tables: Sequence[_TableHead], position: int) -> tuple[str, int]:
        """The header of the table that is cut at a position, which names its values, and the room that it leaves."""
        for table in tables:
            if table.start <= position < table.end:
                room = self._room - max(self._count([table.header])[0] - self._overhead, 0)
                if 2 * room >= self._room:
                    return table.header, room
        return "", self._room

    def _piece(self, repeated: str, units: Sequence[str]) -> tuple[str, int]:
        text = _with_head(self.head, repeated + "".join(units).strip("\n").rstrip())
        return text, self._count([text])[0]

    def _units(self, text: str, level: int) -> list[tuple[str, int]]:
        """Smallest parts worth keeping whole, with their tokens; each keeps the white space that follows it."""
        parts = _cut(text, _CUTS[level]) if level < len(_CUTS) else _halves(text)
        units: list[tuple[str, int]] = []
        for part, tokens in zip(parts, self._count(parts), strict=True):
            own = max(tokens - self._overhead, 0)
            if own > self._room and len(part) > 1:
                units += self._units(part, min(level + 1, len(_CUTS)))
            else:
                units.append((part, own))
        return units

    def _shorten(self, head: str) -> str:
        """Leave at least half of the limit to the text: drop outer headings, then cut the last one short."""
        while head and self._count([_with_head(head, "")])[0] - self._overhead > (self._limit - self._overhead) // 2:
            outer, separator, inner = head.partition(PATH_SEPARATOR)
            head = inner if separator else outer[: len(outer) // 2]
        return head

    def _count(self, texts: Sequence[str]) -> list[int]:
        return self._counter.count_document_tokens(texts)


def _cut(text: str, pattern: re.Pattern[str]) -> list[str]:
    ends = [match.end() for match in pattern.finditer(text) if 0 < match.end() < len(text)]
    bounds = [0, *ends, len(text)]
    return [text[start:end] for start, end in itertools.pairwise(bounds) if end > start]


def _halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [text[:middle], text[middle:]]


class _TableHead(NamedTuple):
    """The rows that name the columns of a Markdown table, and between which positions its other rows are."""

    header: str
    start: int
    end: int


def _table_heads(text: str) -> list[_TableHead]:
    found: list[_TableHead] = []
    for match in _TABLE_HEAD.finditer(text):
        end = _NO_ROW.search(text, match.end())
        found.append(_TableHead(match[0], match.end(), end.start() if end else len(text)))
    return found


def _blocks(text: str) -> Iterator[str]:
    """A long text in parts that are worked on one by one, cut where a paragraph, line or word ends."""
    start = 0
    while len(text) - start > _BLOCK:
        window = text[start : start + _BLOCK]
        ends = (window.rfind(sign) + len(sign) for sign in ("\n\n", "\n", " ") if sign in window[_BLOCK // 2 :])
        end = start + next(ends, _BLOCK)
        yield text[start:end]
        start = end
    yield text[start:]
