"""``config``: the resolved settings."""

from __future__ import annotations

from typing import Any

from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.cli.output import print_json, result

_SECRET_ENDINGS = ("key", "token", "secret", "password")
_MASK = "********"


def command(as_json: JsonOption = False, config: ConfigOption = None) -> int:
    """Print the resolved settings.

    They come from config.yaml, .env and the environment; secrets are masked.
    """
    import yaml

    from rag_pipeline.config import load_settings

    settings = load_settings(config)
    content = mask_secrets(settings.model_dump(mode="json"))
    if as_json:
        print_json({"file": str(settings.config_file) if settings.config_file else None, "settings": content})
        return 0
    result(
        f"# {settings.config_file or 'no configuration file: defaults'}; relative paths start at {settings.base_dir}"
    )
    result(yaml.safe_dump(content, allow_unicode=True, sort_keys=False).rstrip())
    return 0


def mask_secrets(value: Any, key: str = "") -> Any:
    """The same value with what is under a key such as ``api_key`` or ``token`` masked."""
    if isinstance(value, dict):
        return {name: mask_secrets(inner, str(name).lower()) for name, inner in value.items()}
    if value and key.endswith(_SECRET_ENDINGS):
        return _MASK
    return [mask_secrets(inner) for inner in value] if isinstance(value, list) else value
