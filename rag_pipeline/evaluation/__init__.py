"""Embedding models and retrieval modes compared on the user's own questions. Needs the extra ``evaluation``."""

from rag_pipeline.evaluation.comparing import Comparison, compare
from rag_pipeline.evaluation.questions import EvaluationQuestion, load_questions

__all__ = ["Comparison", "EvaluationQuestion", "compare", "load_questions"]
