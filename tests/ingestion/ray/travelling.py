"""Embeddings and a reader that travel to the processes of Ray, and leave a trace of what was done there."""

from __future__ import annotations

import os
import time
from pathlib import Path

from rag_pipeline.documents import Document, Section
from rag_pipeline.testing import HashEmbeddings


class Watched(HashEmbeddings):
    """Leaves a line for each text that is counted or embedded, whichever process does it."""

    def __init__(self, log: Path, seconds: float = 0.0) -> None:
        super().__init__()
        self.log = log
        self.seconds = seconds

    def note(self, deed: str, text: str) -> None:
        with self.log.open("a", encoding="utf-8") as stream:
            stream.write(f"{deed} {os.getpid()} {text!r}\n")

    def count_document_tokens(self, texts):
        self.note("count", "")
        return super().count_document_tokens(texts)

    def embed_documents(self, texts):
        time.sleep(self.seconds)
        for text in texts:
            self.note("embed", text)
        return super().embed_documents(texts)

    def processes(self, deed: str) -> set[int]:
        lines = self.log.read_text("utf-8").splitlines() if self.log.exists() else []
        return {int(line.split()[1]) for line in lines if line.startswith(deed)}

    def texts(self) -> list[str]:
        lines = self.log.read_text("utf-8").splitlines() if self.log.exists() else []
        return [line.split(" ", 2)[2] for line in lines if line.startswith("embed")]


class Refusing(HashEmbeddings):
    """Refuses single texts, or fails for good after some."""

    def __init__(self, refused: str = "", error: Exception | None = None, log: Path | None = None) -> None:
        super().__init__()
        self.refused = refused
        self.error = error
        self.log = log

    def embed_stream(self, texts):
        for batch in super().embed_stream(texts):
            yield batch
            time.sleep(0.4)
            if self.error is not None:
                raise self.error

    def _embed_group(self, group, start):
        whole = super()._embed_group(group, start)
        bad = {
            position: "too rude"
            for position, text in zip(whole.positions, group, strict=True)
            if self.refused and self.refused in text.text
        }
        good = [(p, v) for p, v in zip(whole.positions, whole.vectors, strict=True) if p not in bad]
        return type(whole)([p for p, _ in good], [v for _, v in good], bad)


class ShoutingReader:
    suffixes = frozenset({".log"})

    def read(self, name, content):
        return Document(name, (Section((), content.decode().upper()),))
