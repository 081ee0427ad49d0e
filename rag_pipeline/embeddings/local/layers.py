"""The modules of sentence-transformers after the pooling: Dense, LayerNorm and Normalize, in float32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from safetensors.torch import load_file

from rag_pipeline.embeddings.local.modules import Module
from rag_pipeline.errors import CheckpointError


class _Normalize(torch.nn.Module):
    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(vectors, dim=1)


class _Dense(torch.nn.Module):
    def __init__(self, module: Module) -> None:
        super().__init__()
        config = module.config
        sizes = config["in_features"], config["out_features"]
        self.linear = torch.nn.Linear(*sizes, bias=config.get("bias", True))
        self.activation = _activation(config.get("activation_function", "torch.nn.modules.activation.Tanh"), module)
        self.residual: torch.nn.Module | None = None
        if config.get("use_residual"):
            same = sizes[0] == sizes[1]
            self.residual = torch.nn.Identity() if same else torch.nn.Linear(*sizes, bias=False)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.activation(self.linear(vectors))
        return result if self.residual is None else result + self.residual(vectors)


class _LayerNorm(torch.nn.Module):
    def __init__(self, module: Module) -> None:
        super().__init__()
        self.norm = torch.nn.LayerNorm(module.config["dimension"])

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.norm(vectors)
        return result


def load_layers(modules: Sequence[Module], name: str) -> torch.nn.ModuleList:
    """The layers with their weights, each (texts, in) to (texts, out).

    Args:
        modules: as the recipe lists them.
        name: what the model is called in errors.

    Raises:
        CheckpointError: weights do not fit, or an activation is not one of torch's.
    """
    layers: list[torch.nn.Module] = []
    for module in modules:
        if module.kind == "Normalize":
            layers.append(_Normalize())
            continue
        layer = _Dense(module) if module.kind == "Dense" else _LayerNorm(module)
        assert module.weights is not None
        try:
            layer.load_state_dict(_float32(load_file(module.weights)))
        except Exception as error:
            reason = str(error).replace("\n", " ")[:300]
            raise CheckpointError(f"model {name}: {module.weights} does not fit its configuration: {reason}") from None
        layers.append(layer)
    return torch.nn.ModuleList(layers).eval().requires_grad_(False)


def _float32(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key: tensor.float() for key, tensor in weights.items()}


def _activation(path: object, module: Module) -> torch.nn.Module:
    """An activation by the name of its class, which must be one of torch's: others would be code of the model's."""
    place, _, kind = str(path).rpartition(".")
    found = getattr(torch.nn, kind, None) if place == "torch.nn" or place.startswith("torch.nn.modules") else None
    if not (isinstance(found, type) and issubclass(found, torch.nn.Module)):
        raise CheckpointError(f"{module.folder / 'config.json'}: activation {path} is none of torch's and is not run")
    try:
        made: torch.nn.Module = found()
    except TypeError:
        raise CheckpointError(f"{module.folder / 'config.json'}: {path} is no activation") from None
    return made
