"""Dense retrieval: the passages whose vectors have the highest inner product with the question's."""

from __future__ import annotations

from rag_pipeline.assembly import fingerprint_of, make_embeddings, open_store
from rag_pipeline.config import Settings
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.errors import CollectionMismatchError, CollectionNotFoundError, UsageError
from rag_pipeline.passages import Passage
from rag_pipeline.retrieval.questions import check_question
from rag_pipeline.store import Collection
from rag_pipeline.store.filters import Where, checked


class Searcher:
    """Asks one collection, with the embedding it was made with.

    Args:
        collection: an open collection.
        embeddings: the embedding; the caller has checked that it is the collection's.
    """

    mode = "dense"

    def __init__(self, collection: Collection, embeddings: PipelineEmbeddings) -> None:
        self._collection = collection
        self._embeddings = embeddings

    @property
    def collection(self) -> str:
        """The collection's name."""
        return self._collection.name

    def search(self, question: str, k: int, *, where: Where | None = None, exact: bool = False) -> list[Passage]:
        """The k best passages, best first; fewer if the collection holds fewer that fit.

        Args:
            question: in any language the model knows.
            k: how many.
            where: a filter on metadata, e.g. ``{"type": "bulk"}`` or ``{"year": {"$gte": 2020}}``; several keys must
                all hold. See :mod:`rag_pipeline.store.filters`.
            exact: compare with every chunk rather than ask the index.

        Raises:
            UsageError: the question is blank, k is below 1, or the filter cannot be understood.
        """
        question = check_question(question)
        if k < 1:
            raise UsageError(f"top_k must be 1 or more, found {k}")
        where = checked(where)
        hits = self._collection.search(self._embeddings.embed_query(question), k, where, exact=exact)
        return [
            Passage(
                rank=rank,
                score=hit.score,
                id=hit.id,
                title=str(hit.metadata.get("title", "")),
                section=str(hit.metadata.get("section", "")),
                source=str(hit.metadata.get("source", "")),
                text=hit.text,
                metadata=hit.metadata,
            )
            for rank, hit in enumerate(hits, start=1)
        ]


def open_searcher(settings: Settings, collection: str | None = None) -> Searcher:
    """Open a collection for questions.

    Args:
        settings: the configuration.
        collection: its name; None: the default collection, or the only one there is.

    Raises:
        CollectionNotFoundError: there is none of that name; the known ones are listed.
        CollectionMismatchError: the configuration would embed the question in another way than the passages.
        StoreError: the store cannot be read.
    """
    store = open_store(settings)
    opened = store.get(_choose(settings, collection, store.names()))
    configured = settings.collections.get(opened.name)
    name = configured.embedding if configured else opened.embedding
    if name is None:
        raise CollectionMismatchError(
            f"collection {opened.name!r} does not say how it was made; name its embedding under collections"
            " in config.yaml and make it anew with ingest.py --rebuild"
        )
    embeddings = make_embeddings(settings, name)
    opened.require(fingerprint_of(embeddings, settings), name)
    return Searcher(opened, embeddings)


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
