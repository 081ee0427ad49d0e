"""The modules of a checkpoint, as modules.json lists them: kind, folder and configuration of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rag_pipeline.errors import CheckpointError

# Modules with weights, and the key that says how long the vectors are that they give.
WITH_WEIGHTS = {"Dense": "out_features", "LayerNorm": "dimension"}


@dataclass(frozen=True)
class Module:
    """A module after the transformer."""

    kind: str
    """Its class, without the package where that is sentence-transformers'."""
    folder: Path
    config: Mapping[str, Any]

    @property
    def weights(self) -> Path | None:
        """The file of its weights; None where it has none."""
        file = self.folder / "model.safetensors"
        return file if self.kind in WITH_WEIGHTS or file.is_file() else None

    @property
    def dimension(self) -> int | None:
        """The length of the vectors that it gives; None: that of those it gets."""
        size = self.config.get(WITH_WEIGHTS.get(self.kind, ""))
        return size if isinstance(size, int) else None


def read_modules(folder: Path) -> list[Module]:
    """The modules in their order; empty where the checkpoint lists none."""
    file = folder / "modules.json"
    listed = _read(file, [])
    if not isinstance(listed, list) or not all(isinstance(entry, dict) and "type" in entry for entry in listed):
        raise CheckpointError(f"{file} should hold a list of modules with type and path")
    modules: list[Module] = []
    for entry in listed:
        path = PurePosixPath(str(entry.get("path", "")).replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise CheckpointError(f"{file}: module path {path} leaves the folder")
        kind = str(entry["type"])
        short = kind.rpartition(".")[2] if kind.startswith("sentence_transformers.") else kind
        config = read_json(folder / path / "config.json") if modules else {}
        modules.append(Module(short, folder / path, config))
    return modules


def read_json(file: Path) -> dict[str, Any]:
    """The object of a JSON file; empty where there is no file.

    Raises:
        CheckpointError: it cannot be read, or holds something else.
    """
    content = _read(file, {})
    if not isinstance(content, dict):
        raise CheckpointError(f"{file} should hold a JSON object")
    return content


def _read(file: Path, missing: Any) -> Any:
    if not file.is_file():
        return missing
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CheckpointError(f"{file} is not readable JSON") from None
