"""How much of a sync's work is done, from the sizes of files before they are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from rag_pipeline.ingestion.plan import PlannedFile

# Bytes of a file for a token of its text, before any file of its format was seen: pictures and packing make them. Told
# from folders of ordinary office files; what is read corrects them.
_BYTES_A_TOKEN = {
    ".md": 4,
    ".markdown": 4,
    ".txt": 4,
    ".text": 4,
    ".csv": 3,
    ".tsv": 3,
    ".json": 5,
    ".jsonl": 5,
    ".ndjson": 5,
    ".html": 20,
    ".htm": 20,
    ".xhtml": 20,
    ".eml": 10,
    ".epub": 10,
    ".docx": 30,
    ".hwpx": 40,
    ".hwp": 60,
    ".xlsx": 5,
    ".xls": 10,
    ".ods": 5,
    ".pptx": 500,
    ".pdf": 150,
}
_OTHERS = 20
# Tokens that the guess above weighs as much as: after some files of a format it hardly counts.
_WEIGHT = 200
# Share of the work that must be done before it says how long the rest takes.
_LEAST_SHARE = 0.02
# Share of the rest that may lie in formats of which no file is done yet.
_UNSEEN = 0.5


class WorkEstimate:
    """Tokens that are embedded of those that files will have.

    Args:
        files: all that are to be brought in.
    """

    def __init__(self, files: Iterable[PlannedFile]) -> None:
        self._formats: dict[str, _Format] = defaultdict(_Format)
        for file in files:
            self._formats[_suffix(file)].bytes_left += file.size

    def embedded(self, file: PlannedFile, tokens: int) -> None:
        """Count tokens of a file that is not done yet."""
        self._formats[_suffix(file)].tokens_under_way += tokens

    def finished(self, file: PlannedFile, tokens: int) -> None:
        """Count a file as done, with all the tokens that were embedded of it; one that failed has none."""
        kind = self._formats[_suffix(file)]
        kind.bytes_left -= file.size
        kind.bytes_done += file.size
        kind.tokens_under_way -= tokens
        kind.tokens_done += tokens

    def share(self) -> float | None:
        """Share of the work that is done, from 0 to 1; None while too little is known."""
        done = left = unseen = 0.0
        for suffix, kind in self._formats.items():
            tokens = kind.tokens_left(suffix)
            done += kind.tokens_done + kind.tokens_under_way
            left += tokens
            unseen += tokens if not kind.bytes_done and not kind.tokens_under_way else 0
        if not done or done < _LEAST_SHARE * (done + left) or unseen > _UNSEEN * left:
            return None
        return done / (done + left)


class _Format:
    """Files of one suffix."""

    def __init__(self) -> None:
        self.bytes_left = 0
        self.bytes_done = 0
        self.tokens_done = 0
        self.tokens_under_way = 0

    def tokens_left(self, suffix: str) -> float:
        guess = _BYTES_A_TOKEN.get(suffix, _OTHERS)
        rate = (self.tokens_done + _WEIGHT) / (self.bytes_done + _WEIGHT * guess)
        return max(self.bytes_left * rate - self.tokens_under_way, 0.0)


def _suffix(file: PlannedFile) -> str:
    return PurePosixPath(file.key.source).suffix.lower()
