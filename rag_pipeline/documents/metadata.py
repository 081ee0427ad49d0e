"""What is known of a document besides its text: front matter, a sidecar file, and the configuration.

All of it ends as flat values in the metadata of the document's chunks, to filter by.
"""

from __future__ import annotations

import datetime
import errno
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from rag_pipeline import limited_yaml
from rag_pipeline.errors import DocumentError
from rag_pipeline.locations import SETTINGS_BYTES, RemoteFile, SourcePath, failure_reason, read_file
from rag_pipeline.metadata_values import MOST_KEYS, MetadataValue, key_problem, storable_metadata
from rag_pipeline.text import clean, one_line

SIDECAR_SUFFIX = ".meta.yaml"
# What chunks carry of their own; a document cannot change it.
RESERVED = frozenset(
    {"source", "folder", "section", "file_sha256", "text_sha256", "chunk_index", "chunk_count"}
    | {"page", "slide", "sheet", "rows"}
)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TOML_FRONT_MATTER = re.compile(r"\A\+\+\+[ \t]*\n(.*?\n)?\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
# Beyond this it is text between two lines, or was made to keep a parser busy.
_LONGEST_FRONT_MATTER = 100_000


@dataclass(frozen=True)
class FrontMatter:
    """What stands in front of a Markdown text."""

    values: dict[str, MetadataValue]
    body: str
    """The text without it."""
    warnings: tuple[str, ...] = ()
    """What of it was left out, a line each."""


def split_front_matter(text: str) -> FrontMatter:
    """Part a Markdown text from its front matter, in YAML between ``---`` or in TOML between ``+++``.

    What looks like front matter and is none, such as a line between two thematic breaks, stays in the text. A figure is
    a number only where it reads back as it was written, and only ``true`` and ``false`` are truth values.
    """
    for pattern, parse in ((_FRONT_MATTER, _yaml), (_TOML_FRONT_MATTER, _toml)):
        match = pattern.match(text)
        if match is None or match.end() > _LONGEST_FRONT_MATTER:
            continue
        try:
            content = parse(match[1] or "")
        except Exception:  # parsers let through whatever their parts stumble over, such as an IndexError
            break
        if content is None or isinstance(content, dict):
            values = flat_values(content or {})
            left_out = [str(key) for key, value in (content or {}).items() if _is_lost(key, value, values)]
            said = f"front matter: left out, for it is nested or its name is taken: {_named(left_out)}"
            return FrontMatter(values, text[match.end() :], (said,) if left_out else ())
    return FrontMatter({}, text)


def _yaml(text: str) -> Any:
    try:
        return limited_yaml.load_as_written(text)
    except yaml.scanner.ScannerError:
        if "\t" not in text:
            raise
        # YAML takes no tabs between a key and its value; an editor puts them there all the same.
        return limited_yaml.load_as_written(text.replace("\t", "  "))


def _toml(text: str) -> Any:
    def as_written(figure: str) -> float | str:
        return float(figure) if repr(float(figure)) == figure else figure

    return {
        key: value.isoformat() if isinstance(value, datetime.date | datetime.time) else value
        for key, value in tomllib.loads(text, parse_float=as_written).items()
    }


def _is_lost(key: Any, value: Any, values: Mapping[str, MetadataValue]) -> bool:
    """Whether a key with a value is not among the values that are stored."""
    empty = value is None or value in ("", [], {})
    return not empty and clean(str(key)) not in values


def _named(keys: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(f"{key!r:.60}" for key in keys[:most])
    return shown + (", …" if len(keys) > most else "")


def read_sidecar(path: SourcePath) -> dict[str, MetadataValue]:
    """Metadata from ``NAME.meta.yaml`` next to a file; empty if there is none.

    Raises:
        DocumentError: it is there and cannot be read as keys and values, or holds keys that no store takes.
    """
    name = path.name + SIDECAR_SUFFIX
    sidecar = path.with_ending(SIDECAR_SUFFIX) if isinstance(path, RemoteFile) else path.with_name(name)
    try:
        content = limited_yaml.load_as_written(read_file(sidecar, SETTINGS_BYTES).decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        # Of a name that is nearly as long as names can be, there is no sidecar.
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            return {}
        raise DocumentError(f"{name} cannot be read: {failure_reason(error)}") from None
    except Exception as error:  # not only YAMLError: PyYAML lets through whatever its parts stumble over
        said = one_line(error)
        raise DocumentError(f"{name} is not valid YAML: {said}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise DocumentError(f"{name} holds no keys and values")
    if len(content) > MOST_KEYS:
        raise DocumentError(f"{name} holds {len(content):,} keys, more than {MOST_KEYS}")
    if problem := next(filter(None, (key_problem(clean(str(key))) for key in content)), ""):
        raise DocumentError(f"{name}: {problem}; rename it")
    return flat_values(content)


def mapped_metadata(
    source: str, mapping: Iterable[tuple[Sequence[str], Mapping[str, Any]]]
) -> dict[str, MetadataValue]:
    """Metadata that the configuration gives to files by patterns; later entries win."""
    from rag_pipeline.documents.selection import matches

    found: dict[str, MetadataValue] = {}
    for patterns, values in mapping:
        if matches(patterns, source):
            found.update(flat_values(values))
    return found


def flat_values(content: Mapping[Any, Any]) -> dict[str, MetadataValue]:
    """Values that a store takes, as :func:`storable_metadata`, without what chunks carry of their own."""
    return {name: value for name, value in storable_metadata(content).items() if name not in RESERVED}


def version_of(content_sha256: str, metadata: Mapping[str, MetadataValue]) -> str:
    """One hash for a file's bytes and the metadata given with it, so that a change of either is seen."""
    if not metadata:
        return content_sha256
    known = json.dumps(dict(metadata), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{content_sha256}\0{known}".encode()).hexdigest()
