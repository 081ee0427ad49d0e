"""``serve`` and the questions of the shell: real processes, the socket next to the store."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from rag_pipeline import load_settings
from rag_pipeline.cli import run
from rag_pipeline.server import place
from rag_pipeline.server.client import LocalClient, NoServerError
from rag_pipeline.testing import gemini_faults
from tests.conftest import offline_environment, started

pytestmark = pytest.mark.slow

TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture
def ingested(project, capsys):
    assert run("ingest", []) == 0
    capsys.readouterr()
    return project


@contextlib.contextmanager
def serving(place_, *arguments, env=None):
    """A process that serves the current folder, ready."""
    process = started("-m", "rag_pipeline", "serve", "--port", "0", *arguments, cwd=place_, env=env)
    try:
        end = time.monotonic() + 300
        client = LocalClient(load_settings())
        while True:
            with contextlib.suppress(NoServerError):
                running = client.hello()
                if running.ready:
                    break
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.1)
        process.running = running
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def asked_of(place_):
    """How often the server of a store was asked by the shell."""
    metrics = LocalClient(load_settings())
    url = metrics.hello().url
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as reply:
        text = reply.read().decode()
    found = [line for line in text.splitlines() if 'route="/shell/search",status="200"' in line and "_total" in line]
    return int(float(found[0].split()[-1])) if found else 0


QUESTIONS = [
    ["최대 흘수는?"],
    ["최대 흘수는?", "--json"],
    ["최대 흘수는?", "--json", "--explain", "-k", "3"],
    ["운하", "--explain", "--context", "1", "--distinct"],
    ["운하", "--mode", "lexical", "--json"],
    ["pilot", "--where", "source=notes.txt", "--rerank", "maxsim", "--json"],
    ["pilot", "--min-score", "1000"],
    ["pilot", "--where", "source=nothing"],
    ["pilot", "--collection", "docs,docs", "--mode", "dense", "--json"],
]


def test_warm_and_cold_say_the_same(ingested, capsys):
    with serving(ingested):
        for number, arguments in enumerate(QUESTIONS, start=1):
            said = []
            for extra in ([], ["--no-server"]):
                code = run("query", [*arguments, *extra])
                said.append((code, *capsys.readouterr()))
            assert said[0] == said[1], arguments
            assert said[0][0] == 0
            assert asked_of(ingested) == number


def test_what_is_wrong_is_said_as_ever(ingested, capsys):
    wrong = [
        ["x", "--collection", "nothing"],
        ["x", "--where", "year>=x>"],
        ["x", "--mode", "magic"],
        ["x", "--diversity", "3"],
        ["x", "-k", "0"],
        [" "],
    ]
    with serving(ingested):
        for arguments in wrong:
            said = []
            for extra in ([], ["--no-server"]):
                code = run("query", [*arguments, *extra])
                said.append((code, *capsys.readouterr()))
            assert said[0] == said[1], arguments


def test_answers_come_from_the_server_too(ingested, capsys, gemini):
    with serving(ingested, env=gemini.environment):
        for arguments in (["--answer"], ["--answer", "--json"], ["--answer", "--no-stream"]):
            said = []
            for extra in ([], ["--no-server"]):
                code = run("query", ["최대 흘수는?", *arguments, *extra])
                said.append((code, *capsys.readouterr()))
            assert said[0] == said[1]
            assert said[0][0] == 0
            assert "12.04" in said[0][1]
        gemini.expect(gemini_faults.status(403, times=None))
        said = []
        for extra in ([], ["--no-server"]):
            code = run("query", ["최대 흘수는?", "--answer", *extra])
            said.append((code, *capsys.readouterr()))
        assert said[0] == said[1]
        assert said[0][0] == 4
        # Of another key it knows nothing: the command asks the model itself.
        gemini.forget()
        count = asked_of(ingested)
        os.environ["GOOGLE_API_KEY"] = "another-key"
        assert run("query", ["최대 흘수는?", "--answer"]) != 0
        assert asked_of(ingested) == count
        assert run("query", ["최대 흘수는?"]) == 0
        assert asked_of(ingested) == count + 1


def imported_by_a_warm_question(folder, arguments, heavy):
    """Which of some modules a process imports to have a question answered by a server; it must have been answered."""
    code = (
        f"import sys; from rag_pipeline.cli import run; code = run('query', {arguments!r});"
        f"print([name for name in {heavy!r} if name in sys.modules], code, file=sys.stderr)"
    )
    with serving(folder):
        done = subprocess.run(
            [sys.executable, "-c", code],
            check=False,
            cwd=folder,
            env=offline_environment(),
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert json.loads(done.stdout)["passages"]
    return done.stderr.strip()


def test_a_warm_question_imports_no_model_and_no_store(ingested):
    # With an option that the short way does not take.
    arguments = ["최대 흘수는?", "--json", "--mode", "hybrid"]
    heavy = ["torch", "chromadb", "langchain", "langchain_core", "transformers", "numpy", "fastapi"]
    assert imported_by_a_warm_question(ingested, arguments, heavy) == "[] 0"


def test_another_configuration_or_code_is_answered_cold(ingested, capsys, monkeypatch):
    with serving(ingested):
        assert run("query", ["최대 흘수는?"]) == 0
        with monkeypatch.context() as patch:
            patch.setenv("RAG_PIPELINE_RETRIEVAL__LEXICAL_WEIGHT", "1.5")
            assert run("query", ["최대 흘수는?"]) == 0
        with monkeypatch.context() as patch:
            patch.setattr("rag_pipeline.__version__", "0.0.9")
            assert run("query", ["최대 흘수는?"]) == 0
        capsys.readouterr()
        assert asked_of(ingested) == 1
        with monkeypatch.context() as patch:
            patch.setenv("RAG_PIPELINE_RETRIEVAL__LEXICAL_WEIGHT", "1.5")
            assert run("status", []) == 0
        assert "another configuration" in capsys.readouterr().err


def test_a_number_that_another_process_has_now_means_nothing(ingested, capsys, monkeypatch):
    """Whoever is found must answer at the socket: no file holds a number that could have been given again."""
    with serving(ingested) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
    settings = load_settings()
    beside = [file for file in settings.resolve_path(settings.store.path).parent.iterdir() if file.is_file()]
    assert not any(str(process.pid).encode() in file.read_bytes() for file in beside if "serve" in file.name)
    killed = []
    monkeypatch.setattr(os, "kill", lambda *asked: killed.append(asked))
    assert run("serve", ["--stop"]) == 0
    assert "no server" in capsys.readouterr().err
    assert killed == []
    answered_cold(capsys)


@pytest.fixture
def sock(ingested):
    return place.socket_path(load_settings())


def answered_cold(capsys):
    code = run("query", ["최대 흘수는?", "--json"])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert json.loads(out)["passages"]


def test_a_dead_socket_is_passed_over(ingested, sock, capsys):
    with socket.socket(socket.AF_UNIX) as dead, place.address_of(sock) as address:
        dead.bind(address)
    answered_cold(capsys)
    sock.unlink()
    sock.write_text("4711\n")  # no socket at all
    answered_cold(capsys)


@pytest.mark.parametrize(
    "reply", [b"", b"HTTP/1.1 200 OK\r\n\r\n{", b"HTTP/1.1 200 OK\r\n\r\n{}\n", b"220 smtp\r\n", b"\xff" * 99, None]
)
def test_something_else_at_the_socket_is_passed_over(ingested, sock, capsys, reply):
    """None: it takes the connection and says nothing."""
    with socket.socket(socket.AF_UNIX) as other, place.address_of(sock) as address:
        other.bind(address)
        other.listen()
        held = []

        def answer():
            with contextlib.suppress(OSError):
                while True:
                    connection = other.accept()[0]
                    held.append(connection)
                    if reply is not None:
                        connection.sendall(reply)
                        connection.shutdown(socket.SHUT_WR)

        threading.Thread(target=answer, daemon=True).start()
        answered_cold(capsys)
        assert held
        other.shutdown(socket.SHUT_RDWR)
        for connection in held:
            connection.close()


def test_a_server_that_was_killed_is_passed_over_and_replaced(ingested, sock, capsys):
    with serving(ingested) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
    assert sock.exists()
    answered_cold(capsys)
    with serving(ingested):
        assert run("query", ["최대 흘수는?"]) == 0
        assert asked_of(ingested) == 1


def test_the_socket_is_the_users_alone(ingested, sock):
    with serving(ingested):
        assert stat.S_IMODE(sock.stat().st_mode) == 0o600
        assert run("serve", ["--port", "0", "--daemon"]) == 2  # there is one already


def test_what_came_by_the_socket_needs_no_token_and_what_came_otherwise_does(ingested, capsys):
    env = {"RAG_PIPELINE_SERVE__TOKEN": TOKEN}
    with serving(ingested, "--host", "0.0.0.0", env=env) as process:
        assert run("query", ["최대 흘수는?", "--json"]) == 0
        port = process.running.url.rpartition(":")[2]
        for path, status in {"/shell/hello": 401, "/api/v1/collections": 401, "/livez": 200}.items():
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
            try:
                with urllib.request.urlopen(request, timeout=60) as reply:
                    assert reply.status == status
            except urllib.error.HTTPError as error:
                assert error.code == status
                error.close()


def test_the_routes_of_the_shell_are_not_there_for_others(ingested):
    with serving(ingested) as process:
        for route in ("hello", "open", "search", "answer"):
            request = urllib.request.Request(
                f"{process.running.url}/shell/{route}", b"{}", {"Content-Type": "application/json"}
            )
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=60)
            assert refused.value.code == 404
            refused.value.close()


def test_sigterm_with_open_streams_ends_it_soon(ingested, gemini):
    gemini.reply = "말 " * 9000
    gemini.expect(gemini_faults.slow_stream(0.05, times=None))
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    with serving(ingested, env=gemini.environment) as process, contextlib.ExitStack() as streams:
        url = process.running.url
        body = json.dumps({"question": "최대 흘수는?"}).encode()
        chat = json.dumps(
            {"model": "docs", "stream": True, "messages": [{"role": "user", "content": "최대 흘수는?"}]}
        ).encode()
        opened = [
            streams.enter_context(urllib.request.urlopen(urllib.request.Request(*request), timeout=60))
            for request in (
                (f"{url}/mcp", None, headers),
                (f"{url}/api/v1/ask", body, headers),
                (f"{url}/v1/chat/completions", chat, headers),
            )
        ]
        while b"event: text" not in opened[1].readline():
            pass
        # One that has only begun to ask, and one that has asked before and goes on to listen.
        host, port = url.removeprefix("http://").split(":")
        idle = streams.enter_context(socket.create_connection((host, int(port))))
        idle.sendall(b"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        os.kill(process.pid, signal.SIGTERM)
        # Five seconds are meant. A machine under load is given far more; the streams would go on for longer still.
        process.wait(200)
        assert process.returncode == 0
    for _ in range(600):  # the other side sees at its next piece that nobody listens
        if gemini.abandoned == 2:
            break
        time.sleep(0.05)
    assert gemini.abandoned == 2
    assert not place.socket_path(load_settings()).exists()


def test_in_the_background(ingested, capsys):
    assert run("serve", ["--stop"]) == 0
    assert "no server" in capsys.readouterr().err
    try:
        assert run("serve", ["--daemon", "--port", "0"]) == 0
        assert "serving at http://127.0.0.1:" in capsys.readouterr().out
        assert run("status", ["--json"]) == 0
        server = json.loads(capsys.readouterr().out)["server"]
        assert server["ready"]
        assert run("query", ["최대 흘수는?", "--json"]) == 0
        assert asked_of(ingested) == 1
        assert stat.S_IMODE(place.log_path(load_settings()).stat().st_mode) == 0o600
    finally:
        capsys.readouterr()
        assert run("serve", ["--stop"]) == 0
    assert "ended" in capsys.readouterr().out
    assert run("status", ["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["server"] is None


def test_what_keeps_a_server_from_beginning_is_said(ingested, capsys, python):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert run("serve", ["--daemon", "--port", port]) == 2
        assert "cannot be listened on" in capsys.readouterr().err
    done = python("-m", "rag_pipeline", "serve", "--host", "0.0.0.0", "--port", "0", cwd=ingested)
    assert done.returncode == 2
    assert "RAG_PIPELINE_SERVE__TOKEN" in done.stderr
    assert run("serve", ["--port", "70000"]) == 2


def test_many_questions_in_one_process(ingested, capsys, monkeypatch):
    file = ingested / "asked.jsonl"
    file.write_text('{"question": "최대 흘수는?", "id": 1}\n\nThe pilot\n', "utf-8")
    assert run("query", ["--questions", str(file), "-k", "1"]) == 0
    cold = capsys.readouterr().out
    first, second = map(json.loads, cold.splitlines())
    assert (first["question"], second["question"]) == ("최대 흘수는?", "The pilot")
    with serving(ingested):
        assert run("query", ["--questions", str(file), "-k", "1"]) == 0
        assert capsys.readouterr().out == cold
        assert asked_of(ingested) == 2
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    assert run("query", ["--questions", "-", "-k", "1"]) == 0
    assert capsys.readouterr().out == cold


@pytest.mark.parametrize(
    ("content", "said"),
    [(b'{"question": 3}\n', "line 1"), (b"one\n{]\n", "line 2"), (b'{"q": "x"}\n', "line 1"), (None, "No such file")],
)
def test_lines_that_are_no_questions_are_named(ingested, capsys, content, said):
    file = ingested / "asked.jsonl"
    if content is not None:
        file.write_bytes(content)
    assert run("query", ["--questions", str(file)]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_one_question_or_many(ingested, capsys):
    assert run("query", ["x", "--questions", "file"]) == 2
    assert "--questions" in capsys.readouterr().err


def test_a_long_path_of_the_store_is_no_hindrance(ingested, monkeypatch, capsys):
    if not sys.platform.startswith("linux"):
        pytest.skip("elsewhere a server says that the path is too long")
    long = "/".join(["a-long-name-of-a-folder"] * 6)
    monkeypatch.setenv("RAG_PIPELINE_STORE__PATH", f"{long}/chroma_db")
    assert run("ingest", []) == 0
    with serving(ingested):
        assert run("query", ["최대 흘수는?"]) == 0
        assert asked_of(ingested) == 1
