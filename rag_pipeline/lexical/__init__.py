"""The lexical leg: texts become terms, terms an index that ranks by them."""

from rag_pipeline.lexical.analysis import Terms, analyze, load

__all__ = ["Terms", "analyze", "load"]
