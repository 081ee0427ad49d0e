"""What is known of a document besides its text: front matter, a sidecar file, and the configuration.

All of it ends as flat values in the metadata of the document's chunks, to filter by.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from rag_pipeline.errors import DocumentError
from rag_pipeline.locations import RemoteFile, SourcePath
from rag_pipeline.metadata_values import MetadataValue, storable_metadata
from rag_pipeline.text import one_line

SIDECAR_SUFFIX = ".meta.yaml"
# What chunks carry of their own; a document cannot change it.
RESERVED = frozenset(
    {"source", "folder", "section", "file_sha256", "text_sha256", "chunk_index", "chunk_count"}
    | {"page", "slide", "sheet", "rows"}
)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)


def split_front_matter(text: str) -> tuple[dict[str, MetadataValue], str]:
    """The YAML front matter of a Markdown text, as flat values, and the text without it.

    What looks like front matter and is none, such as a line between two thematic breaks, stays in the text.
    """
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text
    try:
        content = yaml.safe_load(match[1] or "")
    except Exception:  # PyYAML lets through whatever its parts stumble over, such as an IndexError
        return {}, text
    if content is None:
        return {}, text[match.end() :]
    if not isinstance(content, dict):
        return {}, text
    return flat_values(content), text[match.end() :]


def read_sidecar(path: SourcePath) -> dict[str, MetadataValue]:
    """Metadata from ``NAME.meta.yaml`` next to a file; empty if there is none.

    Raises:
        DocumentError: it is there and cannot be read as keys and values.
    """
    name = path.name + SIDECAR_SUFFIX
    sidecar = path.with_ending(SIDECAR_SUFFIX) if isinstance(path, RemoteFile) else path.with_name(name)
    try:
        content = yaml.safe_load(sidecar.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{name} cannot be read: {error}") from None
    except Exception as error:  # not only YAMLError: PyYAML lets through whatever its parts stumble over
        said = one_line(error)
        raise DocumentError(f"{name} is not valid YAML: {said}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise DocumentError(f"{name} holds no keys and values")
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
