"""Collections that plain LangChain or Chroma has made become ours, without embedding them again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rag_pipeline.assembly import fingerprint_of, make_embeddings, open_store
from rag_pipeline.config import Settings
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.errors import CollectionMismatchError, CollectionNotFoundError, UsageError
from rag_pipeline.locations import expanded
from rag_pipeline.store import Store
from rag_pipeline.store.foreign import ForeignCollection, ForeignRows
from rag_pipeline.store.names import check_collection_name
from rag_pipeline.vectors import unit_vectors

SAMPLE = 32
# Number formats and batches move a vector by less than a thousandth; another model, prompt or pooling by far more.
LEAST_COSINE = 0.99


@dataclass(frozen=True)
class Adoption:
    """What was adopted, and how well the sample fitted."""

    collection: str
    embedding: str
    chunks: int
    sampled: int
    lowest_cosine: float
    """Of a stored vector and the one that the embedding gives for the same text."""

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        return dict(vars(self))


def adopt(
    settings: Settings,
    collection: str,
    embedding: str,
    *,
    into: str | None = None,
    replace: bool = False,
    source: Path | None = None,
) -> Adoption:
    """Make a collection of ours from one that something else has made, with its ids, texts, metadata and vectors.

    A sample of its texts is embedded first: only if the vectors are those that are stored is the embedding believed.
    The old collection stays, unless it is replaced; then it goes only after the new one is whole.

    Args:
        settings: the configuration.
        collection: the one to adopt.
        embedding: what it was made with, by its name in the configuration.
        into: the new collection's name; None: the same in another store, else with ``-adopted`` behind.
        replace: put the new collection in the place of the old one.
        source: the folder of another Chroma store that holds it; None: the configured store.

    Raises:
        CollectionNotFoundError: there is none of that name.
        CollectionMismatchError: it was made with another embedding; nothing was changed.
        UsageError: it is empty or holds rows without a text, or the new name is taken.
        StoreError, EmbeddingError, ServiceError, ConfigurationError: as elsewhere.
    """
    if replace and (into is not None or source is not None):
        raise UsageError("--replace goes with neither --as nor --from")
    target = collection if replace else into or (collection if source else f"{collection}-adopted")
    check_collection_name(target, "--as")
    embeddings = make_embeddings(settings, embedding)
    fingerprint = fingerprint_of(embeddings, settings)
    embeddings.check_ready()
    store = open_store(settings)
    origin = Store(expanded(source).resolve()) if source else store
    try:
        if source is not None and not origin.exists:
            raise CollectionNotFoundError(
                f"unknown collection {collection!r} in {origin.address}: that folder holds no Chroma store; name the"
                " one with chroma.sqlite3 in it with --from"
            )
        foreign = origin.foreign(collection)
        with store.writer():
            if not replace and target in store.names():
                raise UsageError(f"collection {target!r} is there already; choose another name with --as")
            sample = foreign.sample(SAMPLE)
            lowest = _check(foreign, sample, embeddings, embedding)
            staged = store.staging(target, fingerprint, embedding, "adopt")
            chunks = 0
            with staged.indexing():
                for rows in foreign.pages():
                    texts = [_text(foreign, text) for text in rows.texts]
                    _refuse_zeros(foreign, rows)
                    vectors = unit_vectors(rows.vectors) if embeddings.identity.normalize else rows.vectors
                    staged.write_rows(rows.ids, texts, rows.metadatas, list(vectors))
                    chunks += len(texts)
            store.replace(target, staged)
    finally:
        origin.close()
        store.close()
    return Adoption(target, embedding, chunks, len(sample.ids), lowest)


def _check(foreign: ForeignCollection, sample: ForeignRows, embeddings: PipelineEmbeddings, name: str) -> float:
    """The lowest cosine of stored and new vectors of a sample, if the embedding is believed."""
    if not sample.ids:
        raise UsageError(f"collection {foreign.name!r} is empty: there is nothing to adopt")
    texts = [_text(foreign, text) for text in sample.texts]
    identity = embeddings.identity
    dimension = sample.vectors.shape[1]
    if dimension != identity.dimension:
        raise CollectionMismatchError(
            f"collection {foreign.name!r} was not made with embedding {name!r}: it holds vectors of dimension"
            f" {dimension}, and the embedding gives {identity.dimension}; name the embedding that made it"
        )
    _refuse_zeros(foreign, sample)
    made = np.asarray(embeddings.embed_documents(texts), dtype=np.float32)
    cosines = (unit_vectors(made) * unit_vectors(sample.vectors)).sum(axis=1)
    if cosines.min() < LEAST_COSINE:
        prompt = identity.document_prompt
        hint = f" (this one puts {prompt!r} before documents; LangChain puts nothing)" if prompt else ""
        raise CollectionMismatchError(
            f"collection {foreign.name!r} was not made with embedding {name!r}: in a sample of {len(texts)}, the cosine"
            f" of stored and new vectors goes down to {cosines.min():.3f} (half are above {np.median(cosines):.3f},"
            f" all must be above {LEAST_COSINE}); name the embedding that made it{hint}"
        )
    return round(float(cosines.min()), 6)


def _refuse_zeros(foreign: ForeignCollection, rows: ForeignRows) -> None:
    for key, text, vector in zip(rows.ids, rows.texts, rows.vectors, strict=True):
        # Services give a blank text no vector either.
        if not vector.any() and (text or "").strip():
            raise CollectionMismatchError(
                f"collection {foreign.name!r} holds a vector of zeros, that of {key!r}, which no embedding gives and no"
                " question finds; delete it there, or embed its text again"
            )


def _text(foreign: ForeignCollection, text: str | None) -> str:
    if text is None:
        raise UsageError(f"collection {foreign.name!r} holds vectors without their texts, which cannot be adopted")
    return text
