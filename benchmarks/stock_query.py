"""The shortest LangChain script that ingests a folder and asks it; what benchmarks/cold_query.py compares with."""

import sys
from pathlib import Path

from langchain_chroma import Chroma
from langchain_huggingface import HuggingFaceEmbeddings

command, model, store = sys.argv[1:4]
embeddings = HuggingFaceEmbeddings(model_name=model)
chroma = Chroma("ships", embeddings, store, collection_configuration={"hnsw": {"space": "ip"}})
if command == "ingest":
    files = sorted((Path(__file__).parent.parent / "documents" / "ships").glob("*.md"))
    chroma.add_texts(["passage: " + file.read_text(encoding="utf-8") for file in files])
else:
    for document, distance in chroma.similarity_search_with_score("query: " + sys.argv[4], k=4):
        print(f"{1 - distance:.4f} {document.page_content}")
