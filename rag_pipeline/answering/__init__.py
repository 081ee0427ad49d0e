"""Passages become an answer that cites them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.lazy_names import lazy_names

if TYPE_CHECKING:
    from rag_pipeline.answering.answer import Answer, Citation
    from rag_pipeline.answering.answerer import Answerer
    from rag_pipeline.answering.chat_model import make_chat_model

_HOMES = {
    "Answer": "rag_pipeline.answering.answer",
    "Answerer": "rag_pipeline.answering.answerer",
    "Citation": "rag_pipeline.answering.answer",
    "make_chat_model": "rag_pipeline.answering.chat_model",
}

__all__ = ["Answer", "Answerer", "Citation", "make_chat_model"]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
