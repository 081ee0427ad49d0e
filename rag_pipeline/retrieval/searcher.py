"""A question becomes passages: both legs, their fusion, and what comes after."""

from __future__ import annotations

import asyncio
import itertools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag_pipeline.config import RetrievalMode
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.errors import CollectionMismatchError, LexicalIndexError, named
from rag_pipeline.lexical import load as load_analyser
from rag_pipeline.passages import Explanation, Passage
from rag_pipeline.probe import ModelCheck
from rag_pipeline.retrieval import selection
from rag_pipeline.retrieval.asked import AskedQuestion, FoundBefore
from rag_pipeline.retrieval.collection_statistics import CollectionStatistics, measure
from rag_pipeline.retrieval.confidence import usual_for
from rag_pipeline.retrieval.explaining import explanations_of, inner_products
from rag_pipeline.retrieval.fusion import NO_HITS, Candidate, Fusion, Legs, LexicalHits, fuse
from rag_pipeline.retrieval.lexical import lexical_leg
from rag_pipeline.retrieval.neighbours import joined
from rag_pipeline.retrieval.options import SearchOptions
from rag_pipeline.retrieval.questions import check_k, check_question
from rag_pipeline.retrieval.rerank import make_reranker
from rag_pipeline.run_in_thread import run_in_thread
from rag_pipeline.store import Collection
from rag_pipeline.store.filters import Where, checked

# How often a question is asked again where an ingest replaces passages while they are being found.
_TRIES = 3
# So many are looked at where most words that are found are of rows that are deleted.
_MOST_LOST = 5000
_EMBEDDING = "embedding the question"


class Searcher:
    """Asks one collection, with the embedding it was made with. Safe to share among threads.

    Args:
        collection: an open collection.
        embeddings: the embedding; the caller has checked that it is the collection's.
        options: how it is asked.
        base_dir: where a reranker's relative model folder starts; None: the current folder.
        on_close: called by :meth:`close`.

    Raises:
        CollectionMismatchError: mode is lexical, and the collection has no lexical index.
        LexicalIndexError: mode is lexical, and the lexical index cannot be read.
        ConfigurationError, CheckpointError, ServiceError: the reranker cannot be had.
    """

    def __init__(
        self,
        collection: Collection,
        embeddings: PipelineEmbeddings,
        options: SearchOptions | None = None,
        *,
        base_dir: Path | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self._collection = collection
        self._on_close = on_close
        self._embeddings = embeddings
        self._model_check = ModelCheck(collection, embeddings)
        self._base_dir = base_dir
        self.options = options or SearchOptions()
        self._reranker = make_reranker(self.options.rerank, embeddings, base_dir)
        self._statistics: CollectionStatistics | None = None
        self._statistics_of: object = None
        if self.options.mode != "dense":
            collection.refresh()
            missing = not collection.lexical.exists or collection.lexical_problem
            if (missing or collection.lexical.problem) and collection.count:
                self.options = self._without_lexical()

    @property
    def collection(self) -> str:
        """The collection's name."""
        return self._collection.name

    @property
    def embedding(self) -> object:
        """What the vectors depend on; equal for collections whose scores are on one scale."""
        return self._embeddings.identity

    @property
    def embeddings(self) -> PipelineEmbeddings:
        """What its questions are embedded with."""
        return self._embeddings

    @property
    def mode(self) -> RetrievalMode:
        """``dense``, ``lexical`` or ``hybrid``."""
        return self.options.mode

    @property
    def statistics(self) -> CollectionStatistics:
        """What is usual in the collection; read from a sample of it, again after others have written."""
        written = self._collection.refresh(words=self.mode != "dense")
        if self._statistics is None or written != self._statistics_of:
            self._statistics, self._statistics_of = measure(self._collection), written
        return self._statistics

    @property
    def background(self) -> CollectionStatistics:
        """The first name of :attr:`statistics`."""
        return self.statistics

    def titles(self) -> tuple[list[str], str]:
        """Titles of the collection's documents, and how many these are, in words."""
        return self._collection.titles()

    def descriptions(self) -> list[tuple[str, list[str], str]]:
        """The collection's name, titles of its documents, and how many these are, in words; in a list of one."""
        return [(self.collection, *self.titles())]

    @property
    def has_least_score(self) -> bool:
        """Whether passages below a score or a confidence are left out."""
        return self.options.min_score is not None or self.options.min_confidence is not None

    def search(
        self,
        question: str,
        k: int,
        *,
        where: Where | None = None,
        exact: bool = False,
        explain: bool = False,
    ) -> list[Passage]:
        """The k best passages, best first; fewer if the collection holds fewer that fit.

        Args:
            question: in any language the model knows.
            k: how many.
            where: a filter on metadata, e.g. ``{"type": "bulk"}`` or ``{"year": {"$gte": 2020}}``; several keys must
                all hold. See :mod:`rag_pipeline.store.filters`.
            exact: compare with every chunk rather than ask the index.
            explain: say of each passage where its score comes from.

        Raises:
            UsageError: the question is blank, k is below 1, or the filter cannot be understood.
            StoreError: the store cannot be read.
            EmbeddingError, ServiceError: the question cannot be embedded.
        """
        k = check_k(k)
        return self._search(AskedQuestion(check_question(question), checked(where), exact), k, explain)

    def search_many(
        self,
        questions: Sequence[str],
        k: int,
        *,
        where: Where | None = None,
        exact: bool = False,
        explain: bool = False,
    ) -> list[list[Passage]]:
        """The k best passages for each of several questions, which are embedded together; as :meth:`search`."""
        k, condition = check_k(k), checked(where)
        texts = [check_question(question) for question in questions]
        asked = [AskedQuestion(text, condition, exact) for text in texts]
        if texts and self.mode != "lexical":
            self._model_check.compare()
            with named(_EMBEDDING):
                vectors = np.asarray(self._embeddings.embed_queries(texts), dtype=np.float32)
            asked = [replace(one, vector=vector) for one, vector in zip(asked, vectors, strict=True)]
        return [self._search(one, k, explain) for one in asked]

    async def asearch(
        self,
        question: str,
        k: int,
        *,
        where: Where | None = None,
        exact: bool = False,
        explain: bool = False,
    ) -> list[Passage]:
        """As :meth:`search`, without holding up the event loop.

        Questions that come together are embedded together, where the embedding can; the rest is done in a thread.
        """
        k = check_k(k)
        asked = AskedQuestion(check_question(question), checked(where), exact)
        if self.mode != "lexical" and self._model_check.needed:
            await asyncio.to_thread(self._model_check.compare)
        if self.mode == "hybrid":
            # As in the sync search, the words are looked up while the question is being embedded.
            vector, found = await asyncio.gather(
                self._avector(asked.text), asyncio.to_thread(self._first_lexical_leg, asked, k)
            )
            asked = replace(asked, vector=np.asarray(vector, dtype=np.float32), found=found)
        elif self.mode == "dense":
            vector = await self._avector(asked.text)
            asked = replace(asked, vector=np.asarray(vector, dtype=np.float32))
        return await asyncio.to_thread(self._search, asked, k, explain)

    def _first_lexical_leg(self, asked: AskedQuestion, k: int) -> FoundBefore:
        """What the lexical leg finds for the first try of a search, and of which state of the collection."""
        written = self._collection.refresh()
        wanted = max(self._depth(k), self.options.candidates)
        return FoundBefore(written, wanted, self._by_words(asked, wanted))

    def _search(self, asked: AskedQuestion, k: int, explain: bool) -> list[Passage]:
        lost: set[str] = set()
        wanted = k
        for tried in itertools.count():
            self._collection.refresh(at_once=tried > 0, words=self.mode != "dense")
            try:
                asked, chosen = self._best(asked, wanted)
            except LexicalIndexError:
                if tried < _TRIES - 1 and self._words_were_removed():
                    continue
                raise
            if asked.lexical is not None and not asked.lexical.scores and self._words_were_removed():
                # By another process that recreates the collection: what it put in its place is to be asked.
                if tried < _TRIES - 1:
                    continue
                self._without_lexical()
            rows = self._collection.rows_of([candidate.id for candidate in chosen])
            # Another process may have replaced some of them meanwhile; what was written instead is to be found.
            was_lost, lost = lost, {candidate.id for candidate in chosen} - rows.keys()
            if lost != was_lost and tried < _TRIES - 1:
                continue
            if len(rows) >= k or len(chosen) < wanted or wanted > _MOST_LOST:
                break
            # A writer that was cut off has left words of rows that are deleted: others stand behind those.
            wanted *= 4
        chosen = [candidate for candidate in chosen if candidate.id in rows][:k]
        explanations = (
            explanations_of(self._collection, asked, chosen, self._has_language_correction()) if explain else {}
        )
        passages = [
            self._passage(candidate, rows[candidate.id], explanations.get(candidate.id)) for candidate in chosen
        ]
        if self.options.context:
            passages = joined(self._collection, passages, self.options.context)
        return [replace(passage, rank=rank) for rank, passage in enumerate(passages, start=1)]

    def changed(self, **options: Any) -> Searcher:
        """The same collection and model asked with other options; see :meth:`SearchOptions.changed`."""
        changed = self.options.changed(**options)
        other = Searcher(self._collection, self._embeddings, changed, base_dir=self._base_dir)
        other._statistics, other._statistics_of = self._statistics, self._statistics_of
        if changed.rerank == self.options.rerank:
            other._reranker = self._reranker  # whose model may be loaded already
        return other

    def load(self) -> None:
        """Load models now rather than at the first question: of the embedding, and of the Korean analyser."""
        if self.mode != "lexical":
            self._embeddings.load()
        if self.mode != "dense":
            load_analyser()

    def close(self) -> None:
        """Let go of the store's files, if it was opened for this; who asks afterwards opens them again."""
        if self._on_close is not None:
            self._on_close()

    def _depth(self, k: int) -> int:
        """How many candidates have to be in their final order before what comes after can choose."""
        options = self.options
        depth = k
        if options.rerank.method != "none":
            depth = max(depth, options.rerank.candidates)
        if options.diversity or options.distinct:
            depth = max(depth, options.candidates)
        return depth

    def _best(self, asked: AskedQuestion, k: int) -> tuple[AskedQuestion, list[Candidate]]:
        depth = self._depth(k)
        while True:
            asked, ranked = self._ranked(asked, depth)
            chosen = self._chosen(asked, ranked, k)
            digs = self.options.distinct and self._reranker is None
            if not digs or len(chosen) >= k or len(ranked) < depth:
                return asked, chosen
            depth *= 4  # one long document may hold all the best places

    def _ranked(self, asked: AskedQuestion, depth: int) -> tuple[AskedQuestion, list[Candidate]]:
        if self.mode == "lexical":
            hits = lexical_leg(self._collection, asked.text, asked.where, depth)
            found = [Candidate(chunk_id, score, lexical=score) for chunk_id, score in hits.scores.items()]
            return replace(asked, lexical=hits), found[:depth]
        if self.mode == "dense":
            vector = self._vector(asked)
            dense = self._collection.nearest(vector, depth, asked.where, exact=asked.exact)
            found = [Candidate(chunk_id, score, score) for chunk_id, score in dense.items()]
            usual = usual_for(self.statistics, vector, hybrid=False)
            return replace(asked, vector=vector, dense=dense, usual=usual), found
        return self._hybrid(asked, depth)

    def _hybrid(self, asked: AskedQuestion, depth: int) -> tuple[AskedQuestion, list[Candidate]]:
        wanted = max(depth, self.options.candidates)
        # While the question is embedded: the model computes outside of the interpreter lock, or waits for a service.
        looking = run_in_thread(lambda: self._lexical_hits(asked, wanted))
        try:
            statistics = self.statistics
            vector = self._vector(asked)
        finally:
            hits = looking.result()
        unbiased = statistics.remove_language_bias(vector) if self.options.balance_languages else vector
        dense = self._collection.nearest(unbiased, wanted, asked.where, exact=asked.exact)
        legs = Legs(
            dense=dense,
            dense_complete=len(dense) < wanted,
            lexical=hits,
            inner_products=lambda ids: inner_products(self._collection, unbiased, ids),
            lexical_scores=lambda ids: self._collection.lexical.search(hits.question, len(ids), ids),
        )
        fusion = Fusion(self.options.lexical_weight, statistics.spread)
        try:
            found = fuse(legs, fusion, depth)
        except LexicalIndexError as error:
            _warn_of_words(str(error))
            hits = legs.lexical = NO_HITS
            found = fuse(legs, fusion, depth)
        usual = usual_for(statistics, unbiased, hybrid=hits is not NO_HITS)
        return replace(asked, vector=vector, lexical=hits, dense=dense, usual=usual), found[:depth]

    def _words_were_removed(self) -> bool:
        return self.mode != "dense" and not self._collection.lexical.exists and bool(self._collection.count)

    def _lexical_hits(self, asked: AskedQuestion, wanted: int) -> LexicalHits:
        found = asked.found
        if found is not None and found.wanted == wanted and found.written == self._collection.refresh():
            return found.hits
        return self._by_words(asked, wanted)

    def _by_words(self, asked: AskedQuestion, wanted: int) -> LexicalHits:
        """What the lexical leg finds; nothing where its index turns out to be damaged: vectors need none."""
        try:
            return lexical_leg(self._collection, asked.text, asked.where, wanted)
        except LexicalIndexError as error:
            if self._words_were_removed():
                return NO_HITS  # and the question is asked once more
            _warn_of_words(str(error))
            return NO_HITS

    def _vector(self, asked: AskedQuestion) -> npt.NDArray[np.float32]:
        if asked.vector is not None:
            return asked.vector  # asked again for more, or embedded before
        self._model_check.compare()
        question = asked.text
        with named(_EMBEDDING):
            return np.asarray(self._embeddings.embed_query(question), dtype=np.float32)

    async def _avector(self, question: str) -> list[float]:
        with named(_EMBEDDING):
            return await self._embeddings.aembed_query(question)

    def _chosen(self, asked: AskedQuestion, ranked: list[Candidate], k: int) -> list[Candidate]:
        """Rerank, leave out what is alike or below the least score or confidence, and keep k."""
        options = self.options
        if asked.usual is not None:
            for candidate in ranked:
                candidate.height = asked.usual.height(candidate.score)
                candidate.confidence = asked.usual.confidence(candidate.score)
        if self._reranker is not None and ranked:
            head = ranked[: options.rerank.candidates]
            texts = {chunk_id: text for chunk_id, (text, _) in self._collection.rows_of([c.id for c in head]).items()}
            with named(f"reranking by {options.rerank.method}"):
                ranked = self._reranker.rerank(asked.text, [c for c in head if c.id in texts], texts)
        if options.min_score is not None:
            ranked = [candidate for candidate in ranked if candidate.score >= options.min_score]
        least = options.min_confidence
        if least is not None:
            ranked = [c for c in ranked if c.confidence is None or c.confidence >= least]
        if options.distinct:
            ranked = selection.distinct(ranked, self._collection)
        if options.diversity and len(ranked) > 1:
            ranked = selection.diverse(ranked, k, options.diversity, self._collection)
        return ranked[:k]

    def _passage(self, candidate: Candidate, row: tuple[str, Any], explanation: Explanation | None) -> Passage:
        return Passage.from_row(
            candidate.id,
            *row,
            collection=self.collection,
            score=candidate.score,
            explanation=explanation,
            confidence=candidate.confidence,
        )

    def _has_language_correction(self) -> bool:
        evens = self.mode == "hybrid" and self.options.balance_languages
        return evens and self.statistics.language_axis is not None

    def _without_lexical(self) -> SearchOptions:
        remedy = f"the next ingest makes it: rag-pipeline ingest --collection {self.collection}"
        problem = f"collection {self.collection!r} has no lexical index"
        damage = self._collection.lexical.problem
        if damage and self.options.mode == "lexical":
            raise LexicalIndexError(damage)
        if damage:
            _warn_of_words(damage)
            return replace(self.options, mode="dense")
        if self._collection.lexical_problem:
            remedy = self._collection.lexical_problem
        if self.options.mode == "lexical":
            raise CollectionMismatchError(f"{problem}; {remedy}")
        warnings.warn(f"{problem}, so passages are ranked by their vectors alone; {remedy}", stacklevel=4)
        return replace(self.options, mode="dense")


def _warn_of_words(problem: str) -> None:
    warnings.warn(f"{problem}; until then passages are ranked by their vectors alone", stacklevel=4)
