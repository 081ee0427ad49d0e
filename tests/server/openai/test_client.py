"""The ``openai`` package as it is installed, pointed at the server: what it reads is what it would of OpenAI."""

from __future__ import annotations

import base64
import time

import httpx
import numpy as np
import openai
import pytest

from rag_pipeline.testing import HashEmbeddings, gemini_faults
from tests.server.conftest import TOKEN

MESSAGES = [{"role": "user", "content": "최대 흘수는?"}]


@pytest.fixture
def client_of():
    """Make a client of a server."""
    opened = []

    def make(served, key="none"):
        http = httpx.Client(trust_env=False, timeout=60)
        client = openai.OpenAI(base_url=f"{served.url}/v1", api_key=key, http_client=http, max_retries=0)
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.close()


def test_models_are_listed_and_looked_up(served, client_of):
    client = client_of(served)
    names = [model.id for model in client.models.list()]
    assert {"docs", "english", "trigrams:query"} <= set(names)
    assert client.models.retrieve("docs").id == "docs"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nothing")


def test_texts_are_embedded_as_the_client_asks_by_itself_and_as_floats(served, client_of):
    client = client_of(served)
    texts = ["배", "a tug"]
    expected = HashEmbeddings().embed_documents(texts)
    # By itself it asks for base64, and unpacks it.
    by_itself = client.embeddings.create(model="trigrams:document", input=texts)
    floats = client.embeddings.create(model="trigrams:document", input=texts, encoding_format="float")
    packed = client.embeddings.create(model="trigrams:document", input=texts, encoding_format="base64")
    for reply in (by_itself, floats):
        assert np.allclose([one.embedding for one in reply.data], expected)
        assert reply.usage.total_tokens > 0
    unpacked = [np.frombuffer(base64.b64decode(one.embedding), "<f4") for one in packed.data]
    assert np.allclose(unpacked, expected)


@pytest.mark.slow
def test_a_chat_is_answered(serve, gemini, client_of):
    gemini.reply = "최대 흘수는 12.04 m이다. [1]"
    client = client_of(serve())
    reply = client.chat.completions.create(model="docs", messages=MESSAGES)
    [choice] = reply.choices
    assert choice.message.content.startswith(gemini.reply)
    assert choice.finish_reason == "stop"
    [annotation] = choice.message.annotations
    cited = annotation.url_citation
    assert choice.message.content[cited.start_index : cited.end_index] == "[1]"
    assert reply.usage.total_tokens > 0


@pytest.mark.slow
def test_a_chat_streams(serve, gemini, client_of):
    gemini.reply = "최대 흘수는 12.04 m이다. [1]"
    client = client_of(serve())
    chunks = list(
        client.chat.completions.create(
            model="docs", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.startswith(gemini.reply)
    assert chunks[-1].usage.total_tokens > 0
    with client.chat.completions.stream(model="docs", messages=MESSAGES) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == text


@pytest.mark.slow
def test_a_stream_that_fails_raises(serve, gemini, client_of):
    client = client_of(serve())
    gemini.expect(gemini_faults.status(403, times=None))
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="docs", messages=MESSAGES, stream=True))


@pytest.mark.slow
def test_a_stream_that_is_closed_ends_the_request_of_the_model(serve, gemini, client_of):
    gemini.reply = "말 " * 9000
    gemini.expect(gemini_faults.slow_stream(0.02, times=None))
    served = serve(concurrency=1)
    stream = client_of(served).chat.completions.create(model="docs", messages=MESSAGES, stream=True)
    while not next(stream).choices[0].delta.content:
        pass
    stream.close()
    end = time.monotonic() + 30
    while not gemini.abandoned or served.search("x").status_code == 429:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert gemini.abandoned == 1


def test_a_collection_is_searched_as_a_vector_store(served, client_of):
    client = client_of(served)
    found = client.vector_stores.search("docs", query="최대 흘수", max_num_results=2)
    assert len(found.data) == 2
    assert {one.filename for one in found.data} <= {"container.md", "bulk.md", "notes.txt"}
    assert found.data[0].content[0].text
    [bulk] = client.vector_stores.search(
        "docs", query="배", filters={"type": "eq", "key": "type", "value": "bulk"}
    ).data
    assert bulk.filename == "bulk.md"


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda client: client.embeddings.create(model="nothing", input="x"), openai.NotFoundError),
        (lambda client: client.embeddings.create(model="trigrams", input=""), openai.BadRequestError),
        (lambda client: client.chat.completions.create(model="docs", messages=[]), openai.BadRequestError),
        (lambda client: client.vector_stores.search("nothing", query="x"), openai.NotFoundError),
    ],
)
def test_errors_are_those_of_the_client(served, client_of, ask, error):
    with pytest.raises(error) as raised:
        ask(client_of(served))
    assert raised.value.body["message"]


@pytest.mark.slow
def test_the_token_is_the_key(serve, client_of):
    served = serve(token=TOKEN, ready=False)
    assert list(client_of(served, TOKEN).models.list())
    with pytest.raises(openai.AuthenticationError):
        client_of(served, "wrong").models.list()
