"""Whether an embedding is still the one that made a collection: the vector of one short text, kept and compared.

An identity tells two models apart by what their files say. Of an embedding of someone else's, little can be told from
outside, and a file may be changed in a place that nobody hashes. So the first vectors that are written leave the vector
of a probe text with the collection, and whoever embeds for it later compares.
"""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt

from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.errors import CollectionMismatchError
from rag_pipeline.store import Collection, Fingerprint

# Short, so that no model has to cut it.
TEXT = "흘수 12.04 m ship"
# Number formats, devices and versions of libraries move a vector by less; another model moves it by far more.
_SAME = 0.99
_LEVELS = 127


class ModelCheck:
    """Compares an embedding with a collection once, before its first vector is used.

    Args:
        collection: what the vectors are in.
        embeddings: what turns texts into vectors.
    """

    def __init__(self, collection: Collection, embeddings: PipelineEmbeddings) -> None:
        self._collection = collection
        self._embeddings = embeddings
        # A service that tells its model by name is not asked for it: each text costs, and a limit may be reached.
        self.needed = not embeddings.sends_texts_away

    def compare(self) -> None:
        """Compare, where the collection has a probe; asked again it does nothing.

        Raises:
            CollectionMismatchError: the vector is another.
        """
        if not self.needed:
            return
        kept = self._collection.probe
        if kept is not None:
            self._refuse_other(kept, self._vector())
        self.needed = False

    def compare_or_keep(self, fingerprint: Fingerprint) -> None:
        """For a writer: compare, or leave the probe with the collection.

        Args:
            fingerprint: what the collection is to say of how it was made.

        Raises:
            CollectionMismatchError: the vector is another; nothing was written.
        """
        kept = self._collection.probe
        vector = self._vector() if self.needed else None
        if kept is not None and vector is not None:
            self._refuse_other(kept, vector)
        said = None if vector is None or kept is not None else _written(vector)
        self._collection.restate(fingerprint, said)
        self.needed = False

    def _vector(self) -> npt.NDArray[np.float32]:
        vector = np.asarray(self._embeddings.embed_documents([TEXT])[0], dtype=np.float32)
        return vector / max(float(np.linalg.norm(vector)), 1e-12)

    def _refuse_other(self, kept: str, vector: npt.NDArray[np.float32]) -> None:
        before = _read(kept)
        cosine = float(before @ vector) if before.shape == vector.shape else 0.0
        if not cosine >= _SAME:
            name = self._collection.name
            raise CollectionMismatchError(
                f"collection {name!r} was made with another model than {self._embeddings.identity.model}, though both"
                f" call it the same: their vectors of one text have cosine {cosine:.3f}; use the model it was made"
                f" with, or recreate it: rag-pipeline ingest --collection {name} --rebuild"
            )


def _written(vector: npt.NDArray[np.float32]) -> str:
    """A unit vector in a byte for each number, which keeps its direction to a cosine of 0.9999."""
    scale = max(float(np.abs(vector).max()), 1e-12)
    return base64.b64encode(np.round(vector / scale * _LEVELS).astype(np.int8).tobytes()).decode()


def _read(text: str) -> npt.NDArray[np.float32]:
    vector = np.frombuffer(base64.b64decode(text), dtype=np.int8).astype(np.float32)
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
