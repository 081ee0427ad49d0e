"""The lexical leg: texts become terms, terms an index that ranks by them."""

from rag_pipeline.lexical.analysis import Terms, analyze, are_separate_words, load

__all__ = ["Terms", "analyze", "are_separate_words", "load"]
