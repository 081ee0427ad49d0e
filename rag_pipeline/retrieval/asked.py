"""One question on its way through both legs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag_pipeline.retrieval.confidence import Usual
from rag_pipeline.retrieval.fusion import LexicalHits
from rag_pipeline.store.filters import Where


@dataclass(frozen=True)
class FoundBefore:
    """Lexical hits from before the search, good for as long as nothing was written."""

    written: object
    wanted: int
    hits: LexicalHits


@dataclass(frozen=True)
class AskedQuestion:
    """What was asked, and what is known of it so far."""

    text: str
    where: Where | None
    exact: bool
    vector: npt.NDArray[np.float32] | None = None
    lexical: LexicalHits | None = None
    dense: dict[str, float] | None = None
    found: FoundBefore | None = None
    usual: Usual | None = None
    """What is usual for it; None: not known."""
