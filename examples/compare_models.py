"""Two embedding models on one folder and one question: python examples/compare_models.py FOLDER "QUESTION" A B.

A and B are names under `embeddings` in config.yaml, such as bundled or gemini. For figures over many questions there
is `rag-pipeline compare`.
"""

import sys

from rag_pipeline import Pipeline, load_settings, make_embeddings

folder, question, *names = sys.argv[1:]
settings = load_settings()
for name in names:
    embeddings = make_embeddings(settings, name)
    with Pipeline(settings, collection=f"compare-{name}", embeddings=embeddings) as pipeline:
        pipeline.ingest(folder)
        print(name)
        for passage in pipeline.retrieve(question, k=3, mode="dense"):
            print(f"  {passage.rank}  {passage.score:.3f}  {passage.title}  {passage.section}")
