"""Brings the translations of the command line in step with its texts; with --check, only says whether they are.

The texts are those that the code marks by `_`, `N_` and `ngettext`, and the help of every command. What is new is
added to the .po files without a translation, what is left over goes, and the .mo files, which Python reads, are made of
them. They are committed, so that an installation needs no tool for it.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

from rag_pipeline.cli import command_tree
from rag_pipeline.cli.help_texts import texts_of
from rag_pipeline.messages import DOMAIN, FOLDER

PACKAGE = FOLDER.parent
KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "N_": None, "ngettext": (1, 2)}
_FIELD = re.compile(r"\{\w*[^{}]*\}")
# Dates, names and addresses, which change with each run or are nobody's.
_NOBODY = re.compile(rb'^"(?:Report-Msgid|POT-|PO-Rev|Last-T|Language-Team|Generated-By).*\n', re.MULTILINE)


def texts() -> Catalog:
    """Every text that is to be translated."""
    found = Catalog()
    for _file, _line, message, _comments, _context in extract_from_dir(
        PACKAGE, [("**.py", "python")], {}, KEYWORDS, strip_comment_tags=False
    ):
        found.add(message)
    for text in texts_of(command_tree()):
        found.add(text)
    return found


def catalogue(file: Path) -> Catalog:
    """A file of translations."""
    with file.open("rb") as reading:
        return read_po(reading, locale=file.parent.parent.name, domain=DOMAIN)


def problems(file: Path) -> list[str]:
    """What is wrong with a file of translations, in a line each."""
    wanted, there = texts(), catalogue(file)
    wanted_ids = {message.id for message in wanted if message.id}
    there_ids = {message.id for message in there if message.id}
    found = [f"missing: {name!r}" for name in wanted_ids - there_ids]
    found += [f"left over: {name!r}" for name in there_ids - wanted_ids]
    found += [f"left over: {name!r}" for name in there.obsolete]
    for message in there:
        given = [message.string] if isinstance(message.string, str) else list(message.string or ())
        if message.id and not all(given):
            found.append(f"not translated: {message.id!r}")
        if message.id and message.fuzzy:
            found.append(f"fuzzy: {message.id!r}")
        source = message.id if isinstance(message.id, str) else message.id[-1]
        if any(text and sorted(_FIELD.findall(text)) != sorted(_FIELD.findall(source)) for text in given):
            found.append(f"other fields than its text has: {message.id!r}")
    if compiled(there) != _read(file.with_suffix(".mo")):
        found.append(f"{file.with_suffix('.mo').name} is not what the .po makes")
    return sorted(found)


def compiled(translations: Catalog) -> dict[str, object]:
    """What a .mo file made of translations says."""
    written = io.BytesIO()
    write_mo(written, translations)
    written.seek(0)
    return _said(read_mo(written))


def _read(file: Path) -> dict[str, object]:
    if not file.exists():
        return {}
    with file.open("rb") as reading:
        return _said(read_mo(reading))


def _said(translations: Catalog) -> dict[str, object]:
    return {repr(message.id): message.string for message in translations if message.id}


def update(file: Path) -> None:
    """Bring one language in step."""
    there = catalogue(file)
    there.update(texts(), no_fuzzy_matching=True)
    written = io.BytesIO()
    write_po(written, there, width=120, no_location=True, sort_output=True, ignore_obsolete=True)
    file.write_bytes(_NOBODY.sub(b"", written.getvalue()))
    compiled_file = file.with_suffix(".mo")
    if compiled(there) != _read(compiled_file):
        with compiled_file.open("wb") as writing:
            write_mo(writing, there)


if __name__ == "__main__":
    wrong = []
    for po in sorted(FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        if "--check" not in sys.argv:
            update(po)
        wrong += [f"{po.relative_to(PACKAGE.parent)}: {problem}" for problem in problems(po)]
    sys.exit("\n".join(wrong) or 0)
