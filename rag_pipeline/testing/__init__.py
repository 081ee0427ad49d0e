"""Stand-ins for use in tests, ours and yours: embeddings without a model, and a Gemini on loopback."""

from rag_pipeline.testing import gemini_faults
from rag_pipeline.testing.gemini_faults import Fault
from rag_pipeline.testing.gemini_requests import RecordedRequest
from rag_pipeline.testing.gemini_server import GeminiServer
from rag_pipeline.testing.hash_embeddings import HashEmbeddings

__all__ = ["Fault", "GeminiServer", "HashEmbeddings", "RecordedRequest", "gemini_faults"]
