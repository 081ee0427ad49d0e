"""Ask a collection: ``python query.py --help``."""

from rag_pipeline.cli import main

if __name__ == "__main__":
    main("query")
