"""The libraries of training say much to their own callers; what a user needs to know of it, we say."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without warnings, progress bars and advice of transformers, sentence-transformers and datasets."""
    import datasets

    from rag_pipeline.embeddings.local.loading import quiet_transformers

    theirs = logging.getLogger("sentence_transformers")
    level = theirs.level
    theirs.setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    try:
        with quiet_transformers(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        theirs.setLevel(level)
