"""Whether the files of a lexical index hold the bytes that were written: tantivy keeps checksums, and reads past them.

A file ends with a footer: JSON with the CRC-32 of all before it, its length, and a number by which it is known
(tantivy/src/directory/footer.rs, 0.27).
"""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

META_FILE = "meta.json"
# The files that tantivy may delete; it opens no index where the list is broken, and makes one where there is none.
_MANAGED_FILE = ".managed.json"
_END = struct.Struct("<II")
_MAGIC = 1337
_LONGEST_FOOTER = 50_000
_PIECE = 1 << 20
_TRIES = 3
# The files that each segment has (tantivy/src/index/segment_component.rs, 0.26); one with deletions has another.
_ENDINGS = ("fast", "fieldnorm", "idx", "pos", "store", "term")


def check_files(folder: Path) -> None:
    """Read every file of the last commit, and see that none is a folder.

    Raises:
        ValueError: one is damaged; it is named.
        OSError: one cannot be read, or is missing.
    """
    for lock in folder.glob(".tantivy-*.lock"):
        if lock.is_dir():
            raise ValueError(f"{lock.name} is a folder")
    _check_managed(folder / _MANAGED_FILE)
    for tried in range(1, _TRIES + 1):
        try:
            for segment in _segments(folder):
                files = {folder / f"{segment}.{ending}" for ending in _ENDINGS}
                for file in sorted(files.union(folder.glob(f"{segment}.*"))):
                    with file.open("rb") as opened:
                        if not _is_whole(opened, file.stat().st_size):
                            raise ValueError(f"{file.name} is damaged")
        except FileNotFoundError:
            # A writer's commit has removed it meanwhile.
            if tried == _TRIES:
                raise
        else:
            return


def _check_managed(file: Path) -> None:
    try:
        known = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return
    except ValueError:
        known = None
    if not isinstance(known, list):
        raise ValueError(f"{file.name} is damaged")


def _segments(folder: Path) -> list[str]:
    try:
        known = json.loads((folder / META_FILE).read_text("utf-8"))["segments"]
        return [str(segment["segment_id"]).replace("-", "") for segment in known]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{META_FILE} is damaged") from None


def _is_whole(file: BinaryIO, size: int) -> bool:
    if size < _END.size:
        return False
    file.seek(size - _END.size)
    length, magic = _END.unpack(file.read(_END.size))
    rest = size - _END.size - length
    if magic != _MAGIC or length > _LONGEST_FOOTER or rest < 0:
        return False
    file.seek(rest)
    try:
        written = json.loads(file.read(length))["crc"]
    except (ValueError, KeyError, TypeError):
        return False
    file.seek(0)
    found = 0
    while rest:
        piece = file.read(min(_PIECE, rest))
        if not piece:
            return False
        found, rest = zlib.crc32(piece, found), rest - len(piece)
    return bool(found == written)
