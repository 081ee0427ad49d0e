"""A document of Hangul as it is read: paragraphs become sections below a path of headings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rag_pipeline.documents.document import Section
from rag_pipeline.documents.readers.base import ReadingOptions
from rag_pipeline.documents.readers.hangul.numbering import Counters, numbered
from rag_pipeline.documents.readers.hangul.styles import BULLET, ParagraphShape, Styles
from rag_pipeline.documents.readers.tables import MOST_PLACES, Cell, markdown_table, spread
from rag_pipeline.errors import DocumentError

# Tables in tables and notes in boxes: what people make ends at five or six.
_DEEPEST = 60
# A paragraph may have a level of the outline and yet be running text.
_LONGEST_HEADING = 100
_LONGEST_BOLD = 80
# Letters of one table, those that merged cells repeat too; what has more is no table anyone made.
_MOST_LETTERS = 20_000_000

Placed = tuple[Sequence[str], int, int]
"""A cell: its blocks of text, and how many rows and columns it covers."""


class _Mark(str):
    """Where a note is named: of a heading it is no part."""

    __slots__ = ()


class Paragraph:
    """A paragraph: text, and blocks such as tables that stand in it or hang on it."""

    def __init__(self, number: str = "", level: int | None = None, *, is_item: bool = False) -> None:
        self.level = level
        self.is_item = is_item
        self._number = number
        self._pieces: list[list[str] | str] = [[]]
        self._after: list[str] = []
        self._bold = False
        self._plain = False

    def write(self, text: str, *, bold: bool | None = None) -> None:
        """Add text; None: it is neither bold nor not."""
        last = self._pieces[-1]
        if isinstance(last, str):
            last = []
            self._pieces.append(last)
        last.append(text)
        if bold is not None and not text.isspace():
            self._bold |= bold
            self._plain |= not bold

    def put(self, blocks: Sequence[str], *, in_line: bool, whole: bool = False) -> None:
        """Add blocks of text.

        Args:
            blocks: such as the paragraphs of a text box.
            in_line: whether they stand between the letters, and do not hang beside or above them.
            whole: whether they are blocks however short: a table is, a box with a word in it is a part of the line.
        """
        if not in_line:
            self._after += blocks
        elif whole or len(blocks) > 1 or any("\n" in block for block in blocks):
            self._pieces += blocks
        else:
            for block in blocks:
                self.write(f" {block} ")

    def parts(self) -> tuple[str, list[str]]:
        """For a heading: all its text in one line, and the blocks."""
        texts = [piece for piece in self._pieces if isinstance(piece, list)]
        plain = ("".join(part for part in text if not isinstance(part, _Mark)) for text in texts)
        words = " ".join(" ".join(plain).split())
        return numbered(self._number, words), [
            *(piece for piece in self._pieces if isinstance(piece, str)),
            *self._after,
        ]

    def blocks(self, *, mark_bold: bool = False) -> list[str]:
        """Text and blocks in order, none empty.

        Args:
            mark_bold: whether a short line that is wholly bold is written so, as in Markdown.
        """
        found: list[str] = []
        number = self._number
        for piece in self._pieces:
            text = piece if isinstance(piece, str) else _tidy("".join(piece))
            if text and not isinstance(piece, str):
                text, number = numbered(number, text), ""
            if text:
                found.append(text)
        if (
            mark_bold
            and self._bold
            and not (self._plain or self.is_item)
            and len(found) == len(self._pieces) == 1
            and len(found[0]) <= _LONGEST_BOLD
            and "\n" not in found[0]
        ):
            found = [f"**{found[0]}**"]
        return found + [block for block in self._after if block]


def _tidy(text: str) -> str:
    return "\n".join(line.strip() for line in text.split("\n")).strip()


class Body:
    """What was read of a document so far.

    Args:
        styles: what the document defines.
        options: what is wanted.
    """

    def __init__(self, styles: Styles, options: ReadingOptions) -> None:
        self.styles = styles
        self.options = options
        self.outline = 0
        """Identifier of the list whose numbers the headings of this section have."""
        self.unread: Counter[str] = Counter()
        self.said: list[str] = []
        """Warnings, beside those of what is not read."""
        self._counters = Counters(styles.lists)
        self._notes: list[str] = []
        self._note_numbers: Counter[str] = Counter()
        self._furniture: list[str] = []
        self._depth = 0
        self._columns = 0
        self._sections: list[Section] = []
        self._path: list[tuple[int, str]] = []
        self._parts: list[str] = []
        self._in_list = False
        self._leaves: tuple[tuple[str, ...], list[str]] | None = None

    def begin(self, shape: int, style: int) -> Paragraph:
        """The next paragraph of the document, with its number."""
        how = self.styles.shapes.get(shape, ParagraphShape())
        if how.kind == BULLET:
            sign = self.styles.bullet(how.identifier)
            return Paragraph(sign, is_item=sign == "-")
        number = ""
        if how.kind:
            number = self._counters.next(how.identifier or self.outline, how.level)
        return Paragraph(number, self.styles.heading_level(how, style))

    def add(self, paragraph: Paragraph) -> None:
        """Add a paragraph of the text itself, and the notes that it has."""
        words, blocks = paragraph.parts()
        if paragraph.level is not None and words and not _is_running_text(words):
            self._head(paragraph.level, words)
        else:
            blocks = paragraph.blocks(mark_bold=self.options.outline)
        blocks += self._notes
        self._notes = []
        ends_in_item = paragraph.is_item and len(blocks) == 1
        if paragraph.is_item and self._in_list and blocks:
            self._parts[-1] += f"\n{blocks.pop(0)}"
        self._parts += blocks
        self._in_list = ends_in_item

    @contextmanager
    def deeper(self, *, in_columns: bool | None = None) -> Iterator[None]:
        """Read within a table, a box or a note.

        Args:
            in_columns: for a table, whether it has several columns; tables in it become lines then.

        Raises:
            DocumentError: it is nested more deeply than any document.
        """
        if self._depth >= _DEEPEST:
            raise DocumentError("is nested too deeply")
        self._depth += 1
        self._columns += bool(in_columns)
        try:
            yield
        finally:
            self._depth -= 1
            self._columns -= bool(in_columns)

    def table(self, rows: Sequence[Sequence[Placed]]) -> list[str]:
        """The blocks that show a table; call it outside of :meth:`deeper`."""
        width = max((sum(max(columns, 1) for _, _, columns in row) for row in rows), default=0)
        if width <= 1 or all(sum(any(blocks) for blocks, _, _ in row) <= 1 for row in rows):
            # A box around text; cells without any make its frame.
            return [block for row in rows for blocks, _, _ in row for block in blocks if block]
        cells = [[Cell("\n".join(blocks), down, across) for blocks, down, across in row] for row in rows]
        letters = sum(len(cell.text) * min(max(cell.rows, 1), len(rows)) for row in cells for cell in row)
        is_grid = len(rows) * width <= MOST_PLACES and letters <= _MOST_LETTERS
        grid = spread(cells) if is_grid else [[cell.text for cell in row] for row in cells]
        if is_grid and not self._columns:
            return [table] if (table := markdown_table(grid)) else []
        lines = (" / ".join(" ".join(cell.split()) for cell in row if cell.strip()) for row in grid)
        return ["; ".join(line for line in lines if line)]

    def note(self, blocks: Iterable[str], *, at_end: bool) -> str:
        """Keep a note for the end of the paragraph; gives the mark that stands at its place.

        Args:
            blocks: its text.
            at_end: whether it is an endnote.
        """
        mark = "e" if at_end else ""
        self._note_numbers[mark] += 1
        label = _Mark(f"[^{mark}{self._note_numbers[mark]}]")
        self._notes.append(f"{label}: " + "\n".join(blocks))
        return label

    def page_furniture(self, blocks: Iterable[str]) -> None:
        """Keep what stands at the head or foot of pages; call it where that is wanted."""
        self._furniture += (block for block in blocks if block not in self._furniture[-20:])

    def sections(self) -> tuple[Section, ...]:
        """All that was read."""
        self._close(0)
        self._close_leaves()
        self._path = []
        if self._furniture:
            self._sections.append(Section(("Headers and footers",), "\n\n".join(self._furniture)))
        return tuple(self._sections)

    def warnings(self) -> tuple[str, ...]:
        """What was left out."""
        left_out = [f"{count} {what}{' is' if count == 1 else 's are'} not read" for what, count in self.unread.items()]
        return (*self.said, *left_out)

    def _head(self, level: int, words: str) -> None:
        self._close(level)
        self._path = [(above, text) for above, text in self._path if above < level]
        self._path.append((level, words))

    def _close(self, level: int) -> None:
        """End a section, where one of that level follows."""
        headings = tuple(words for _, words in self._path)
        if self._parts:
            self._close_leaves()
            self._sections.append(Section(headings, "\n\n".join(self._parts)))
        elif self._path and self._path[-1][0] >= level:
            # Nothing stands below this heading: it is text itself.
            if self._leaves is None or self._leaves[0] != headings[:-1]:
                self._close_leaves()
                self._leaves = (headings[:-1], [])
            self._leaves[1].append(headings[-1])
        self._parts = []
        self._in_list = False

    def _close_leaves(self) -> None:
        if self._leaves is not None:
            self._sections.append(Section(self._leaves[0], "\n\n".join(self._leaves[1])))
            self._leaves = None


def _is_running_text(words: str) -> bool:
    return len(words) > _LONGEST_HEADING or words.endswith("다.")
