"""The kinds of trial. Each takes a place and a source of chance, and notes in the place what must not happen."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rag_pipeline import Pipeline
from rag_pipeline.errors import RagPipelineError
from rag_pipeline.store.embedded import index_files
from rag_pipeline.testing import HashEmbeddings
from tests import damages
from tests.conftest import offline_environment
from tests.torture import hostile
from tests.torture.place import INTERRUPTED, MODES, Place, question, sources, write_documents
from tests.torture.processes import DEADLINE, call, command, run, start

Trial = Callable[[Place, random.Random], None]
_OPERATIONS = (("ingest",), ("ingest",), ("ingest", "--rebuild"), ("verify", "--repair"))
_COLD = "import sys; from tests.torture.processes import command; sys.exit(command(sys.argv[1:]))"
_ADVICE = "move it away"


def kill(place: Place, chance: random.Random) -> None:
    """Ingests, rebuilds and repairs that are killed, ended or interrupted at random moments."""
    operation = chance.choice(_OPERATIONS)
    if chance.random() < 0.25:
        shutil.rmtree(place.store)  # a first ingest
    for _ in range(chance.randint(1, 4)):
        running = start(command, operation, folder=place.folder)
        time.sleep(chance.uniform(0.02, 2.5))
        number = chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
        running.kill(number)
        place.judge(f"killed {operation}", running.wait(), {0, 1, 4, -signal.SIGKILL, *INTERRUPTED})
        if chance.random() < 0.5:
            place.ask(chance.choice(MODES), chance.choice(sources()))
    place.check()


def _become_program(words: list[str], environment: dict[str, str]) -> int:
    os.execvpe(words[0], words, environment)


def killed_save(place: Place, chance: random.Random) -> None:
    """An ingest that dies, or has no room, at a random write to the files of a vector index."""
    if shutil.which("strace") is None:
        return
    index, _ = damages.parts_of(place.store, "docs")
    number = int(2 ** chance.uniform(0, 9))
    full = chance.random() < 0.4
    fault = f"error=ENOSPC:when={number}..{number + chance.randint(0, 40)}" if full else f"signal=SIGKILL:when={number}"
    watched = [part for name in index_files.FILES for part in ("-P", str(index / name))]
    words = ["strace", "-f", "-o", "/dev/null", *watched, "-e", "trace=write,writev", "-e"]
    words += [f"inject=write,writev:{fault}", sys.executable, "-c", _COLD, "ingest"]
    ending = call(_become_program, words, offline_environment(), folder=place.folder, deadline=2 * DEADLINE)
    place.judge(f"ingest with {fault}", ending, {0, 4, -signal.SIGKILL})
    for mode in MODES:
        place.ask(mode, chance.choice(sources()))
    place.check()


def full_disk(place: Place, chance: random.Random) -> None:
    """Writes that fail beyond some size of a file, while the same store is asked."""
    operation = chance.choice(_OPERATIONS)
    room = int(2 ** chance.uniform(8, 20))
    for _ in range(chance.randint(1, 2)):
        ended = place.judge(f"{operation} with {room} bytes", run(place.folder, *operation, most_bytes=room), {0, 1, 4})
        if "is damaged" in ended.err or ("--rebuild" in ended.err and ended.code):
            place.note("wrong", f"a full disk is called damage: {ended.err}")
        place.ask(chance.choice(MODES), chance.choice(sources()), most_bytes=room)
        room *= 2
    place.check()


def damage(place: Place, chance: random.Random) -> None:
    """One or two damages of files; every command is honest, the other collection goes on, and what is advised works."""
    tables = {**damages.INDEX_DAMAGES, **damages.LEXICAL_DAMAGES, **damages.LOCK_DAMAGES, **damages.DATABASE_DAMAGES}
    chosen = chance.sample(sorted(tables), chance.choice((1, 1, 2)))
    chosen.sort(key=lambda name: name in damages.DATABASE_DAMAGES)  # which the others look into
    whole = all(name in damages.INDEX_DAMAGES or name in damages.LEXICAL_DAMAGES for name in chosen)
    for name in chosen:
        try:
            tables[name](place.store, "docs")
        except (OSError, AssertionError):
            continue  # the first has taken away what the second damages
    for mode in MODES:
        place.ask(mode, chance.choice(sources()))
        place.ask(mode, chance.choice(sources()), collection="other", well=whole and "all words missing" not in chosen)
    for arguments in (("status",), ("verify",), ("verify", "--repair"), ("ingest",), ("ingest", "--rebuild")):
        if chance.random() < 0.7:
            place.judge(f"{arguments} after {chosen}", run(place.folder, *arguments))
    for tried in range(4):
        ended = place.judge(f"ingest after {chosen}", run(place.folder, "ingest"), {0, 4})
        if ended.code == 0:
            break
        _follow(place, ended.err, tried)
    place.check()
    if place.problems:
        place.note(place.problems[0].kind, f"damaged: {chosen}")


def _follow(place: Place, said: str, tried: int) -> None:
    """Do what an error advises."""
    named = [part.rstrip(":;,") for part in said.split() if part.startswith(str(place.store))]
    if _ADVICE in said and named and Path(named[0]).exists():
        Path(named[0]).rename(place.folder / f"away{tried}")
    elif _ADVICE in said:
        place.store.rename(place.folder / f"away{tried}")
    elif "--rebuild" in said:
        place.judge("rebuild as advised", run(place.folder, "ingest", "--rebuild"), {0})
    elif "see whether you may read and write" in said:
        shutil.rmtree(place.store)
    if not place.store.exists():
        place.judge("ingest as advised", run(place.folder, "ingest", "--collection", "other"), {0})


def together(place: Place, chance: random.Random) -> None:
    """Readers that stay open and readers that come and go, while ingests, rebuilds and repairs follow one another."""
    stop = place.folder / "stop"
    readers = [start(_read_on, stop, chance.random(), folder=place.folder) for _ in range(2)]
    for _ in range(chance.randint(2, 4)):
        write_documents(place.folder / "docs", f"edition {chance.random()}")
        writer = start(command, chance.choice(_OPERATIONS), folder=place.folder)
        if chance.random() < 0.3:
            second = place.judge("a second writer", run(place.folder, "ingest", "--yes"), {0, 4})
            if second.code == 4 and "is writing to" not in second.err:
                place.note("wrong", second.err)
        while not writer.ended:
            place.ask(chance.choice(MODES), chance.choice(sources()), well=True)
        place.judge("a writer among readers", writer.wait(), {0, 1, 4})
    write_documents(place.folder / "docs", "second")
    stop.touch()
    for reader in readers:
        ending = place.judge("a reader that stays open", reader.wait(3 * DEADLINE), {0, 1})
        if ending.code == 1:
            place.note("wrong", ending.err)
    place.check()


def _read_on(stop: Path, seed: float) -> int:
    chance = random.Random(seed)
    with Pipeline("config.yaml", collection="docs", embeddings=HashEmbeddings()) as pipeline:
        while not stop.exists():
            mode, number = chance.choice(MODES), chance.choice(sources())
            try:
                found = [document.source for document in pipeline.retrieve(question(number), k=1, mode=mode)]
            except RagPipelineError as error:
                sys.stderr.write(f"{mode}: {type(error).__name__}: {error}\n")
                return 1
            if found != [f"{number:02}.md"]:
                sys.stderr.write(f"{mode}: {number:02}.md: found {found}\n")
                return 1
            time.sleep(0.05)
    return 0


def hostile_files(place: Place, chance: random.Random) -> None:
    """Files that mean harm to whoever reads them cost themselves only."""
    docs = place.folder / "docs"
    made = [hostile.make(docs, kind, chance) for kind in chance.sample(sorted(hostile.KINDS), 5)]
    ended = place.judge(f"ingest of {[file.name for file in made]}", run(place.folder, "ingest"), {0, 1})
    if any(character in ended.err + ended.out for character in "\x1b\x07\x00"):
        place.note("wrong", f"control characters were printed: {ended.err!r}")
    for mode in MODES:
        place.ask(mode, chance.choice(sources()), well=True)
    place.judge("verify", run(place.folder, "verify"), {0})
    for file in made:
        file.unlink()
    place.check()


def writing_is_over(place: Place) -> None:
    """Let a place go; what has no right to be removed is given it."""
    for path in place.folder.rglob("*"):
        if not path.is_symlink() and path.exists():
            path.chmod(0o755)
    shutil.rmtree(place.folder, ignore_errors=True)


KINDS: dict[str, Trial] = {
    "kill": kill,
    "killed-save": killed_save,
    "full-disk": full_disk,
    "damage": damage,
    "together": together,
    "hostile": hostile_files,
}

__all__ = ["KINDS", "call", "writing_is_over"]
