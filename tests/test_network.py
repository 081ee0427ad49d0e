"""Proxies and certificates of the environment, good and bad, before each thing that uses a network."""

from __future__ import annotations

import base64
import http.client
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from langchain_core.messages import HumanMessage

from rag_pipeline import Pipeline, network
from rag_pipeline.answering.answerer import Answerer
from rag_pipeline.answering.chat_model import make_chat_model
from rag_pipeline.assembly import open_store
from rag_pipeline.cli import run
from rag_pipeline.config import AnswerSettings, load_settings
from rag_pipeline.embeddings.gemini.embeddings import GeminiEmbeddings
from rag_pipeline.embeddings.local.hub import find_checkpoint
from rag_pipeline.errors import ConfigurationError, RagPipelineError, ServiceError, StoreUnreachableError
from rag_pipeline.gemini.listing import list_models
from rag_pipeline.locations import as_folder
from rag_pipeline.testing import HashEmbeddings
from tests.folder_server import FolderServer


@pytest.fixture
def dead():
    """A port of loopback that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def fresh_hub():
    """The hub's client keeps the proxies of the time when it was made."""
    from huggingface_hub.utils import close_session

    close_session()
    yield
    close_session()


class Proxy(ThreadingHTTPServer):
    """An HTTP proxy on loopback that passes requests on, or answers with a status."""

    def __init__(self, status: int | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.asked: list[str] = []
        self.accounts: list[str] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_exception):
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def _pass_on(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked.append(self.path)
        account = self.headers.get("proxy-authorization", "").removeprefix("Basic ")
        self.server.accounts.append(base64.b64decode(account).decode())
        if self.server.status is not None:
            self.send_error(self.server.status)
            return
        address = urlsplit(self.path)
        there = http.client.HTTPConnection(address.hostname, address.port)
        headers = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy")}
        there.request(self.command, f"{address.path}?{address.query}", body, headers)
        reply = there.getresponse()
        content = reply.read()
        self.send_response(reply.status)
        self.send_header("content-type", reply.getheader("content-type") or "text/plain")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        there.close()

    do_GET = do_POST = do_HEAD = do_CONNECT = _pass_on  # noqa: N815

    def log_message(self, *_arguments):
        pass


def server_store(tmp_path, port):
    (tmp_path / "config.yaml").write_text(f"store: {{mode: server, host: 127.0.0.1, port: {port}, attempts: 1}}")
    return open_store(load_settings(tmp_path / "config.yaml"))


def chat(tmp_path, url):
    (tmp_path / "chat.yaml").write_text(f"answer: {{base_url: '{url}', attempts: 1}}")
    return Answerer.from_settings(load_settings(tmp_path / "chat.yaml"))


def uses(tmp_path, port):
    """Everything that opens a connection, each at a port of loopback."""
    url = f"http://127.0.0.1:{port}"
    return {
        "Gemini embeddings": lambda: GeminiEmbeddings(api_key="key", base_url=url, attempts=1).embed_query("tug"),
        "Gemini documents": lambda: GeminiEmbeddings(api_key="key", base_url=url).check_ready(),
        "Gemini chat": lambda: chat(tmp_path, url).complete([HumanMessage("tug?")]),
        "another chat": lambda: make_chat_model(AnswerSettings(model="openai:gpt", base_url=url)),
        "list of models": lambda: list_models(base_url=url),
        "Chroma server": lambda: server_store(tmp_path, port).names(),
        "hub": lambda: find_checkpoint("nobody/nothing"),
        "web folder": lambda: as_folder(url).first_entries(),
    }


BAD = {
    ("ALL_PROXY", "socks5://127.0.0.1:1080"): "a SOCKS proxy needs a package that is missing",
    ("all_proxy", "socks5h://127.0.0.1:1080"): "a SOCKS proxy needs a package that is missing",
    ("HTTP_PROXY", "socks4://127.0.0.1:1080"): "proxies of socks4:// cannot be used",
    ("HTTPS_PROXY", "htp://user:hush@127.0.0.1:1"): "'htp://***@127.0.0.1:1': proxies of htp:// cannot be used",
    ("https_proxy", "http://127.0.0.1:port"): "that is no address of a proxy",
    ("HTTPS_PROXY", "http://"): "that is no address of a proxy",
    ("SSL_CERT_FILE", "/nope.pem"): "there is no such file",
    ("SSL_CERT_DIR", "/nope"): "there is no such folder",
    ("REQUESTS_CA_BUNDLE", "/nope.pem"): "there is no such file",
}


@pytest.mark.parametrize(("variable", "value"), BAD, ids=[f"{name} {value}" for name, value in BAD])
def test_what_cannot_be_used_is_named_with_its_variable_wherever_a_network_is(
    variable, value, tmp_path, monkeypatch, dead
):
    monkeypatch.setenv("GOOGLE_API_KEY", "key")
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(network.importlib.util, "find_spec", lambda name: None)
    for what, use in uses(tmp_path, dead).items():
        with pytest.raises(ConfigurationError) as raised:
            use()
        said = str(raised.value)
        assert said.startswith(f"{variable} is '"), what
        assert BAD[variable, value] in said
        assert "\n" not in said
        assert "hush" not in said


def test_files_that_hold_no_certificates_are_named(tmp_path, monkeypatch):
    (tmp_path / "page.pem").write_text("<html>")
    for value, problem in ((tmp_path / "page.pem", "no certificates that can be read"), (tmp_path, "that is a folder")):
        monkeypatch.setenv("SSL_CERT_FILE", str(value))
        with pytest.raises(ConfigurationError, match=f"SSL_CERT_FILE is .*{problem}"):
            network.check_network()


def test_what_is_usable_or_empty_is_left_alone(tmp_path, monkeypatch):
    import certifi

    for name, value in (
        ("HTTP_PROXY", "127.0.0.1:3128"),
        ("HTTPS_PROXY", "https://user:pass@[::1]:3128/"),
        ("ALL_PROXY", ""),
        ("NO_PROXY", "localhost,10.0.0.0/8"),
        ("SSL_CERT_FILE", certifi.where()),
        ("SSL_CERT_DIR", f"{tmp_path}:/etc/ssl/certs"),
        ("REQUESTS_CA_BUNDLE", str(tmp_path)),
    ):
        monkeypatch.setenv(name, value)
        network.check_network()
    monkeypatch.setenv("ALL_PROXY", "socks4://127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "*")
    network.check_network()


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_that_is_away_is_named_as_such(variable, tmp_path, monkeypatch, dead):
    monkeypatch.setenv("GOOGLE_API_KEY", "key")
    monkeypatch.setenv(variable, f"http://user:hush@127.0.0.1:{dead}")
    for what, use in uses(tmp_path, 9).items():
        if what in ("Gemini documents", "hub", "another chat"):
            continue
        with pytest.raises(ServiceError) as raised:
            use()
        said = str(raised.value)
        assert f"the proxy http://127.0.0.1:{dead} ({variable}) cannot be reached" in said.replace("***@", ""), what
        assert "hush" not in said
        assert "\n" not in said


def test_the_hub_behind_a_proxy_that_is_away(monkeypatch, dead, fresh_hub):
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{dead}")
    with pytest.raises(ServiceError, match=rf"the proxy http://127.0.0.1:{dead} \(HTTPS_PROXY\) cannot be reached"):
        find_checkpoint("nobody/nothing")


@pytest.mark.slow
def test_a_proxy_that_wants_an_account_says_so(tmp_path, monkeypatch):
    with Proxy(status=407) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        with pytest.raises(ServiceError, match=r"the proxy http://127.* \(HTTP_PROXY\) wants a user and password"):
            GeminiEmbeddings(api_key="key", base_url="http://127.0.0.1:9").embed_query("tug")
        assert len(proxy.asked) == 1
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        with pytest.raises(ServiceError, match=r"the proxy http://127.* \(HTTPS_PROXY\) refuses: 407"):
            GeminiEmbeddings(api_key="key", base_url="https://127.0.0.1:9", attempts=1).embed_query("tug")


@pytest.mark.slow
def test_folders_and_gemini_are_reached_through_the_proxy_with_its_account(tmp_path, monkeypatch, gemini):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "one.md").write_text("# Tugs\n\nA tug tows ships.\n")
    (tmp_path / "config.yaml").write_text("")
    with Proxy() as proxy, FolderServer(tmp_path / "docs") as folder:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:p%40ss@{proxy.address}")
        with Pipeline(tmp_path / "config.yaml", collection="docs", embeddings=HashEmbeddings()) as pipeline:
            assert pipeline.ingest(folder.url).new == 1
        assert f"{folder.url}/one.md" in proxy.asked
        embeddings = GeminiEmbeddings(dimension=128)
        assert len(embeddings.embed_query("tug")) == 128
        embeddings.close()
        assert proxy.asked[-1].startswith(f"{gemini.url}/v1beta/models/")
        assert set(proxy.accounts) == {"user:p@ss"}
        proxy.asked.clear()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert [entry.name for entry in as_folder(folder.url).first_entries()] == ["one.md"]
        assert proxy.asked == []


def test_a_web_folder_does_not_go_through_socks(monkeypatch):
    monkeypatch.setattr(network.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setenv("HTTP_PROXY", "socks5://user:hush@127.0.0.1:1080")
    with pytest.raises(ConfigurationError, match=r"http proxies alone, found socks5://\*\*\*@127.0.0.1:1080 "):
        as_folder("http://127.0.0.1:9").first_entries()


def test_a_certificate_that_is_not_trusted_leads_to_the_variable(monkeypatch, tmp_path):
    error = OSError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate")
    assert "set SSL_CERT_FILE" in network.reason_for("https://127.0.0.1", error)
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/own.pem")
    assert network.reason_for("https://127.0.0.1", error).endswith("see SSL_CERT_FILE (/etc/own.pem)")
    assert network.reason_for("https://127.0.0.1", OSError("reset")) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:pa@ss@host:1", "http://***@host:1"),
        ("user:hush@host:1", "***@host:1"),
        ("socks5://token@host", "socks5://***@host"),
        ("http://host:1", "http://host:1"),
    ],
)
def test_the_account_of_a_proxy_is_masked(url, shown):
    assert network.masked(url) == shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "command", "code", "said"),
    [
        ({"ALL_PROXY": "socks5://127.0.0.1:1"}, ["models"], 2, "error: ALL_PROXY is 'socks5://127.0.0.1:1': a SOCKS"),
        ({"SSL_CERT_FILE": "/nope.pem"}, ["models"], 2, "error: SSL_CERT_FILE is '/nope.pem': there is no such file"),
        ({"HTTP_PROXY": "http://127.0.0.1:9"}, ["models"], 4, "the proxy http://127.0.0.1:9 (HTTP_PROXY) cannot"),
        (
            {"ALL_PROXY": "socks5://127.0.0.1:1"},
            ["ingest", "docs", "--collection", "new", "--embedding", "gemini"],
            2,
            "error: ALL_PROXY is",
        ),
    ],
)
def test_a_command_says_it_in_one_line_with_its_exit_code(project, capsys, monkeypatch, variables, command, code, said):
    monkeypatch.setenv("GOOGLE_API_KEY", "key")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(network.importlib.util, "find_spec", lambda name: None)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with (project / "config.yaml").open("a", encoding="utf-8") as config:
        config.write("  gemini: {provider: gemini}\n")
    assert run(None, command) == code
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not (project / "chroma_db").exists()


@pytest.mark.slow
def test_doctor_shows_what_the_environment_says_without_passwords(project, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    run(None, ["doctor"])
    sound = capsys.readouterr().out
    assert [line.split()[2] for line in sound.splitlines() if " proxies " in line] == ["none"]
    assert "the usual authorities" in sound
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hush@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", "/nope.pem")
    assert run(None, ["doctor"]) == 1
    out = capsys.readouterr().out
    assert "http://***@proxy.example:3128 (HTTPS_PROXY); none for localhost" in out
    assert "SSL_CERT_FILE is '/nope.pem': there is no such file" in out
    assert "hush" not in out


@pytest.mark.slow
@pytest.mark.parametrize("tail", ["", "/", "/v1beta", "/v1beta/", "//v1beta//", "/v1", "/v1/"])
def test_a_base_url_may_name_the_version_of_the_api(tail, gemini, monkeypatch):
    url = gemini.url + tail
    embeddings = GeminiEmbeddings(base_url=url, dimension=128)
    assert len(embeddings.embed_query("tug")) == 128
    embeddings.close()
    assert list_models(base_url=url)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
    model = make_chat_model(AnswerSettings())
    gemini.reply = "12.04 m"
    assert model.invoke("흘수?").text == "12.04 m"
    model.client.close()
    assert {request.path.split("/models")[0].strip("/") for request in gemini.requests} == {"v1beta"}


@pytest.mark.parametrize(
    "tail", ["/v1beta/models", "/v1beta/openai/", "/v1beta/models/gemini:generateContent", "/?x=1"]
)
def test_a_base_url_that_goes_on_behind_the_version_is_explained(tail):
    with pytest.raises(
        RagPipelineError, match="base_url: found .*; leave out .*which ends with its host, or with the version"
    ):
        GeminiEmbeddings(api_key="key", base_url=f"http://127.0.0.1:9{tail}").check_ready()


def test_a_chroma_server_behind_a_proxy_that_is_away_is_out_of_reach(tmp_path, monkeypatch, dead):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{dead}")
    with pytest.raises(StoreUnreachableError, match=r"Chroma server .* cannot be reached: the proxy .* \(HTTP_PROXY\)"):
        server_store(tmp_path, 9).names()
