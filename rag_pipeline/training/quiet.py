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
    from transformers.utils import logging as transformers_logging

    theirs = logging.getLogger("sentence_transformers")
    level, verbosity = theirs.level, transformers_logging.get_verbosity()
    theirs.setLevel(logging.ERROR)
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        theirs.setLevel(level)
        transformers_logging.set_verbosity(verbosity)
        transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
