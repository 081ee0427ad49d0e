"""A real server over loopback HTTP, with an embedding that runs no model."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import threading
import time

import httpx
import pytest
import uvicorn

from rag_pipeline import Pipeline, load_settings
from rag_pipeline.server import create_app
from rag_pipeline.testing import HashEmbeddings
from tests.server.browser import browser, open_page

__all__ = ["browser", "open_page"]

TOKEN = "a-token-that-nobody-guesses"
CONFIG = """\
default_collection: docs
collections:
  docs: {folder: docs, metadata: [{files: "bulk*", values: {type: bulk}}]}
  english: {folder: english}
"""
FILES = {
    "docs": {
        "container.md": "# 컨테이너선 (Container Ship)\n\n"
        "## 제원\n\n최대 흘수 12.04 m.\n\n## 역사\n\n운하는 1914년에 열렸다.\n",
        "bulk.md": "# 벌크선 (Bulk Carrier)\n\n석탄과 곡물을 나른다.\n",
        "notes.txt": "The pilot boards before the lock.\n",
    },
    "english": {"tug.md": "# Tug\n\nA tug tows other ships.\n\n## Crew\n\nSix people.\n"},
}


class Served:
    """A server, and a client of it."""

    def __init__(self, app, port):
        self.app = app
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=60)

    def get(self, path, **options):
        return self.client.get(path, **options)

    def post(self, path, body=None, **options):
        return self.client.post(path, json=body, **options)

    def search(self, question, **fields):
        return self.post("/api/v1/search", {"question": question, **fields})

    def events(self, path, body):
        """The server-sent events of a reply, each as (name, content)."""
        with self.client.stream("POST", path, json=body) as reply:
            assert reply.status_code == 200, reply.read()
            yield from read_events(reply.iter_lines())


def read_events(lines):
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


@contextlib.contextmanager
def serving(app, *, ready=True):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        # Connections are kept for longer than tests wait: one may be used in the moment in which it is closed.
        config = uvicorn.Config(
            app,
            http="h11",
            loop="asyncio",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
            timeout_keep_alive=600,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
        thread.start()
        served = Served(app, listening.getsockname()[1])
        try:
            end = time.monotonic() + 60
            while not server.started or (ready and served.get("/readyz").status_code != 200):
                assert time.monotonic() < end, "the server does not become ready"
                time.sleep(0.02)
            yield served
        finally:
            served.client.close()
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with two collections that were made without a model."""
    folder = tmp_path_factory.mktemp("made") / "place"
    for name, files in FILES.items():
        (folder / name).mkdir(parents=True)
        for file, text in files.items():
            (folder / name / file).write_text(text, "utf-8")
    (folder / "config.yaml").write_text(CONFIG, "utf-8")
    for name in FILES:
        with Pipeline(folder / "config.yaml", collection=name, embeddings=HashEmbeddings()) as pipeline:
            pipeline.ingest()
    return folder


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """A copy of it, which is the current folder."""
    copy = shutil.copytree(made, tmp_path / "place")
    monkeypatch.chdir(copy)
    return copy


def app_of(folder, chat_model=None, **changes):
    settings = load_settings(folder / "config.yaml")
    if changes:
        section = settings.serve.model_validate({**settings.serve.model_dump(), **changes})
        settings = settings.model_copy(update={"serve": section})
    own = HashEmbeddings()
    return create_app(settings, embeddings=dict.fromkeys(FILES, own), chat_model=chat_model)


@pytest.fixture
def serve(place):
    """Start a server of the folder, with settings of the section `serve`."""
    with contextlib.ExitStack() as stack:

        def start(chat_model=None, ready=True, **changes):
            return stack.enter_context(serving(app_of(place, chat_model, **changes), ready=ready))

        yield start


@pytest.fixture(scope="module")
def served(made):
    """A server that the tests of a file share, who change nothing."""
    with serving(app_of(made)) as one:
        yield one
