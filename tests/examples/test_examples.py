"""Every example as a user runs it, in a process of its own, with the loopback Gemini where it needs one."""

from __future__ import annotations

import contextlib
import io
import json
import re
import runpy
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from rag_pipeline import Pipeline
from rag_pipeline.testing import gemini_faults
from tests.conftest import ROOT, started

pytestmark = pytest.mark.slow

QUESTION = "최대 흘수가 12.04 m인 컨테이너선은 무엇인가?"
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the project's configuration, in which the ship documents are ingested."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copy(ROOT / "config.yaml", folder)
    shutil.copytree(ROOT / "documents", folder / "documents")
    with Pipeline(folder / "config.yaml") as pipeline:
        pipeline.ingest()
    return folder


@pytest.fixture
def example(place, gemini, python):
    def run(name, *arguments, given=None):
        done = python(str(EXAMPLES / f"{name}.py"), *arguments, cwd=place, env=gemini.environment, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_every_example_is_tried_here():
    tried = {
        "own_folder",
        "agent",
        "chat",
        "compare_models",
        "faiss_index",
        "other_embeddings",
        "other_retriever",
        "serve",
    }
    assert {file.stem for file in EXAMPLES.glob("*.py")} == tried


@pytest.mark.slow
def test_own_folder(example):
    out = example("own_folder", "documents/ships", QUESTION).splitlines()
    assert out[0] == "30 chunks"
    assert "container_panamax.md" in out[1]


@pytest.mark.slow
def test_agent(example, gemini):
    out = example("agent", QUESTION)
    answer, *sources = out.splitlines()
    said, label = re.fullmatch(r"(.*) \[(\w{5})\]", answer).groups()
    assert said == "최대 흘수: 12.04 m (옛 갑문 기준)"
    assert sources[0].startswith(f"  [{label}] container_panamax.md  주요 제원")
    declared = gemini.requests[0].body["tools"][0]["functionDeclarations"][0]
    assert declared["name"] == "search_ships"
    assert "6 documents" in declared["description"]


@pytest.mark.slow
def test_chat(example, gemini):
    def reply(body):
        text = str(body)
        if "<passages>" in text:
            return "파나막스 컨테이너선 [1]"
        return "파나막스 컨테이너선의 적재 능력은?"

    gemini.reply = reply
    out = example("chat", given=f"{QUESTION}\n그 적재 능력은?\n")
    assert f"> {QUESTION}\n파나막스 컨테이너선 [1]\n  [1] container_panamax.md" in out
    assert "> 파나막스 컨테이너선의 적재 능력은?\n" in out


@pytest.mark.slow
def test_chat_passes_over_blank_lines(example):
    out = example("chat", given=f"\n  \n{QUESTION}\n")
    assert out.startswith(f"> {QUESTION}\n")


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("own_folder", ["nowhere", QUESTION], "error: "),
        ("agent", [QUESTION], "GOOGLE_API_KEY"),
        ("chat", [], "GOOGLE_API_KEY"),
    ],
)
def test_what_is_missing_is_said_without_a_traceback(place, python, name, arguments, said):
    done = python(str(EXAMPLES / f"{name}.py"), *arguments, cwd=place)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", sorted(file.stem for file in EXAMPLES.glob("*.py")))
def test_without_arguments_an_example_says_what_it_needs_in_one_line(place, gemini, monkeypatch, capsys, name):
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "argv", [f"{name}.py"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("usage: ")
    assert name in line
    assert not gemini.requests


@pytest.mark.slow
def test_compare_models(example):
    out = example("compare_models", "documents/ships", QUESTION, "bundled", "gemini").splitlines()
    assert out[0] == "bundled"
    assert out[4] == "gemini"
    assert out[1].startswith("  1  0.")
    assert len(out) == 8


@pytest.mark.slow
def test_faiss_index(example):
    out = example("faiss_index", "documents/ships", "Which container ship passes the Suez canal?").splitlines()
    assert len(out) == 3
    assert any("suezmax.md" in line for line in out)


def test_other_embeddings(example):
    out = example("other_embeddings", "documents/ships", "12.04 m 컨테이너선").splitlines()
    assert "container_panamax.md" in out[0]


@pytest.mark.slow
def test_other_retriever(example):
    out = example("other_retriever", "Which container ship has a maximum draft of 12.04 m?").splitlines()
    assert out == [
        "A Panamax container ship has a maximum draft of 12.04 m. [1]",
        "  [1] notes/container.txt",
        "grounded",
    ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def served(place, environment):
    port = free_port()
    serve = ["-m", "uvicorn", "examples.serve:app", "--port", str(port), "--app-dir", str(ROOT)]
    server = started(*serve, "--log-level", "error", cwd=place, env=environment)

    def get(path, content=None, **headers):
        body = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    try:
        end = time.monotonic() + 120
        while True:
            try:
                get("/readyz")
                break
            except urllib.error.HTTPError as error:
                error.close()
                assert time.monotonic() < end
                time.sleep(0.1)
            except urllib.error.URLError:
                assert time.monotonic() < end
                time.sleep(0.1)
        yield get
    finally:
        server.terminate()
        server.communicate(timeout=30)


def refused(get, *request, **headers):
    with pytest.raises(urllib.error.HTTPError) as failed:
        get(*request, **headers)
    with failed.value:
        return failed.value.code, json.load(failed.value)["detail"]


@pytest.mark.slow
def test_a_server_without_a_key_takes_the_blame(place):
    with served(place, {}) as get:
        status, detail = refused(get, "/api/v1/ask", {"question": QUESTION})
        assert status == 503
        assert "GOOGLE_API_KEY" in detail


@pytest.mark.slow
def test_serve(place, gemini):
    with served(place, gemini.environment) as get:
        asked = {"question": QUESTION, "k": 2}
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: get("/api/v1/search", asked)["passages"], range(8)))
        assert {passages[0]["source"] for passages in found} == {"container_panamax.md"}
        assert get("/api/v1/ask", {"question": QUESTION, "stream": False})["answer"]["grounded"]
        assert len(get("/titles")) == 6
        assert refused(get, "/titles", Host="evil.example")[0] == 421
        assert refused(get, "/api/v1/search", {"question": " "})[0] == 400
        gemini.expect(*[gemini_faults.status(403)] * 3)
        assert refused(get, "/api/v1/ask", {"question": QUESTION, "stream": False})[0] == 502
