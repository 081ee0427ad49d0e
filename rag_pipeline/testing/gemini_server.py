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
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

from rag_pipeline.testing import gemini_replies as replies
from rag_pipeline.testing.gemini_faults import Fault, FaultScript
from rag_pipeline.testing.gemini_http import GeminiHandler, GeminiHttp
from rag_pipeline.testing.gemini_requests import RecordedRequest

MODELS: dict[str, dict[str, Any]] = {
    "gemini-embedding-2": {"actions": ["embedContent", "countTextTokens"], "input": 8192, "output": 1},
    "gemini-embedding-001": {"actions": ["embedContent", "countTextTokens"], "input": 2048, "output": 1},
    "gemini-3.5-flash": {"actions": ["generateContent", "countTokens"], "input": 1_048_576, "output": 65_536},
    "gemini-3.5-pro": {"actions": ["generateContent", "countTokens"], "input": 1_048_576, "output": 65_536},
    "imagen-4.0-generate-001": {"actions": ["predict"], "input": 480, "output": 8192},
}


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
        self.abandoned = 0
        """How many streams were closed by the other side before their end."""
        self.make_vector: Callable[[str, int], list[float]] = replies.vector
        self._under_way = 0
        self._script = FaultScript()
        self._lock = threading.Lock()
        self._http = GeminiHttp(("127.0.0.1", port), GeminiHandler)
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

    def started(self, request: RecordedRequest) -> Fault | None:
        """Record a request; return what is to go wrong with it."""
        with self._lock:
            self.requests.append(request)
            self._under_way += 1
            self.busiest = max(self.busiest, self._under_way)
        return self._script.take(request.route, request.body)

    def ended(self) -> None:
        """A request has been answered."""
        with self._lock:
            self._under_way -= 1


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
