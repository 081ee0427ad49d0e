"""Our checked answers over a retriever of yours: python examples/other_retriever.py "QUESTION".

Any LangChain retriever will do; here it is one over LangChain's store in memory. It needs GOOGLE_API_KEY.
"""

import sys

from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore

from rag_pipeline import RagPipelineError, build_answer_chain, load_settings, make_embeddings

NOTES = {
    "notes/container.txt": "A Panamax container ship has a maximum draft of 12.04 m.",
    "notes/suez.txt": "A Suezmax container ship has a maximum draft of 20.1 m.",
}


def main(question: str) -> None:
    store = InMemoryVectorStore(make_embeddings(load_settings(), "bundled"))
    store.add_documents([Document(text, metadata={"source": source}) for source, text in NOTES.items()])
    result = build_answer_chain(store.as_retriever()).invoke(question)
    print(result["answer"])
    for cited in result["citations"]:
        print(f"  [{cited['number']}] {cited['source']}")
    print("grounded" if result["grounded"] else f"to be checked: {result['problems']}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print('usage: python examples/other_retriever.py "QUESTION" (needs GOOGLE_API_KEY)', file=sys.stderr)
        sys.exit(2)
    try:
        main(sys.argv[1])
    except RagPipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
