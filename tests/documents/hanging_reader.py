"""Readers that misbehave, for the process in which files are read apart."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from rag_pipeline.documents import Document, Section


class BadReader:
    suffixes = frozenset({".bad"})

    def read(self, name: str, content: bytes) -> Document:
        match content.decode():
            case "hang":
                time.sleep(600)
            case "crash":
                os.kill(os.getpid(), 11)
            case "exit":
                os._exit(3)
            case "memory":
                assert b"x" * 20_000_000_000
            case "environment":
                content = " ".join([*os.environ, str(Path.cwd()), *sys.path]).encode()
            case "spin":
                while True:
                    pass
            case "noise":
                print("noise on standard output", flush=True)
                os.write(1, b"more noise\n")
        return Document(name, (Section(("h",), content.decode(), {"page": 2}),), {"a": 1})
