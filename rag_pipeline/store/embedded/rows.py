"""The rows of a collection whose vector index must not be loaded: all that is known of it without a vector."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rag_pipeline.errors import StoreError
from rag_pipeline.store.embedded import database
from rag_pipeline.store.filters import fits

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection

_KEYS = "SELECT id, embedding_id FROM embeddings WHERE id IN (SELECT value FROM json_each(?))"
_METADATA = (
    "SELECT id, key, string_value, int_value, float_value, bool_value FROM embedding_metadata"
    " WHERE id IN (SELECT value FROM json_each(?))"
)
_LISTS = (
    "SELECT id, key, string_value, int_value, float_value, bool_value FROM embedding_metadata_array"
    " WHERE id IN (SELECT value FROM json_each(?)) ORDER BY rowid"
)
# Rows whose metadata are read at once.
_ROWS = 500
_DOCUMENT = "chroma:document"


def damage_of(name: str, problem: str, *, recoverable: bool) -> str:
    """What is said of a damaged index: what is wrong, what still works, and what to do."""
    todo = (
        "the next rag-pipeline ingest recovers it without embedding again, and so does rag-pipeline verify --repair"
        if recoverable
        else f"recreate the collection: rag-pipeline ingest --collection {name} --rebuild"
    )
    return f"the vector index of collection {name!r} is damaged ({problem}), so only its words can be asked for; {todo}"


class RowsAlone:
    """Stands in for a Chroma collection, whose every call would load the index.

    Args:
        store: the folder.
        chroma: the collection, not asked for anything yet.
        damage: what is wrong with its index.
    """

    def __init__(self, store: Path, chroma: ChromaCollection, damage: str) -> None:
        self._store, self._chroma = store, chroma
        self.damage = damage
        """What is wrong with its index, and what to do."""
        found = database.query(
            store, "SELECT id FROM segments WHERE collection = ? AND scope = 'METADATA'", [str(chroma.id)]
        )
        self._segment = str(found[0][0])
        self._fitting: tuple[str, list[int]] | None = None

    def __getattr__(self, name: str) -> Any:
        """What has nothing to do with rows: id, name, metadata, configuration, renaming."""
        if name in ("id", "name", "metadata", "configuration_json", "modify"):
            return getattr(self._chroma, name)
        raise AttributeError(name)

    def count(self) -> int:
        """How many rows there are."""
        found = database.query(self._store, "SELECT count(*) FROM embeddings WHERE segment_id = ?", [self._segment])
        return int(str(found[0][0]))

    def get(
        self,
        ids: Sequence[str] | None = None,
        where: dict[str, Any] | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: Sequence[str] = ("metadatas", "documents"),
    ) -> dict[str, Any]:
        """Rows as Chroma gives them, in its order.

        Raises:
            StoreError: vectors are asked for.
        """
        if "embeddings" in include:
            self._refuse()
        numbers = self._of_ids(ids) if ids is not None else self._all(where)
        numbers = list(itertools.islice(numbers, offset or 0, None if limit is None else (offset or 0) + limit))
        rows = self._rows(numbers)
        chosen = [rows[number] for number in numbers if number in rows]
        if ids is not None and where is not None:
            chosen = [row for row in chosen if fits(row[2], where)]
        return {
            "ids": [key for key, _, _ in chosen],
            "documents": [text for _, text, _ in chosen] if "documents" in include else None,
            "metadatas": [metadata or None for _, _, metadata in chosen] if "metadatas" in include else None,
            "embeddings": None,
        }

    def query(self, *_: Any, **__: Any) -> NoReturn:
        """Raise StoreError."""
        self._refuse()

    upsert = delete = query

    def _refuse(self) -> NoReturn:
        raise StoreError(self.damage)

    def _of_ids(self, ids: Sequence[str]) -> list[int]:
        statement = (
            "SELECT id FROM embeddings WHERE segment_id = ? AND embedding_id IN (SELECT value FROM json_each(?))"
            " ORDER BY id"
        )
        found = database.query(self._store, statement, [self._segment, json.dumps(list(ids))])
        return [int(str(number)) for (number,) in found]

    def _all(self, where: dict[str, Any] | None) -> list[int]:
        # Asked for page by page.
        key = json.dumps(where)
        if self._fitting is None or self._fitting[0] != key:
            statement = "SELECT id FROM embeddings WHERE segment_id = ? ORDER BY id"
            numbers = [int(str(number)) for (number,) in database.query(self._store, statement, [self._segment])]
            if where is not None:
                kept = []
                for start in range(0, len(numbers), _ROWS):
                    rows = self._rows(numbers[start : start + _ROWS])
                    kept += [number for number, (_, _, metadata) in rows.items() if fits(metadata, where)]
                numbers = sorted(kept)
            self._fitting = key, numbers
        return self._fitting[1]

    def _rows(self, numbers: Sequence[int]) -> dict[int, tuple[str, str | None, dict[str, Any]]]:
        """Id, text and metadata, by the row's number."""
        found: dict[int, tuple[str, str | None, dict[str, Any]]] = {}
        for start in range(0, len(numbers), _ROWS):
            chosen = json.dumps(numbers[start : start + _ROWS])
            keys = {int(str(number)): str(key) for number, key in database.query(self._store, _KEYS, [chosen])}
            known: dict[int, dict[str, Any]] = {number: {} for number in keys}
            for number, key, *values in database.query(self._store, _METADATA, [chosen]):
                known[int(str(number))][str(key)] = _value(values)
            for number, key, *values in database.query(self._store, _LISTS, [chosen]):
                known[int(str(number))].setdefault(str(key), []).append(_value(values))
            for number, metadata in known.items():
                found[number] = keys[number], metadata.pop(_DOCUMENT, None), metadata
        return found


def _value(values: Sequence[Any]) -> Any:
    text, whole, real, truth = values
    if truth is not None:
        return bool(truth)
    return next((value for value in (text, whole, real) if value is not None), None)
