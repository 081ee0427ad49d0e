"""How well a model finds what answers questions, before and after, in the user's collection and in other text.

The collection is not written to: its words are asked as they are, and its vectors are replaced in memory by those of
the model that is judged. Inner products are computed with every passage, so that no index has a say in the comparison.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag_pipeline.embeddings.base import DocumentText, EmbeddingIdentity, PipelineEmbeddings
from rag_pipeline.embeddings.local.transformer import TransformerEmbeddings
from rag_pipeline.evaluation.questions import EvaluationQuestion
from rag_pipeline.evaluation.scoring import metric_values, ranked_places
from rag_pipeline.retrieval import Searcher, SearchOptions
from rag_pipeline.store import ChunkRecord, Collection, Fingerprint, Store
from rag_pipeline.store.filters import Where
from rag_pipeline.store.records import FileKey, FileVersion
from rag_pipeline.vectors import unit_vectors

MODES = ("dense", "hybrid")
METRICS = ("hit@1", "nDCG@10")
Values = dict[str, dict[str, dict[str, float]]]
"""Mode, metric, question id: value."""

_DEPTH = 50
_OTHER_TEXT = "other_text.jsonl"


class WithVectors(Collection):
    """A collection as it would be with other vectors; for reading only.

    Args:
        collection: an open one.
        ids: of its passages.
        vectors: one for each id, shape (passages, dimension), of length one.
    """

    def __init__(self, collection: Collection, ids: Sequence[str], vectors: npt.NDArray[np.float32]) -> None:
        vars(self).update(vars(collection))
        self.probe = None
        self._other_ids = list(ids)
        self._other_vectors = vectors
        self._rows = {chunk_id: row for row, chunk_id in enumerate(ids)}

    def nearest(
        self,
        vector: Sequence[float] | npt.NDArray[np.float32],
        k: int,
        where: Where | None = None,
        *,
        exact: bool = False,  # noqa: ARG002
    ) -> dict[str, float]:
        """Ids and inner products of the k best, best first."""
        assert where is None
        scores = self._other_vectors @ np.asarray(vector, dtype=np.float32)
        best = np.argsort(-scores, kind="stable")[:k]
        return {self._other_ids[row]: float(scores[row]) for row in best}

    def vectors_of(self, ids: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
        """Vectors of some passages by id."""
        return {chunk_id: self._other_vectors[self._rows[chunk_id]] for chunk_id in ids if chunk_id in self._rows}

    def sample(self, size: int) -> tuple[npt.NDArray[np.float32], list[str]]:
        """Vectors and texts of passages spread over the collection."""
        rows = np.unique(np.linspace(0, len(self._other_ids) - 1, min(size, len(self._other_ids)), dtype=int))
        ids = [self._other_ids[row] for row in rows]
        texts = self.texts_of(ids)
        return self._other_vectors[rows], [texts.get(chunk_id, "") for chunk_id in ids]


def embed_all(
    embeddings: PipelineEmbeddings, texts: Sequence[str], on_progress: Callable[[int, int], None] | None = None
) -> npt.NDArray[np.float32]:
    """Vectors of passages: shape (texts, dimension), of length one.

    Raises:
        EmbeddingError: a text cannot be embedded.
    """
    counts = embeddings.count_document_tokens(list(texts))
    stream: Iterable[DocumentText] = (
        DocumentText(text, tokens=count) for text, count in zip(texts, counts, strict=True)
    )
    rows: list[npt.NDArray[np.float32]] = [np.empty(0, np.float32)] * len(texts)
    done = 0
    for batch in embeddings.embed_stream(stream):
        for position, vector in zip(batch.positions, batch.vectors, strict=True):
            rows[position] = np.asarray(vector, dtype=np.float32)
        done += len(batch.vectors)
        if on_progress is not None:
            on_progress(done, len(texts))
    return unit_vectors(np.stack(rows))


def measure(
    collection: Collection,
    vectors: tuple[Sequence[str], npt.NDArray[np.float32]],
    embeddings: TransformerEmbeddings,
    questions: Sequence[EvaluationQuestion],
    options: SearchOptions | None = None,
) -> Values:
    """Ask questions of a collection with other vectors, in dense and in hybrid mode."""
    other = WithVectors(collection, *vectors)
    known = _KnownQuestions(embeddings, [question.text for question in questions])
    found: Values = {}
    for mode in MODES:
        searcher = Searcher(other, known, (options or SearchOptions()).changed(mode=mode))
        rankings = {
            question.id: ranked_places(question, searcher.search(question.text, _DEPTH)) for question in questions
        }
        values = metric_values(questions, rankings)
        found[mode] = {metric: values[metric] for metric in METRICS}
    return found


class _KnownQuestions(PipelineEmbeddings):
    """An embedding that has embedded all questions at once, for both modes."""

    def __init__(self, embeddings: TransformerEmbeddings, questions: list[str]) -> None:
        self._embeddings = embeddings
        self._vectors = dict(zip(questions, embeddings.embed_queries(questions), strict=True))

    @property
    def identity(self) -> EmbeddingIdentity:
        return self._embeddings.identity

    @property
    def max_tokens(self) -> int | None:
        return self._embeddings.max_tokens

    def count_document_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._embeddings.count_document_tokens(texts)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._embeddings.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        return list(self._vectors[text]) if text in self._vectors else self._embeddings.embed_query(text)


@dataclass(frozen=True)
class OtherText:
    """Passages and questions about anything but the user's documents, Korean and English, that come along."""

    texts: Mapping[str, str]
    """By source."""
    questions: Sequence[EvaluationQuestion]

    @classmethod
    def load(cls) -> OtherText:
        """Read what is in the package."""
        texts: dict[str, str] = {}
        questions = []
        for line in files(__package__).joinpath(_OTHER_TEXT).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            texts[row["id"]] = f"{row['title']}\n\n{row['text']}"
            for number, asked in enumerate(row["questions"]):
                across = asked["language"] != row["language"]
                kind = f"{asked['language']} on {row['language']}" if across else asked["language"]
                questions.append(
                    EvaluationQuestion(f"{row['id']}-{number}", asked["text"], frozenset({row["id"]}), kind)
                )
        return cls(texts, questions)

    @contextmanager
    def collection(self, room: Path, embeddings: TransformerEmbeddings) -> Iterator[Collection]:
        """A collection of it in a folder, with an index of words; its vectors are those of ``embeddings``."""
        store = Store(room)
        fingerprint = Fingerprint.of(embeddings.identity.as_dict(), None, 1)
        try:
            with store.writer():
                made = store.create("other_text", fingerprint, "judged")
                rows = [
                    ChunkRecord(FileVersion(FileKey("", source), source), 0, 1, text, text.partition("\n")[0], "")
                    for source, text in self.texts.items()
                ]
                with made.indexing():
                    made.write(rows, list(embed_all(embeddings, [row.text for row in rows])))
                yield made
        finally:
            store.close()
