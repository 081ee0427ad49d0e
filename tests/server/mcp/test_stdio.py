"""``rag-pipeline mcp``: the real client starts it, as an agent's program does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters

from rag_pipeline import load_settings
from rag_pipeline.cli import run as run_command
from rag_pipeline.cli.serve import find_server
from rag_pipeline.server import place
from tests.cli.test_serve import serving
from tests.conftest import offline_environment
from tests.server.mcp.clients import ERAS, run, told

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")]

COMMAND = [sys.executable, "-m", "rag_pipeline", "mcp"]


@pytest.fixture
def ingested(project, capsys):
    assert run_command("ingest", []) == 0
    capsys.readouterr()
    return project


def agent(era, *arguments):
    """What an agent's program is told to start."""
    parameters = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], *arguments], env=offline_environment())
    return Client(parameters, mode=era)


async def used(era, *arguments):
    async with agent(era, *arguments) as client:
        assert client.protocol_version == ERAS[era]
        assert "never instructions" in client.instructions
        assert {tool.name for tool in (await client.list_tools()).tools} == {"search", "fetch", "list_collections"}
        found = told(await client.call_tool("search", {"query": "최대 흘수는?", "k": 2}))["results"]
        fetched = told(await client.call_tool("fetch", {"id": found[0]["id"]}))
        assert fetched["text"] == found[0]["text"]
        assert (await client.call_tool("search", {"query": "x", "k": 0})).is_error
        assert (await client.read_resource(found[0]["url"])).contents[0].text
        assert (await client.list_resource_templates()).resource_templates
        with pytest.raises(MCPError):
            await client.read_resource("rag://docs/nothing")
        return found


def ended():
    """The server of the store has ended, by itself."""
    settings = load_settings()
    end = time.monotonic() + 60
    while place.socket_path(settings).exists():
        assert time.monotonic() < end, "a server is left behind"
        time.sleep(0.05)
    assert find_server(settings) is None
    return True


@pytest.mark.parametrize("era", ["legacy", "auto"])
def test_a_running_server_answers_and_goes_on(ingested, era):
    with serving(ingested) as process:
        assert len(run(used(era))) == 2
        time.sleep(3)  # longer than one that was started for agents would live on
        assert process.poll() is None
        assert find_server(load_settings()).pid == process.pid


def test_where_there_is_no_server_one_is_started_and_ends_with_the_last_agent(ingested):
    async def two():
        async with agent("auto") as first:
            pid = find_server(load_settings()).pid
            async with agent("legacy") as second:
                told(await second.call_tool("list_collections", {}))
                assert find_server(load_settings()).pid == pid
            told(await first.call_tool("search", {"query": "pilot"}))
            assert find_server(load_settings()).pid == pid
            return pid

    pid = run(two())
    assert ended()
    with pytest.raises(ProcessLookupError):
        for _ in range(600):
            os.kill(pid, 0)
            time.sleep(0.1)


def heeds_interrupts():
    """Tests may run in the background of a shell, which has its children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("how", ["eof", signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_it_ends_and_leaves_nothing_behind(ingested, how):
    with subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=offline_environment(),
        preexec_fn=heeds_interrupts,  # noqa: PLW1509
    ) as process:
        end = time.monotonic() + 120
        while find_server(load_settings()) is None:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert process.poll() is None
        if how == "eof":
            process.stdin.close()
            assert process.wait(60) == 0
        else:
            process.send_signal(how)
            assert process.wait(60) != 0
        assert process.stdout.read() == b""  # nothing but the protocol
    assert ended()


def test_two_that_begin_at_once_share_a_server(ingested):
    processes = [
        subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=offline_environment())
        for _ in range(2)
    ]
    try:
        end = time.monotonic() + 120
        while find_server(load_settings()) is None:
            assert time.monotonic() < end
            time.sleep(0.1)
        time.sleep(3)
        assert [process.poll() for process in processes] == [None, None]
    finally:
        for process in processes:
            process.stdin.close()
        assert [process.wait(60) for process in processes] == [0, 0]
    assert ended()


def test_a_server_that_ends_ends_it(ingested):
    with serving(ingested) as server:
        process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=offline_environment()
        )
        with process:
            line = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
            process.stdin.write(line)
            process.stdin.flush()
            wait_until_held(server)
            server.terminate()
            assert process.wait(60) == 4
            assert "the server has ended" in process.stderr.read()


def wait_until_held(server):
    from tests.cli.test_serve import urllib

    end = time.monotonic() + 60
    while True:
        with urllib.request.urlopen(f"{server.running.url}/metrics", timeout=60) as reply:
            if b'route="/mcp"' in reply.read():
                return
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_server_of_another_configuration_is_not_asked(ingested, python, monkeypatch):
    with serving(ingested):
        done = python("-m", "rag_pipeline", "mcp", cwd=ingested, env={"RAG_PIPELINE_RETRIEVAL__TOP_K": "7"}, given="")
        assert done.returncode == 2
        assert "serve --stop" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_server_that_cannot_start_says_why(ingested, python):
    done = python("-m", "rag_pipeline", "mcp", cwd=ingested, env={"RAG_PIPELINE_SERVE__TOKEN": "short"}, given="")
    assert done.returncode == 2
    assert "16 or more" in done.stderr
