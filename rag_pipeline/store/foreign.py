"""A collection that something else has made, read as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rag_pipeline.store.connection import Connection


@dataclass(frozen=True)
class ForeignRows:
    """Some of its rows."""

    ids: list[str]
    texts: list[str | None]
    metadatas: list[dict[str, Any]]
    vectors: npt.NDArray[np.float32]
    """Shape (rows, dimension), as they are stored."""


class ForeignCollection:
    """Reads a collection of any space, whoever made it; made by :meth:`rag_pipeline.store.Store.foreign`."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self.name = name
        """The collection's name."""

    @property
    def count(self) -> int:
        """How many rows it holds."""
        with self._connection.use() as opened, self._connection.translated("read"):
            return self._connection.collection(opened, self.name).count()

    def sample(self, size: int) -> ForeignRows:
        """Up to so many rows, spread evenly over the collection, the first and the last among them."""
        count = self.count
        places = np.linspace(0, count - 1, min(size, count)).round().astype(int)
        parts = [self._rows(1, int(offset)) for offset in places]
        parts = [part for part in parts if part.ids]
        return ForeignRows(
            [one for part in parts for one in part.ids],
            [text for part in parts for text in part.texts],
            [metadata for part in parts for metadata in part.metadatas],
            np.concatenate([part.vectors for part in parts]) if parts else np.empty((0, 0), np.float32),
        )

    def pages(self) -> Iterator[ForeignRows]:
        """All rows, a page in memory at a time."""
        offset = 0
        while (rows := self._rows(self._connection.limits.rows, offset)).ids:
            yield rows
            offset += len(rows.ids)

    def _rows(self, limit: int, offset: int) -> ForeignRows:
        with self._connection.use() as opened, self._connection.translated("read"):
            got = self._connection.collection(opened, self.name).get(
                limit=limit, offset=offset, include=["documents", "metadatas", "embeddings"]
            )
        nothing: list[str | None] = [None] * len(got["ids"])
        texts = [*(got["documents"] or nothing)]
        metadatas = [dict(metadata or {}) for metadata in got["metadatas"] or [{}] * len(got["ids"])]
        return ForeignRows(got["ids"], texts, metadatas, np.asarray(got["embeddings"], dtype=np.float32))
