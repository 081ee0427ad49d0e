"""The lexical leg: texts become terms, terms an index that ranks by them."""

from rag_pipeline.lexical.analysis import Terms, analyze, load
from rag_pipeline.lexical.spacing import are_separate_words

__all__ = ["Terms", "analyze", "are_separate_words", "load"]
