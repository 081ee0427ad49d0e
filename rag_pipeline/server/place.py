"""Where the server of a store listens for the shell of this machine, and by what both know that they mean the same."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rag_pipeline
from rag_pipeline.errors import RagPipelineError

if TYPE_CHECKING:
    from rag_pipeline.config import Settings

# Addresses of Unix sockets are short: 108 bytes on Linux, 104 elsewhere, with the zero at the end.
_LONGEST = 100
# What services and their clients read from the environment.
_SURROUNDINGS = re.compile(
    r"(GOOGLE_|GEMINI_|CHROMA_|HF_).*|.*_PROXY|.*_API_KEY|.*_BASE_URL|.*_API_BASE|SSL_CERT_.*|REQUESTS_CA_BUNDLE"
)
_CONFIG_FILE = "config.yaml"
_OWN_VARIABLES = "RAG_PIPELINE_"
_SERVE_VARIABLES = "RAG_PIPELINE_SERVE__"


def usual_socket_path(folder: Path) -> Path:
    """Where the socket is if the store's folder is the default one, or named by the environment."""
    named = os.path.expanduser(os.environ.get("RAG_PIPELINE_STORE__PATH", "chroma_db"))  # noqa: PTH111  # as settings do
    store = (folder / named).resolve()
    return store.with_name(store.name + ".sock")


def socket_path(settings: Settings) -> Path:
    """Next to the store's folder, under its name with ``.sock``."""
    return _next_to_store(settings, ".sock")


def log_path(settings: Settings) -> Path:
    """Where a server in the background writes what it would say."""
    return _next_to_store(settings, ".serve.log")


def is_possible() -> bool:
    """Whether this system's Python has Unix sockets."""
    return hasattr(socket, "AF_UNIX")


@contextlib.contextmanager
def address_of(path: Path) -> Iterator[str]:
    """An address of a socket that is short enough, for as long as it is needed.

    Raises:
        OSError: its folder is not there, or its path is too long on this system.
    """
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    if not sys.platform.startswith("linux"):
        raise OSError(f"{path} is too long for a socket")
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def connect(path: Path, seconds: float) -> socket.socket:
    """A connection to the server at a socket that belongs to this user.

    Raises:
        OSError: none listens there, or it is someone else's.
    """
    found = path.lstat()
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.getuid():
        raise ConnectionRefusedError(f"{path} is no socket of this user")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        with address_of(path) as address:
            connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def identity(settings: Settings) -> str:
    """A hash of what passages depend on besides the store: this code, its interpreter, and the configuration."""
    content = settings.model_dump(mode="python", exclude={"serve"})
    return _hashed([_code(), str(settings.base_dir), content])


def inputs(folder: Path) -> str:
    """A hash of what an identity is made of where it is not read, which takes longer than a question to a warm server.

    Whoever has the same inputs has the same identity: this code, its interpreter, the file ``config.yaml`` of a folder,
    and what it is overridden by in the environment.

    Args:
        folder: where a command is called, or relative paths of its configuration start.

    Raises:
        OSError: the file cannot be read.
    """
    file = folder / _CONFIG_FILE
    content = file.read_bytes().decode("latin-1") if file.exists() else None
    # The folders that `~` means, too; those of the server itself are no part of an identity.
    named = {name: value for name, value in os.environ.items() if name.upper().startswith(_OWN_VARIABLES)}
    kept = sorted(one for one in named.items() if not one[0].upper().startswith(_SERVE_VARIABLES))
    return _hashed([_code(), str(folder.resolve()), content, kept, os.environ.get("HOME")])


def inputs_of(settings: Settings) -> str | None:
    """The inputs that give these settings; None: they were made in another way, or have changed meanwhile."""
    from rag_pipeline.config import load_settings

    file = settings.config_file
    if file is not None and file != settings.base_dir / _CONFIG_FILE:
        return None
    try:
        before = inputs(settings.base_dir)
        again = load_settings(file) if file is not None else None
        same = again is None or identity(again) == identity(settings)
        return before if same and inputs(settings.base_dir) == before else None
    except (OSError, RagPipelineError):
        return None


def _code() -> list[Any]:
    """What tells this code and its interpreter from others."""
    files = [
        (entry.path, entry.stat().st_mtime_ns, entry.stat().st_size)
        for entry in _walk(Path(rag_pipeline.__file__).parent)
        if entry.name[-3:] == ".py"
    ]
    return [rag_pipeline.__version__, sys.prefix, sorted(files)]


def surroundings() -> str:
    """A hash of what services take from the environment: keys, addresses, proxies."""
    return _hashed(sorted((name, value) for name, value in os.environ.items() if _SURROUNDINGS.fullmatch(name.upper())))


def _next_to_store(settings: Settings, suffix: str) -> Path:
    store = settings.resolve_path(settings.store.path).resolve()
    return store.with_name(store.name + suffix)


def _walk(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _walk(entry.path)
            else:
                yield entry


def _hashed(content: Any) -> str:
    def plain(value: Any) -> Any:
        secret = getattr(value, "get_secret_value", None)
        return str(value) if secret is None else secret()

    text = json.dumps(content, sort_keys=True, default=plain)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
