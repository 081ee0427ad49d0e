"""``config``: the resolved settings."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.cli.output import print_json, result
from rag_pipeline.masking import mask_values

if TYPE_CHECKING:
    from rag_pipeline.config import Settings


def command(as_json: JsonOption = False, config: ConfigOption = None) -> int:
    """Print the resolved settings.

    They come from config.yaml, .env and the environment; secrets are masked. What the models on this machine say for
    auto follows.
    """
    import yaml

    from rag_pipeline.config import load_settings

    settings = load_settings(config)
    content = mask_values(settings.model_dump(mode="json"))
    if as_json:
        file = str(settings.config_file) if settings.config_file else None
        print_json({"file": file, "settings": content, "auto": _trained(settings)})
        return 0
    result(
        f"# {settings.config_file or 'no configuration file: defaults'}; relative paths start at {settings.base_dir}"
    )
    result(yaml.safe_dump(content, allow_unicode=True, sort_keys=False).rstrip(), lines=True)
    for name, trained in _trained(settings).items():
        result(f"# auto of {name}: " + ", ".join(f"{key} {value!r}" for key, value in trained.items()))
    return 0


def _trained(settings: Settings) -> dict[str, dict[str, Any]]:
    """What the checkpoints on this machine say, by the name of the embedding."""
    from rag_pipeline.config import HuggingFaceEmbedding, MeanPoolingEmbedding
    from rag_pipeline.embeddings.local.hub import checkpoint_here
    from rag_pipeline.errors import RagPipelineError

    found = {}
    for name, embedding in settings.embeddings.items():
        if isinstance(embedding, MeanPoolingEmbedding | HuggingFaceEmbedding):
            # What is wrong with a model is for `doctor` to say.
            with contextlib.suppress(RagPipelineError):
                checkpoint = checkpoint_here(embedding.model, embedding.revision, settings.base_dir)
                if checkpoint is not None and checkpoint.trained_settings:
                    found[name] = checkpoint.trained_settings
    return found
