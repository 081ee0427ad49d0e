"""The models an account may use."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rag_pipeline.gemini.api_key import ApiKey, find_api_key, find_base_url
from rag_pipeline.gemini.client import make_client
from rag_pipeline.gemini.failures import read_failure

_TIMEOUT = 30.0


@dataclass(frozen=True)
class ListedModel:
    """A model as the service describes it."""

    name: str
    """Without ``models/`` in front."""
    embeds: bool
    chats: bool
    input_tokens: int | None
    output_tokens: int | None
    description: str

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        return asdict(self)


def list_models(key: ApiKey | None = None, base_url: str | None = None) -> list[ListedModel]:
    """The account's models that embed or chat, by name.

    Raises:
        ConfigurationError: there is no key.
        ServiceError: the service refused, or cannot be reached.
    """
    key = key or find_api_key()
    base_url = find_base_url(base_url)
    client = make_client(key, base_url=base_url, timeout=_TIMEOUT)
    found: list[Any] = []
    failure = None
    try:
        found = list(client.models.list())
    except Exception as error:
        failure = read_failure(error, model="", key=key, base_url=base_url)
        if failure is None:
            raise
    finally:
        client.close()
    if failure is not None:
        raise failure
    listed = [_read(model) for model in found]
    return sorted((model for model in listed if model.embeds or model.chats), key=lambda model: model.name)


def _read(model: Any) -> ListedModel:
    actions = model.supported_actions or []
    return ListedModel(
        name=(model.name or "").removeprefix("models/"),
        embeds="embedContent" in actions,
        chats="generateContent" in actions,
        input_tokens=model.input_token_limit,
        output_tokens=model.output_token_limit,
        description=model.description or "",
    )
