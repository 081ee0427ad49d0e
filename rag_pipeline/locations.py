"""Where documents lie: a folder of this machine, or one that fsspec reaches by its URL (S3, Google Cloud, HTTP, …).

Whoever fills a folder may put a pipe or a device in a file's place, which a plain read would wait for, or never come to
the end of: files are read by :func:`read_file`.

Credentials come the way each service has them: environment, profiles, metadata. None of them is ever shown.
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote

from rag_pipeline.errors import ConfigurationError, ServiceError, UsageError
from rag_pipeline.network import check_network, proxy_for, reason_for
from rag_pipeline.text import one_line

# The most bytes of a file that says something of others: a sidecar, patterns, the configuration.
SETTINGS_BYTES = 2_000_000
NO_FILE = "not a regular file, or a link to nothing"
_PIECE = 1 << 20
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# What stands before the last @ of the machine's name. Passwords that were not spelt in percent signs may hold another
# @, and a slash: after a colon that no port follows, what goes on to an @ belongs to them.
_CREDENTIALS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<user>"
    r"(?!arn:)[^/\s@:\[?#]+:(?!:|\d*(?:[/?#\s]|$))(?:(?!://)[^\s@])*@(?:[^/\s?#]*@)?"
    r"|[^/\s?#]*@)",
    re.IGNORECASE,
)
# Where the @ stands behind a part of the folder's name instead: a container, a bucket, a repository.
_NAMED = frozenset({"az", "abfs", "abfss", "wasb", "wasbs", "oci", "github", "git"})
_REPOSITORIES = frozenset({"github", "git"})
# Signed addresses carry their signature behind the question mark. Around an address that is quoted in a text, quotation
# marks and the like stay.
_QUERY = re.compile(r"((?:https?|webdavs?|az|abfss?|wasbs?)://[^\s?]*)\?\S*?(?=[\"')>\]},;:.]*(?:\s|$))", re.IGNORECASE)
# What protocols need besides fsspec, where its own word for it is not the name of a package.
_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "http": "aiohttp",
    "https": "aiohttp",
}
# Protocols that go through the environment's proxies and certificates.
_NETWORK = frozenset(_PACKAGES) - {"sftp", "ssh"} | {"abfss", "webdav", "webdavs"}


@dataclass(frozen=True)
class RemoteFile:
    """One file behind a URL, with what is used of ``pathlib.Path``."""

    filesystem: Any = field(repr=False)
    path: str = field(repr=False)
    """As the file system names it."""

    @property
    def name(self) -> str:
        """Its last part."""
        return _plain(self.filesystem, posixpath.basename(self.path))

    @property
    def suffix(self) -> str:
        """With the full stop."""
        return posixpath.splitext(self.name)[1]

    def with_ending(self, ending: str) -> RemoteFile:
        """The file next to it whose name goes on with an ending."""
        return RemoteFile(self.filesystem, self.path + ending)

    def read_bytes(self) -> bytes:
        """Its content.

        Raises:
            OSError: it cannot be read, whatever the service calls it.
        """
        try:
            content: bytes = self.filesystem.cat_file(self.path)
        except FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, "is not there") from None
        except Exception as error:
            raise OSError(errno.EIO, failure_reason(error)) from None
        return content


@dataclass(frozen=True)
class RemoteEntry:
    """What a listing says of one file or folder."""

    name: str
    path: str
    is_folder: bool
    size: int | None


@dataclass(frozen=True)
class RemoteFolder:
    """A folder behind a URL; nothing is connected before it is looked into."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Its URL without credentials and without a slash at the end: what it is called in a collection."""
        return unicodedata.normalize("NFC", without_credentials(self.url).rstrip("/"))

    @property
    def protocol(self) -> str:
        """What stands before ``://``."""
        return self.url.partition("://")[0].lower()

    @property
    def last_part(self) -> str:
        """The folder's own name, or that of the bucket or machine it is all of."""
        return self.name.rpartition("/")[2]

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        import fsspec

        if self.protocol in _NETWORK:
            check_network()
        try:
            filesystem, root = fsspec.core.url_to_fs(self.url, **self._proxy())
        except UsageError:
            raise
        except ImportError as error:
            package = _PACKAGES.get(self.protocol)
            install = f"pip install {package}" if package else one_line(error)
            raise UsageError(f"folder {self}: {self.protocol}:// needs a package that is missing: {install}") from None
        except ValueError as error:
            raise UsageError(f"folder {self}: {failure_reason(error)}") from None
        except Exception as error:
            raise self._unreachable(error) from None
        return filesystem, root.rstrip("/")

    def __getstate__(self) -> dict[str, str]:
        return {"url": self.url}

    def first_entries(self) -> list[RemoteEntry]:
        """What lies directly in it, looked up now: earlier listings are forgotten.

        Raises:
            UsageError: it is not there, or its protocol is unknown or lacks a package.
            ServiceError: it cannot be reached, or refuses.
        """
        filesystem, root = self._opened
        filesystem.invalidate_cache()
        try:
            # On the web everything that answers is a file.
            if not self._on_web and filesystem.isfile(root):
                raise UsageError(f"{self} is not a folder")
            return list(self.entries())
        except FileNotFoundError:
            raise UsageError(f"folder {self} not found") from None
        except UsageError:
            raise
        except Exception as error:
            raise self._unreachable(error) from None

    def entries(self, path: str | None = None) -> Iterator[RemoteEntry]:
        """What lies in it, or in a folder below it, one level deep.

        Raises:
            FileNotFoundError: there is no such folder.
            Exception: whatever the file system raises.
        """
        filesystem, root = self._opened
        place = root if path is None else path
        asked = f"{place}/" if self._on_web else place
        for entry in filesystem.ls(asked, detail=True):
            name = str(entry["name"]).rstrip("/")
            # Object stores list the mark of a folder within it, the web links to elsewhere and to other orders.
            if name != place and posixpath.dirname(name).rstrip("/") == place and "?" not in name[len(place) :]:
                plain = _plain(filesystem, posixpath.basename(name))
                yield RemoteEntry(plain, name, entry["type"] == "directory", entry.get("size"))

    def file(self, path: str) -> RemoteFile:
        """A file that a listing has named."""
        return RemoteFile(self._opened[0], path)

    def inner(self, name: str) -> RemoteFile:
        """A file directly in it."""
        filesystem, root = self._opened
        return RemoteFile(filesystem, f"{root}/{name}")

    @property
    def _on_web(self) -> bool:
        return self.protocol in ("http", "https")

    def _proxy(self) -> dict[str, Any]:
        """What aiohttp is told of the environment's proxy, which it does not look for by itself."""
        proxy = proxy_for(self.url) if self._on_web else None
        if proxy is None:
            return {}
        if proxy.scheme.startswith("socks"):
            raise ConfigurationError(f"folder {self}: web folders go through http proxies alone, found {proxy}")
        return {"proxy": proxy.url}

    def _unreachable(self, error: Exception) -> ServiceError:
        if self._on_web and (reason := reason_for(self.url, error)):
            return ServiceError(f"folder {self} cannot be reached: {without_credentials(reason)}. Nothing was changed")
        return ServiceError(
            f"folder {self} cannot be reached: {failure_reason(error)}; check address, network and credentials (from"
            " the environment or a profile, as the service has them). Nothing was changed"
        )


Folder: TypeAlias = Path | RemoteFolder
SourcePath: TypeAlias = Path | RemoteFile


def open_file(path: Path) -> BufferedReader:
    """Open a regular file for reading, without waiting for what is none.

    Raises:
        OSError: it is not there, may not be read, or is a pipe, a device, a folder or a socket.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    opened = os.open(path, flags)
    try:
        # Of what was opened: what lies at the path may be another by now.
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return os.fdopen(opened, "rb")
    except BaseException:
        os.close(opened)
        raise


def read_file(path: SourcePath, most: int, limit: str = "") -> bytes:
    """The content of a regular file, or of one behind a URL.

    Args:
        path: the file.
        most: bytes that it may have.
        limit: the setting that says so, for the message.

    Raises:
        OSError: it cannot be read, is no regular file, or has more bytes; ``strerror`` is a line that says so.
    """
    if isinstance(path, Path):
        with open_file(path) as file:
            # In pieces, since a read of so many bytes at once would set memory aside for them.
            pieces, read = [], 0
            while read <= most and (piece := file.read(_PIECE)):
                pieces.append(piece)
                read += len(piece)
        content = b"".join(pieces)
    else:
        content = path.read_bytes()
    if len(content) > most:
        raise too_large(most, limit)
    return content


def too_large(most: int, limit: str = "") -> OSError:
    """What is raised of a file of more bytes than are read."""
    return OSError(errno.EFBIG, f"it has more than {most / 1e6:g} MB" + (f", the limit of {limit}" if limit else ""))


def expanded(path: str | Path) -> Path:
    """A path with the user's home for ``~``; where nobody has such a home it stays, as in a shell."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  # pathlib's raises RuntimeError then


def as_folder(folder: str | Path | RemoteFolder) -> Folder:
    """A folder from how a user writes it: a path, or a URL (``file://`` is a path)."""
    if not isinstance(folder, str):
        return expanded(folder) if isinstance(folder, Path) else folder
    if not is_url(folder):
        return expanded(folder)
    scheme, _, rest = folder.partition("://")
    return Path(unquote(rest)) if scheme.lower() in ("file", "local") else RemoteFolder(folder)


def lies_inside(folder: Folder, other: Folder) -> bool:
    """Whether a folder lies below another one."""
    if isinstance(folder, Path) and isinstance(other, Path):
        return other.resolve() in folder.resolve().parents
    return isinstance(folder, RemoteFolder) and str(folder).startswith(f"{other}/")


def same_place(folder: Folder) -> Folder | str:
    """What is equal for two spellings of the same folder."""
    return folder.name if isinstance(folder, RemoteFolder) else expanded(folder).resolve()


def is_url(text: str) -> bool:
    """Whether it is a URL rather than a path."""
    return _URL.match(text) is not None


def without_credentials(text: str) -> str:
    """A text without the users, passwords and signatures in its URLs."""
    return _QUERY.sub(r"\1", _CREDENTIALS.sub(_without_user, text))


def _without_user(found: re.Match[str]) -> str:
    scheme, user = found["scheme"], found["user"]
    kept = ""
    if scheme.lower() in _REPOSITORIES:
        kept = user
    elif scheme.lower() in _NAMED:
        name = user[:-1].rpartition("@")[2]
        kept = "" if ":" in name else f"{name}@"
    return f"{scheme}://{kept}"


def failure_reason(error: Exception) -> str:
    """What an exception says, in one line and without credentials."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return without_credentials(one_line(said)) or type(error).__name__


def _plain(filesystem: Any, name: str) -> str:
    """A name as its author wrote it: the web spells it in percent signs."""
    return unquote(name) if "http" in _protocols(filesystem) else name


def _protocols(filesystem: Any) -> tuple[str, ...]:
    protocol = filesystem.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
