"""Our embeddings in a FAISS index of your own: python examples/faiss_index.py FOLDER "QUESTION".

It needs pip install faiss-cpu. The embeddings are LangChain's `Embeddings`: any vector store of LangChain takes them as
they are, such as InMemoryVectorStore(embeddings). Each Markdown file is one text here, read as far as the model reads.
"""

import sys
from pathlib import Path

import numpy as np

from rag_pipeline import RagPipelineError, load_settings, make_embeddings

USAGE = 'usage: python examples/faiss_index.py FOLDER_OF_MARKDOWN "QUESTION" (needs pip install faiss-cpu)'
try:
    import faiss
except ImportError:
    print(USAGE, file=sys.stderr)
    sys.exit(2)


def main(folder: str, question: str) -> None:
    files = sorted(Path(folder).glob("*.md"))
    embeddings = make_embeddings(load_settings(), "bundled")
    vectors = np.array(embeddings.embed_documents([file.read_text("utf-8") for file in files]), dtype="float32")
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    scores, places = index.search(np.array([embeddings.embed_query(question)], dtype="float32"), 3)
    for score, place in zip(scores[0], places[0], strict=True):
        print(f"{score:.3f}  {files[place].name}")


if __name__ == "__main__":
    if len(sys.argv) != 3 or not list(Path(sys.argv[1]).glob("*.md")):
        print(USAGE, file=sys.stderr)
        sys.exit(2)
    try:
        main(*sys.argv[1:])
    except RagPipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
