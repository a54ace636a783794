"""HTTP as uvicorn has it, but for requests whose head never comes to an end: it would wait for as long as they last."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class Http(H11Protocol):
    """Closes a connection that has no whole head so many seconds after it was opened, or after the head began.

    (Between two requests uvicorn's own limit holds, and from the head on those of `Access`.)
    """

    def __init__(self, *, head_seconds: float, **given: Any) -> None:
        super().__init__(**given)
        self._head_seconds = head_seconds
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn's own is narrower
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._wait_no_more()
        elif self._late is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._late = self.loop.call_later(self._head_seconds, self.timeout_keep_alive_handler)

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
