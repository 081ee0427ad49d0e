"""A server of one's own: uvicorn examples.serve:app, then http://127.0.0.1:8000/titles.

It is the application of ``rag-pipeline serve`` with a route more, which is guarded like the others. It needs a
collection (python ingest.py documents/ships), pip install 'rag-pipeline[serve]', and for answers GOOGLE_API_KEY.
"""

import asyncio
import sys

from fastapi import Request

from rag_pipeline import load_settings
from rag_pipeline.server import create_app

app = create_app(load_settings())


@app.get("/titles")
async def titles(request: Request) -> list[str]:
    collections = request.app.state.service.collections
    documents = await asyncio.to_thread(collections.documents, collections.default_name())
    return [document.title for document in documents.values()]


if __name__ == "__main__":
    print("usage: uvicorn examples.serve:app (needs a collection, and GOOGLE_API_KEY for answers)", file=sys.stderr)
    sys.exit(2)
