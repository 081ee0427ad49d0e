"""Collections are opened for questions, one or several at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag_pipeline.assembly import fingerprint_of, make_embeddings, open_store
from rag_pipeline.config import Settings
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.errors import CollectionMismatchError, CollectionNotFoundError
from rag_pipeline.retrieval.options import SearchOptions
from rag_pipeline.retrieval.searcher import Searcher
from rag_pipeline.retrieval.several import SeveralSearcher
from rag_pipeline.store import Store


def open_searcher(settings: Settings, collection: str | None = None, **options: Any) -> Searcher:
    """Open a collection for questions.

    Args:
        settings: the configuration.
        collection: its name; None: the default collection, or the only one there is.
        options: fields of :class:`SearchOptions` that are to differ from the configuration, such as ``mode``.

    Raises:
        CollectionNotFoundError: there is none of that name; the known ones are listed.
        CollectionMismatchError: the configuration would embed the question in another way than the passages, or
            mode is lexical and the collection has no lexical index yet.
        StoreError: the store cannot be read.
        UsageError: there is no such option, or its value is not allowed.
    """
    store = open_store(settings)
    return _open(settings, store, _choose(settings, collection, store.names()), {}, options)


def open_searchers(settings: Settings, collections: Sequence[str], **options: Any) -> Searcher | SeveralSearcher:
    """Open several collections to be asked at once; as :func:`open_searcher`."""
    store = open_store(settings)
    loaded: dict[str, PipelineEmbeddings] = {}
    names = list(dict.fromkeys(collections))
    searchers = [_open(settings, store, name, loaded, options) for name in names]
    return searchers[0] if len(searchers) == 1 else SeveralSearcher(searchers)


def _open(
    settings: Settings, store: Store, name: str, loaded: dict[str, PipelineEmbeddings], changes: dict[str, Any]
) -> Searcher:
    opened = store.get(name)
    configured = settings.collections.get(name)
    embedding = configured.embedding if configured else opened.embedding
    if embedding is None:
        raise CollectionMismatchError(
            f"collection {name!r} does not say how it was made; name its embedding under collections"
            " in config.yaml and make it anew with ingest.py --rebuild"
        )
    # A model that two collections share is loaded once.
    embeddings = loaded.setdefault(embedding, loaded.get(embedding) or make_embeddings(settings, embedding))
    opened.require(fingerprint_of(embeddings, settings), embedding)
    options = SearchOptions.from_settings(settings, name).changed(**changes)
    return Searcher(opened, embeddings, options, base_dir=settings.base_dir)


def _choose(settings: Settings, asked: str | None, known: list[str]) -> str:
    if asked is not None:
        return asked
    if settings.default_collection in known or not known:
        return settings.default_collection
    if len(known) == 1:
        return known[0]
    raise CollectionNotFoundError(
        f"the default collection {settings.default_collection!r} is not in the store;"
        f" choose one with --collection: {', '.join(known)}"
    )
