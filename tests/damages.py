"""Ways in which the files of a store may be damaged, each done to a real one by hand."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

from rag_pipeline.store.embedded import index_files
from rag_pipeline.store.embedded.disk import DATABASE, LEXICAL_FOLDER

Damage = Callable[[Path, str], None]
"""Damages a store; the name is that of the collection, where it is damage to one collection."""


def parts_of(store: Path, collection: str) -> tuple[Path, Path]:
    """The folders of a collection's vector index and of its lexical index."""
    database = sqlite3.connect(store / DATABASE)
    found = database.execute(
        "SELECT segments.id, collections.id FROM segments JOIN collections ON collections.id = segments.collection"
        " WHERE segments.scope = 'VECTOR' AND collections.name = ?",
        [collection],
    ).fetchone()
    database.close()
    return store / found[0], store / LEXICAL_FOLDER / found[1]


def overwrite(file: Path, start: int, size: int) -> None:
    """Put noise in the place of some bytes."""
    with file.open("rb+") as opened:
        opened.seek(start)
        opened.write(random.Random(3).randbytes(size))


def remove_folder(folder: Path) -> None:
    """Remove a folder in which a thread of tantivy's may still take a lock: that of an index opened a moment ago."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as elsewhere:
        folder.rename(Path(elsewhere) / "removed")


def cut(file: Path, share: float) -> None:
    """Leave so much of a file."""
    os.truncate(file, int(file.stat().st_size * share))


def _body(file: Path) -> int:
    """Bytes of a file of tantivy's before its footer, which says what they should be."""
    data = file.read_bytes()
    return len(data) - 8 - int.from_bytes(data[-8:-4], "little")


def in_place_of(file: Path) -> None:
    """Make a folder where a file was."""
    file.unlink(missing_ok=True)
    file.mkdir()


def _database(change: Callable[[Path], object]) -> Damage:
    def damage(store: Path, _: str) -> None:
        change(store / DATABASE)

    return damage


def _lexical(change: Callable[[Path], object]) -> Damage:
    return lambda store, collection: (change(parts_of(store, collection)[1]), None)[1]


def _index(change: Callable[[Path], object]) -> Damage:
    return lambda store, collection: (change(parts_of(store, collection)[0]), None)[1]


def _each(pattern: str, change: Callable[[Path], object]) -> Callable[[Path], object]:
    def every(folder: Path) -> None:
        chosen = sorted(folder.glob(pattern))
        assert chosen, f"nothing of {pattern} in {folder}"
        for file in chosen:
            change(file)

    return every


def _page(share: float) -> Callable[[Path], object]:
    """A page of the database, at so much of its length, is noise."""

    def change(database: Path) -> None:
        pages = database.stat().st_size // 4096
        overwrite(database, int(pages * share) * 4096, 4096)

    return change


def _beside(ending: str) -> Callable[[Path], object]:
    return lambda database: database.with_name(database.name + ending).write_bytes(random.Random(4).randbytes(8192))


DATABASE_DAMAGES: dict[str, Damage] = {
    "database empty": _database(lambda file: os.truncate(file, 0)),
    "database cut to half": _database(lambda file: cut(file, 0.5)),
    "database cut in its header": _database(lambda file: os.truncate(file, 50)),
    "database header overwritten": _database(lambda file: overwrite(file, 0, 100)),
    "database schema overwritten": _database(lambda file: overwrite(file, 100, 3900)),
    **{
        f"database page at {share:.0%} overwritten": _database(_page(share))
        for share in (0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
    },
    "database is text": _database(lambda file: file.write_text("hello\n" * 1000)),
    "database missing": _database(lambda file: file.unlink()),
    "database a folder": _database(in_place_of),
    "journal of noise": _database(_beside("-journal")),
    "log of noise": _database(_beside("-wal")),
    "journal a folder": _database(lambda file: in_place_of(file.with_name(file.name + "-journal"))),
}
LEXICAL_DAMAGES: dict[str, Damage] = {
    "words missing": _lexical(remove_folder),
    "all words missing": lambda store, _: remove_folder(store / LEXICAL_FOLDER),
    "words empty": _lexical(lambda folder: (remove_folder(folder), folder.mkdir())),
    "words a file": _lexical(lambda folder: (remove_folder(folder), folder.write_text("x"))),
    "words' terms cut": _lexical(_each("*.term", lambda file: cut(file, 0.5))),
    "words' store emptied": _lexical(_each("*.store", lambda file: cut(file, 0))),
    "words' store overwritten": _lexical(_each("*.store", lambda file: overwrite(file, 0, _body(file)))),
    "words' postings missing": _lexical(_each("*.idx", lambda file: file.unlink())),
    "words' postings overwritten": _lexical(_each("*.idx", lambda file: overwrite(file, 0, _body(file)))),
    "words' terms overwritten": _lexical(_each("*.term", lambda file: overwrite(file, 0, _body(file)))),
    "words' lengths overwritten": _lexical(_each("*.fieldnorm", lambda file: overwrite(file, 0, _body(file)))),
    "words' footers overwritten": _lexical(_each("*.term", lambda file: overwrite(file, _body(file), 100))),
    "words' meta broken": _lexical(lambda folder: (folder / "meta.json").write_text("{oops")),
    "words' meta missing": _lexical(lambda folder: (folder / "meta.json").unlink()),
    "words' meta a folder": _lexical(lambda folder: in_place_of(folder / "meta.json")),
    "words' meta of nothing": _lexical(lambda folder: (folder / "meta.json").write_text("{}")),
    "words' rules missing": _lexical(lambda folder: (folder / "rules.txt").unlink()),
    "words' rules noise": _lexical(lambda folder: (folder / "rules.txt").write_bytes(b"\xff\xfe\x80")),
    "words' managed broken": _lexical(lambda folder: (folder / ".managed.json").write_text("{oops")),
    "words' lock left": _lexical(lambda folder: (folder / ".tantivy-writer.lock").write_text("")),
    "words' lock a folder": _lexical(lambda folder: in_place_of(folder / ".tantivy-writer.lock")),
}
INDEX_DAMAGES: dict[str, Damage] = {
    "index missing": _index(shutil.rmtree),
    "index header emptied": _index(lambda folder: os.truncate(folder / index_files.HEADER, 0)),
    "index elements overwritten": _index(lambda folder: overwrite(folder / index_files.ELEMENTS, 2000, 6000)),
    "index links cut": _index(lambda folder: cut(folder / index_files.LINKS, 0.5)),
    "index ids cut": _index(lambda folder: cut(folder / index_files.IDS, 0.5)),
    "index ids missing": _index(lambda folder: (folder / index_files.IDS).unlink()),
    "index ids a folder": _index(lambda folder: in_place_of(folder / index_files.IDS)),
    "index a file": _index(lambda folder: (shutil.rmtree(folder), folder.write_text("x"))),
}
_LOCKS = ("writer.lock", "turn.lock", "index.lock")
LOCK_DAMAGES: dict[str, Damage] = {
    "left by a killed writer": lambda store, _: (
        (store / "writer.txt").write_text("process 12 on there since 2026-01-01 10:00:00"),
        [(store / name).touch() for name in _LOCKS],
        None,
    )[-1],
    "writer.txt noise": lambda store, _: (store / "writer.txt").write_bytes(b"\xff\xfe\x1b[31m") and None,
    **{f"{name} missing": lambda store, _, name=name: (store / name).unlink() for name in (*_LOCKS, "writes")},
    **{f"{name} a folder": lambda store, _, name=name: in_place_of(store / name) for name in (*_LOCKS, "writes")},
    "writer.txt a folder": lambda store, _: in_place_of(store / "writer.txt"),
    **{f"{name} unreadable": lambda store, _, name=name: (store / name).chmod(0) for name in (*_LOCKS, "writes")},
    "safekeeping missing": lambda store, _: shutil.rmtree(store / "safekeeping"),
    "safekeeping a file": lambda store, _: (
        shutil.rmtree(store / "safekeeping"),
        (store / "safekeeping").write_text("x"),
        None,
    )[-1],
}
