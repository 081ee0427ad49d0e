"""A local model in a process that was forked: on a CPU it works on, on a graphics card it cannot."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rag_pipeline import forking
from rag_pipeline.errors import EmbeddingError

if TYPE_CHECKING:
    import torch


class LoadedIn:
    """Remembers the process that a model was loaded in."""

    def __init__(self) -> None:
        self._process = os.getpid()

    def check(self, device: torch.device, model: str) -> None:
        """Refuse a model on a device whose state stayed in the parent.

        Raises:
            EmbeddingError: it was loaded before the fork, and not on the CPU.
        """
        if self._process != os.getpid() and device.type != "cpu":
            raise EmbeddingError(
                f"model {model} was loaded on {device.type} before this process was forked; {forking.ADVICE}"
            )
