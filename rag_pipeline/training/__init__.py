"""A local model trained further on the user's own questions, and what that did. Needs the extra ``train``."""

from rag_pipeline.lazy_names import lazy_names

__all__ = ["TrainingOptions", "TrainingReport", "Verdict", "train"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "TrainingOptions": "rag_pipeline.training.options",
        "TrainingReport": "rag_pipeline.training.report",
        "Verdict": "rag_pipeline.training.verdict",
        "train": "rag_pipeline.training.run",
    },
)
