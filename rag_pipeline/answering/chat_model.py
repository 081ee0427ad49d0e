"""The chat model of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag_pipeline.config import AnswerSettings
from rag_pipeline.errors import ConfigurationError
from rag_pipeline.gemini.api_key import find_api_key, find_base_url, split_version
from rag_pipeline.gemini.client import make_client
from rag_pipeline.masking import mask_keys, secrets_in
from rag_pipeline.network import check_network
from rag_pipeline.text import one_line

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

GEMINI = "google_genai"


def is_gemini(name: str) -> bool:
    """Whether a model's name means the Gemini API: it says so, or names no provider."""
    return name.partition(":")[0] == GEMINI or ":" not in name


def make_chat_model(settings: AnswerSettings) -> BaseChatModel:
    """The chat model that a configuration names; nothing is called yet.

    Raises:
        ConfigurationError: no API key, an unknown provider, a package that is not installed, an option it does not
            take, a proxy of the environment that cannot be used.
    """
    check_network()
    if is_gemini(settings.model):
        return _gemini(settings)
    try:
        from langchain.chat_models import init_chat_model

        arguments: dict[str, Any] = {
            "temperature": settings.temperature,
            "timeout": settings.timeout,
            "max_retries": settings.attempts,
            "max_tokens": settings.max_output_tokens,
            **({"base_url": settings.base_url} if settings.base_url else {}),
            **settings.options,
        }
        model: BaseChatModel = init_chat_model(settings.model, **arguments)
    except ImportError as error:
        raise ConfigurationError(f"answer.model {settings.model!r}: {error}") from None
    except Exception as error:
        # A provider's class says in its own way what it lacks: a key, an option it does not know.
        problem = mask_keys(one_line(error), secrets_in(settings.options))
        raise ConfigurationError(f"answer.model {settings.model!r} cannot be made: {problem}") from None
    return model


def _gemini(settings: AnswerSettings) -> BaseChatModel:
    import httpx
    from langchain_google_genai import ChatGoogleGenerativeAI

    name = settings.model.removeprefix(f"{GEMINI}:").removeprefix("models/")
    if not name:
        raise ConfigurationError(f"answer.model {settings.model!r} names no model; rag-pipeline models lists them")
    # Unknown ones would be sent to the service as they are, or be dropped.
    taken = {known for key, field in ChatGoogleGenerativeAI.model_fields.items() for known in (key, field.alias)}
    unknown = sorted(set(settings.options) - taken)
    if unknown:
        raise ConfigurationError(f"answer.options: ChatGoogleGenerativeAI does not know {', '.join(unknown)}")
    key = find_api_key()
    base_url = find_base_url(settings.base_url)
    try:
        model = ChatGoogleGenerativeAI(
            model=name,
            api_key=key.secret,
            vertexai=False,
            base_url=split_version(base_url)[0],
            temperature=settings.temperature,
            timeout=settings.timeout,
            max_retries=settings.attempts,
            max_output_tokens=settings.max_output_tokens,
            **settings.options,
        )
    except (TypeError, ValueError) as error:
        problem = key.scrub(one_line(error))
        raise ConfigurationError(f"answer.model {settings.model!r} cannot be made: {problem}") from None
    if model.client is not None:
        model.client.close()
    # GOOGLE_GENAI_USE_VERTEXAI in the environment wins over vertexai=False in LangChain's class; and its async calls
    # take aiohttp where that is installed, whose errors and time limits are others. No connection is kept, so that one
    # model serves any number of event loops and leaves nothing open when they end.
    http = httpx.AsyncClient(timeout=settings.timeout, limits=httpx.Limits(max_keepalive_connections=0))
    model.client = make_client(key, base_url=base_url, timeout=settings.timeout, http=http)
    return model
