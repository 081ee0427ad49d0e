"""``models``: what the account may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.cli.output import make_console, print_json

if TYPE_CHECKING:
    from rag_pipeline.config import Settings
    from rag_pipeline.gemini.listing import ListedModel


def command(as_json: JsonOption = False, config: ConfigOption = None) -> int:
    """List the Gemini models that your key may use.

    Those that embed and those that chat, with their token limits; the configured ones are marked.
    """
    from rag_pipeline.config import load_settings
    from rag_pipeline.gemini.listing import list_models

    settings = load_settings(config)
    used = _configured(settings)
    models = list_models(base_url=settings.answer.base_url)
    if as_json:
        print_json([{**model.as_dict(), "configured": used.get(model.name, [])} for model in models])
    else:
        _show(models, used)
    return 0


def _configured(settings: Settings) -> dict[str, list[str]]:
    """Model name to where the configuration names it."""
    from rag_pipeline.config import GeminiEmbedding

    used: dict[str, list[str]] = {}
    for name, embedding in settings.embeddings.items():
        if isinstance(embedding, GeminiEmbedding):
            used.setdefault(embedding.model.removeprefix("models/"), []).append(f"embedding {name}")
    used.setdefault(settings.answer.model.removeprefix("google_genai:").removeprefix("models/"), []).append("answer")
    return used


def _show(models: list[ListedModel], used: dict[str, list[str]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("model", "for", "reads", "writes", "configured as"):
        table.add_column(heading, justify="right" if heading in ("reads", "writes") else "left", overflow="fold")
    for model in models:
        purpose = " ".join(word for word, does in (("embedding", model.embeds), ("chat", model.chats)) if does)
        table.add_row(
            Text(model.name, style="bold" if model.name in used else ""),
            purpose,
            f"{model.input_tokens:,}" if model.input_tokens else "",
            f"{model.output_tokens:,}" if model.output_tokens and model.chats else "",
            ", ".join(used.get(model.name, [])),
        )
    make_console().print(table)
    missing = sorted(set(used) - {model.name for model in models} - {name for name in used if ":" in name})
    for name in missing:
        make_console(stderr=True).print(f"{name} ({', '.join(used[name])}) is not among the models of this key.")
