"""``config.yaml`` + ``.env`` + environment → frozen, validated :class:`Settings`.

Precedence, highest first: environment variables (``RAG_PIPELINE_`` and the key's path joined by two
underscores, e.g. ``RAG_PIPELINE_STORE__PATH``), ``.env`` next to the configuration file, the configuration
file, the defaults below.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Annotated, Any

from dotenv import load_dotenv
from pydantic import Field, PrivateAttr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from rag_pipeline import limited_yaml
from rag_pipeline.config.names import COLLECTION_NAME, CONFIG_FILE, ENV_PREFIX
from rag_pipeline.config.sections import (
    AnswerSettings,
    BundledEmbedding,
    ChunkingSettings,
    CollectionSettings,
    EmbeddingSettings,
    EngineSettings,
    Masked,
    ReadingSettings,
    RetrievalSettings,
    ServeSettings,
    StoreSettings,
)
from rag_pipeline.errors import ConfigurationError, UsageError
from rag_pipeline.locations import SETTINGS_BYTES, Folder, as_folder, expanded, read_file
from rag_pipeline.masking import secrets_in

# What was left behind, among the state that pickle takes.
_LEFT = "left"


class Settings(Masked, BaseSettings):
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
    engine: EngineSettings = EngineSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    answer: AnswerSettings = AnswerSettings()
    serve: ServeSettings = ServeSettings()
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

    def __getstate__(self) -> dict[Any, Any]:
        """As pickle takes it: without the store's headers, the chat model's keys and the server's token."""
        state = super().__getstate__()
        if self.serve.token is not None:
            # Only the process that serves needs it, which reads its settings itself.
            serve = self.serve.model_copy(update={"token": None})
            state = {**state, "__dict__": {**state["__dict__"], "serve": serve}}
        options = self.answer.options
        left = {name for name in options if secrets_in({name: options[name]})}
        if not left and not self.store.headers:
            return state
        kept = {name: value for name, value in options.items() if name not in left}
        plain = {
            "store": self.store.model_copy(update={"headers": {}}),
            "answer": self.answer.model_copy(update={"options": kept}),
        }
        return {**state, "__dict__": {**state["__dict__"], **plain}, _LEFT: (set(self.store.headers), left)}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """As it was, with what was left behind read again from the file and the environment, where it is there."""
        headers, options = state.get(_LEFT, (set(), set()))
        super().__setstate__({name: value for name, value in state.items() if name != _LEFT})
        if not headers and not options:
            return
        file = self._config_file
        with contextlib.suppress(ConfigurationError, ValidationError, SettingsError):
            there = load_settings(file) if file is not None and file.is_file() else Settings()
            found = {name: value for name, value in there.store.headers.items() if name in headers}
            self.__dict__["store"] = self.store.model_copy(update={"headers": found})
            again = {name: value for name, value in there.answer.options.items() if name in options}
            self.__dict__["answer"] = self.answer.model_copy(update={"options": {**self.answer.options, **again}})

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
        return self._base_dir / expanded(path)

    def resolve_folder(self, folder: str) -> Folder:
        """A folder of documents as the configuration names it: a path as in :meth:`resolve_path`, or a URL."""
        found = as_folder(folder)
        return self._base_dir / found if isinstance(found, Path) else found

    def with_engine(self, **changes: Any) -> Settings:
        """The same settings with another engine; changes that are None change nothing."""
        given = {name: value for name, value in changes.items() if value is not None}
        try:
            engine = EngineSettings(**{**self.engine.model_dump(), **given})
        except ValidationError as error:
            from rag_pipeline.config.problems import describe

            raise ConfigurationError(describe(error, None, EngineSettings)) from None
        return self.model_copy(update={"engine": engine})

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
    if config is not None and not isinstance(config, str | os.PathLike):
        raise UsageError(f"a configuration is a file, or what load_settings gives; found {config!r}")
    path = expanded(config) if config is not None else Path(CONFIG_FILE)
    if config is not None and not path.exists():
        raise UsageError(f"configuration file {path} not found")
    if path.exists() and not path.is_file():
        raise UsageError(f"configuration {path} is not a regular file")
    content = _read_yaml(path) if path.is_file() else {}
    base_dir = path.parent.resolve() if path.is_file() else Path.cwd()
    load_dotenv(base_dir / ".env", override=False)
    _refuse_unknown_variables()
    try:
        settings = Settings(**content)
    except ValidationError as error:
        from rag_pipeline.config.problems import describe

        raise ConfigurationError(describe(error, path if path.is_file() else None, Settings)) from None
    except Exception as error:  # pydantic-settings: an environment variable that should hold JSON
        from rag_pipeline.config.problems import describe_variable

        raise ConfigurationError(describe_variable(error)) from None
    settings._base_dir = base_dir
    settings._config_file = path.resolve() if path.is_file() else None
    for name, collection in settings.collections.items():
        if collection.embedding is not None and collection.embedding not in settings.embeddings:
            known = ", ".join(sorted(settings.embeddings))
            raise ConfigurationError(
                f"{path}: collections.{name}.embedding: unknown embedding {collection.embedding!r}; known: {known}"
            )
    return settings


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = limited_yaml.load(read_file(path, SETTINGS_BYTES).decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception as error:  # not only YAMLError: PyYAML lets through whatever its parts stumble over
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
