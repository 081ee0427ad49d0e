"""The files of one vector index, looked at without loading them: Chroma ends the process over some damages.

An index is a folder of five files, as chromadb 1.5.9 writes them (chroma/rust/segment/src/local_hnsw.rs, and
hnswlib/hnswalg.h in its fork of hnswlib). A save rewrites them in place and in this order: ``header.bin``, the
elements that changed in ``data_level0.bin``, ``length.bin`` and ``link_lists.bin``, and then ``index_metadata.pickle``,
the table of ids, from its beginning. A folder without that table was never saved, and Chroma begins it anew.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

HEADER, ELEMENTS, LENGTHS, LINKS = "header.bin", "data_level0.bin", "length.bin", "link_lists.bin"
IDS = "index_metadata.pickle"
FILES = (HEADER, ELEMENTS, LENGTHS, LINKS, IDS)

_HEADER = struct.Struct("<iQQQQQQiIQQQdQ")
_VERSION = 1
_LABEL_BYTES = 8
# Elements looked at at once.
_ELEMENTS = 20_000
# The end of every pickle.
_STOP = b"."

Shape = dict[str, tuple[int, int]]
"""Size in bytes and time of the last change, in nanoseconds, of each file of an index that is there."""


def shape(folder: Path) -> Shape:
    """What is seen of an index without opening its files."""
    found: Shape = {}
    for name in FILES:
        try:
            stat = (folder / name).stat()
        except OSError:
            continue
        found[name] = (stat.st_size, stat.st_mtime_ns)
    return found


@dataclass(frozen=True)
class Header:
    """What of ``header.bin`` the other files have to fit."""

    count: int
    """Elements, deleted ones among them."""
    element_bytes: int
    label_offset: int
    vector_offset: int
    top_level: int
    entry: int
    link_bytes: int
    """Of one element's links on one upper level."""
    most_links: int
    """On the lowest level."""

    @classmethod
    def read(cls, folder: Path) -> Header:
        """Raises ValueError: it is no header; OSError: it cannot be read."""
        data = (folder / HEADER).read_bytes()
        if len(data) != _HEADER.size:
            raise ValueError(f"{HEADER} has {len(data)} bytes instead of {_HEADER.size}")
        version, _, most, count, size, label, vector, top, entry, links, links0, *_ = _HEADER.unpack(data)
        header = cls(count, size, label, vector, top, entry, links * 4 + 4, links0)
        fits = vector == links0 * 4 + 4 and vector < label and label + _LABEL_BYTES == size and count <= most
        if version != _VERSION or not fits or (count and entry >= count):
            raise ValueError(f"{HEADER} holds what no index of this version has")
        return header


def saved_problem(folder: Path, before: Shape) -> str:
    """Why a save that has just ended did not write all, as on a full disk; empty if it did. Mostly cheap.

    A save that fails to write its first four files does not say so, and goes on with the next.

    Args:
        folder: the index.
        before: its shape before the save.
    """
    try:
        files = shape(folder)
        untouched = [name for name in FILES if name != IDS and name in before and files.get(name) == before[name]]
        if len(untouched) == len(FILES) - 1:
            return problem(folder)  # none of them had to be written, or none could be
        if untouched:
            return f"{untouched[0]} was not written"
        header = Header.read(folder)
        _check_sizes(folder, header)
        _check_upper_links(folder, header)
        with (folder / IDS).open("rb") as ids:
            ids.seek(-1, io.SEEK_END)
            if ids.read(1) != _STOP:
                return f"{IDS} is cut off"
    except (OSError, ValueError) as error:
        return _reason(error)
    return ""


def problem(folder: Path) -> str:
    """Why an index must not be loaded; empty if nothing speaks against it. Reads all of its files.

    What nothing tells from what it should be, such as another number in a vector, is not found.
    """
    try:
        header = Header.read(folder)
        _check_sizes(folder, header)
        _check_upper_links(folder, header)
        labels = _check_elements(folder, header)
        _check_ids(folder, labels)
    except (OSError, ValueError) as error:
        return _reason(error)
    return ""


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{Path(error.filename).name} is missing"
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'} cannot be read ({error.strerror or error})"
    return str(error)


def _check_sizes(folder: Path, header: Header) -> None:
    for name, least in ((ELEMENTS, header.count * header.element_bytes), (LENGTHS, header.count * 4), (LINKS, 0)):
        size = (folder / name).stat().st_size
        if size < least:
            raise ValueError(f"{name} has {size:,} bytes; its header says {least:,}")


def _check_upper_links(folder: Path, header: Header) -> None:
    """For each element, the bytes of its links above the lowest level, mostly none, and these links."""
    words = np.fromfile(folder / LINKS, dtype=np.uint32)
    place = elements = 0
    # Those with links are few; what lies between is a word 0 for each element.
    for start in np.flatnonzero(words).tolist():
        if start < place:
            continue
        elements += start - place + 1
        if elements > header.count:
            break
        size = int(words[start])
        levels, rest = divmod(size, header.link_bytes)
        place = start + 1 + size // 4
        if rest or levels > max(header.top_level, 0) or place > len(words):
            raise ValueError(f"{LINKS} holds what no index has, or is cut off")
        blocks = words[start + 1 : place].reshape(levels, -1)
        used = np.arange(blocks.shape[1] - 1) < (blocks[:, :1] & 0xFFFF)
        if (blocks[:, 0] & 0xFFFF).max(initial=0) > blocks.shape[1] - 1 or (blocks[:, 1:][used] >= header.count).any():
            raise ValueError(f"{LINKS} holds links to nowhere")
    if elements + len(words) - place < header.count:
        raise ValueError(f"{LINKS} is cut off")


def _check_elements(folder: Path, header: Header) -> npt.NDArray[np.uint64]:
    """The labels of all elements, if their links and vectors can be such."""
    labels = np.empty(header.count, dtype=np.uint64)
    if not header.count:
        return labels
    rows = np.memmap(folder / ELEMENTS, np.uint8, "r", shape=(header.count, header.element_bytes))
    for start in range(0, header.count, _ELEMENTS):
        part = np.array(rows[start : start + _ELEMENTS])
        words = part[:, : header.vector_offset].view(np.uint32)
        # The upper half of the first word holds a mark for what is deleted.
        links = words[:, 0] & 0xFFFF
        if links.max() > header.most_links:
            raise ValueError(f"{ELEMENTS} holds what no index has")
        used = np.arange(header.most_links) < links[:, None]
        if (words[:, 1:][used] >= header.count).any():
            raise ValueError(f"{ELEMENTS} holds links to nowhere")
        vectors = np.ascontiguousarray(part[:, header.vector_offset : header.label_offset]).view(np.float32)
        if not np.isfinite(vectors).all():
            raise ValueError(f"{ELEMENTS} holds numbers that are not finite")
        labels[start : start + len(part)] = np.ascontiguousarray(part[:, header.label_offset :]).view(np.uint64)[:, 0]
    return labels


def _check_ids(folder: Path, labels: npt.NDArray[np.uint64]) -> None:
    by_id = id_table(folder)
    named = np.fromiter(by_id.values(), dtype=np.uint64, count=len(by_id))
    if len(np.unique(labels)) != len(labels) or len(np.unique(named)) != len(named):
        raise ValueError(f"{IDS} or {ELEMENTS} names an element twice")
    if not np.isin(named, labels).all():
        raise ValueError(f"{IDS} names elements that {ELEMENTS} has not")


def id_table(folder: Path) -> Mapping[str, int]:
    """The number of each record's element, by the record's id.

    Raises:
        ValueError: the table is damaged.
        OSError: it cannot be read.
    """
    try:
        with (folder / IDS).open("rb") as file:
            table = _Plain(file).load()
        by_id, by_label = dict(table["id_to_label"]), dict(table["label_to_id"])
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"{IDS} is damaged or cut off") from error
    if len(by_id) != len(by_label) or any(by_label.get(label) != known for known, label in by_id.items()):
        raise ValueError(f"{IDS} contradicts itself")
    return by_id


class _Plain(pickle.Unpickler):
    """Takes dictionaries, texts and numbers alone: a pickle may name any function to be called."""

    def find_class(self, module: str, name: str) -> Any:
        raise ValueError(f"names {module}.{name}")
