"""Our retrieval over embeddings of yours: python examples/other_embeddings.py FOLDER "QUESTION".

Any LangChain `Embeddings` will do; here it is LangChain's own stand-in for tests, whose vectors mean nothing. The
collection remembers which it was made with and refuses another. The words of question and passage count too, so that
even this one finds something.
"""

import sys

from langchain_core.embeddings import DeterministicFakeEmbedding

from rag_pipeline import Pipeline, RagPipelineError


def main(folder: str, question: str) -> None:
    with Pipeline(collection="other-embeddings", embeddings=DeterministicFakeEmbedding(size=256)) as pipeline:
        pipeline.ingest(folder)
        for document in pipeline.retriever(k=3).invoke(question):
            print(f"{document.metadata['score']:.3f}  {document.metadata['source']}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print('usage: python examples/other_embeddings.py FOLDER "QUESTION"', file=sys.stderr)
        sys.exit(2)
    try:
        main(*sys.argv[1:])
    except RagPipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
