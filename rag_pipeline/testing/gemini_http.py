"""The HTTP side of the loopback Gemini: routes, errors, streams, and what a fault makes of them."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rag_pipeline.testing import gemini_replies as replies
from rag_pipeline.testing import gemini_tools
from rag_pipeline.testing.gemini_faults import Fault, error_body
from rag_pipeline.testing.gemini_requests import LoopbackGemini, RecordedRequest

_MAX_TEXTS = 100
_MAX_BYTES = 4_000_000
_PREFIX = "/v1beta/models"
_FRAME_WORDS = 3
_PAGE_SIZE = 2


class GeminiHttp(ThreadingHTTPServer):
    """Hands each connection to a thread of its own."""

    daemon_threads = True
    request_queue_size = 64
    gemini: LoopbackGemini

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no event here."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class GeminiHandler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    server: GeminiHttp
    # Headers and body leave in one packet, else Nagle's algorithm holds the second back.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: a test's output is its own."""

    def do_GET(self) -> None:
        """The list of models."""
        self._handle()

    def do_POST(self) -> None:
        """A method of a model."""
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
        fault = gemini.started(request)
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
            gemini.ended()

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
                elif request.route == "countTokens":
                    counted = replies.count_prompt(request.body)
                    details = [{"modality": "TEXT", "tokenCount": counted}]
                    self._send(200, {"totalTokens": counted, "promptTokensDetails": details})
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
            case "blocked_prompt" | "no_candidate":
                feedback = {"promptFeedback": {"blockReason": fault.values["reason"]}} if fault.values else {}
                self._answer([{**feedback, **_usage("", request.model)}], request, fault)
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
        call = gemini_tools.function_call(request.body) if reply is None and reason == "STOP" else None
        if call is not None:
            said: dict[str, Any] = {"parts": [{"functionCall": call}], "role": "model"}
            frame: dict[str, Any] = {"candidates": [{"content": said, "index": 0, "finishReason": "STOP"}]}
            self._answer([{**frame, **_usage("", request.model, request.size)}], request, fault)
            return
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
        pause = fault.values["seconds"] if fault is not None and fault.kind == "slow_stream" else 0
        stop = fault.values["after_frames"] if fault is not None and fault.kind == "cut_stream" else None
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for count, frame in enumerate(_frames(frames)):
            if count == stop:
                self._drop()
                return
            try:
                self.wfile.write(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
                self.wfile.flush()
            except ConnectionError:
                self.server.gemini.abandoned += 1
                raise
            time.sleep(pause)
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
