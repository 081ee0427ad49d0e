"""Files, questions and vectors for the benchmark of scale.

Passages are recombined from spans of real sentences, two to five of them, most from one subject and the rest
from others, so that vocabulary, frequencies and neighbourhoods are like those of real texts, and no two are alike.
English comes from the ship documents and this project's own documentation, Korean from the ship documents and, where
they are given, KorQuAD and sets of passages.

Vectors are the mean of the word embeddings of the bundled checkpoint, uncommon tokens counting more, with what all have
in common taken off: their mean and the axis along which they differ most, which is that between the languages (Arora et
al., 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings"). They need no model run, and lie as texts
lie: near where the subject is the same, neither in clumps nor at random.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

from rag_pipeline.embeddings.bundled.embeddings import unpack_bundled_checkpoint
from rag_pipeline.embeddings.local.tokenizing import load_tokenizer

ROOT = Path(__file__).parent.parent
# Chunks of a file: from the first up to, and without, the second.
_CHUNKS_A_FILE = (20, 51)
_OF_THE_SUBJECT = 0.7
# As in the paper: a token of this share of all tokens counts half.
_HALF_WEIGHT = 1e-3
_SAMPLE = 4000
# Of a shorter text the spans would be much the same.
_LEAST_WORDS = 100


@dataclass(frozen=True)
class Subject:
    """What spans are taken from."""

    title: str
    words: Sequence[str]


@dataclass(frozen=True)
class Section:
    """One chunk of a file, before it is cut."""

    heading: str
    body: str


class Corpus:
    """Passages of a number that is known beforehand; the same ones each time.

    Args:
        korquad: a KorQuAD 1.0 file.
        sets: folders in BEIR layout, of which the passages are taken.
    """

    def __init__(self, korquad: Path | None = None, sets: Sequence[Path] = ()) -> None:
        self.questions = [
            str(json.loads(line)["question"])
            for line in (ROOT / "evaluation" / "ships.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        self.subjects = [_subject(file) for file in sorted((ROOT / "documents" / "ships").glob("*.md"))]
        self.subjects += [_subject(file) for file in sorted((ROOT / "docs").rglob("*.md"))]
        if korquad is not None:
            for article in json.loads(korquad.read_text(encoding="utf-8"))["data"]:
                text = " ".join(paragraph["context"] for paragraph in article["paragraphs"])
                self.subjects.append(Subject(article["title"].replace("_", " "), text.split()))
                self.questions += [qa["question"] for part in article["paragraphs"] for qa in part["qas"]]
        for folder in sets:
            for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                self.subjects.append(Subject(row.get("title") or row["text"][:30], row["text"].split()))
        self.subjects = [subject for subject in self.subjects if len(subject.words) >= _LEAST_WORDS]
        # A long article is more than one span can use up; it is drawn more often than a short one.
        lengths = np.array([len(subject.words) for subject in self.subjects], dtype=float)
        self._shares = lengths / lengths.sum()

    def files(self, chunks: int) -> Iterator[tuple[str, list[Section]]]:
        """Title and sections of each file, so many that they are ``chunks`` sections in all."""
        random = np.random.default_rng(0)
        while chunks:
            count = min(int(random.integers(*_CHUNKS_A_FILE)), chunks)
            subject = self._draw(random)
            yield subject.title, [self._section(random, subject) for _ in range(count)]
            chunks -= count

    def ask(self, count: int) -> list[str]:
        """Questions: half are people's, half a few words in a row from one of the subjects."""
        random = np.random.default_rng(1)
        spans = [_span(random, self._draw(random), 5, 12) for _ in range(count // 2)]
        people = [self.questions[int(i)] for i in random.integers(0, len(self.questions), count - len(spans))]
        return [question for pair in zip(people, spans, strict=False) for question in pair]

    def _draw(self, random: np.random.Generator) -> Subject:
        return self.subjects[int(random.choice(len(self.subjects), p=self._shares))]

    def _section(self, random: np.random.Generator, subject: Subject) -> Section:
        spans = []
        for _ in range(int(random.integers(2, 6))):
            taken = subject if random.random() < _OF_THE_SUBJECT else self._draw(random)
            spans.append(_span(random, taken, 8, 30))
        return Section(_span(random, subject, 2, 5), " ".join(spans))


def write_files(folder: Path, corpus: Corpus, chunks: int) -> list[Path]:
    """Write the files of a corpus as Markdown, a thousand to a folder."""
    written = []
    for number, (title, sections) in enumerate(corpus.files(chunks)):
        file = folder / f"{number // 1000:02}" / f"{number:05}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        parts = [f"# {title} {number}", *(f"## {section.heading}\n\n{section.body}" for section in sections)]
        file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
        written.append(file)
    return written


def _subject(file: Path) -> Subject:
    text = file.read_text(encoding="utf-8")
    title = next((line.lstrip("# ") for line in text.splitlines() if line.startswith("# ")), file.stem)
    plain = re.sub(r"```.*?```|[#*`|<>\[\]_-]+|https?://\S+", " ", text, flags=re.DOTALL)
    return Subject(title, plain.split())


def _span(random: np.random.Generator, subject: Subject, least: int, most: int) -> str:
    length = int(random.integers(least, most))
    start = int(random.integers(0, max(1, len(subject.words) - length)))
    return " ".join(subject.words[start : start + length])


class StaticEmbeddings(Embeddings):
    """An embedding that costs little: a weighed mean of the rows of a table.

    Args:
        file: what :meth:`prepare` wrote.
    """

    model = "word embeddings of multilingual-e5-small"

    def __init__(self, file: Path) -> None:
        self._tokenizer: Any = load_tokenizer(unpack_bundled_checkpoint())
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        with np.load(file) as table:
            self._places: npt.NDArray[np.int64] = table["places"]
            self._rows: npt.NDArray[np.float32] = table["rows"]
            self._centre: npt.NDArray[np.float32] = table["centre"]
            self._axis: npt.NDArray[np.float32] = table["axis"]

    @classmethod
    def prepare(cls, file: Path, corpus: Corpus) -> None:
        """Write a table of the tokens that occur, so that the processes measured do not hold the others."""
        from safetensors import safe_open

        folder = unpack_bundled_checkpoint()
        tokenizer = load_tokenizer(folder)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        with safe_open(str(folder / "model.safetensors"), framework="numpy") as weights:
            [name] = [key for key in weights.keys() if key.endswith("word_embeddings.weight")]  # noqa: SIM118
            table = np.asarray(weights.get_tensor(name), dtype=np.float32)
        texts = [" ".join(subject.words) for subject in corpus.subjects] + corpus.questions
        encoded = tokenizer.encode_batch(texts, add_special_tokens=False)
        counts = np.bincount(np.concatenate([e.ids for e in encoded]), minlength=len(table))
        kept = np.flatnonzero(counts)
        shares = counts[kept] / counts.sum()
        rows = table[kept] * (_HALF_WEIGHT / (_HALF_WEIGHT + shares))[:, None]
        # The last row is for tokens that occur nowhere, such as a file's number.
        places = np.full(len(table), len(kept))
        places[kept] = np.arange(len(kept))
        rows = np.vstack([rows, np.zeros(table.shape[1])]).astype(np.float32)
        nothing = np.zeros(table.shape[1], np.float32)
        np.savez(file, places=places, rows=rows, centre=nothing, axis=nothing)
        sample = [f"{s.heading}\n\n{s.body}" for _, sections in corpus.files(_SAMPLE) for s in sections]
        means = cls(file)._means(sample)
        centre = means.mean(axis=0)
        axis = np.linalg.svd(means - centre, full_matrices=False)[2][0]
        np.savez(file, places=places, rows=rows, centre=centre, axis=axis)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of length one."""
        return self._unit(texts).tolist()  # type: ignore[no-any-return]

    def embed_query(self, text: str) -> list[float]:
        """Vector of length one."""
        return self._unit([text])[0].tolist()  # type: ignore[no-any-return]

    def _unit(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        found = self._means(texts) - self._centre
        found -= np.outer(found @ self._axis, self._axis)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.where(lengths == 0, 1, lengths), dtype=np.float32)

    def _means(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        means = np.zeros((len(texts), self._rows.shape[1]), dtype=np.float32)
        for number, encoding in enumerate(self._tokenizer.encode_batch(list(texts), add_special_tokens=False)):
            if encoding.ids:
                means[number] = self._rows[self._places[encoding.ids]].mean(axis=0)
        return means
