"""The shortest FastAPI server over LangChain's own parts; what benchmarks/serve.py compares with."""

import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from langchain_chroma import Chroma
from langchain_huggingface import HuggingFaceEmbeddings
from pydantic import BaseModel

model, store, port = sys.argv[1:4]
chroma = Chroma(
    "ships", HuggingFaceEmbeddings(model_name=model), store, collection_configuration={"hnsw": {"space": "ip"}}
)
if not chroma.get(limit=1)["ids"]:
    files = sorted((Path(__file__).parent.parent / "documents" / "ships").glob("*.md"))
    chroma.add_texts(["passage: " + file.read_text(encoding="utf-8") for file in files])
app = FastAPI()


class Question(BaseModel):
    """What is asked."""

    question: str
    k: int = 4


@app.post("/search")
def search(asked: Question) -> list[dict[str, object]]:
    """The nearest texts."""
    found = chroma.similarity_search_with_score("query: " + asked.question, k=asked.k)
    return [{"score": 1 - distance, "text": document.page_content} for document, distance in found]


uvicorn.run(app, port=int(port), log_level="warning")
