"""Whether a process that has left word of itself still lives."""

from __future__ import annotations

import os


def is_alive(process: int) -> bool:
    """Whether a process of this machine lives, by its number; True where that cannot be told."""
    if os.name == "nt" or process <= 0:  # signal 0 would end the process there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
