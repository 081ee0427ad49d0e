"""Bring a folder of documents into a Chroma collection: ``python ingest.py --help``."""

from rag_pipeline.cli import main

if __name__ == "__main__":
    main("ingest")
