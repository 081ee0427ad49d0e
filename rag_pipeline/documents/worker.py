"""Reads files in a process of its own: ``python -m rag_pipeline.documents.worker``.

A request is a line of JSON (name, size, options, memory limit, task) and the file's bytes; the answer is a line of JSON
with the document, or with how much of the file it holds, or why there is none. What a parser prints goes nowhere.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import threading
import time
from typing import Any, BinaryIO

from rag_pipeline.documents.document import Document
from rag_pipeline.documents.readers import Readers
from rag_pipeline.documents.readers.base import ReadingOptions
from rag_pipeline.errors import DocumentError
from rag_pipeline.text import one_line

# Seconds of the processor's time beyond a file's own, after which a process that nobody waits for ends itself.
_GRACE = 10
_SECONDS_BETWEEN_LOOKS = 1.0


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until they end."""
    readers: Readers | None = None
    while line := requests.readline():
        request = json.loads(line)
        content = requests.read(request["size"])
        if readers is None:
            _limit_memory(request["memory_mb"])
            readers = Readers(options=ReadingOptions(**request["options"]))
        _limit_time(request["cpu_seconds"])
        answers.write(json.dumps(_answer(readers, request, content)).encode() + b"\n")
        answers.flush()


def _answer(readers: Readers, request: dict[str, Any], content: bytes) -> dict[str, Any]:
    name = request["name"]
    try:
        document = readers.read(name, content)
        if request.get("task") == "check":
            return {"check": check_file(name, content, document, readers.options)}
        return {"document": document.as_dict()}
    except DocumentError as error:
        return {"error": str(error)}


def check_file(name: str, content: bytes, document: Document, options: ReadingOptions) -> dict[str, Any] | None:
    """What became of a file's letters, as plain values; None for a format that cannot be checked.

    Raises:
        DocumentError: the file was read, but is made so unusually that a plain walk of its parts fails.
    """
    from rag_pipeline.documents.conservation import compare, walk

    try:
        strings = walk(name, content, options)
    except Exception as error:
        reason = one_line(error, 100)
        raise DocumentError(f"is read, but cannot be compared ({type(error).__name__}: {reason})") from error
    return None if strings is None else compare(strings, document).as_dict()


def _limit_memory(megabytes: int) -> None:
    """Let a document that asks for more fail in here rather than take the machine down; where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        limit = megabytes * 1_000_000
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _limit_time(seconds: float) -> None:
    """End this process after so much more of the processor's time: whoever waits for it may be there no longer."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        wanted = math.ceil(used.ru_utime + used.ru_stime + seconds) + _GRACE
        resource.setrlimit(resource.RLIMIT_CPU, (wanted if most < 0 else min(wanted, most), most))


def _end_with(parent: int) -> None:
    """End this process when the one that started it has ended, whatever a parser is doing."""
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def main() -> None:
    """Serve on standard input and output."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with contextlib.suppress(AttributeError, OSError):
        os.nice(10)  # reading is ahead of the model: where both want a core, the model has it
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.dup2(nowhere, sys.stderr.fileno())
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        serve(sys.stdin.buffer, answers)
    os._exit(0)


if __name__ == "__main__":
    main()
