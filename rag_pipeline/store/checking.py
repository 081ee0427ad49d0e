"""Whether a collection is whole: its rows, its vectors, and its index."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rag_pipeline.errors import StoreError
from rag_pipeline.store.collection import Collection
from rag_pipeline.store.records import ChunkOrigin, FileVersion, StoredFiles

_NORM_TOLERANCE = 1e-3
_SCORE_TOLERANCE = 1e-5
# Lower, and the graph is broken rather than unlucky: among thousands of texts that are nearly the same it finds 98%.
_LEAST_RECALL = 0.95
_SAMPLE = 200
# What is found of a whole collection while chunks are written and removed.
_PASSING = frozenset({"half-written", "stale", "duplicate", "index", "lexical"})
_NEAREST = 10


@dataclass(frozen=True)
class Finding:
    """Something that is off."""

    kind: str
    """``half-written``, ``stale``, ``duplicate``, ``vector``, ``index``, ``damaged`` or ``lexical``."""
    detail: str
    ids: tuple[str, ...] = ()
    """Chunks that a repair removes, to be embedded again by the next ingest."""

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        return {"kind": self.kind, "detail": self.detail, "chunks": len(self.ids)}


@dataclass
class Check:
    """What a check of a collection found."""

    chunks: int = 0
    foreign: int = 0
    """How many of them are of no file: adopted, or written by an app. An ingest leaves them alone."""
    recall: float | None = None
    """Share of the ten nearest that the index finds, over a sample of stored vectors; None: too few to say."""
    findings: list[Finding] = field(default_factory=list)
    being_written: bool = False
    """Whether someone wrote to the store meanwhile, so that more may be on its way."""
    unsettled: list[Finding] = field(default_factory=list)
    """What was off and may be a file on its way, since someone was writing; nothing is wrong for all that is known."""
    repaired: list[str] = field(default_factory=list)
    """What a repair did, in words."""

    def allow_for_writing(self) -> None:
        """Someone wrote while this was found: what a write explains is no finding."""
        self.being_written = True
        self.unsettled = [finding for finding in self.findings if finding.kind in _PASSING]
        self.findings = [finding for finding in self.findings if finding.kind not in _PASSING]


def check_collection(collection: Collection) -> Check:
    """Look at every row and a sample of the index; of one that is damaged, at the rows alone.

    Raises:
        StoreError: the store cannot be read.
    """
    collection.refresh()
    check = Check()
    files = StoredFiles()
    seen: set[tuple[FileVersion, int]] = set()
    duplicates: list[str] = []
    ids: list[str] = []
    vectors: list[npt.NDArray[np.float32]] = []
    damage = collection.damage
    for chunk_id, metadata, vector in _rows_of(collection, vectors=not damage):
        files.add(chunk_id, metadata)
        if (origin := ChunkOrigin.of(metadata)) is not None:
            if (origin.version, origin.index) in seen:
                duplicates.append(chunk_id)
            seen.add((origin.version, origin.index))
        ids.append(chunk_id)
        if vector is not None:
            vectors.append(vector)
    check.chunks = len(ids)
    check.foreign = len(files.foreign)
    check.findings += _rows(files, duplicates)
    check.findings += _lexical(collection, set(ids))
    if damage:
        check.findings.append(Finding("damaged", damage))
    elif collection.recovered:
        check.findings.append(Finding("damaged", f"the vector index was damaged ({collection.recovered})"))
        check.repaired.append("recovered the vector index from its copy, without embedding again")
    if ids and not damage:
        matrix = np.stack(vectors)
        check.findings += _vectors(collection, ids, matrix)
        check.recall = _recall(collection, matrix)
        if check.recall is not None and check.recall < _LEAST_RECALL:
            check.findings.append(
                Finding("index", f"finds {check.recall:.1%} of the nearest {_NEAREST}; it should be rebuilt")
            )
    return check


def _rows_of(
    collection: Collection, *, vectors: bool
) -> Iterator[tuple[str, Mapping[str, Any], npt.NDArray[np.float32] | None]]:
    if vectors:
        yield from collection.rows()
        return
    for chunk_id, metadata in collection.metadata():
        yield chunk_id, metadata, None


def _rows(files: StoredFiles, duplicates: list[str]) -> Iterator[Finding]:
    for key, versions in files.versions.items():
        complete = [version for version in versions.values() if version.complete]
        for version in versions.values():
            if not version.complete:
                detail = f"{key.source}: {len(version.ids)} of {version.count} chunks"
                yield Finding("half-written", detail, tuple(version.ids.values()))
        if len(complete) > 1:
            # Which of them the file is now, only the folder knows; the next ingest removes the others.
            yield Finding("stale", f"{key.source}: {len(complete)} contents side by side; ingest its folder again")
    if duplicates:
        yield Finding("duplicate", f"{len(duplicates)} chunks are stored twice", tuple(duplicates))


def _vectors(collection: Collection, ids: list[str], matrix: npt.NDArray[np.float32]) -> Iterator[Finding]:
    finite = np.asarray(np.isfinite(matrix).all(axis=1))
    bad = tuple(chunk_id for chunk_id, good in zip(ids, finite, strict=True) if not good)
    if bad:
        yield Finding("vector", f"{len(bad)} vectors hold numbers that are not finite", bad)
    fingerprint = collection.fingerprint
    if fingerprint is None or not fingerprint.values.get("normalize", False):
        return
    norms = np.linalg.norm(matrix.astype(np.float64), axis=1)
    off = finite & (np.abs(norms - 1) > _NORM_TOLERANCE)
    if off.any():
        wrong = tuple(chunk_id for chunk_id, is_off in zip(ids, off, strict=True) if is_off)
        worst = float(norms[off][np.argmax(np.abs(norms[off] - 1))])
        yield Finding("vector", f"{len(wrong)} vectors are not of length one (one has {worst:.3f})", wrong)


def _lexical(collection: Collection, ids: set[str]) -> Iterator[Finding]:
    """Nothing to remove: the index is made from the rows, by the next ingest or a repair."""
    if not ids:
        return
    if not collection.lexical.exists:
        yield Finding("lexical", "there is no lexical index for these chunks; the next ingest makes it")
        return
    try:
        collection.lexical.check()
        indexed = collection.lexical.ids()
    except StoreError as error:
        yield Finding("lexical", str(error))
        return
    if indexed != ids:
        lacks, surplus = len(ids - indexed), len(indexed - ids)
        detail = f"the lexical index lacks {lacks} chunks and has {surplus} that were deleted"
        yield Finding("lexical", f"{detail}; the next ingest brings it in step")


def _recall(collection: Collection, matrix: npt.NDArray[np.float32]) -> float | None:
    """Recall at ten against the exact ranking; a tie with the tenth counts as found."""
    count = len(matrix)
    if count < 2 or not np.isfinite(matrix).all():
        return None
    seed = int.from_bytes(hashlib.sha256(collection.name.encode()).digest()[:4], "big")
    sample = np.random.default_rng(seed).choice(count, size=min(_SAMPLE, count), replace=False)
    nearest = min(_NEAREST, count)
    found = wanted = 0
    for row in sample:
        scores = matrix @ matrix[row]
        least = np.partition(scores, -nearest)[-nearest]
        hits = collection.search(matrix[row].tolist(), nearest)
        found += min(nearest, sum(hit.score >= least - _SCORE_TOLERANCE for hit in hits))
        wanted += nearest
    return found / wanted
