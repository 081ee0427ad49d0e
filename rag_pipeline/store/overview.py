"""What collections hold, in numbers."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from rag_pipeline.errors import LexicalIndexError
from rag_pipeline.store.collection import Collection
from rag_pipeline.store.connection import Tally
from rag_pipeline.store.fingerprint import Fingerprint


@dataclass(frozen=True)
class Overview(Tally):
    """A collection in numbers."""

    name: str
    embedding: str | None
    """Name, in the configuration, of the embedding it was made with."""
    fingerprint: Fingerprint | None
    """How it was made; None for a collection that this package did not make."""
    lexical_chunks: int
    """How many chunks its lexical index holds; 0 where it is damaged."""
    glosses: int
    """How many terms its texts explain by another, in brackets."""
    lexical_damage: str
    """Why its lexical index cannot be asked, and what to do; empty if nothing speaks against it."""


def overview_of(collection: Collection, tally: Tally | None, index_bytes: int | None) -> Overview:
    """Put together what is known of a collection.

    Args:
        collection: not asked for its rows yet.
        tally: what was counted already; None: count now, by opening it.
        index_bytes: for a tally that is made now.

    Raises:
        StoreError: the store cannot be read.
    """
    if tally is None:
        files = collection.stored_files()
        tally = Tally(len(files.versions), files.chunks, index_bytes, collection.damage)
    words = collection.lexical.problem_of_files
    glosses = 0
    if not words:
        # What only opening it brings to light is told by those who ask it.
        with contextlib.suppress(LexicalIndexError):
            glosses = collection.lexical.glosses
    return Overview(
        **vars(tally),
        name=collection.name,
        embedding=collection.embedding,
        fingerprint=collection.fingerprint,
        lexical_chunks=0 if words else collection.lexical.count,
        glosses=glosses,
        lexical_damage=words,
    )
