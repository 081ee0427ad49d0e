"""Collections for agents, by the Model Context Protocol: over HTTP, and over a program's standard input and output."""

from __future__ import annotations

from rag_pipeline.server.mcp.endpoint import Endpoint

__all__ = ["Endpoint"]
