"""Whether every letter of a file reached the document that was made of it.

A plain walk of the file's own parts, which knows nothing of the reader, gives the strings that it holds, less what is
left out on purpose. They are compared with the document by runs of letters and digits, so that order, white space and
punctuation do not count.
"""

from __future__ import annotations

from rag_pipeline.documents.conservation.comparing import FileCheck, compare
from rag_pipeline.documents.conservation.walks import WALKED_SUFFIXES, walk

__all__ = ["WALKED_SUFFIXES", "FileCheck", "compare", "walk"]
