"""What the nodes of a Ray are told, without a Ray."""

from __future__ import annotations

import pickle

from rag_pipeline.config import load_settings
from rag_pipeline.ingestion.ray_engine import RayEngine


def test_the_nodes_are_told_nothing_of_the_store(tmp_path):
    (tmp_path / "config.yaml").write_text(
        "store: {mode: server, host: chroma.example, headers: {X-Chroma-Token: hush-hush}}\nreading: {memory_mb: 300}\n"
    )
    settings = load_settings(tmp_path / "config.yaml")
    engine = RayEngine.of(settings, "bundled", None, ())
    assert b"hush-hush" not in engine._work
    assert b"chroma.example" not in engine._work
    sent = pickle.loads(engine._work).settings
    assert sent == settings.model_copy(update={"store": sent.store})
    assert (sent.base_dir, sent.config_file) == (settings.base_dir, settings.config_file)
    assert settings.store.headers["X-Chroma-Token"].get_secret_value() == "hush-hush"
