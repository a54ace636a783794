"""Runs the application: sockets, signals, and in which order things begin and end.

sockets ─► worker (its model takes seconds; /ready says 503 so long) ─► requests ─► SIGTERM, SIGINT
    ─► nothing new, what runs is finished ─► connections closed ─► worker closed ─► 0
"""

import asyncio
import contextlib
import functools
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

from indextts2_jax.errors import ConfigError
from indextts2_jax.serving.app import Serving, build_app
from indextts2_jax.serving.heads import Http
from indextts2_jax.serving.link import Link
from indextts2_jax.serving.speakers import Speakers
from indextts2_jax.serving.worker import MakeScheduler, Order

if TYPE_CHECKING:
    from indextts2_jax.serving.home_assistant import HomeAssistant

logger = logging.getLogger(__name__)

CONNECTIONS_SECONDS = 10
"""For the last bytes to reach slow clients, after all speech is made."""


WORKER_SECONDS = 5.0
"""For the worker to end by itself."""


class _Uvicorn(uvicorn.Server):
    """Minds no signals: `Server` does."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A socket at an address. Raises `ConfigError` where it cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            if sys.platform != "win32":
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((host, port))
        except BaseException:
            made.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"Cannot listen at {host}:{port}: {reason}. Choose another --port or --host.") from None
    return made


class Server:
    """One server, from its start to its end.

    Args:
      make: the scheduler that the worker runs.
      drain_seconds: in which what runs may be finished after a signal.
      wyoming: where Home Assistant may connect, if anywhere.
    """

    def __init__(
        self,
        serving: Serving,
        order: Order,
        make: MakeScheduler,
        bound: socket.socket,
        *,
        drain_seconds: float = 60.0,
        wyoming: tuple[str, int] | None = None,
        access_log: bool = False,
    ) -> None:
        self._serving, self._socket, self._drain, self._wyoming = serving, bound, drain_seconds, wyoming
        self.link = Link(order, make, serving.limits)
        self._access_log = access_log
        self._stop: asyncio.Event | None = None
        self._hurry = False

    def run(self) -> None:
        """Returns after a signal, when all is finished. Raises `CheckpointError`: there is no model."""
        _raise_open_files()
        asyncio.run(self._run())

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        app = build_app(self._serving, self.link)
        config = uvicorn.Config(
            app,
            log_level="info" if self._access_log else "warning",
            access_log=self._access_log,
            lifespan="off",
            http=functools.partial(Http, head_seconds=self._serving.limits.body_seconds),  # type: ignore[arg-type]
            ws="websockets-sansio",
            ws_max_size=1 << 20,
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=CONNECTIONS_SECONDS,
            backlog=1024,
        )
        http = _Uvicorn(config)
        home = None
        with self._signals():
            serving = asyncio.create_task(http.serve(sockets=[self._socket]))
            loading = asyncio.create_task(self.link.start())
            stopping = asyncio.create_task(self._stop.wait())
            try:
                if self._wyoming is not None:
                    home = await self._start_wyoming(app, *self._wyoming)
                self._tell()
                await asyncio.wait({serving, loading, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if loading.done():
                    loading.result()
                    print("The model is loaded.", flush=True)
                    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
                await self._finish(app.state.speakers)
            finally:
                if home is not None:
                    await home.close()
                http.should_exit, http.force_exit = True, self._hurry
                await app.state.reader.close()
                await self.link.close(0.0 if self._hurry else WORKER_SECONDS)
                stopping.cancel()
                loading.cancel()
                await asyncio.gather(serving, stopping, loading, return_exceptions=True)

    async def _finish(self, speakers: Speakers) -> None:
        """Takes nothing new, and waits for what runs and what open connections had asked for."""
        self.link.closing = True
        print(f"Stopping: {self.link.running} requests are being finished.", flush=True)
        until = asyncio.get_running_loop().time() + self._drain
        while (self.link.running or speakers.owed) and not self._hurry:
            if asyncio.get_running_loop().time() >= until:
                return
            await asyncio.sleep(0.05)

    async def _start_wyoming(self, app: FastAPI, host: str, port: int) -> "HomeAssistant":
        from indextts2_jax.serving.home_assistant import HomeAssistant

        home = HomeAssistant(app.state.speakers)
        try:
            found = await home.start(host, port)
        except OSError as error:
            raise ConfigError(f"Cannot listen at {host}:{port}: {error.strerror or error}.") from None
        print(f"Wyoming at tcp://{host}:{found}", flush=True)
        return home

    def _tell(self) -> None:
        host, port = self._socket.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        print(f"Serving at http://{shown}:{port}; the model is being loaded.", flush=True)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """The first signal stops the server when all is finished, the second at once."""
        numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM") if hasattr(signal, name)]
        former = {number: signal.getsignal(number) for number in numbers}
        loop = asyncio.get_running_loop()

        def handle(number: int, frame: object) -> None:
            loop.call_soon_threadsafe(self._signalled)

        for number in numbers:
            signal.signal(number, handle)
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _signalled(self) -> None:
        assert self._stop is not None
        self._hurry = self._stop.is_set()
        self._stop.set()


def _raise_open_files() -> None:
    """As many connections as the system allows: each is an open file."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
