"""The passages of a collection, by id, place and text, as training and judging need them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from rag_pipeline.evaluation.questions import EvaluationQuestion
from rag_pipeline.store import Collection
from rag_pipeline.text import split_title_path

_SHINGLE = 5
_ALIKE = 0.5


@dataclass(frozen=True)
class Corpus:
    """All passages of a collection as they were when training began, in the order of their ids."""

    ids: Sequence[str]
    texts: Sequence[str]
    metadata: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, collection: Collection) -> Corpus:
        """Read a collection.

        Raises:
            StoreError: it cannot be read.
        """
        ids = sorted(collection.ids())
        rows = collection.rows_of(ids)
        kept = [chunk_id for chunk_id in ids if chunk_id in rows]
        return cls(kept, [rows[key][0] for key in kept], [rows[key][1] or {} for key in kept])

    def vectors_in(self, collection: Collection) -> npt.NDArray[np.float32]:
        """The vectors that a collection has of these passages: shape (passages, dimension).

        Raises:
            StoreError: it cannot be read.
        """
        stored = collection.vectors_of(self.ids)
        return np.stack([stored[chunk_id] for chunk_id in self.ids])

    @cached_property
    def number(self) -> dict[str, int]:
        """A passage's place in :attr:`ids`."""
        return {chunk_id: number for number, chunk_id in enumerate(self.ids)}

    @cached_property
    def digests(self) -> list[str]:
        """A hash of each text: the same text twice is one passage."""
        return [digest(text) for text in self.texts]

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all ids and texts."""
        return digest("\n".join(f"{key} {text}" for key, text in zip(self.ids, self.digests, strict=True)))

    @cached_property
    def _places(self) -> Mapping[str, list[int]]:
        places: dict[str, list[int]] = defaultdict(list)
        for number, metadata in enumerate(self.metadata):
            for name in place_names(metadata):
                places[name].append(number)
        return places

    def answering(self, question: EvaluationQuestion) -> frozenset[int]:
        """Numbers of the passages that answer a question, by the places under its ``relevant``."""
        return frozenset(number for place in question.relevant for number in self._places.get(place, ()))

    def body(self, number: int) -> str:
        """A passage's text without its title path."""
        return split_title_path(self.texts[number], str(self.metadata[number].get("title", "")))[1]


def place_names(metadata: Mapping[str, Any]) -> tuple[str, str, str]:
    """What ``relevant`` may call a passage's place: source#section, source, source without its ending."""
    source = str(metadata.get("source", ""))
    stem = str(PurePosixPath(source).with_suffix("")) if source else ""
    return f"{source}#{metadata.get('section', '')}", source, stem


def digest(text: str) -> str:
    """A short hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def say_the_same(first: str, second: str) -> bool:
    """Whether two texts share half of their runs of five characters, as an edition and the next one do."""
    one, other = _shingles(first), _shingles(second)
    return bool(one and other) and len(one & other) > _ALIKE * min(len(one), len(other))


def _shingles(text: str) -> set[str]:
    text = " ".join(text.split())
    return {text[start : start + _SHINGLE] for start in range(max(len(text) - _SHINGLE + 1, 0))}
