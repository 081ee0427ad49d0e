"""Reading the files of folders to see whether all of their text arrives; nothing is embedded or stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag_pipeline.config import Settings
from rag_pipeline.documents import scan_folder
from rag_pipeline.documents.conservation import FileCheck
from rag_pipeline.documents.selection import SIZE_LIMIT
from rag_pipeline.errors import DocumentError
from rag_pipeline.ingestion.preparation import check_folders, make_reader, reading_selection
from rag_pipeline.locations import Folder, read_file


def check_reading(settings: Settings, folders: Sequence[Folder]) -> Iterator[tuple[str, FileCheck | str | None]]:
    """Read each file within the limits of the configuration and compare it with a plain walk of its parts.

    Args:
        settings: how files are read.
        folders: what to read.

    Yields:
        source of the file, and what became of its letters; the reason, where it cannot be read; None, where its format
        has nothing to compare with.

    Raises:
        UsageError: a folder is missing, or holds nothing readable.
    """
    check_folders(folders)
    with make_reader(settings) as reader:
        for folder in folders:
            scan = scan_folder(folder, reading_selection(settings), reader.readers.suffixes)
            yield from scan.unreadable
            for file in scan.files:
                try:
                    yield file.source, reader.check(file.path.name, read_file(file.path, reader.max_bytes, SIZE_LIMIT))
                except OSError as error:
                    yield file.source, f"cannot be read: {error.strerror}"
                except DocumentError as error:
                    yield file.source, str(error)
