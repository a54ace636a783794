"""Responses that are sent while they are made, to clients that may go away.

The first piece is made before the status is sent. A client that goes away, or takes nothing for a minute, ends its
work; a failure in the middle breaks the connection, so that no client takes half a speech for a whole one.
"""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from indextts2_jax.errors import AudioError
from indextts2_jax.serving.formats import Encoder
from indextts2_jax.serving.messages import Progress
from indextts2_jax.serving.problems import Problem
from indextts2_jax.serving.speakers import Speech

logger = logging.getLogger(__name__)

T = TypeVar("T")

PIECE = 1 << 16
"""Bytes of what is sent whole that go at once."""


class ClientGone(Exception):
    """Nobody waits for the response any more."""


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """What the work gives. Raises `ClientGone`, and cancels the work, where the client goes away before."""
    working = asyncio.ensure_future(work)
    watching = asyncio.create_task(_gone(request.receive))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        await _end(working, watching)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def encoded(speech: Speech, encoder: Encoder) -> AsyncIterator[bytes]:
    """The bytes of a speech; pieces are never empty. Raises `Problem`."""
    async for piece in told(speech, encoder):
        if isinstance(piece, bytes):
            yield piece


async def told(speech: Speech, encoder: Encoder) -> AsyncIterator[bytes | Progress]:
    """The same, and in between how far the speech is, where it was asked to tell."""
    try:
        async for part in speech:
            if isinstance(part, Progress):
                yield part
            elif piece := await asyncio.to_thread(encoder.feed, part):
                yield piece
        if piece := await asyncio.to_thread(encoder.finish):
            yield piece
    except AudioError as error:  # not a number: of the model, not of the client
        raise Problem(500, str(error)) from None


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    """All of it."""
    return b"".join([piece async for piece in pieces])


async def cut(audio: bytes) -> AsyncIterator[bytes]:
    """In pieces again, as slow clients take them."""
    for start in range(0, len(audio), PIECE):
        yield audio[start : start + PIECE]


async def events(speech: Speech, pieces: AsyncIterator[bytes | Progress]) -> AsyncIterator[bytes]:
    """The same as server-sent events in OpenAI's words, a failure included."""
    try:
        async for piece in pieces:
            if isinstance(piece, Progress):
                where = {"stage": piece.stage, "segment": piece.segment, "segments": piece.segments}
                yield _event({"type": "speech.progress"} | where)
                continue
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
        yield _event({"type": "speech.audio.done", "usage": speech.usage} | speech.told)
    except Problem as problem:
        yield _event({"type": "speech.audio.error"} | problem.body)


def _event(values: Mapping[str, Any]) -> bytes:
    return f"event: {values['type']}\ndata: {json.dumps(values)}\n\n".encode()


class PiecewiseResponse(Response):
    """Sends pieces as they come.

    Args:
      pieces: never empty, the first of them made already; raises `Problem` where it breaks off.
      close: called at the end, whichever it is.
      stall_seconds: for which the client may take nothing.
    """

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        close: Callable[[], None],
        *,
        media_type: str,
        headers: Mapping[str, str],
        stall_seconds: float,
    ) -> None:
        super().__init__(None, 200, dict(headers), media_type)
        if "Content-Length" not in headers:
            del self.headers["content-length"]
        self._pieces, self._close, self._stall = pieces, close, stall_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        watching = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        except Problem as problem:  # without the last message the connection is closed, which tells the client
            logger.warning("A speech broke off: %s", problem.message)
        except (TimeoutError, OSError):
            logger.warning("A client took nothing for %g s, or went away.", self._stall)
        finally:
            await _end(sending, watching)
            self._close()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for piece in self._pieces:
            await self._piece(send, piece)
        await asyncio.wait_for(send({"type": "http.response.body", "body": b""}), self._stall)

    async def _piece(self, send: Send, piece: bytes) -> None:
        message = {"type": "http.response.body", "body": piece, "more_body": True}
        await asyncio.wait_for(send(message), self._stall)
