"""A Gemini on loopback: the routes that Google's SDK and LangChain call, with faults to order.

::

    with GeminiServer() as gemini:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini.url)
        monkeypatch.setenv("GOOGLE_API_KEY", gemini.api_key)
        gemini.expect(gemini_faults.status(429, retry_after=1))
        ...
        assert len(gemini.requests) == 2

``python -m rag_pipeline.testing.gemini_server --port 8089`` runs it by itself.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from rag_pipeline.testing import gemini_replies as replies
from rag_pipeline.testing.gemini_faults import Fault, FaultScript, error_body

_MAX_TEXTS = 100
_MAX_BYTES = 4_000_000
_PREFIX = "/v1beta/models"
_FRAME_WORDS = 3
_PAGE_SIZE = 2

MODELS: dict[str, dict[str, Any]] = {
    "gemini-embedding-2": {"actions": ["embedContent", "countTextTokens"], "input": 8192, "output": 1},
    "gemini-embedding-001": {"actions": ["embedContent", "countTextTokens"], "input": 2048, "output": 1},
    "gemini-3.5-flash": {"actions": ["generateContent", "countTokens"], "input": 1_048_576, "output": 65_536},
    "gemini-3.5-pro": {"actions": ["generateContent", "countTokens"], "input": 1_048_576, "output": 65_536},
    "imagen-4.0-generate-001": {"actions": ["predict"], "input": 480, "output": 8192},
}


@dataclass(frozen=True)
class RecordedRequest:
    """A request as it came in."""

    method: str
    path: str
    route: str
    """The method of the model, such as ``batchEmbedContents``, or ``models``."""
    model: str
    body: dict[str, Any]
    headers: dict[str, str]
    """Names in lower case."""
    at: float
    """Seconds of a monotonic clock."""
    size: int
    """Bytes of the body."""
    query: dict[str, str] = field(default_factory=dict)

    @property
    def texts(self) -> list[str]:
        """The texts of an embedding request."""
        requests = self.body.get("requests", [self.body])
        return [replies.content_text(request["content"]) for request in requests]


class GeminiServer:
    """A Gemini on loopback; a context manager.

    Args:
        latency: seconds before each reply.
        api_key: the key it takes.
        reply: what it answers to a prompt: a text, or a function of the request's body; None: the line of the
            prompt's passages that is nearest the question, cited.
        port: 0 takes a free one.
    """

    def __init__(
        self,
        *,
        latency: float = 0.0,
        api_key: str = "loopback-key",
        reply: str | Callable[[Mapping[str, Any]], str] | None = None,
        port: int = 0,
    ) -> None:
        self.latency = latency
        self.api_key = api_key
        self.reply = reply
        self.models = {name: dict(model) for name, model in MODELS.items()}
        self.requests: list[RecordedRequest] = []
        """Every request so far, those that were answered with a fault too."""
        self.busiest = 0
        """The most requests that were under way at once."""
        self.make_vector: Callable[[str, int], list[float]] = replies.vector
        self._under_way = 0
        self._script = FaultScript()
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.gemini = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """For GOOGLE_GEMINI_BASE_URL, or ``base_url``."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def expect(self, *faults: Fault) -> None:
        """Add faults to what is to go wrong."""
        for fault in faults:
            self._script.add(fault)

    def forget(self) -> None:
        """Forget the faults that have not happened, and the requests."""
        self._script.clear()
        self.requests.clear()

    @property
    def environment(self) -> dict[str, str]:
        """What a process must have in its environment to use this server."""
        return {"GOOGLE_GEMINI_BASE_URL": self.url, "GOOGLE_API_KEY": self.api_key}

    def embedded(self) -> list[str]:
        """Every text that was sent for embedding, in order."""
        return [text for request in self.requests if "mbed" in request.route for text in request.texts]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop, and close the socket."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _started(self, request: RecordedRequest) -> Fault | None:
        with self._lock:
            self.requests.append(request)
            self._under_way += 1
            self.busiest = max(self.busiest, self._under_way)
        return self._script.take(request.route, request.body)

    def _ended(self) -> None:
        with self._lock:
            self._under_way -= 1


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    gemini: GeminiServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no event here."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http
    # Headers and body leave in one packet, else Nagle's algorithm holds the second back.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: a test's output is its own."""

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def _handle(self) -> None:
        gemini = self.server.gemini
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urlsplit(self.path)
        tail = url.path.removeprefix(_PREFIX).removeprefix("/")
        model, _, route = tail.partition(":")
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = None
        request = RecordedRequest(
            self.command,
            url.path,
            route or "models",
            model,
            body if isinstance(body, dict) else {},
            {name.lower(): value for name, value in self.headers.items()},
            time.monotonic(),
            len(raw),
            {name: values[-1] for name, values in parse_qs(url.query).items()},
        )
        fault = gemini._started(request)
        try:
            time.sleep(gemini.latency)
            if not url.path.startswith(_PREFIX):
                self._error(404, "Not Found")
            elif request.headers.get("x-goog-api-key") != gemini.api_key:
                self._refuse_key(request)
            elif body is None or len(raw) > _MAX_BYTES:
                self._error(400, "Request payload size exceeds the limit: 4194304 bytes." if raw else "Invalid JSON")
            elif fault is not None and self._spoil(fault, request):
                return
            else:
                self._serve(request, fault)
        finally:
            gemini._ended()

    def _serve(self, request: RecordedRequest, fault: Fault | None) -> None:
        gemini = self.server.gemini
        if request.method == "GET" and request.route == "models":
            self._list(request)
        elif request.model not in gemini.models:
            self._error(
                404,
                f"models/{request.model} is not found for API version v1beta, or is not supported for"
                f" {request.route}. Call ListModels to see the list of available models and their supported methods.",
            )
        else:
            try:
                if request.route in ("batchEmbedContents", "embedContent"):
                    self._embed(request, fault)
                elif request.route in ("generateContent", "streamGenerateContent"):
                    self._generate(request, fault)
                else:
                    self._error(404, "Method not found.")
            except replies.RefusedError as error:
                self._error(400, str(error))

    def _spoil(self, fault: Fault, request: RecordedRequest) -> bool:
        """Whether the fault is all the answer there is."""
        match fault.kind:
            case "slow":
                time.sleep(fault.values["seconds"])
                return False
            case "status":
                self._send(fault.values["code"], fault.values["body"], fault.values["headers"])
                return True
            case "cut":
                self._drop()
                return True
            case "html":
                page = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
                self._send_raw(fault.values["code"], page.encode(), {"Content-Type": "text/html"})
                return True
            case "blocked_prompt":
                content = {"promptFeedback": {"blockReason": fault.values["reason"]}, **_usage("", request.model)}
                self._answer([content], request, fault)
                return True
        return False

    def _embed(self, request: RecordedRequest, fault: Fault | None) -> None:
        batch = request.route == "batchEmbedContents"
        requests = request.body.get("requests") if batch else [{"model": f"models/{request.model}", **request.body}]
        if not isinstance(requests, list) or not requests or (batch and set(request.body) != {"requests"}):
            raise replies.RefusedError("requests is not specified")
        if len(requests) > _MAX_TEXTS:
            raise replies.RefusedError(f"at most {_MAX_TEXTS} requests can be in one batch")
        gemini = self.server.gemini
        limit = gemini.models[request.model]["input"]
        checked = [replies.check_embed_request(one, request.model, limit) for one in requests]
        if fault is not None and fault.kind == "wrong_dimension":
            checked = [(text, fault.values["dimension"]) for text, _ in checked]
        vectors = [gemini.make_vector(text, dimension) for text, dimension in checked]
        if fault is not None and fault.kind == "nan":
            vectors[0] = [float("nan"), *vectors[0][1:]]
        if fault is not None and fault.kind == "wrong_count":
            by = fault.values["by"]
            vectors = vectors[:by] if by < 0 else vectors + vectors[:1] * by
        embeddings = [{"values": values} for values in vectors]
        self._send(200, {"embeddings": embeddings} if batch else {"embedding": embeddings[0]})

    def _generate(self, request: RecordedRequest, fault: Fault | None) -> None:
        replies.check_generate_request(request.body)
        reply, reason = self.server.gemini.reply, "STOP"
        if fault is not None and fault.kind in ("finish", "empty"):
            text, reason = fault.values.get("text", ""), fault.values.get("reason", "STOP")
        elif isinstance(reply, str):
            text = reply
        else:
            text = (reply or replies.answer)(request.body)
        pieces = [text] if request.route == "generateContent" else _pieces(text)
        frames: list[dict[str, Any]] = []
        for piece in pieces:
            content = {"content": {"parts": [{"text": piece}], "role": "model"}} if piece else {}
            frames.append({"candidates": [{**content, "index": 0}], "modelVersion": request.model})
        frames[-1]["candidates"][0]["finishReason"] = reason
        frames[-1].update(_usage(text, request.model, request.size))
        self._answer(frames, request, fault)

    def _answer(self, frames: list[dict[str, Any]], request: RecordedRequest, fault: Fault | None) -> None:
        if request.route == "generateContent":
            self._send(200, frames[0])
            return
        if request.query.get("alt") != "sse":
            self._send(200, frames)  # type: ignore[arg-type]  # the service then sends one JSON array
            return
        stop = fault.values["after_frames"] if fault is not None and fault.kind == "cut_stream" else None
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for count, frame in enumerate(_frames(frames)):
            if count == stop:
                self._drop()
                return
            self.wfile.write(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _list(self, request: RecordedRequest) -> None:
        names = list(self.server.gemini.models)
        start = int(request.query.get("pageToken", 0))
        page = names[start : start + _PAGE_SIZE]
        listed: dict[str, Any] = {"models": [self._describe(name) for name in page]}
        if start + _PAGE_SIZE < len(names):
            listed["nextPageToken"] = str(start + _PAGE_SIZE)
        self._send(200, listed)

    def _describe(self, name: str) -> dict[str, Any]:
        model = self.server.gemini.models[name]
        return {
            "name": f"models/{name}",
            "version": "001",
            "displayName": name,
            "description": f"{name} on loopback",
            "inputTokenLimit": model["input"],
            "outputTokenLimit": model["output"],
            "supportedGenerationMethods": model["actions"],
        }

    def _refuse_key(self, request: RecordedRequest) -> None:
        if request.headers.get("x-goog-api-key"):
            details = [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "API_KEY_INVALID",
                    "domain": "googleapis.com",
                }
            ]
            self._send(400, error_body(400, "API key not valid. Please pass a valid API key.", details))
        else:
            self._error(403, "Method doesn't allow unregistered callers. Please use API Key.")

    def _error(self, code: int, message: str) -> None:
        self._send(code, error_body(code, message))

    def _send(self, code: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(content, ensure_ascii=False).encode()
        self._send_raw(code, body, {"Content-Type": "application/json; charset=UTF-8", **(headers or {})})

    def _send_raw(self, code: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drop(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _pieces(text: str) -> list[str]:
    """A few words at a time, as a stream brings them."""
    words = text.split(" ")
    pieces = [" ".join(words[at : at + _FRAME_WORDS]) for at in range(0, len(words), _FRAME_WORDS)]
    return [f"{piece} " for piece in pieces[:-1]] + pieces[-1:]


def _frames(contents: list[dict[str, Any]]) -> Iterator[bytes]:
    for content in contents:
        yield b"data: " + json.dumps(content, ensure_ascii=False).encode() + b"\r\n\r\n"


def _usage(text: str, model: str, sent: int = 0) -> dict[str, Any]:
    prompt, answered = -(-sent // 4), replies.count_tokens(text)
    return {
        "usageMetadata": {
            "promptTokenCount": prompt,
            "candidatesTokenCount": answered,
            "totalTokenCount": prompt + answered,
        },
        "modelVersion": model,
    }


def main(arguments: list[str] | None = None) -> None:
    """Run a server by itself until it is interrupted."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=8089)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each reply")
    options = parser.parse_args(arguments)
    with GeminiServer(port=options.port, latency=options.latency) as gemini:
        for name, value in gemini.environment.items():
            print(f"export {name}={value}", flush=True)  # noqa: T201
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
