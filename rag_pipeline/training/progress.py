"""What a training tells of its progress, to whoever shows it."""

from __future__ import annotations

import time


class Progress:
    """Told what is done; this one says nothing. A command line overrides :meth:`show`."""

    def __init__(self) -> None:
        self._phase = ""
        self._started = time.monotonic()

    def phase(self, words: str) -> None:
        """A new part of the work begins."""
        self._phase, self._started = words, time.monotonic()
        self.show(words, 0, 0, "")

    def count(self, done: int, total: int) -> None:
        """So much of the part is done."""
        self.show(self._phase, done, total, self._left(done, total))

    def step(self, done: int, total: int, loss: float) -> None:
        """An update of the weights, and the loss of its batch."""
        left = self._left(done, total)
        self.show(self._phase, done, total, f"loss {loss:.3f}" + (f", {left}" if left else ""))

    def show(self, phase: str, done: int, total: int, said: str) -> None:
        """Show it; ``total`` is 0 where the number is not known yet."""

    def _left(self, done: int, total: int) -> str:
        spent = time.monotonic() - self._started
        if not 0 < done < total or spent < 1:
            return ""
        seconds = spent / done * (total - done)
        return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"


silent = Progress()
"""Says nothing."""
