from __future__ import annotations

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rag_pipeline.embeddings.local.hub import find_checkpoint
from rag_pipeline.errors import CheckpointError, ConfigurationError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize("form", ["absolute", "path", "relative", "dotted", "tilde", "base_dir"])
def test_a_local_folder_is_found_however_it_is_written(tiny_checkpoint, monkeypatch, tmp_path, form):
    monkeypatch.chdir(tiny_checkpoint.parent)
    monkeypatch.setenv("HOME", str(tiny_checkpoint.parent))
    model, base_dir = {
        "absolute": (str(tiny_checkpoint), None),
        "path": (Path("tiny"), None),
        "relative": ("tiny", None),
        "dotted": ("./tiny", None),
        "tilde": ("~/tiny", None),
        "base_dir": ("tiny", tiny_checkpoint.parent),
    }[form]
    if form == "base_dir":
        monkeypatch.chdir(tmp_path)
    assert find_checkpoint(model, base_dir=base_dir).folder == tiny_checkpoint


@pytest.mark.parametrize("model", ["./nowhere", "/nowhere/at/all", "~/nowhere", "a/b/c", Path("nowhere")])
def test_what_can_only_be_a_folder_is_never_looked_for_on_the_hub(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="not found"):
        find_checkpoint(model)


def test_a_revision_of_a_folder_makes_no_sense(tiny_checkpoint):
    with pytest.raises(ConfigurationError, match="hub models only"):
        find_checkpoint(tiny_checkpoint, revision="main")


class Hub(BaseHTTPRequestHandler):
    """The three routes of the hub that a download uses."""

    files: Path
    requests: list[str]

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.requests.append(self.path)
        owner_and_name, _, rest = self.path.lstrip("/").partition("/resolve/")
        if self.path.startswith("/api/models/owner/tiny/"):
            names = [file.name for file in self.files.iterdir()]
            body = {"_id": "1", "id": "owner/tiny", "sha": COMMIT, "siblings": [{"rfilename": n} for n in names]}
            if "/tree/" in self.path:
                body = [{"type": "file", "path": n, "size": (self.files / n).stat().st_size, "oid": n} for n in names]
            self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})
        elif owner_and_name == "owner/tiny" and (self.files / rest.partition("/")[2]).is_file():
            name = rest.partition("/")[2]
            headers = {"ETag": f'"{name}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            self._send(200, (self.files / name).read_bytes(), headers)
        else:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"})

    def _send(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tiny_checkpoint):
    handler = type("TinyHub", (Hub,), {"files": tiny_checkpoint, "requests": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler.requests
        server.shutdown()
        thread.join()


CODE = "from rag_pipeline.embeddings.local.hub import find_checkpoint as f; c = f({!r}); print(c.name, c.digest)"


@pytest.mark.slow
def test_a_hub_model_is_downloaded_once_and_then_needs_no_network(hub, python, tmp_path, tiny_checkpoint):
    endpoint, requests = hub
    env = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
    first = python("-c", CODE.format("owner/tiny"), env=env, cold=True)
    assert first.returncode == 0, first.stderr
    assert first.stdout.split() == ["owner/tiny", find_checkpoint(tiny_checkpoint).digest]
    assert requests
    requests.clear()
    second = python("-c", CODE.format("owner/tiny"), env=env, cold=True)
    assert second.stdout == first.stdout
    assert requests == []


@pytest.mark.slow
def test_a_model_the_hub_does_not_know_is_a_service_error(hub, python, tmp_path):
    endpoint, _ = hub
    code = (
        "from rag_pipeline.embeddings.local.hub import find_checkpoint as f\nfrom rag_pipeline.errors import *\n"
        "try: f('owner/unknown')\nexcept ServiceError as e: print(e, e.exit_code)"
    )
    done = python("-c", code, env={"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf")}, cold=True)
    assert "model owner/unknown" in done.stdout, done.stderr
    assert done.stdout.strip().endswith("4")


@pytest.mark.slow
def test_without_a_network_the_error_says_so_in_one_line(python, tmp_path):
    code = (
        "from rag_pipeline.embeddings.local.hub import find_checkpoint as f\nfrom rag_pipeline.errors import *\n"
        "try: f('owner/tiny')\nexcept ServiceError as e: print(e)"
    )
    done = python("-c", code, env={"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "hf")}, cold=True)
    assert "owner/tiny is not on this machine and the hub could not be reached" in done.stdout, done.stderr
    assert len(done.stdout.strip().splitlines()) == 1


@pytest.mark.slow
def test_an_incomplete_model_in_the_cache_is_not_taken(tmp_path, python, tiny_checkpoint):
    snapshot = tmp_path / "hf" / "hub" / "models--owner--tiny" / "snapshots" / COMMIT
    shutil.copytree(tiny_checkpoint, snapshot)
    refs = tmp_path / "hf" / "hub" / "models--owner--tiny" / "refs"
    refs.mkdir()
    (refs / "main").write_text(COMMIT)
    env = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "hf")}
    assert python("-c", CODE.format("owner/tiny"), env=env, cold=True).stdout.startswith("owner/tiny sha256:")
    (snapshot / "model.safetensors").unlink()
    assert "lacks weights (model.safetensors)" in python("-c", CODE.format("owner/tiny"), env=env, cold=True).stderr


def test_weights_of_modules_are_downloaded_and_other_formats_are_not():
    from huggingface_hub.utils import filter_repo_objects

    from rag_pipeline.embeddings.local import hub as module

    wanted = ["modules.json", "model.safetensors", "1_Pooling/config.json",
              "2_Dense/config.json", "2_Dense/model.safetensors",
              "0_Transformer/model.safetensors", "0_Transformer/tokenizer.json"]  # fmt: skip
    others = [
        "onnx/model.onnx",
        "onnx/config.json",
        "openvino/openvino_model.xml",
        "pytorch_model.bin",
        "lora/x.safetensors",
    ]
    found = filter_repo_objects([*wanted, *others], allow_patterns=module._NEEDED, ignore_patterns=module._NOT_NEEDED)
    assert list(found) == wanted
