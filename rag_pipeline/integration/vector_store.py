"""A collection as a LangChain vector store."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from rag_pipeline.assembly import embedding_name, fingerprint_of, make_embeddings, open_store
from rag_pipeline.config import Settings
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.embeddings.wrapped import as_pipeline_embeddings
from rag_pipeline.errors import (
    CollectionMismatchError,
    EmbeddingError,
    RagPipelineError,
    StoreError,
    UsageError,
)
from rag_pipeline.integration.additions import Addition, AdditionGatherer
from rag_pipeline.integration.validation import check_ids, check_metadatas, check_texts, refuse_unknown
from rag_pipeline.integration.vector_search import CollectionVectorSearch
from rag_pipeline.probe import ModelCheck
from rag_pipeline.run_in_thread import run_in_thread
from rag_pipeline.store import Collection, Fingerprint, Store
from rag_pipeline.store.names import check_collection_name
from rag_pipeline.store.records import FILE_KEYS

_ADDING = ("texts", "metadatas", "ids", "batch_size")
_MAKING = frozenset({"settings", "collection"})
# The hash is of what the file's chunk was embedded from: an ingest would use the vector of this text for that one.
_LEFT_OUT = FILE_KEYS | {"text_sha256"}


class PipelineVectorStore(CollectionVectorSearch):
    """Dense search of one collection behind LangChain's interface for vector stores, and writing to it.

    Scores are inner products, higher is better. Writing takes the store's lock for each call and keeps the lexical
    index in step; calls that come together are embedded and written together, and other writers of the process are
    waited for. Documents written here belong to no folder, and an ingest leaves them alone. For hybrid search take
    :class:`rag_pipeline.PipelineRetriever`. A copy, also one that went through pickle, opens the collection for itself;
    keys do not go with it and are read again from the configuration and the environment.

    Args:
        store: where the collection is.
        collection: its name.
        embeddings: what it was made with.
        fingerprint: how it must have been made, whenever it is opened; None: as it was at the first time.
        embedding: the name of the embedding in the configuration; None: the caller brought one.
    """

    def __init__(
        self,
        store: Store,
        collection: str,
        embeddings: PipelineEmbeddings,
        fingerprint: Fingerprint | None = None,
        embedding: str | None = None,
    ) -> None:
        self._store = store
        self._name = collection
        self._embeddings = embeddings
        self._fingerprint = fingerprint
        self._embedding = embedding
        self._collection: Collection | None = None
        self._additions = AdditionGatherer()
        self._model_check: ModelCheck | None = None
        self._settings: Settings | None = None
        _count_as_chroma()

    def __getstate__(self) -> dict[str, Any]:
        # What the settings can make again is not sent; the settings leave their keys behind.
        named = self._settings is not None and self._embedding is not None
        return {
            "settings": self._settings,
            "store": self._store if self._settings is None else None,
            "collection": self._name,
            "embeddings": None if named else self._embeddings,
            "fingerprint": self._fingerprint,
            "embedding": self._embedding,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        settings, embedding = state["settings"], state["embedding"]
        PipelineVectorStore.__init__(
            self,
            state["store"] or open_store(settings),
            state["collection"],
            state["embeddings"] or make_embeddings(settings, embedding),
            state["fingerprint"],
            embedding,
        )
        self._settings = settings

    def __copy__(self) -> Self:
        made = type(self).__new__(type(self))
        # A model is loaded once, and may be shared.
        made.__setstate__({**self.__getstate__(), "embeddings": self._embeddings})
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        memo[id(self)] = made = self.__copy__()
        return made

    @classmethod
    def open(
        cls, settings: Settings, collection: str, embeddings: Embeddings | None = None, *, create: bool = False
    ) -> Self:
        """The vector store of a collection of the configuration.

        Args:
            settings: the configuration.
            collection: its name.
            embeddings: what it was made with, where that is not an embedding of the configuration.
            create: make it, empty, if it is not there.

        Raises:
            CollectionNotFoundError: there is none of that name.
            CollectionMismatchError: it was made in another way.
            UsageError: it is to be made, and its name is none that a collection can have.
        """
        if create:
            check_collection_name(collection)
        store = open_store(settings)
        try:
            name = embedding_name(settings, store, collection)
            own = make_embeddings(settings, name) if embeddings is None else as_pipeline_embeddings(embeddings)
            fingerprint = fingerprint_of(own, settings)
            if create and collection not in store.names():
                with store.writer():
                    # Another process may have made it until now.
                    if collection not in store.names():
                        store.create(collection, fingerprint, name if embeddings is None else own.identity.model)
            opened = cls(store, collection, own, fingerprint, name if embeddings is None else None)
            opened._settings = settings
            opened._get()
        except BaseException:
            store.close()
            raise
        return opened

    @property
    def embeddings(self) -> PipelineEmbeddings:
        """What texts and questions are embedded with."""
        return self._embeddings

    def close(self) -> None:
        """Let go of the files; the next call opens them again."""
        self._collection = None
        self._store.close()

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        batch_size: int | None = None,
        **unknown: Any,
    ) -> list[str]:
        """Embed texts and store them; one of an id that is there replaces it.

        Documents that were found in a collection may be added again: they become texts of no file. What made them
        chunks of one (``file_sha256``, ``text_sha256``, ``chunk_index``, ``chunk_count``) is left out, so that no
        ingest removes them with it; ``source``, ``folder`` and ``title`` stay, to cite them by. Only what replaces a
        chunk of a file, by its id in the collection, stays one of that file.

        Args:
            texts: as they are to be found.
            metadatas: one for each text, of strings, numbers, truth values and lists of one of these; what is None is
                left out.
            ids: one for each text; None: made up.
            batch_size: as LangChain's ``index`` gives it; rows are written in batches that the store takes.
            unknown: refused.

        Returns:
            the ids.

        Raises:
            UsageError: the lists differ in length, an id comes twice, a text is empty or too long for the store, or a
                value is not allowed.
            CollectionMismatchError: the collection was recreated in another way.
            StoreLockedError: another process is writing, or others of this one are for longer than
                ``store.queue_timeout``.
            StoreError, EmbeddingError, ServiceError: nothing was stored.
        """
        del batch_size
        refuse_unknown(unknown, "add_texts", _ADDING)
        addition = self._addition(texts, metadatas, ids)
        return self._additions.add(addition, self._add_together) if addition.ids else []

    def _addition(self, texts: Iterable[str], metadatas: Any, ids: Any) -> Addition:
        contents = check_texts(texts)
        given = [None] * len(contents) if ids is None else check_ids(ids, made_up=True)
        if len(given) != len(contents):
            raise UsageError(f"{len(contents)} texts and {len(given)} ids do not go together")
        chosen = [one or str(uuid.uuid4()) for one in given]
        if len(set(chosen)) < len(chosen):
            raise UsageError("an id is given twice")
        known = [
            {name: value for name, value in metadata.items() if name not in _LEFT_OUT}
            for metadata in check_metadatas(metadatas, len(contents))
        ]
        if contents:
            self._check_lengths(contents)
        return Addition(chosen, contents, known)

    def _add_together(self, additions: Sequence[Addition]) -> None:
        """Embed and write what several callers add; one at whose texts it fails is done over alone."""
        try:
            vectors = self._embeddings.embed_documents([text for one in additions for text in one.texts])
            with self._writing() as collection:
                check = self._model_to_check()
                if check is not None and collection.fingerprint is not None:
                    check.compare_or_keep(collection.fingerprint)
                failures = _write(collection, additions, vectors)
        except Exception as error:
            if len(additions) > 1 and not _is_everyones(error):
                for one in additions:
                    self._add_together([one])
                return
            failures = dict.fromkeys(additions, error)
        for one in additions:
            one.finish(failures.get(one))

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        batch_size: int | None = None,
        **unknown: Any,
    ) -> list[str]:
        """As :meth:`add_texts`, in a thread; what several tasks add at once is embedded and written together."""
        del batch_size
        refuse_unknown(unknown, "aadd_texts", _ADDING)
        addition = await asyncio.to_thread(self._addition, texts, metadatas, ids)
        return await self._additions.aadd(addition, self._add_together) if addition.ids else []

    def delete(self, ids: list[str] | None = None, **unknown: Any) -> bool:
        """Remove texts by id; ids that are not there do no harm.

        Raises:
            UsageError: no ids are given, or something else is; a whole collection is not emptied by leaving out ids.
            StoreLockedError: another process is writing.
        """
        refuse_unknown(unknown, "delete", ("ids",))
        if ids is None:
            raise UsageError("name the ids to delete")
        present = list(self._opened().rows_of(list(dict.fromkeys(check_ids(ids)))))
        if present:
            with self._writing() as collection:
                collection.delete(present)
        return True

    async def adelete(self, ids: list[str] | None = None, **unknown: Any) -> bool:
        """As :meth:`delete`, in a thread of its own, since it may wait for others to write."""
        return await asyncio.wrap_future(run_in_thread(lambda: self.delete(ids, **unknown)))

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Documents by id, in the order of the ids; those that are not there are left out."""
        ids = check_ids(ids)
        rows = self._opened().rows_of(ids)
        return [Document(id=one, page_content=rows[one][0], metadata=dict(rows[one][1])) for one in ids if one in rows]

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """As :meth:`get_by_ids`, in a thread."""
        return await asyncio.to_thread(self.get_by_ids, ids)

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **fields: Any,
    ) -> Self:
        """A collection of these texts.

        Args:
            texts: what goes in.
            embedding: any LangChain embedding.
            metadatas: one for each text.
            ids: one for each text.
            fields: ``settings`` and ``collection``, both needed; others are refused.
        """
        refuse_unknown({name: fields[name] for name in fields.keys() - _MAKING}, "from_texts", sorted(_MAKING))
        if not isinstance(fields.get("settings"), Settings) or not isinstance(fields.get("collection"), str):
            raise UsageError("from_texts needs settings=load_settings(…) and collection='name'")
        opened = cls.open(fields["settings"], fields["collection"], embedding, create=True)
        opened.add_texts(texts, metadatas, ids=ids)
        return opened

    def _opened(self) -> Collection:
        if self._collection is None:
            self._collection = self._get()
        return self._collection

    def _model_to_check(self) -> ModelCheck | None:
        if self._model_check is None:
            self._model_check = ModelCheck(self._opened(), self._embeddings)
        return self._model_check if self._model_check.needed else None

    def _get(self) -> Collection:
        """The collection as it is now, which another process may have recreated.

        Raises:
            CollectionMismatchError: it was made in another way than these embeddings go with.
        """
        collection = self._store.get(self._name)
        if self._fingerprint is None:
            self._fingerprint = collection.fingerprint
        else:
            collection.check_compatible(self._fingerprint, self._embedding)
        return collection

    def _check_lengths(self, texts: Sequence[str]) -> None:
        opened = self._opened()
        for number, text in enumerate(texts):
            if reason := opened.rejection_reason(text):
                raise UsageError(f"text {number} of {len(texts)} cannot be stored: {reason}")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Collection]:
        with self._store.writer():
            collection = self._get()
            with collection.indexing():
                yield collection


def _write(
    collection: Collection, additions: Sequence[Addition], vectors: Sequence[Sequence[float]]
) -> dict[Addition, Exception]:
    """Write what several callers add, and where that fails each for itself; what could not be written."""
    ids = [chunk_id for one in additions for chunk_id in one.ids]
    old = collection.rows_of(ids)
    # Chroma would keep what the old metadata had and the new has not.
    before = [old[chunk_id][1] if chunk_id in old else {} for chunk_id in ids]
    known = [metadata for one in additions for metadata in one.metadatas]
    merged = [{**dict.fromkeys(had), **now, **_file_of(had)} for had, now in zip(before, known, strict=True)]
    texts = [text for one in additions for text in one.texts]
    try:
        collection.write_rows(ids, texts, merged, vectors)
    except StoreError:
        if len(additions) == 1:
            raise
    else:
        return {}
    failures: dict[Addition, Exception] = {}
    start = 0
    for one in additions:
        part = slice(start, start + len(one.ids))
        start = part.stop
        try:
            collection.write_rows(ids[part], texts[part], merged[part], vectors[part])
        except Exception as error:
            failures[one] = error
    return failures


def _is_everyones(error: Exception) -> bool:
    """Whether a failure has nothing to do with the texts: it would only take its time once more."""
    of_a_text = EmbeddingError | CollectionMismatchError
    return isinstance(error, RagPipelineError) and not isinstance(error, of_a_text) and getattr(error, "passing", True)


def _count_as_chroma() -> None:
    """Let LangChain's ``SelfQueryRetriever`` find the translator of filters: it looks for the class of the store.

    Only where langchain-chroma is installed, which it asks. The class is a virtual one: nothing of it is inherited.
    """
    with contextlib.suppress(ImportError):
        from langchain_chroma import Chroma

        Chroma.register(PipelineVectorStore)


def _file_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What says which chunk of which file a row is; empty if it is of none."""
    names = FILE_KEYS | {"folder", "source"}
    return {name: metadata[name] for name in names} if names <= metadata.keys() else {}
