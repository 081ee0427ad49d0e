"""Real parts for the tests: the bundled model unpacked once, a tiny checkpoint, folders of documents."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import warm
from tests.gemini_fixtures import gemini
from tests.warm import OFFLINE, ROOT

__all__ = ["OFFLINE", "ROOT", "gemini"]

_PROGRESS = re.compile(r"\d+ of \d+ files, [\d,]+ tokens")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("RAG_PIPELINE_", "GOOGLE_", "GEMINI_", "HF_", "HTTP_", "HTTPS_", "CHROMA_", "SSL_CERT_")):
            monkeypatch.delenv(name)
        if name.lower().endswith("_proxy") or name == "REQUESTS_CA_BUNDLE":
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    # English, whatever the machine speaks.
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("LANGUAGE", raising=False)


@pytest.fixture(autouse=True)
def _searchers_are_closed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test opens and drops: each holds a dozen files, and a process may have few."""
    opened: list[Any] = []
    make = getattr(request.module, "open_searcher", None)

    def keep(*arguments: Any, **options: Any) -> Any:
        opened.append(make(*arguments, **options))
        return opened[-1]

    if make is not None:
        monkeypatch.setattr(request.module, "open_searcher", keep)
    yield
    for searcher in opened:
        searcher.close()


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder in which the bundled model is unpacked."""
    from rag_pipeline.embeddings.bundled.embeddings import unpack_bundled_checkpoint

    cache = tmp_path_factory.mktemp("cache")
    unpack_bundled_checkpoint(cache)
    return cache


@pytest.fixture(scope="session")
def bundled_folder(cache_dir: Path) -> Path:
    """The bundled model as a checkpoint folder."""
    from rag_pipeline.embeddings.bundled.embeddings import unpack_bundled_checkpoint

    return unpack_bundled_checkpoint(cache_dir)


@pytest.fixture(scope="session", autouse=True)
def _one_bundled_model() -> Iterator[None]:
    """The bundled model is loaded once for each way of running it: every time costs seconds and 490 MB."""
    from rag_pipeline.embeddings.local import transformer

    load = transformer.load_encoder
    loaded: dict[tuple[object, ...], Any] = {}

    def load_once(checkpoint: Any, *how: Any) -> Any:
        if not checkpoint.name.startswith("multilingual-e5"):
            return load(checkpoint, *how)
        key = (checkpoint.digest, *how)
        if key not in loaded:
            loaded[key] = load(checkpoint, *how)
        return loaded[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transformer, "load_encoder", load_once)
        yield


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real BERT checkpoint, small and random, that reads 32 tokens; tokens are characters."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("models") / "tiny"
    torch.manual_seed(7)
    letters = sorted(set("abcdefghijklmnopqrstuvwxyz .:0123456789가나다라마바사아자차카타파하선박흘수"))
    vocabulary = {piece: index for index, piece in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters])}
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=32,
        initializer_range=0.5,
    )
    model = BertModel(config, add_pooling_layer=False)
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 32, "pad_token": "[PAD]"})
    )
    return folder


@pytest.fixture
def tiny_copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint that a test may spoil."""
    import shutil

    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "tiny-copy"))


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A small folder of Korean and English documents."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "container.md").write_text(
        "# 컨테이너선 (Container Ship)\n\n## 제원\n\n최대 흘수 12.04 m.\n\n## 역사\n\n운하는 1914년에 열렸다.\n",
        "utf-8",
    )
    (folder / "bulk.md").write_text("# 벌크선 (Bulk Carrier)\n\n석탄과 곡물을 나른다.\n", "utf-8")
    (folder / "notes.txt").write_text("The pilot boards before the lock.\n", "utf-8")
    return folder


@pytest.fixture
def project(tmp_path: Path, documents: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with config.yaml: collection `docs` from the folder `docs` with the tiny checkpoint."""
    (tmp_path / "config.yaml").write_text(
        f"""
default_collection: docs
collections:
  docs: {{folder: docs, embedding: tiny}}
embeddings:
  tiny: {{provider: mean_pooling, model: {tiny_checkpoint}}}
  tiny-cls: {{provider: mean_pooling, model: {tiny_checkpoint}, pooling: cls}}
  tiny-prompt: {{provider: mean_pooling, model: {tiny_checkpoint}, document_prompt: "d: "}}
""",
        "utf-8",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a Python process that cannot reach any network; a cold one where its start is what is tried."""

    def run(*arguments: str, cwd: Path = ROOT, env: dict[str, str] | None = None, **options):
        return warm.run(list(arguments), cwd=cwd, env=offline_environment(env), **options)

    return run


def started(*arguments: object, cwd: Path = ROOT, env: dict[str, str] | None = None) -> Any:
    """A Python process that cannot reach any network, running: as ``subprocess.Popen`` with pipes of text."""
    return warm.start([str(argument) for argument in arguments], cwd=cwd, env=offline_environment(env))


def offline_environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a child process that cannot reach any network."""
    path = os.pathsep.join(filter(None, [str(OFFLINE), str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, **(extra or {})}


def complaints(stderr: str) -> list[str]:
    """What a command said on standard error besides its progress, which appears where the machine is slow."""
    return [line for line in stderr.splitlines() if not _PROGRESS.search(line)]
