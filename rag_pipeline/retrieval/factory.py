"""Collections are opened for questions, one or several at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.embeddings import Embeddings

from rag_pipeline.assembly import fingerprint_of, make_embeddings, open_store
from rag_pipeline.config import CONFIG_FILE, Settings
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.embeddings.wrapped import as_pipeline_embeddings
from rag_pipeline.errors import CollectionMismatchError, CollectionNotFoundError, ConfigurationError
from rag_pipeline.retrieval.multi import MultiSearcher
from rag_pipeline.retrieval.options import SearchOptions
from rag_pipeline.retrieval.protocol import AnySearcher
from rag_pipeline.retrieval.searcher import Searcher
from rag_pipeline.store import Collection, Store


def open_searcher(
    settings: Settings, collection: str | None = None, *, embeddings: Embeddings | None = None, **options: Any
) -> Searcher:
    """Open a collection to be asked; close it after use.

    Args:
        settings: the configuration.
        collection: its name; None: the default collection, or the only one there is.
        embeddings: what it was made with, where that is not an embedding of the configuration.
        options: fields of :class:`SearchOptions` that are to differ from the configuration, such as ``mode``.

    Raises:
        CollectionNotFoundError: there is none of that name; the known ones are listed.
        CollectionMismatchError: the configuration would embed the question in another way than the passages, or
            mode is lexical and the collection has no lexical index yet.
        StoreError: the store cannot be read.
        UsageError: there is no such option, or its value is not allowed.
    """
    store = open_store(settings)
    with _closed_if_it_fails(store):
        own = None if embeddings is None else as_pipeline_embeddings(embeddings)
        return _open(settings, store, choose_collection(settings, collection, store.names()), {}, options, own)


def open_searchers(settings: Settings, collections: Sequence[str], **options: Any) -> AnySearcher:
    """Open several collections to be asked at once; as :func:`open_searcher`."""
    store = open_store(settings)
    loaded: dict[str, PipelineEmbeddings] = {}
    names = list(dict.fromkeys(collections))
    with _closed_if_it_fails(store):
        searchers = [_open(settings, store, name, loaded, options) for name in names]
        return searchers[0] if len(searchers) == 1 else MultiSearcher(searchers)


def open_in(
    store: Store,
    settings: Settings,
    name: str,
    loaded: dict[str, PipelineEmbeddings],
    embeddings: PipelineEmbeddings | None = None,
) -> Searcher:
    """Open a collection of a store that is open and stays so; as :func:`open_searcher`.

    Args:
        store: the caller's; closing the searcher closes it.
        settings: the configuration.
        name: the collection.
        loaded: embeddings by name that are shared among collections; one that is missing is added.
        embeddings: what it was made with, where that is not an embedding of the configuration.
    """
    return _open(settings, store, name, loaded, {}, embeddings)


@contextlib.contextmanager
def _closed_if_it_fails(store: Store) -> Iterator[None]:
    try:
        yield
    except BaseException:
        store.close()
        raise


def _open(
    settings: Settings,
    store: Store,
    name: str,
    loaded: dict[str, PipelineEmbeddings],
    changes: dict[str, Any],
    own: PipelineEmbeddings | None = None,
) -> Searcher:
    opened = _get(settings, store, name)
    configured = settings.collections.get(name)
    embedding = (configured.embedding if configured and own is None else None) or opened.embedding
    if embedding is None:
        raise CollectionMismatchError(
            f"collection {name!r} does not say how it was made: let it be adopted with"
            f" rag-pipeline adopt {name} --embedding NAME, or recreate it with rag-pipeline ingest --rebuild"
        )
    if own is None and embedding not in settings.embeddings:
        known = ", ".join(sorted(settings.embeddings))
        raise ConfigurationError(
            f"unknown embedding {embedding!r}; known: {known}; collection {name!r} was made with it: if that is one of"
            " your own, give it as embeddings=…"
        )
    # A model that two collections share is loaded once.
    embeddings = own or loaded.setdefault(embedding, loaded.get(embedding) or make_embeddings(settings, embedding))
    opened.check_compatible(fingerprint_of(embeddings, settings), embedding if own is None else None)
    options = SearchOptions.from_settings(settings, name).changed(**changes)
    return Searcher(opened, embeddings, options, base_dir=settings.base_dir, on_close=store.close)


def _get(settings: Settings, store: Store, name: str) -> Collection:
    try:
        return store.get(name)
    except CollectionNotFoundError as error:
        if settings.config_file is not None:
            raise
        raise CollectionNotFoundError(f"{error} (no {CONFIG_FILE} was found in {settings.base_dir})") from None


def choose_collection(settings: Settings, asked: str | None, known: list[str]) -> str:
    """The collection that is meant: the one asked for, the default one, or the only one there is.

    Raises:
        CollectionNotFoundError: none is asked for, the default one is not there, and there are several others.
    """
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
