"""``python -m rag_pipeline COMMAND``."""

from rag_pipeline.cli import main

if __name__ == "__main__":
    main()
