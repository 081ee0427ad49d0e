from __future__ import annotations

import os
import pickle

import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.errors import ConfigurationError, UsageError
from tests.conftest import ROOT


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text: str):
        (tmp_path / "config.yaml").write_text(text, "utf-8")
        return tmp_path

    return write


def test_settings_go_to_other_processes(tmp_path):
    (tmp_path / "config.yaml").write_text(
        "retrieval: {top_k: 7}\ncollections: {docs: {folder: docs, embedding: bundled}}\n"
    )
    settings = load_settings(tmp_path / "config.yaml")
    copy = pickle.loads(pickle.dumps(settings))
    assert copy == settings
    assert copy.resolve_path("chroma_db") == settings.resolve_path("chroma_db")


def test_the_shipped_configuration_is_valid_and_names_the_presets():
    settings = load_settings(ROOT / "config.yaml")
    assert settings.default_collection in settings.collections
    models = {getattr(embedding, "model", "bundled") for embedding in settings.embeddings.values()}
    assert models >= {
        "bundled",
        "dragonkue/BGE-m3-ko",
        "BAAI/bge-m3",
        "intfloat/multilingual-e5-large",
        "bespin-global/klue-sroberta-base-continue-learning-by-mnr",
    }
    assert settings.embeddings["e5-large"].query_prompt == "query: "
    assert any(embedding.provider == "huggingface" for embedding in settings.embeddings.values())


def test_without_a_file_the_defaults_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.embeddings["bundled"].provider == "bundled"
    assert settings.base_dir == tmp_path


def test_the_environment_overrides_dotenv_which_overrides_the_file(write, monkeypatch):
    folder = write("store: {path: from-file}\nretrieval: {top_k: 2}\n")
    assert load_settings().store.path == "from-file"
    (folder / ".env").write_text("RAG_PIPELINE_STORE__PATH=from-dotenv\nRAG_PIPELINE_RETRIEVAL__TOP_K=3\n")
    monkeypatch.setenv("RAG_PIPELINE_RETRIEVAL__TOP_K", "5")
    try:
        settings = load_settings()
    finally:
        # What .env puts there is the process's from now on; monkeypatch would put back what it found.
        os.environ.pop("RAG_PIPELINE_STORE__PATH", None)
    assert (settings.store.path, settings.retrieval.top_k) == ("from-dotenv", 5)


def test_settings_are_frozen(write):
    write("")
    with pytest.raises(Exception, match="frozen"):
        load_settings().retrieval.top_k = 7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("retreival: {}", ["retreival", "unknown key", "retrieval", "store"]),
        ("retrieval: {topk: 3}", ["retrieval.topk", "unknown key", "top_k"]),
        ("retrieval: {top_k: 0}", ["retrieval.top_k", "0", "greater than or equal to 1"]),
        ("retrieval: {top_k: many}", ["retrieval.top_k", "'many'", "integer"]),
        ("embeddings: {a: {provider: magic}}", ["embeddings.a", "'magic'", "mean_pooling"]),
        ("embeddings: {a: {model: x}}", ["embeddings.a", "provider"]),
        ("embeddings: {a: {provider: mean_pooling}}", ["embeddings.a.model", "missing"]),
        ("embeddings: {a: {provider: mean_pooling, model: x, poolng: cls}}", ["embeddings.a.poolng", "pooling"]),
        (
            "embeddings: {a: {provider: mean_pooling, model: x, pooling: most}}",
            ["embeddings.a.pooling", "'most'", "'auto', 'mean', 'cls'"],
        ),
        ("embeddings: {a: {provider: mean_pooling, model: x, device: tpu}}", ["embeddings.a.device", "'tpu'"]),
        ("collections: {docs: {folder: d, embedding: nope}}", ["collections.docs.embedding", "'nope'", "bundled"]),
        ("collections: {'한글': {folder: d}}", ["한글"]),
        ("collections: [1]", ["collections", "[1]", "dict"]),
        ("- a\n- b", ["expected keys and values", "list"]),
        ("a: [", ["not valid YAML", "line"]),
        ("1: 2", ["keys are text"]),
        ("a: &a [x]\nb: *a\nc: &c [*c]", ["not valid YAML", "&c holds itself"]),
        (
            "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [{f'*a{n - 1}, ' * 9}]}}\n" for n in range(1, 9)),
            ["not valid YAML", "counting what aliases repeat"],
        ),
        (
            "collections: {docs: {folder: d, embedding: bundled, metadata: [{files: a, values: {$b: 1}}]}}",
            ["values.$b", "does not begin with '$' or '#'"],
        ),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_is_allowed_in_one_line(write, text, words):
    write(text)
    with pytest.raises(ConfigurationError) as error:
        load_settings()
    message = str(error.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert "config.yaml" in message


def test_a_wrong_environment_variable_is_named(write, monkeypatch):
    write("")
    monkeypatch.setenv("RAG_PIPELINE_RETRIEVAL__TOP_K", "zero")
    with pytest.raises(ConfigurationError, match="RAG_PIPELINE_RETRIEVAL__TOP_K.*'zero'"):
        load_settings()
    monkeypatch.delenv("RAG_PIPELINE_RETRIEVAL__TOP_K")
    monkeypatch.setenv("RAG_PIPELINE_STOER__PATH", "x")
    with pytest.raises(ConfigurationError, match="RAG_PIPELINE_STOER__PATH.*RAG_PIPELINE_STORE"):
        load_settings()


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"missing\.yaml not found"):
        load_settings(tmp_path / "missing.yaml")


def test_a_cp949_file_is_refused_with_advice(tmp_path):
    (tmp_path / "c.yaml").write_bytes("default_collection: 한글".encode("cp949"))
    with pytest.raises(ConfigurationError, match="not UTF-8; save it as UTF-8"):
        load_settings(tmp_path / "c.yaml")


def test_relative_paths_start_at_the_configuration_file(write, tmp_path, monkeypatch):
    folder = write("")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    settings = load_settings(folder / "config.yaml")
    assert settings.resolve_path("chroma_db") == folder / "chroma_db"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("collections: {ships: }", "collections.ships: found None; allowed: keys and values below it, with folder"),
        ("chunking: 5", "chunking: found 5; allowed: keys and values below it, of max_tokens"),
        ("embeddings: {x: }", "embeddings.x: found None; allowed: keys and values below it"),
    ],
)
def test_a_section_without_keys_is_named_with_what_belongs_there(tmp_path, content, problem):
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(ConfigurationError, match=problem):
        load_settings(tmp_path / "config.yaml")


def test_a_section_in_one_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_PIPELINE_STORE", "x")
    with pytest.raises(ConfigurationError, match="variable RAG_PIPELINE_STORE: .*RAG_PIPELINE_STORE__KEY=value"):
        load_settings()


def test_a_configuration_that_is_no_file_or_too_large_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(UsageError, match=r"pipe\.yaml is not a regular file"):
        load_settings(tmp_path / "pipe.yaml")
    (tmp_path / "endless.yaml").symlink_to("/dev/zero")
    with pytest.raises(UsageError, match=r"endless\.yaml is not a regular file"):
        load_settings(tmp_path / "endless.yaml")
    (tmp_path / "large.yaml").write_text("#" * 3_000_000)
    with pytest.raises(ConfigurationError, match=r"large\.yaml: cannot be read: it has more than 2 MB"):
        load_settings(tmp_path / "large.yaml")


def test_the_token_of_the_server_stays_here(write, monkeypatch):
    write("")
    monkeypatch.setenv("RAG_PIPELINE_SERVE__TOKEN", "a-token-that-nobody-guesses")
    settings = load_settings()
    assert settings.serve.token.get_secret_value() == "a-token-that-nobody-guesses"
    sent = pickle.dumps(settings)
    assert b"nobody-guesses" not in sent
    assert pickle.loads(sent).serve.port == settings.serve.port
    assert "nobody-guesses" not in repr(settings)
