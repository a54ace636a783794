"""Who may come in, and with how much: in front of every route, for HTTP and WebSockets.

Host and Origin ─► key ─► size and time of the body ─► the routes
"""

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indextts2_jax.errors import ConfigError
from indextts2_jax.runtime import text_files
from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.metrics import Metrics
from indextts2_jax.serving.problems import Problem

OPEN = {"/health", "/ready", "/v1/audio/voices", "/v1/audio/models", "/", "/page.js", "/script.js", "/page.css"}
OPEN |= {"/favicon.ico", "/openapi.json"}
"""Paths that are read without a key: Open WebUI asks for voices without one, and the page asks its reader for it."""

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"}
"""Those that are counted by their names."""

MIN_KEY = 8


class Keys:
    """The keys that clients may come with; none: everyone may come in.

    Args:
      keys: compared by digest, in constant time.
    """

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._digests = [_digest(key) for key in keys]

    @classmethod
    def load(cls, path: str) -> "Keys":
        """A key a line; blank lines and those that begin with # are none.

        Raises:
          ConfigError: it cannot be read, holds no key, or one of fewer than 8 characters or with spaces.
        """
        try:
            lines = text_files.read_text(path, 1 << 20).split("\n")
        except text_files.TextFileError as error:
            raise ConfigError(f"Cannot read the keys in {path}: {error}.") from None
        keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        if not keys:
            raise ConfigError(f"{path} holds no key: write one a line.")
        for number, key in enumerate(keys, 1):
            if len(key) < MIN_KEY or not key.isascii() or any(map(str.isspace, key)):
                raise ConfigError(f"Key {number} of {path} must be at least {MIN_KEY} ASCII characters without spaces.")
        return cls(keys)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def check(self, header: str) -> None:
        """Raises `Problem` (401) unless an Authorization header has one of the keys."""
        kind, _, given = header.partition(" ")
        digest = _digest(given.strip())
        known = [hmac.compare_digest(digest, key) for key in self._digests]  # all of them, whichever it is
        if kind.lower() != "bearer" or not any(known):
            message = "Send a key of this server: Authorization: Bearer KEY."
            raise Problem(401, message, code="invalid_api_key" if given else "missing_api_key")


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def is_loopback(host: str) -> bool:
    """Whether an address is of this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Access:
    """Middleware: turns away who may not come in, and counts requests.

    Args:
      origins: web pages that may speak with this server besides its own, as their browsers name them; "*": all.
    """

    def __init__(self, app: ASGIApp, *, keys: Keys, limits: Limits, metrics: Metrics, origins: Sequence[str]) -> None:
        self._app, self._keys, self._limits, self._metrics = app, keys, limits, metrics
        self._origins = set(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self._check(scope, headers)
        except Problem as problem:
            self._count(scope, problem.status)
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": problem.message[:100]})
            else:
                await JSONResponse(problem.body, problem.status, problem.headers)(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # whoever sends the answer leaves its body out
            scope = {**scope, "method": "GET", "asked": "HEAD"}
        request_id = secrets.token_hex(8).encode()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(scope, message["status"])
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        await self._app(scope, self._limited(receive), sent)

    def _check(self, scope: Scope, headers: Mapping[str, str]) -> None:
        """Raises `Problem`."""
        reading = scope["type"] == "http" and scope["method"] in ("GET", "HEAD", "OPTIONS")
        origin, host = headers.get("origin", ""), headers.get("host", "")
        same = _netloc(origin) == host
        if origin and not same and not reading and not {"*", origin} & self._origins:
            message = f"Pages of {origin:.80} may not use this server: start it with --cors_origin={origin:.80}."
            raise Problem(403, message)
        if not self._keys and not _is_local_name(host):
            # A page whose name its owner lets point to 127.0.0.1 would be of the same origin as this server.
            message = f"Without keys this server answers to local names, not to {host!r:.80}: use --api_key_file."
            raise Problem(403, message)
        if self._keys and not (reading and (scope["path"].rstrip("/") or "/") in OPEN):
            self._keys.check(headers.get("authorization", ""))
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length[:20]) > self._limits.body_bytes:
            raise self._too_large()

    def _too_large(self) -> Problem:
        return Problem(413, f"The request is larger than {self._limits.body_bytes >> 20} MiB.")

    def _limited(self, receive: Receive) -> Receive:
        """The same messages; raises `Problem` for a body that is too large or comes too slowly."""
        left, whole, until = self._limits.body_bytes, False, time.monotonic() + self._limits.body_seconds

        async def limited() -> Message:
            nonlocal left, whole
            if whole:  # what comes now is the client's end
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, until - time.monotonic()))
            except TimeoutError:
                raise Problem(408, f"The request did not come whole in {self._limits.body_seconds:g} s.") from None
            if message["type"] == "http.request":
                left -= len(message.get("body", b""))
                whole = not message.get("more_body", False)
                if left < 0:
                    raise self._too_large()
            return message

        return limited

    def _count(self, scope: Scope, status: int) -> None:
        route: Any = scope.get("route")
        path = getattr(route, "path", None) or (scope["path"] if scope["path"] in OPEN else "other")
        method = scope.get("asked") or scope.get("method", "WEBSOCKET")
        self._metrics.requests.labels(method if method in METHODS else "other", path, str(status)).inc()


def _netloc(origin: str) -> str | None:
    """Host and port of a page; None: it has none that could be of any."""
    try:
        return urllib.parse.urlsplit(origin).netloc
    except ValueError:
        return None


def _is_local_name(host: str) -> bool:
    """Whether a Host header names an address or a name of local networks, which no page on the web has."""
    name = (host.rsplit(":", 1)[0] if not host.endswith("]") else host).lower().removesuffix(".")
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return "." not in name or name.endswith((".localhost", ".local", ".internal"))
    return True
