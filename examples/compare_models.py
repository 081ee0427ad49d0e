"""Two embedding models on one folder and one question: python examples/compare_models.py FOLDER "QUESTION" A B.

A and B are names under `embeddings` in config.yaml, such as bundled or gemini. For figures over many questions there
is `rag-pipeline compare`.
"""

import sys

from rag_pipeline import Pipeline, RagPipelineError, load_settings, make_embeddings


def main(folder: str, question: str, *names: str) -> None:
    settings = load_settings()
    for name in names:
        embeddings = make_embeddings(settings, name)
        with Pipeline(settings, collection=f"compare-{name}", embeddings=embeddings) as pipeline:
            pipeline.ingest(folder)
            print(name)
            for passage in pipeline.retrieve(question, k=3, mode="dense"):
                print(f"  {passage.rank}  {passage.score:.3f}  {passage.title}  {passage.section}")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        print('usage: python examples/compare_models.py FOLDER "QUESTION" EMBEDDING …', file=sys.stderr)
        sys.exit(2)
    try:
        main(*sys.argv[1:])
    except RagPipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
