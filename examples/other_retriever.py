"""Our checked answers over a retriever of yours: python examples/other_retriever.py "QUESTION".

Any LangChain retriever will do; here it is one over LangChain's store in memory. It needs GOOGLE_API_KEY.
"""

import sys

from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore

from rag_pipeline import build_answer_chain, load_settings, make_embeddings

store = InMemoryVectorStore(make_embeddings(load_settings(), "bundled"))
store.add_documents(
    [
        Document(
            "A Panamax container ship has a maximum draft of 12.04 m.", metadata={"source": "notes/container.txt"}
        ),
        Document("A Suezmax container ship has a maximum draft of 20.1 m.", metadata={"source": "notes/suez.txt"}),
    ]
)
result = build_answer_chain(store.as_retriever()).invoke(sys.argv[1])
print(result["answer"])
for cited in result["citations"]:
    print(f"  [{cited['number']}] {cited['source']}")
print("grounded" if result["grounded"] else f"to be checked: {result['problems']}")
