"""What goes wrong with a request, in OpenAI's words: a status and {"error": {message, type, param, code}}.

IndexTTSError, Failed, a wrong field ──► Problem ──► response, SSE event, WebSocket message
"""

from collections.abc import Mapping
from typing import Any

from indextts2_jax.errors import AudioError, CheckpointError, EmotionError, IndexTTSError, TextError
from indextts2_jax.serving.messages import Failed

BUSY_SECONDS = 5
"""After which a client may try again."""

MAX_MESSAGE = 1000
"""Characters of a message: what clients send is not echoed whole."""

_TYPES = {401: "authentication_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}
_CODES = {
    400: "invalid_value",
    401: "invalid_api_key",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limit_exceeded",
    500: "internal_error",
    503: "unavailable",
}


def shortened(text: str, most: int) -> str:
    """Without its middle where it is longer than that: what is wrong stands first, and what to do last."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 3]} … {text[-tail:]}"


class Problem(Exception):
    """A request that is not answered with what it asks for.

    Args:
      status: of HTTP, 400 to 503.
      message: one line for people: what is wrong and what to do.
      param: the field that is at fault.
      code: a word for programs; by default that of the status.
      retry_after: seconds after which the same request may succeed.
      more: further keys of the error, for programs.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.param = status, None if param is None else shortened(param, 100)
        self.message = shortened(" ".join(message.split()), MAX_MESSAGE)
        self.code = code or _CODES.get(status, "error")
        self.retry_after, self.more = retry_after, more or {}

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the response."""
        kind = _TYPES.get(self.status, "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code, **self.more}}

    @property
    def headers(self) -> dict[str, str]:
        found = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return found | ({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})


_PARAMS = {TextError: "input", AudioError: "voice", CheckpointError: "voice", EmotionError: "emotion"}


def of_error(error: IndexTTSError, param: str | None = None) -> Problem:
    """What an error of the library means to a client: its request makes no sense."""
    found = next((name for kind, name in _PARAMS.items() if isinstance(error, kind)), None)
    return Problem(400, str(error), param=param or found)


def of_failure(failed: Failed) -> Problem:
    """What the end of a task means to the client that waits for it."""
    match failed.kind:
        case "request":
            params = {kind.__name__: name for kind, name in _PARAMS.items()}
            return Problem(400, failed.message, param=params.get(failed.error))
        case "busy":
            return Problem(429, failed.message, retry_after=BUSY_SECONDS)
        case "deadline":
            return Problem(503, failed.message, code="deadline_exceeded", retry_after=BUSY_SECONDS)
        case "cancelled" | "closing":
            return Problem(503, failed.message, retry_after=BUSY_SECONDS)
    return Problem(500, failed.message)
