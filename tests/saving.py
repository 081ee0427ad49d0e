"""Vector indexes that are saved often, so that a test of saves needs few chunks."""

from __future__ import annotations

from typing import Any

import pytest

from rag_pipeline.store.embedded import connection, safekeeping


def save_often(monkeypatch: pytest.MonkeyPatch, every: int) -> None:
    """Have Chroma save an index after so many records rather than a thousand, and copies made after twice as many.

    So some saves are made up for by the log alone, and some by a copy and the log.
    """
    configured = connection.hnsw_configuration

    def saved_often(hnsw: Any) -> Any:
        made: Any = configured(hnsw)
        made["hnsw"].update(batch_size=10, sync_threshold=every)
        return made

    monkeypatch.setattr(connection, "hnsw_configuration", saved_often)
    monkeypatch.setattr(safekeeping, "_LEAST_NEW", 2 * every)
