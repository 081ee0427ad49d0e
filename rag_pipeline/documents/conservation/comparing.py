"""The strings of a file against the text of its document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag_pipeline.documents.document import Document
from rag_pipeline.text import normalized

# Letters and digits compared at a time: long enough that a lost word is not made up for by the same letters elsewhere.
_RUN = 3
# Share of a string's runs that must be missing for it to be shown.
_SHOWN = 0.3
# Letters from which on a string that stands twice is no chance.
_LONG = 20


@dataclass(frozen=True)
class FileCheck:
    """What became of a file's letters."""

    letters: int
    """Letters and digits of the file, as a plain walk of its parts finds them."""
    kept: float
    """Share of them that is in the document, from 0 to 1; 1 for a file without any."""
    missing: tuple[str, ...] = ()
    """Strings of the file that are not, in its order."""
    doubled: tuple[str, ...] = ()
    """Long strings that the document holds more often than the file."""

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        return {
            "letters": self.letters,
            "kept": round(self.kept, 6),
            "missing": list(self.missing),
            "doubled": list(self.doubled),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FileCheck:
        """What :meth:`as_dict` made."""
        return cls(values["letters"], values["kept"], tuple(values["missing"]), tuple(values["doubled"]))


def compare(strings: Iterable[str], document: Document) -> FileCheck:
    """Hold the strings of a file against its document.

    Args:
        strings: what a plain walk of the file gives, such as a paragraph each.
        document: what the reader made of it.
    """
    source = [(string, plain) for string in strings if (plain := letters_of(string))]
    texts = list(_texts(document))
    left = Counter(run for text in [document.title, *texts] for run in _runs(letters_of(text), every_length=True))
    lost = 0.0
    missing: list[str] = []
    for string, plain in source:
        absent = count = 0
        for run in _runs(plain):
            count += 1
            if left[run] > 0:
                left[run] -= 1
            else:
                absent += 1
        lost += absent * len(plain) / count
        if absent > _SHOWN * count:
            missing.append(" ".join(string.split()))
    letters = sum(len(plain) for _, plain in source)
    kept = 1 - lost / letters if letters else 1.0
    doubled = _doubled([plain for _, plain in source], list(_texts(document, once=True)))
    return FileCheck(letters, kept, tuple(missing), tuple(doubled))


def letters_of(text: str) -> str:
    """Letters and digits of a text, compatibility forms as what they stand for, in small letters."""
    return "".join(filter(str.isalnum, normalized("NFKC", text))).casefold()


def _texts(document: Document, *, once: bool = False) -> Iterator[str]:
    """Text of the document once: a heading where it is new, and what stands below it.

    Args:
        document: what the reader made.
        once: whether a section below the same path elsewhere, such as on the next page, goes on with the one before;
            otherwise it counts as another part of the same name.
    """
    path: tuple[str, ...] = ()
    place: Mapping[str, object] = {}
    for section in document.sections:
        same = 0
        # The same path again may be another part of the same name.
        while (
            section.headings != path
            and same < min(len(path), len(section.headings))
            and path[same] == section.headings[same]
        ):
            same += 1
        new = section.headings[same:]
        if section.headings == path:
            new = () if once and section.place != place else section.headings[-1:]
        yield " ".join(new) + "\n" + section.text
        path, place = section.headings, section.place


def _runs(plain: str, *, every_length: bool = False) -> Iterator[str]:
    """Runs of letters that overlap; a string that is shorter than a run is one itself."""
    if every_length:
        for length in range(1, _RUN + 1):
            yield from (plain[start : start + length] for start in range(len(plain) - length + 1))
    elif len(plain) <= _RUN:
        yield from [plain] if plain else []
    else:
        yield from (plain[start : start + _RUN] for start in range(len(plain) - _RUN + 1))


def _doubled(source: Sequence[str], texts: Sequence[str]) -> Iterator[str]:
    """Strings that stand more often in the document than in the file; rows of tables repeat merged cells."""
    lines = (line for text in texts for line in text.split("\n") if not line.startswith("|"))
    found = "\n".join(letters_of(line) for line in lines)
    beginnings = Counter(plain[:_LONG] for plain in source if len(plain) >= _LONG)
    held = Counter(found[start : start + _LONG] for start in range(len(found) - _LONG + 1))
    # The document joins the lines of a page: what begins one may stand across two elsewhere.
    everything = "".join(source)
    in_file = Counter(
        run for start in range(len(everything) - _LONG + 1) if (run := everything[start : start + _LONG]) in beginnings
    )
    for beginning in beginnings:
        if held[beginning] > in_file[beginning]:
            yield next(plain for plain in source if plain.startswith(beginning))
