"""Collections over HTTP, for the shell on this machine, and for clients of other forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.lazy_names import lazy_names

if TYPE_CHECKING:
    from rag_pipeline.server.app import create_app

_HOMES = {"create_app": "rag_pipeline.server.app"}

__all__ = ["create_app"]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
