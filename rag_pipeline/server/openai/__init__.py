"""The same for those who speak OpenAI's forms, and Cohere's for reranking.

Forms: https://platform.openai.com/docs/api-reference and https://docs.cohere.com/v1/reference/rerank
"""

from __future__ import annotations

from rag_pipeline.server.openai import chat, embeddings, rerank, vector_stores

routers = [embeddings.router, chat.router, vector_stores.router, rerank.router]
"""All of them."""
