"""Passages become an answer that cites them."""

from rag_pipeline.answering.answer import Answer, Citation
from rag_pipeline.answering.answerer import Answerer
from rag_pipeline.answering.chat_model import make_chat_model

__all__ = ["Answer", "Answerer", "Citation", "make_chat_model"]
