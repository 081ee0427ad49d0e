"""All collections of a store counted at once, from its database: no index is loaded and no collection asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rag_pipeline.store.connection import Tally
from rag_pipeline.store.embedded import database, disk, safekeeping
from rag_pipeline.store.embedded.rows import damage_of

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection

# Collection, segments of rows and of vectors, the last records that each holds.
_SEGMENTS = (
    "SELECT r.collection, r.id, v.id, coalesce(rs.seq_id, 0), coalesce(vs.seq_id, 0) FROM segments r"
    " JOIN segments v ON v.collection = r.collection AND v.scope = 'VECTOR'"
    " LEFT JOIN max_seq_id rs ON rs.segment_id = r.id LEFT JOIN max_seq_id vs ON vs.segment_id = v.id"
    " WHERE r.scope = 'METADATA'"
)
_CHUNKS = "SELECT segment_id, count(*) FROM embeddings GROUP BY segment_id"
# Files, by the keys that ChunkOrigin reads.
_DOCUMENTS = (
    "SELECT segment_id, count(*) FROM (SELECT DISTINCT e.segment_id, f.string_value, s.string_value"
    " FROM embeddings e"
    " JOIN embedding_metadata s ON s.id = e.id AND s.key = 'source' AND s.string_value IS NOT NULL"
    " JOIN embedding_metadata f ON f.id = e.id AND f.key = 'folder' AND f.string_value IS NOT NULL"
    " JOIN embedding_metadata i ON i.id = e.id AND i.key = 'chunk_index' AND i.int_value IS NOT NULL"
    " JOIN embedding_metadata n ON n.id = e.id AND n.key = 'chunk_count' AND n.int_value IS NOT NULL"
    " JOIN embedding_metadata h ON h.id = e.id AND h.key = 'file_sha256') GROUP BY segment_id"
)
_LOGGED = "SELECT topic, max(seq_id) FROM embeddings_queue GROUP BY topic"


def tallies(store: Path, chromas: Iterable[tuple[str, ChromaCollection]]) -> dict[str, Tally]:
    """Count collections; the caller holds the lock on the store's indexes.

    Args:
        store: the folder.
        chromas: each with the name it is asked by.

    Returns:
        by id of the collection; those are left out of which the database does not hold all that the log does, as after
        a kill, and all of them where Chroma's tables are none that are known.
    """
    try:
        segments, *counted = database.query_all(store, [_SEGMENTS, _CHUNKS, _DOCUMENTS, _LOGGED])
    except sqlite3.Error:
        return {}
    chunks, documents, logged = (_numbers(rows) for rows in counted)
    made: dict[str, Tally] = {}
    places = {str(row[0]): [str(one) for one in row[1:3]] + [int(str(one)) for one in row[3:]] for row in segments}
    for name, chroma in chromas:
        key = str(chroma.id)
        if key not in places:
            continue
        rows, vectors, held, saved = places[key]
        if logged.get(database.topic(key), 0) > int(held):
            continue
        keeper = safekeeping.IndexKeeper(store, chroma, database.IndexState(str(vectors), int(saved), 0))
        problem = keeper.problem()
        made[key] = Tally(
            documents.get(str(rows), 0),
            chunks.get(str(rows), 0),
            disk.indexes_size(store, [str(vectors)], key),
            damage_of(name, problem, recoverable=keeper.recoverable) if problem else "",
        )
    return made


def _numbers(rows: Iterable[tuple[object, ...]]) -> Mapping[str, int]:
    return {str(key): int(str(number)) for key, number in rows}
