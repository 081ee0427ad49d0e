"""What goes wrong, as HTTP says it: a status, a code for programs, and one line without a path of this machine."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse, Response

from rag_pipeline.config import Settings
from rag_pipeline.errors import (
    CollectionMismatchError,
    CollectionNotFoundError,
    ConfigurationError,
    DocumentError,
    EmbeddingError,
    RagPipelineError,
    ServiceError,
    StoreError,
    StoreUnreachableError,
    UsageError,
)
from rag_pipeline.masking import mask_keys
from rag_pipeline.text import one_line

OPENAI_PREFIX = "/v1/"
RETRY_SECONDS = 5
# Of each kind of error: the status, and the code by which a program knows it. The first that fits counts.
_KINDS: list[tuple[type[RagPipelineError], int, str]] = [
    (CollectionNotFoundError, 404, "collection_not_found"),
    (CollectionMismatchError, 409, "collection_mismatch"),
    (ConfigurationError, 503, "configuration"),
    (UsageError, 400, "bad_request"),
    (DocumentError, 404, "file_unavailable"),
    (StoreUnreachableError, 503, "store_unreachable"),
    (StoreError, 503, "store_unavailable"),
    (EmbeddingError, 502, "embedding_failed"),
    (ServiceError, 502, "service_failed"),
]
_PATH = re.compile(r"""(?<![\w/.:~-])(?:~|[A-Za-z]:)?[\\/](?:[^\s\\/'"(),;:]+[\\/])+[^\s'"(),;]*""")
_HIDDEN = "…"
_LONGEST = 500
# The types of OpenAI's errors, by status; all others are its server's.
_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ProblemError(Exception):
    """A request that is not answered as it was meant.

    Args:
        status: of the reply.
        code: for programs.
        detail: one line for people.
        headers: further ones of the reply.
        errors: which fields are wrong, where they are.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = errors
        if status in (429, 503):
            self.headers.setdefault("Retry-After", str(1 if status == 429 else RETRY_SECONDS))

    def as_dict(self, request_id: str) -> dict[str, Any]:
        """As RFC 9457 lays it out, with a code and the request's id."""
        found: dict[str, Any] = {
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors is not None:
            found["errors"] = self.errors
        return found

    def as_openai(self) -> dict[str, Any]:
        """As OpenAI's clients read it."""
        kind = _OPENAI_TYPES.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        param = self.errors[0]["field"] if self.errors else None
        return {"error": {"message": self.detail, "type": kind, "param": param, "code": self.code}}

    def response(self, path: str, request_id: str) -> Response:
        """The reply, in the form of those who ask at this path."""
        if path.startswith(OPENAI_PREFIX):
            return Json(self.as_openai(), self.status, self.headers)
        return Json(self.as_dict(request_id), self.status, self.headers, "application/problem+json")


class Json(JSONResponse):
    """JSON as it is written, Korean and all; half a character that came in goes out as a question mark."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return dump(content)


def dump(content: Any) -> bytes:
    """JSON in one line."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class Wording:
    """Says of an error of ours what others may know: paths and keys are taken out.

    Args:
        settings: the configuration, whose folders are known to be paths.
    """

    def __init__(self, settings: Settings) -> None:
        folders = {settings.base_dir, settings.resolve_path(settings.store.path).resolve(), Path.home()}
        self._folders = sorted((str(folder) for folder in folders if len(folder.parts) > 1), key=len, reverse=True)

    def hide(self, message: str) -> str:
        """The message in one line, without paths of this machine."""
        line = one_line(mask_keys(message))
        for folder in self._folders:
            line = re.sub(re.escape(folder) + r"""[^'"(),;\s]*""", _HIDDEN, line)
        return one_line(_PATH.sub(_HIDDEN, line), _LONGEST)

    def problem(self, error: RagPipelineError) -> ProblemError:
        """What an error of ours is over HTTP."""
        status, code = next(
            ((status, code) for kind, status, code in _KINDS if isinstance(error, kind)), (500, "internal")
        )
        return ProblemError(status, code, self.hide(str(error)))
