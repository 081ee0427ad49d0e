"""Our retrieval over embeddings of yours: python examples/other_embeddings.py FOLDER "QUESTION".

Any LangChain `Embeddings` will do; here it is LangChain's own stand-in for tests, whose vectors mean nothing. The
collection remembers which it was made with and refuses another. The words of question and passage count too, so that
even this one finds something.
"""

import sys

from langchain_core.embeddings import DeterministicFakeEmbedding

from rag_pipeline import Pipeline

folder, question = sys.argv[1:]
with Pipeline(collection="other-embeddings", embeddings=DeterministicFakeEmbedding(size=256)) as pipeline:
    pipeline.ingest(folder)
    for document in pipeline.retriever(k=3).invoke(question):
        print(f"{document.metadata['score']:.3f}  {document.metadata['source']}")
