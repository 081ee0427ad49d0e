"""A model's name in the configuration becomes a checkpoint folder on this machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

from rag_pipeline.embeddings.local.checkpoint import Checkpoint
from rag_pipeline.errors import CheckpointError, ConfigurationError, ServiceError
from rag_pipeline.locations import expanded
from rag_pipeline.network import check_network, reason_for
from rag_pipeline.text import first_line

_HUB_NAME = re.compile(r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")
# Modules of sentence-transformers, which have weights too, are in numbered folders: 1_Pooling, 2_Dense, …
_NEEDED = ["*.json", "*.safetensors", "*.model", "*.txt"]
_NOT_NEEDED = ["onnx/*", "openvino/*", "[!0-9]*/*.safetensors"]


def find_checkpoint(
    model: str | Path, revision: str | None = None, base_dir: Path | None = None, embeds: bool = True
) -> Checkpoint:
    """The checkpoint of a local folder or a hub name.

    A folder is looked for first, and then no network is used. A hub model comes from the local hub cache if it
    is whole there; otherwise it is downloaded once.

    Args:
        model: a folder (absolute, relative, with ``~``; text or Path) or a hub name.
        revision: branch, tag or commit of a hub model; not allowed with a folder.
        base_dir: where relative folders start; None: the current folder.
        embeds: whether the model is to give vectors of texts; False for a cross-encoder.

    Raises:
        CheckpointError: the folder or the downloaded model lacks a file.
        ServiceError: the model is neither a folder nor in the cache, and the hub cannot be reached.
        ConfigurationError: nor can the environment's proxy or certificates be used to reach it.
    """
    name = str(model)
    folder = (base_dir or Path.cwd()) / expanded(name)
    looks_local = isinstance(model, Path) or name.startswith((".", "~", os.sep)) or not _HUB_NAME.match(name)
    if folder.is_dir() or looks_local:
        if revision is not None:
            raise ConfigurationError(f"model {name} is a local folder; revision {revision!r} is for hub models only")
        return _opened(folder.resolve(), None, embeds)
    return _from_cache(name, revision, embeds) or _download(name, revision, folder, embeds)


def _opened(folder: Path, name: str | None, embeds: bool = True) -> Checkpoint:
    """The checkpoint of a folder; an adapter's base may be a folder alongside, or another model of the hub."""

    def find_base(base: str) -> Checkpoint:
        near = folder / base
        return find_checkpoint(near if near.is_dir() else base)

    return Checkpoint.open(folder, name, find_base, embeds)


def checkpoint_here(model: str, revision: str | None, base_dir: Path) -> Checkpoint | None:
    """The checkpoint of a model that needs no download; None: it needs one.

    Raises:
        CheckpointError: a folder is there but incomplete.
    """
    folder = base_dir / expanded(model)
    if folder.is_dir() or not _HUB_NAME.match(model):
        return _opened(folder, None)
    return _from_cache(model, revision)


def _from_cache(name: str, revision: str | None, embeds: bool = True) -> Checkpoint | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return _opened(Path(snapshot_download(name, revision=revision, local_files_only=True)), name, embeds)
    except (LocalEntryNotFoundError, CheckpointError):
        return None


def _download(name: str, revision: str | None, folder: Path, embeds: bool) -> Checkpoint:
    check_network()
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        path = snapshot_download(name, revision=revision, allow_patterns=_NEEDED, ignore_patterns=_NOT_NEEDED)
    except GatedRepoError:
        raise ServiceError(f"model {name} is gated: accept its terms on the hub and set HF_TOKEN") from None
    except RepositoryNotFoundError:
        raise ServiceError(
            f"model {name} is unknown to the hub, and there is no folder {folder}; check the name"
        ) from None
    except RevisionNotFoundError:
        raise ServiceError(f"model {name} has no revision {revision!r} on the hub") from None
    except Exception as error:  # the hub's client raises many kinds for a network that is not there
        cause = reason_for(constants.ENDPOINT, error) or first_line(error, 300)
        raise ServiceError(
            f"model {name} is not on this machine and the hub could not be reached ({cause[:300]});"
            f" a local model would be a folder at {folder}"
        ) from None
    return _opened(Path(path), name, embeds)
