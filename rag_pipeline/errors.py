"""Every exception this package raises on purpose.

::

    RagPipelineError
    ├── UsageError                     exit 2   the call cannot be carried out as it stands
    │   ├── ConfigurationError         exit 2   config.yaml, .env or the environment
    │   │   └── CheckpointError        exit 2   a model folder that cannot be used
    │   └── CollectionNotFoundError    exit 2
    ├── OutputError                    exit 4   a file of results cannot be written
    ├── DocumentError                  exit 1   one file cannot be read; the others can
    ├── CollectionMismatchError        exit 3   the collection was made in another way
    ├── EmbeddingError                 exit 4   the model could not embed a text
    ├── StoreError                     exit 4   the vector store cannot be read or written
    │   ├── LexicalIndexError          exit 4   the index of a collection's words cannot be read or written
    │   └── StoreLockedError           exit 4   another process is writing
    └── ServiceError                   exit 4   a service could not be reached, or refused
        └── StoreUnreachableError      exit 4   the Chroma server cannot be reached

The message of each is one line that says what was wrong and what to do about it; the command line
prints it after ``error:`` and exits with :attr:`RagPipelineError.exit_code`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rag_pipeline.text import one_line


class RagPipelineError(Exception):
    """Base of every error of this package; catch this one to catch them all."""

    exit_code = 1


class UsageError(RagPipelineError):
    """The call cannot be carried out as it stands: an argument, a name, a path."""

    exit_code = 2


class ConfigurationError(UsageError):
    """A setting is unknown, or has a value that is not allowed."""


class CheckpointError(ConfigurationError):
    """A model folder lacks a file, or holds one that cannot be used."""


class CollectionNotFoundError(UsageError):
    """No collection of that name is in the store."""


class OutputError(RagPipelineError):
    """A file of results cannot be written: a report, a picture, a question set."""

    exit_code = 4


class DocumentError(RagPipelineError):
    """One file cannot become chunks; the message is its reason, without the file's name."""


class CollectionMismatchError(RagPipelineError):
    """A collection was made with another embedding or chunking than the configuration names."""

    exit_code = 3


class EmbeddingError(RagPipelineError):
    """A model could not embed a text."""

    exit_code = 4


_LONGEST = 300


@contextlib.contextmanager
def named(what: str) -> Iterator[None]:
    """Give whatever a model raises the name of an error of ours, in one line.

    Args:
        what: fails, for the beginning of the message.

    Raises:
        EmbeddingError: something was raised that is none of ours.
    """
    failure = None
    try:
        yield
    except RagPipelineError:
        raise
    except Exception as error:
        failure = EmbeddingError(f"{what} failed: {type(error).__name__}: {one_line(error, _LONGEST)}")
    # Outside of the handler: what libraries raise may hold a request, headers and all.
    if failure is not None:
        raise failure


class StoreError(RagPipelineError):
    """The vector store cannot be read or written."""

    exit_code = 4


class LexicalIndexError(StoreError):
    """The index of a collection's words cannot be read or written; it is made from the chunks, and can be again."""


class StoreLockedError(StoreError):
    """Another process is writing to the same store; or others of this one are, for too long."""


class ServiceError(RagPipelineError):
    """A service could not be reached, or refused."""

    exit_code = 4


class StoreUnreachableError(ServiceError):
    """The server that holds the collections cannot be reached."""
