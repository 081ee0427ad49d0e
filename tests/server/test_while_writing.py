"""Sixteen who ask while the collection is changed by another process: no wrong answer, and none that fails."""

from __future__ import annotations

import collections
import json
import threading
import time

import httpx
import pytest

from rag_pipeline.cli import run
from tests.cli.test_serve import serving

pytestmark = pytest.mark.slow

CLIENTS = 16
QUESTION = "운하는 1914년에 열렸다"


class Asking:
    """Threads that ask one server until they are stopped, and remember what was wrong."""

    def __init__(self, url):
        self.wrong = []
        self.counts = collections.Counter()
        self._url = url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(120)

    def answered(self, more):
        """Wait until each has been answered so many times more."""
        begun = dict(self.counts)
        end = time.monotonic() + 240
        while any(self.counts[number] < begun.get(number, 0) + more for number in range(CLIENTS)):
            assert time.monotonic() < end
            assert not self.wrong, self.wrong[:3]
            time.sleep(0.02)

    def _ask(self, number):
        with httpx.Client(base_url=self._url, trust_env=False, timeout=120) as client:
            while not self._stop.is_set():
                try:
                    self._check(number, client)
                except Exception as error:
                    self.wrong.append(repr(error))
                self.counts[number] += 1

    def _check(self, number, client):
        mode = ("lexical", "hybrid", "dense")[number % 3]
        # What never changes is asked for; what a changing document says is one of what it has ever said.
        body = {"question": QUESTION, "mode": mode, "k": 10}
        reply = client.post("/api/v1/search", json=body)
        if reply.status_code != 200:
            self.wrong.append((mode, reply.status_code, reply.text))
            return
        passages = reply.json()["passages"]
        found = [passage for passage in passages if passage["source"] == "container.md" and "1914" in passage["text"]]
        first = passages[0]["text"] if passages else ""
        if len(found) != 1 or (mode != "dense" and "1914" not in first):
            self.wrong.append((mode, [(passage["source"], passage["text"]) for passage in passages]))
        texts = [passage["text"] for passage in passages if passage["source"] == "changing.md"]
        if not all("판 번호 " in text for text in texts) or len(passages) != len({one["id"] for one in passages}):
            self.wrong.append((mode, texts))


def change_all(project, changing, asking):
    asking.answered(1)
    for number in range(1, 4):
        changing.write_text(f"# 바뀌는 문서\n\n판 번호 {number}.\n", "utf-8")
        (project / "docs" / f"new-{number}.md").write_text(f"# New {number}\n\nA new document.\n", "utf-8")
        assert run("ingest", []) == 0  # new and changed
        asking.answered(1)
    (project / "docs" / "new-1.md").unlink()
    assert run("ingest", []) == 0  # removed
    asking.answered(1)
    assert run("ingest", ["--rebuild"]) == 0
    asking.answered(2)


def test_ingest_sync_and_rebuild_while_sixteen_ask(project, capsys):
    changing = project / "docs" / "changing.md"
    changing.write_text("# 바뀌는 문서\n\n판 번호 0.\n", "utf-8")
    assert run("ingest", []) == 0
    with serving(project) as process:
        with Asking(process.running.url) as asking:
            change_all(project, changing, asking)
        capsys.readouterr()
        # What was written is what is found.
        reply = httpx.post(
            f"{process.running.url}/api/v1/search",
            json={"question": "판 번호", "mode": "lexical", "k": 1},
            trust_env=False,
            timeout=60,
        )
        assert "판 번호 3" in reply.json()["passages"][0]["text"]
    assert asking.wrong == []
    assert run("verify", []) == 0
    assert run("query", [QUESTION, "--mode", "lexical", "--json", "--no-server"]) == 0
    out = capsys.readouterr().out
    assert "1914" in json.loads(out[out.index("{") :])["passages"][0]["text"]
