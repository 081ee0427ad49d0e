"""How a collection was made, kept with it, so that nothing made in another way gets in or is asked of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Keys in the metadata of a Chroma collection.
FINGERPRINT_KEY = "rag_pipeline:fingerprint"
EMBEDDING_KEY = "rag_pipeline:embedding"
PROBE_KEY = "rag_pipeline:probe"
STAGED_KEY = "rag_pipeline:staged_for"
MOVES_TO_KEY = "rag_pipeline:moves_to"

# Said in an error in this order, so that the most telling difference comes first.
_FIELDS = (
    "provider",
    "model",
    "revision",
    "dimension",
    "pooling",
    "normalize",
    "query_prompt",
    "document_prompt",
    "max_tokens",
    "chunk_tokens",
    "chunking_version",
    "json_fields",
    "reading",
)


@dataclass(frozen=True)
class Fingerprint:
    """What changes a vector or a chunk, and nothing else."""

    values: Mapping[str, Any]
    earlier_revision: str = field(default="", compare=False)
    """The revision as earlier versions wrote it, where it means the same; else empty."""

    @classmethod
    def of(
        cls,
        identity: Mapping[str, Any],
        chunk_tokens: int | None,
        chunking_version: int,
        json_fields: str | None = None,
        reading: str | None = None,
        earlier_revision: str = "",
    ) -> Fingerprint:
        """The fingerprint of an embedding and a way of chunking.

        Args:
            identity: the embedding's :class:`~rag_pipeline.embeddings.EmbeddingIdentity` as plain values.
            chunk_tokens: the limit of a chunk where it is below the model's own, else None.
            chunking_version: :data:`rag_pipeline.documents.chunking.CHUNKING_VERSION`.
            json_fields: which fields of JSON records are title and text, where the configuration says.
            reading: other options of reading that are not as usual.
            earlier_revision: of the identity.
        """
        model_reads = identity["max_tokens"]
        if chunk_tokens is not None and model_reads is not None and chunk_tokens >= model_reads:
            chunk_tokens = None
        values = {**identity, "chunk_tokens": chunk_tokens, "chunking_version": chunking_version}
        # Written only where they say something, so that a collection of earlier days is not told from one of today.
        told = {"json_fields": json_fields, "reading": reading}
        return cls({**values, **{name: value for name, value in told.items() if value}}, earlier_revision)

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any] | None) -> Fingerprint | None:
        """Read what :meth:`to_metadata` wrote; None for a collection that this package did not make."""
        known = metadata or {}
        parts = [known.get(FINGERPRINT_KEY)]
        while parts[-1] is not None:
            parts.append(known.get(f"{FINGERPRINT_KEY}:{len(parts)}"))
        return cls.from_json("".join(map(str, parts[:-1]))) if len(parts) > 1 else None

    @classmethod
    def from_json(cls, text: str) -> Fingerprint:
        """Read what :meth:`to_json` wrote."""
        return cls(json.loads(text))

    def to_json(self) -> str:
        """One line of JSON with sorted keys."""
        return json.dumps(dict(self.values), sort_keys=True, ensure_ascii=False)

    def to_metadata(self, longest: int | None = None) -> dict[str, str]:
        """As entries of a collection's metadata.

        Args:
            longest: most characters, each of one byte, of one value; more are spread over several keys. None: one key.
        """
        if longest is None:
            return {FINGERPRINT_KEY: self.to_json()}
        text = json.dumps(dict(self.values), sort_keys=True)
        parts = [text[start : start + longest] for start in range(0, len(text), longest)]
        return {f"{FINGERPRINT_KEY}:{number}" if number else FINGERPRINT_KEY: part for number, part in enumerate(parts)}

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self.values["dimension"])

    def differences(self, other: Fingerprint) -> list[tuple[str, Any, Any]]:
        """Field, value here, value there, for each field that differs.

        A checkpoint is known by its content: the same content under another name is the same model.
        """
        same = ("model", "revision") if self._contents() & other._contents() else ()
        return [
            (name, self.values.get(name), other.values.get(name))
            for name in _FIELDS
            if self.values.get(name) != other.values.get(name) and name not in same
        ]

    def _contents(self) -> set[str]:
        """What a checkpoint's content is called, now and by earlier versions."""
        names = {str(self.values.get("revision", "")), self.earlier_revision}
        return {name for name in names if name.startswith("sha256:")}


def describe_differences(differences: list[tuple[str, Any, Any]]) -> tuple[str, str]:
    """Both sides of a mismatch in words: ``dimension 384, pooling 'mean'`` and the other's."""
    names = {field for field, _, _ in differences}
    # Two models differ in content too; the hash says nothing more unless the names are the same.
    shown = [entry for entry in differences if not (entry[0] == "revision" and "model" in names)]

    def side(position: int) -> str:
        return ", ".join(f"{entry[0]} {entry[position]!r}" for entry in shown)

    return side(1), side(2)
