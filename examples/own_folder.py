"""Your own folder, from nothing to passages: python examples/own_folder.py FOLDER "QUESTION"."""

import sys

from rag_pipeline import Pipeline

folder, question = sys.argv[1:]
with Pipeline(collection="own-folder") as pipeline:
    print(pipeline.ingest(folder).chunks_total, "chunks")
    for passage in pipeline.retrieve(question, k=3):
        print(f"{passage.score:.3f}  {passage.source}  {passage.body[:80]!r}")
