"""``init``: from a folder of documents to a first answer: a config.yaml, its collection, a question."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag_pipeline.cli.output import note
from rag_pipeline.errors import OutputError, UsageError
from rag_pipeline.messages import N_, _
from rag_pipeline.text import one_line

if TYPE_CHECKING:
    from rag_pipeline.config import Settings
    from rag_pipeline.locations import Folder

_USUAL_FOLDER = "documents"
_USUAL_NAME = "documents"
_LONGEST_TITLE = 80
_KOREAN = re.compile("[가-힣]")
# What joins words in a title that was made of a file's name, or marks them.
_MARKS = re.compile("[_*#`|]+")

# The whole file, so that a translation can lay it out anew; keys and values stay what they are.
_CONFIG = N_(
    """\
# Configuration of rag-pipeline for one folder of documents. All settings, with their values: rag-pipeline config
default_collection: {collection}  # the one that rag-pipeline query "..." asks
collections:
  {collection}:
    folder: {folder}  # relative to this file; [a, b] for several
    embedding: bundled  # a model that comes along: no key, nothing to pay
store:
  path: chroma_db  # where collections are kept; best outside of version control
retrieval:
  top_k: 4  # passages shown for a question
# For answers, rag-pipeline query --answer "...", put GOOGLE_API_KEY=... into a file .env here.
"""
)


def command(
    folder: Annotated[
        str | None, typer.Argument(metavar="FOLDER", help="Folder of the documents, or its URL.  [default: documents]")
    ] = None,
    no_ingest: Annotated[
        bool, typer.Option("--no-ingest", help="Only write config.yaml; nothing is ingested or asked.")
    ] = False,
) -> int:
    """Begin with a folder of documents.

    Writes a short config.yaml for it into the current folder, ingests it, and asks a first question, so that you see
    how. A config.yaml that is there stays as it is, and nothing is written if the folder has nothing to read.
    """
    from rag_pipeline.config import CONFIG_FILE, load_settings
    from rag_pipeline.locations import as_folder

    file = Path(CONFIG_FILE)
    if folder is not None and not folder.strip():
        raise UsageError("the name of the folder is empty; name that of your documents: rag-pipeline init FOLDER")
    given = as_folder(_USUAL_FOLDER if folder is None else folder)
    goes_on = os.path.lexists(file)
    if goes_on and not _is_of(file, given):
        raise UsageError(
            f"{file} is there already and stays as it is; run rag-pipeline ingest, or init in another folder"
        )
    settings = load_settings()
    if folder is None and isinstance(given, Path) and not given.exists():
        raise UsageError(
            f"the current folder has no folder {_USUAL_FOLDER}; name that of your documents: rag-pipeline init FOLDER"
        )
    if not isinstance(given, Path) and given.name != given.url.rstrip("/"):
        raise UsageError(
            f"folder {given}: its URL holds credentials, which belong into the environment, not into {file}"
        )
    collection = _collection_name(given)
    _check_readable(settings, given, collection)
    _check_writable(settings)
    if not goes_on:
        _write(file, _text(given))
        said = _("wrote {file}: collection {collection} of {folder}")
        note(said.format(file=file, collection=collection, folder=given))
    if no_ingest:
        note(_("now bring the documents in: rag-pipeline ingest"))
        return 0
    from rag_pipeline.cli.ingest_job import IngestJob
    from rag_pipeline.ingestion.targets import choose_targets

    settings = load_settings(file)
    job = IngestJob(settings, rebuild=False, delete=True, yes=False, dry_run=False, as_json=False)
    code = job.run(choose_targets(settings, [], [], [], [], []))
    question = _first_question(settings)
    if question is None:
        return code
    from rag_pipeline.cli.query import command as query

    note(_("a first question, as you can ask more:"))
    note(f"    rag-pipeline query {shlex.quote(question)}")
    return query(question) or code


def _text(folder: Folder) -> str:
    """What stands in the file for a folder."""
    return _(_CONFIG).format(collection=_collection_name(folder), folder=_as_yaml(folder))


def _is_of(file: Path, folder: Folder) -> bool:
    """Whether a file is what an earlier call wrote for the folder, which may have been cut off after that."""
    try:
        return file.is_file() and file.read_text(encoding="utf-8") == _text(folder)
    except (OSError, ValueError, UsageError):
        return False


def _resolved(folder: Path) -> Path:
    """Where a folder lies.

    Raises:
        UsageError: its name leads nowhere, or is none that a file can hold.
    """
    try:
        str(folder).encode("utf-8")
        from rag_pipeline.locations import expanded

        return expanded(folder).resolve()
    except UnicodeEncodeError:
        raise UsageError(f"folder {folder} has a name that is not in UTF-8; rename it first") from None
    except (OSError, RuntimeError) as error:  # a home of nobody, links in a circle
        raise UsageError(f"folder {folder} leads nowhere: {one_line(error)}") from None


def _collection_name(folder: Folder) -> str:
    """A name after the folder's own, where that can name a collection; a Korean one cannot."""
    import yaml

    from rag_pipeline.locations import RemoteFolder
    from rag_pipeline.store.names import check_collection_name

    name = folder.last_part if isinstance(folder, RemoteFolder) else _resolved(folder).name
    try:
        check_collection_name(name)
    except UsageError:
        return _USUAL_NAME
    # What YAML takes for a number, a date, or yes and no is no name in it.
    return name if yaml.safe_load(name) == name else _USUAL_NAME


def _check_readable(settings: Settings, folder: Folder, collection: str) -> None:
    """Refuse a folder that is not there, or has nothing to read.

    Raises:
        UsageError: it is so.
        ServiceError: it is behind a URL that cannot be reached.
    """
    from rag_pipeline.documents.walking import scan_folder
    from rag_pipeline.ingestion.preparation import folder_options, make_reader
    from rag_pipeline.ingestion.targets import IngestTarget

    with make_reader(settings) as reader:
        options = folder_options(settings, IngestTarget(collection, [folder]), reader.readers)
    scan_folder(folder, options.selection, options.suffixes)


def _check_writable(settings: Settings) -> None:
    """Refuse to begin where the configuration or the store could not be written.

    Raises:
        UsageError: it is so.
    """
    store = settings.resolve_path(settings.store.path)
    for wanted in (Path.cwd(), next(path for path in (store, *store.parents) if path.exists())):
        if not os.access(wanted, os.W_OK | os.X_OK):
            raise UsageError(f"folder {wanted} may not be written; run init in a folder of yours")


def _write(file: Path, text: str) -> None:
    """Write a file that is not there yet, the whole of it or none.

    Raises:
        UsageError: another made it meanwhile.
        OutputError: it cannot be written.
    """
    try:
        with file.open("x", encoding="utf-8", newline="\n") as writing:
            try:
                writing.write(text)
                writing.flush()
            except OSError:
                file.unlink(missing_ok=True)
                raise
    except FileExistsError:
        raise UsageError(
            f"{file} is there already and stays as it is; run rag-pipeline ingest, or init in another folder"
        ) from None
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror or error}") from None


def _as_yaml(folder: Folder) -> str:
    """A folder as a value in YAML, relative where it lies below the current one."""
    import yaml

    text = str(folder)
    if isinstance(folder, Path) and not text.startswith("~"):
        path, here = _resolved(folder), Path.cwd().resolve()
        below = path.relative_to(here).as_posix() if path.is_relative_to(here) else "~"
        text = path.as_posix() if below.startswith("~") else below
    # Dumped as a list, for a lone text would be followed by the mark of a document's end. Not every character that is
    # left as it is comes back.
    for unicode in (True, False):
        dumped = yaml.safe_dump([text], allow_unicode=unicode, default_flow_style=True, width=10**6).strip()
        if yaml.safe_load(dumped) == [text]:
            break
    return dumped[1:-1]


def _first_question(settings: Settings) -> str | None:
    """A question that the documents answer, made from a title, in its language; None: nothing was ingested."""
    from rag_pipeline.assembly import open_store
    from rag_pipeline.store.contents import list_documents

    store = open_store(settings)
    try:
        collection = store.find(settings.default_collection)
        documents = [] if collection is None else list(list_documents(collection).values())
    finally:
        store.close()
    if not documents:
        return None
    titles = [" ".join(_MARKS.sub(" ", document.title).split()) for document in documents]
    title = next((title for title in titles if title), Path(documents[0].version.key.source).stem)
    title = title[:_LONGEST_TITLE].strip(" -?!.")
    return f"{title}의 특징은 무엇인가?" if _KOREAN.search(title) else f"What is said about {title}?"
