"""Time for tests of what waits or expires."""

from __future__ import annotations


class Clock:
    """Time that passes when it is told to: in place of the module ``time`` where only ``monotonic`` is used of it."""

    now = 1000.0

    def monotonic(self) -> float:
        """Seconds, as ``time.monotonic`` gives them."""
        return self.now
