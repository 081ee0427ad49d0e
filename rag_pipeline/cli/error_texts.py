"""Errors and warnings in the language that is spoken.

What goes wrong is raised in English, with its values in it, and is the same for whoever catches it. Only where the
command line shows it, the most frequent sentences are translated: each is known here by its template, in which a word
in braces stands for any text. A sentence that is none of these stays English.
"""

from __future__ import annotations

import re
from functools import cache

from rag_pipeline.messages import N_, _, spoken

OURS = (
    # the configuration
    N_("configuration file {path} not found"),
    N_("configuration {path} is not a regular file"),
    N_("{path}: expected keys and values, found {kind}"),
    N_("{path}: not UTF-8; save it as UTF-8"),
    N_("{path}: not valid YAML{problem}"),
    N_("{path}: collections.{name}.embedding: unknown embedding {embedding}; known: {known}"),
    N_("unknown embedding {name}; known: {known}"),
    N_("{where}: {key}: unknown key; known keys here: {known}"),
    N_("{where}: {key}: missing, and it is needed"),
    N_("{where}: {key}: needs a provider; allowed: {allowed}"),
    N_("{where}: {key}.provider: found {found}; allowed: {allowed}"),
    N_("{where}: {key}: found {found}; allowed: {allowed}"),
    N_("environment: unknown variable {variable}; allowed: {allowed}, with __ below"),
    N_(
        "no Gemini API key: set {variable} in the environment or in a file .env next to config.yaml;"
        " keys are made at {page}"
    ),
    # folders and what is said of them
    N_("folder {folder} not found"),
    N_("{folder} is not a folder"),
    N_("folder {folder} cannot be listed: {error}"),
    N_("folder {folder} holds no readable document{narrowed}; readable: {kinds}. Nothing was changed"),
    N_("folder {folder} lies inside {outer}, which brings it in already; leave it out"),
    N_("folder {folder} may not be written; run init in a folder of yours"),
    N_("{file} is there already and stays as it is; run rag-pipeline ingest, or init in another folder"),
    N_("the current folder has no folder {folder}; name that of your documents: rag-pipeline init FOLDER"),
    N_("folder {folder}: its URL holds credentials, which belong into the environment, not into {file}"),
    N_("{file} cannot be written: {error}"),
    N_(
        "no folder given, and config.yaml names none for collection {collection} (collections there: {known});"
        " name a folder: rag-pipeline ingest FOLDER"
    ),
    N_(
        "{lost} of {known} documents in the collection are no longer in the folder; nothing was changed. If that is"
        " meant, run again with --yes; to keep them, with --no-delete"
    ),
    N_(
        "{name} cannot name a collection (3 to 492 of a-z, A-Z, 0-9, '.', '_', '-', beginning and ending in a letter"
        " or digit); choose another name{option}"
    ),
    N_("--address and --workers go with --engine ray"),
    N_("--watch goes with neither --dry-run nor --rebuild"),
    N_("--watch is for folders of this machine; for {folder}, run ingest from time to time instead"),
    # questions
    N_("ask one question, or those of a file with --questions"),
    N_("-k must be 1 or more, found {k}"),
    N_("the question is empty; ask in words, such as those that are to be found"),
    N_("unknown --rerank {method}; known: {known}"),
    N_("unknown mode {mode}; known: {known}"),
    N_("diversity must be from 0 to 1, found {diversity}"),
    N_("min_confidence must be from 0 to 1, found {confidence}"),
    N_("min_confidence needs vectors, which mode lexical does not look at; choose another mode"),
    N_("{file}, line {number}: no JSON object with a 'question'"),
    N_("--where {condition} cannot be understood; write it like {examples}"),
    N_("--where {condition} names no value; write it like {examples}"),
    N_("--where {condition}: {sign} compares numbers, found {found}"),
    # collections and their store
    N_("unknown collection {name} in {store}; known: {known}"),
    N_("unknown collection {name} in {store}; the store has none yet: run rag-pipeline ingest first"),
    N_("{error} (no {file} was found in {folder})"),
    N_("the default collection {name} is not in the store; choose one with --collection: {known}"),
    N_(
        "collection {name} was made with embedding {embedding} ({made}); the configuration asks for {asked}"
        " ({differs}); recreate it: {command}, or use --embedding {other}"
    ),
    N_(
        "collection {name} was made with embedding {embedding} ({made}); the configuration asks for {asked}"
        " ({differs}); recreate it: {command}"
    ),
    N_("collection {name} does not say how it was made (not by this package); recreate it: {command}"),
    N_("{writer} is writing to {store}; wait until it is done, then try again"),
    N_("another process"),
    N_("another thread of this process"),
    N_("store {store} is not a folder; move it away or set store.path"),
    N_("store {store} cannot be written: {error}"),
    N_("store {store} is not readable as a Chroma store ({error}); {advice}"),
    N_(
        "the database of store {store} is damaged ({problem}); restore it from a copy, or move it away and ingest again"
    ),
    N_("{server} cannot be reached ({reason}); {advice}"),
    N_(
        "someone is writing to {store}, and collection {name} cannot be checked meanwhile ({error}); verify again when"
        " it is done"
    ),
    # files that do not get in
    N_("holds no text"),
    N_("binary, not text"),
    N_("the file is empty"),
    N_("is nested too deeply"),
    N_("is damaged ({error})"),
    N_("is damaged, or not a {suffix} file ({error})"),
    N_("is damaged, or no PDF ({error})"),
    N_("is damaged, or no HWP file"),
    N_("is damaged, or no HWPX file: it has no sections"),
    N_("is locked with a password; save it without one"),
    N_("is locked with a password, or for distribution; save it without"),
    N_("is locked by rights management (DRM); save it without"),
    N_("holds no text on its {count} page: a scan; run OCR over it first"),
    N_("holds no text on its {count} pages: a scan; run OCR over it first"),
    N_("has {size} MB, more than the {limit} MB of reading.max_file_mb"),
    N_("reading {suffix} needs the package {package}: pip install 'rag-pipeline[{extra}]'"),
    N_("takes more memory than a file may; see reading.memory_mb"),
    N_("took its parser longer than {seconds} s (reading.seconds_per_file)"),
    N_("brought its parser down ({error})"),
    N_("cannot be taken apart into cells ({error})"),
)
TYPERS = (
    N_("No such option: {option}"),
    N_("No such command {name}."),
    N_("Missing command."),
    N_("Missing argument {name}."),
    N_("Missing option {name}."),
    N_("Invalid value for {name}: {problem}"),
    N_("Input should be a valid integer, unable to parse string as an integer"),
    N_("Input should be a valid number, unable to parse string as a number"),
    N_("Option {name} requires an argument."),
    N_("Got unexpected extra argument(s) ({arguments})"),
)
SYSTEMS = (
    N_("No such file or directory"),
    N_("Permission denied"),
    N_("No space left on device"),
    N_("Read-only file system"),
    N_("Is a directory"),
    N_("Not a directory"),
)
_FIELD = re.compile(r"\{(\w+)\}")
# What holds a sentence of its own.
_SENTENCES = ("error", "problem", "reason", "writer")


def translated(message: str) -> str:
    """A message of an error in the language that is spoken, if it is one of those that are known; else as it is."""
    if spoken() == "en":
        return message
    for template, pattern in _patterns():
        found = pattern.fullmatch(message)
        if found is not None:
            values = found.groupdict()
            inner = {name: translated(values[name]) for name in _SENTENCES if name in values}
            return _(template).format(**{**values, **inner})
    return message


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Templates and what matches them, those that say the most first."""
    templates = sorted((*OURS, *TYPERS, *SYSTEMS), key=lambda template: -len(_FIELD.sub("", template)))
    return [(template, _pattern(template)) for template in templates]


def _pattern(template: str) -> re.Pattern[str]:
    pieces = _FIELD.split(template)
    named = [f"(?P<{piece}>.*?)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)]
    return re.compile("".join(named), re.DOTALL)
