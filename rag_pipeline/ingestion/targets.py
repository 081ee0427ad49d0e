"""Which folders go into which collections with which embeddings: what was asked, filled in from the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rag_pipeline.errors import UsageError
from rag_pipeline.places import Folder, RemoteFolder, same_place
from rag_pipeline.store.names import check_name

if TYPE_CHECKING:
    from rag_pipeline.config import Settings
    from rag_pipeline.ingestion.run import IngestTarget


def choose_targets(
    settings: Settings,
    folders: Sequence[Folder],
    collections: list[str],
    embeddings: list[str],
    include: list[str],
    exclude: list[str],
) -> list[IngestTarget]:
    """Fill in what was left open.

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
    from rag_pipeline.ingestion.run import IngestTarget

    check_name(collection, "--collection")
    configured = settings.collections.get(collection) or settings.collections.get(configured_as)
    if not folders:
        if configured is None:
            known = ", ".join(sorted(settings.collections)) or "none"
            raise UsageError(
                f"no folder given, and config.yaml names none for collection {collection!r}"
                f" (collections there: {known}); name a folder: ingest.py FOLDER"
            )
        folders = [settings.resolve_folder(folder) for folder in configured.folder]
    name = embedding or (configured.embedding if configured else None) or _embedding_in_store(settings, collection)
    settings.embedding(name)
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
    return found or [first.last_part if isinstance(first, RemoteFolder) else first.expanduser().resolve().name]


def _embedding_in_store(settings: Settings, collection: str) -> str:
    """A collection that is not in the configuration goes on with the embedding it was made with."""
    from rag_pipeline.assembly import open_store

    store = open_store(settings)
    try:
        stored = store.get(collection).embedding if collection in store.names() else None
    finally:
        store.close()
    return stored or "bundled"
