"""Names that the configuration has in files, in the environment and in stores."""

from __future__ import annotations

CONFIG_FILE = "config.yaml"
ENV_PREFIX = "RAG_PIPELINE_"
# Chroma's own rule for a collection's name, less the room for an ending while it is recreated.
COLLECTION_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9._-]{1,490}[a-zA-Z0-9]$"
