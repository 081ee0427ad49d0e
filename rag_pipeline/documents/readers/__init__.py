"""One reader per family of formats; a suffix chooses it.

A reader of your own is an object with ``suffixes`` and ``read``, handed to :class:`Readers`, or named by an entry point
in the group ``rag_pipeline.readers``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import PurePath
from typing import Any, cast

from rag_pipeline.documents.document import Document, finished
from rag_pipeline.documents.outline import outlined
from rag_pipeline.documents.readers.base import Reader, ReadingOptions
from rag_pipeline.errors import DocumentError
from rag_pipeline.text import one_line

# What Python shows of an open file says nothing to a user, and something else each time.
_OBJECT = re.compile(r"(?:file )?'?<[^<>]* object at 0x[0-9a-f]+>'?")
ENTRY_POINTS = "rag_pipeline.readers"
EXTRA = "readers"
# What the extra installs, by the names that are imported.
EXTRA_PACKAGES = (
    "cryptography",
    "lxml",
    "olefile",
    "pypdfium2",
    "python_calamine",
)

# Bytes of a plain file up to which it is read at once, since nothing in so little takes long.
_SMALL = 16_384

ReadFunction = Callable[[str, bytes, ReadingOptions], Document]


@dataclass(frozen=True)
class _BuiltIn:
    module: str
    in_sandbox: bool
    """Whether it runs in a process of its own: its parser may hang, crash, or eat memory."""


_PLAIN = _BuiltIn("markdown", in_sandbox=False)
_BUILT_IN = {
    ".md": _PLAIN,
    ".markdown": _PLAIN,
    ".txt": _PLAIN,
    ".text": _PLAIN,
    ".csv": _BuiltIn("delimited", in_sandbox=False),
    ".tsv": _BuiltIn("delimited", in_sandbox=False),
    ".json": _BuiltIn("json_records", in_sandbox=False),
    ".jsonl": _BuiltIn("json_records", in_sandbox=False),
    ".ndjson": _BuiltIn("json_records", in_sandbox=False),
    ".ipynb": _BuiltIn("notebook", in_sandbox=False),
    ".html": _BuiltIn("html", in_sandbox=True),
    ".htm": _BuiltIn("html", in_sandbox=True),
    ".xhtml": _BuiltIn("html", in_sandbox=True),
    ".mht": _BuiltIn("web_archive", in_sandbox=True),
    ".mhtml": _BuiltIn("web_archive", in_sandbox=True),
    ".eml": _BuiltIn("mail", in_sandbox=True),
    ".epub": _BuiltIn("epub", in_sandbox=True),
    ".pdf": _BuiltIn("pdf", in_sandbox=True),
    ".docx": _BuiltIn("word", in_sandbox=True),
    ".pptx": _BuiltIn("slides", in_sandbox=True),
    ".xlsx": _BuiltIn("workbook", in_sandbox=True),
    ".xls": _BuiltIn("workbook", in_sandbox=True),
    ".ods": _BuiltIn("workbook", in_sandbox=True),
    ".hwp": _BuiltIn("hangul", in_sandbox=True),
    ".hwpx": _BuiltIn("hangul", in_sandbox=True),
}

# What is Markdown, or becomes Markdown on its way: an indented line there belongs to the item above it.
_MARKDOWN = frozenset({".md", ".markdown", ".html", ".htm", ".xhtml", ".epub", ".ipynb"})


class Readers:
    """The readers at hand.

    Args:
        own: readers of the caller's, before all others; they run in the caller's process.
        options: for the built-in ones.
    """

    def __init__(self, own: Sequence[Reader] = (), options: ReadingOptions | None = None) -> None:
        self.options = options or ReadingOptions()
        self._own: dict[str, Reader] = {suffix: reader for reader in own for suffix in reader.suffixes}
        self._installed = {suffix: reader for reader in _installed() for suffix in reader.suffixes}

    @property
    def suffixes(self) -> frozenset[str]:
        """All suffixes that can be read."""
        return frozenset({*_BUILT_IN, *self._installed, *self._own})

    def runs_in_sandbox(self, name: str, size: int) -> bool:
        """Whether a file is read in a process of its own.

        Args:
            name: its name.
            size: in bytes.
        """
        suffix = _suffix(name)
        if suffix in self._own:
            return False
        return suffix in self._installed or _BUILT_IN[suffix].in_sandbox or size > _SMALL

    def read(self, name: str, content: bytes) -> Document:
        """Read one file here and now.

        Args:
            name: the file's name; its suffix chooses the reader, its stem is the title where the text has none.
            content: the file's bytes.

        Raises:
            DocumentError: it cannot be read; the message is the reason, without the file's name.
        """
        suffix = _suffix(name)
        if not content:
            raise DocumentError("the file is empty")
        own = self._own.get(suffix) or self._installed.get(suffix)
        try:
            if own is not None:
                return finished(own.read(name, content))
            document = _function(_BUILT_IN[suffix].module)(name, content, self.options)
            return finished(self._outlined(suffix, document))
        except DocumentError:
            raise
        except ModuleNotFoundError as error:
            raise DocumentError(
                f"reading {suffix} needs the package {error.name}: pip install 'rag-pipeline[{EXTRA}]'"
            ) from None
        except MemoryError:
            raise DocumentError("takes more memory than a file may; see reading.memory_mb") from None
        except RecursionError:
            raise DocumentError("is nested too deeply") from None
        except Exception as error:
            # A parser says in its own way that a file is damaged.
            said = _OBJECT.sub("it", one_line(error))
            raise DocumentError(f"is damaged, or not a {suffix} file ({type(error).__name__}: {said})") from None

    def _outlined(self, suffix: str, document: Document) -> Document:
        if not self.options.outline:
            return document
        return outlined(document, indented_is_list=suffix in _MARKDOWN)


def read_document(name: str, content: bytes, options: ReadingOptions | None = None) -> Document:
    """Read one file with the built-in and installed readers; see :meth:`Readers.read`."""
    return Readers(options=options).read(name, content)


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower()


def _function(module: str) -> ReadFunction:
    return cast(ReadFunction, import_module(f"{__name__}.{module}").read)


def _installed() -> list[Reader]:
    found: list[Any] = []
    for entry in entry_points(group=ENTRY_POINTS):
        made = entry.load()
        found.append(made() if isinstance(made, type) else made)
    return found
