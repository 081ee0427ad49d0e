"""What every ingest starts from, real or dry, from the command line or from Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any

from rag_pipeline.assembly import embedding_name, fingerprint_of, open_store, reading_options
from rag_pipeline.config import Settings
from rag_pipeline.documents import FolderScan, Reader, Readers, scan_folder
from rag_pipeline.documents.sandbox import LimitedReader
from rag_pipeline.documents.selection import Selection
from rag_pipeline.documents.walking import check_folder
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.embeddings.factory import make_embeddings
from rag_pipeline.errors import UsageError
from rag_pipeline.ingestion.plan import FolderOptions
from rag_pipeline.ingestion.targets import IngestTarget
from rag_pipeline.locations import Folder, lies_inside, same_place
from rag_pipeline.store import Collection, Fingerprint


class Preparation:
    """The parts of one ingest; made by :func:`prepared`.

    Args:
        settings: the configuration.
        target: what goes where.
        embeddings: an embedding of the caller's own; None: the one that the target names.
        readers: readers of the caller's own, before the built-in ones.
    """

    def __init__(
        self, settings: Settings, target: IngestTarget, embeddings: PipelineEmbeddings | None, readers: Sequence[Reader]
    ) -> None:
        self._settings = settings
        self._target = target
        self._own = embeddings
        self.reader = make_reader(settings, readers)
        """Reads files within the configured limits."""
        self.options = folder_options(settings, target, self.reader.readers)
        """What is taken of the folders, and what is known of their files beforehand."""
        self.store = open_store(settings)
        """Where the collection is."""

    @cached_property
    def embedding(self) -> str:
        """The embedding's name in the configuration: the one that was named, else looked up in the store."""
        return self._target.embedding or embedding_name(self._settings, self.store, self._target.collection)

    @cached_property
    def embeddings(self) -> PipelineEmbeddings:
        """What texts are embedded with.

        Raises:
            ConfigurationError, CheckpointError, ServiceError: it cannot be had; see
                :func:`rag_pipeline.make_embeddings`.
        """
        return self._own or make_embeddings(self._settings, self.embedding)

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """How the collection must have been made."""
        return fingerprint_of(self.embeddings, self._settings)

    def existing_collection(self) -> Collection | None:
        """The collection, if there is one that holds something.

        Raises:
            CollectionMismatchError: it was made in another way.
        """
        collection = self.store.find(self._target.collection)
        if collection is None or not collection.count:
            return None
        collection.check_compatible(self.fingerprint, self.embedding)
        return collection

    def scan(self) -> list[FolderScan]:
        """List the folders, each of them once.

        Raises:
            UsageError: one cannot be listed, or holds nothing readable.
            ServiceError: one is behind a URL that cannot be reached.
        """
        folders = {same_place(folder): folder for folder in self._target.folders}
        return [scan_folder(folder, self.options.selection, self.options.suffixes) for folder in folders.values()]


@contextmanager
def prepared(
    settings: Settings,
    target: IngestTarget,
    embeddings: PipelineEmbeddings | None = None,
    readers: Sequence[Reader] = (),
) -> Iterator[Preparation]:
    """The parts of one ingest, closed at the end; nothing has been listed, loaded or made yet.

    Raises:
        UsageError: a folder is missing or lies inside another.
        ConfigurationError, CheckpointError, ServiceError: a named embedding cannot be had.
    """
    check_folders(target.folders)
    parts = Preparation(settings, target, embeddings, readers)
    with closing(parts.store), parts.reader:
        if target.embedding is not None:
            _ = parts.embeddings  # it may have to be downloaded, which nobody should wait for who wants to write
        yield parts


def check_folders(folders: Sequence[Folder]) -> None:
    """Refuse, without listing them, folders that are not there and those that overlap.

    Raises:
        UsageError: one is missing, is no folder, or lies inside another.
    """
    for folder in folders:
        check_folder(folder)
        outer = [other for other in folders if lies_inside(folder, other)]
        if outer:
            raise UsageError(f"folder {folder} lies inside {outer[0]}, which brings it in already; leave it out")


def folder_options(settings: Settings, target: IngestTarget, readers: Readers) -> FolderOptions:
    """What is taken of a target's folders, and what is known of their files beforehand."""
    store = settings.resolve_path(settings.store.path).resolve()
    return FolderOptions(
        reading_selection(settings, include=target.include, exclude=target.exclude, never_entered=frozenset({store})),
        [(rule.files, rule.values) for rule in target.metadata],
        readers.suffixes,
    )


def reading_selection(settings: Settings, **narrower: Any) -> Selection:
    """What the configuration takes of any folder, and what is said besides."""
    reading = settings.reading
    return Selection(max_file_mb=reading.max_file_mb, follow_symlinks=reading.follow_symlinks, **narrower)


def make_reader(settings: Settings, own: Sequence[Reader] = ()) -> LimitedReader:
    """The readers of a configuration, within its limits; close it after use.

    Args:
        settings: the configuration.
        own: readers of the caller's, before all others.
    """
    reading = settings.reading
    readers = Readers(own, reading_options(settings))
    return LimitedReader(
        readers, seconds=reading.seconds_per_file, memory_mb=reading.memory_mb, max_file_mb=reading.max_file_mb
    )
