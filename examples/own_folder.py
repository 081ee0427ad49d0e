"""Your own folder, from nothing to passages: python examples/own_folder.py FOLDER "QUESTION"."""

import sys

from rag_pipeline import Pipeline, RagPipelineError


def main(folder: str, question: str) -> None:
    with Pipeline(collection="own-folder") as pipeline:
        print(pipeline.ingest(folder).chunks_total, "chunks")
        for passage in pipeline.retrieve(question, k=3):
            print(f"{passage.score:.3f}  {passage.source}  {passage.body[:80]!r}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print('usage: python examples/own_folder.py FOLDER "QUESTION"', file=sys.stderr)
        sys.exit(2)
    try:
        main(*sys.argv[1:])
    except RagPipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
