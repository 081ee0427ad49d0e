"""What the nodes of a Ray are told, and what is said of what they lack."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.errors import ServiceError
from rag_pipeline.ingestion.ray.engine import RayEngine, _in_words
from rag_pipeline.ingestion.run import IngestTarget, ingest
from tests.conftest import OFFLINE, ROOT

# Ray leaves sockets and files to the collector when it ends.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]


def test_the_nodes_are_told_nothing_of_store_and_chat_model(tmp_path):
    (tmp_path / "config.yaml").write_text(
        "store: {mode: server, host: chroma.example, headers: {X-Chroma-Token: hush-hush}}\n"
        "answer: {options: {api_key: hush-hush}}\nreading: {memory_mb: 300}\n"
    )
    settings = load_settings(tmp_path / "config.yaml")
    engine = RayEngine.of(settings, "bundled", None, ())
    assert b"hush-hush" not in engine._work
    assert b"chroma.example" not in engine._work
    sent = pickle.loads(engine._work).settings
    assert sent == settings.model_copy(update={"store": sent.store, "answer": sent.answer})
    assert (sent.base_dir, sent.config_file) == (settings.base_dir, settings.config_file)
    assert settings.store.headers["X-Chroma-Token"].get_secret_value() == "hush-hush"


@pytest.mark.slow
def test_what_a_node_lacks_is_named_in_one_line(tmp_path, documents, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{OFFLINE}:{ROOT}")
    (tmp_path / "config.yaml").write_text("engine: {kind: ray, workers: 1}")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "only_here.py").write_text(
        "from rag_pipeline.testing import HashEmbeddings\nclass Here(HashEmbeddings):\n    pass\n"
    )
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path / "elsewhere")
        from only_here import Here
    try:
        with pytest.raises(ServiceError, match="a node of the Ray lacks only_here: every machine needs") as error:
            ingest(load_settings("config.yaml"), IngestTarget("docs", [Path("docs")], "bundled"), embeddings=Here())
    finally:
        del sys.modules["only_here"]
    assert "\n" not in str(error.value)
    assert "Traceback" not in capfd.readouterr().err


def test_an_error_of_a_task_is_one_line():
    from ray.exceptions import RaySystemError, RayTaskError

    traceback = '\x1b[36mray::f()\x1b[39m\nTraceback (most recent call last):\n  File "x.py", line 1\n'
    lacking = RayTaskError("f", f"{traceback}ModuleNotFoundError: No module named 'rag_pipeline'", RaySystemError(""))
    assert str(_in_words(lacking)).startswith("a node of the Ray lacks rag_pipeline: ")
    broken = RayTaskError("f", f"{traceback}ValueError: too much", ValueError("too much"))
    assert str(_in_words(broken)).startswith("the Ray failed: ValueError: too much; what was written is kept")
    renamed = ImportError("cannot import name 'Chunk' from 'rag_pipeline.documents' (/x/__init__.py)")
    assert str(_in_words(renamed)).startswith("a node of the Ray lacks rag_pipeline.documents: ")
    assert str(_in_words(ImportError("libcuda.so: no such file"))).startswith(
        "the Ray failed: libcuda.so: no such file;"
    )
