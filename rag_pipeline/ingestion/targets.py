"""Which folders go into which collections with which embeddings: what was asked, filled in from the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag_pipeline.config import MetadataRule, Settings
from rag_pipeline.errors import UsageError
from rag_pipeline.locations import Folder, RemoteFolder, expanded, same_place
from rag_pipeline.store.names import check_collection_name


@dataclass(frozen=True)
class IngestTarget:
    """Which folders go into which collection with which embedding.

    Raises:
        UsageError: nothing can be named so.
    """

    collection: str
    folders: Sequence[Folder]
    """Paths, or folders behind URLs: ``rag_pipeline.locations.as_folder("s3://bucket/docs")``."""
    embedding: str | None = None
    """Its name in the configuration; None: the one configured for the collection, else the one it was made with, else
    ``bundled``."""
    include: tuple[str, ...] = ()
    """Only files that match one of these patterns; empty: all."""
    exclude: tuple[str, ...] = ()
    """No file or folder that matches one of these patterns."""
    metadata: tuple[MetadataRule, ...] = ()
    """Metadata for files by pattern."""

    def __post_init__(self) -> None:
        check_collection_name(self.collection)


def choose_targets(
    settings: Settings,
    folders: Sequence[Folder],
    collections: list[str],
    embeddings: list[str],
    include: list[str],
    exclude: list[str],
) -> list[IngestTarget]:
    """Fill in what was left open, from the configuration.

    Args:
        settings: the configuration.
        folders: to bring in; none: those that the configuration names for each collection.
        collections: their names; none: those configured for exactly these folders, else one named after the first.
        embeddings: names; several make a collection each, named ``COLLECTION-EMBEDDING``. None: as configured, else as
            the collection was made.
        include: patterns in place of the configured ones.
        exclude: patterns in addition to the configured ones.

    Returns:
        one target for each collection and embedding, in the order they were named.

    Raises:
        UsageError: no folder is named for a collection, or no name can be made for it.
        ConfigurationError: an embedding is unknown.
    """
    names = collections or (_collections_for(settings, folders) if folders else [settings.default_collection])
    targets = []
    for name in dict.fromkeys(names):
        for embedding in dict.fromkeys(embeddings) or [None]:
            own = f"{name}-{embedding}" if len(set(embeddings)) > 1 else name
            targets.append(_target(settings, name, own, folders, embedding))
    return [
        replace(
            target,
            include=tuple(include) or target.include,
            exclude=(*target.exclude, *exclude),
        )
        for target in targets
    ]


def _target(
    settings: Settings, configured_as: str, collection: str, folders: Sequence[Folder], embedding: str | None
) -> IngestTarget:
    check_collection_name(collection, "--collection")
    configured = settings.collections.get(collection) or settings.collections.get(configured_as)
    if not folders:
        if configured is None:
            known = ", ".join(sorted(settings.collections)) or "none"
            raise UsageError(
                f"no folder given, and config.yaml names none for collection {collection!r}"
                f" (collections there: {known}); name a folder: rag-pipeline ingest FOLDER"
            )
        folders = [settings.resolve_folder(folder) for folder in configured.folder]
    name = embedding or (configured.embedding if configured else None)
    if name is not None:
        settings.embedding(name)  # an unknown name is refused before the first target is brought in
    if configured is None:
        return IngestTarget(collection, folders, name)
    return IngestTarget(
        collection, folders, name, tuple(configured.include), tuple(configured.exclude), tuple(configured.metadata)
    )


def _collections_for(settings: Settings, folders: Sequence[Folder]) -> list[str]:
    """The configured collections of a folder, or one named after it."""
    wanted = {same_place(folder) for folder in folders}
    found = [
        name
        for name, configured in settings.collections.items()
        if wanted <= {same_place(settings.resolve_folder(folder)) for folder in configured.folder}
    ]
    first = folders[0]
    return found or [first.last_part if isinstance(first, RemoteFolder) else expanded(first).resolve().name]
