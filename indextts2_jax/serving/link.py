"""The server's side of the worker process: tasks go out, their events come back, a worker that dies is replaced.

    speak, encode ──► Task ◄── events ── `_read` (a thread) ◄── pipe ── worker
                        └─── commands ─► `_write` (a thread) ── pipe ──► worker

All but the two threads runs on the event loop, so that nothing here needs a lock. The worker is never waited for: what
it says is kept for whoever takes it, within the limits of a speech, and commands are written by a thread.
"""

import asyncio
import contextlib
import itertools
import logging
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.errors import CheckpointError
from indextts2_jax.serving import worker
from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.messages import (
    Audio,
    Cancel,
    Close,
    Command,
    Done,
    Encoded,
    EncodeVoice,
    Event,
    Failed,
    Speak,
    Stopped,
)
from indextts2_jax.synthesis.request import Request
from indextts2_jax.synthesis.speech import AudioSource

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 30.0
"""Seconds between two starts of a worker that does not stay."""

STEADY_SECONDS = 60.0
"""After which a worker counts as one that stays."""

ENDS: TypeAlias = Done | Encoded | Failed
"""How a task ends."""

_ENDED = "The model's process ended while it worked on this; it is being started again. Send the request once more."
_LOADING = "The model is being loaded. Try again in a few seconds."
_CLOSING = "The server is stopping and takes nothing new."


class Task:
    """Something the worker was asked for. Whoever does not wait for its end any more calls `cancel`."""

    def __init__(self, link: "Link", number: int) -> None:
        self.number = number
        self.samples = 0
        """Of speech that have come."""
        self.over = False
        self._link = link
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    async def next(self) -> Event:
        """The next thing that is said of it; the last is Done, Encoded or Failed."""
        return await self._events.get()

    def cancel(self) -> None:
        """Nobody waits for it any more: its work stops at the next boundary."""
        if not self.over:
            self._link.forget(self, Failed(self.number, "cancelled", "The client has gone away."))

    def put(self, event: Event) -> None:
        """For the link."""
        self.over = self.over or isinstance(event, ENDS)
        self._events.put_nowait(event)


class Link:
    """Keeps a worker running and speaks with it. All methods belong to the event loop that `start` runs in."""

    def __init__(self, order: worker.Order, make: worker.MakeScheduler, limits: Limits) -> None:
        self.ready = False
        """Whether a model is loaded."""
        self.closing = False
        self.restarts = 0
        self.compiled = 0
        """Programs that workers have compiled or read from the cache."""
        self.model_id = ""
        self._order, self._make, self._limits = order, make, limits
        self._numbers = itertools.count(1)
        self._tasks: dict[int, Task] = {}
        self._outbox: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._process: Any = None
        self._connection: Connection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None] | None = None

    @property
    def running(self) -> int:
        """Tasks that have not ended."""
        return len(self._tasks)

    @property
    def process_id(self) -> int | None:
        """Of the worker, where there is one."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Starts the worker and returns when its model is loaded. Raises `CheckpointError` where it cannot be."""
        self._first = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.create_task(self._keep())
        await asyncio.shield(self._first)

    def speak(
        self,
        request: Request,
        settings: Mapping[str, Any],
        *,
        streamed: bool,
        progress: bool = False,
        begun: bool = False,
    ) -> Task:
        """Has a request spoken: Accepted, Audio…, Done; or Failed. With `progress` that is told in between.

        What was `begun` before the server was told to stop is still spoken.
        """
        deadline = time.monotonic() + self._limits.request_seconds
        return self._submit(lambda number: Speak(number, request, settings, streamed, deadline, progress), begun)

    def encode(self, clip: AudioSource, path: str) -> Task:
        """Has a recording made a voice file: Encoded or Failed."""
        deadline = time.monotonic() + self._limits.request_seconds
        assert isinstance(clip, tuple)
        return self._submit(lambda number: EncodeVoice(number, clip, path, deadline))

    def _submit(self, command: Callable[[int], Command], begun: bool = False) -> Task:
        task = Task(self, next(self._numbers))
        if (self.closing and not begun) or not self.ready:
            task.put(Failed(task.number, "closing", _CLOSING if self.closing else _LOADING))
            return task
        self._tasks[task.number] = task
        self._outbox.put(command(task.number))
        return task

    def forget(self, task: Task, failed: Failed) -> None:
        """Ends a task from this side; the worker is told."""
        if self._tasks.pop(task.number, None) is not None:
            self._outbox.put(Cancel(task.number))
            task.put(failed)

    async def close(self, seconds: float = 5.0) -> None:
        """Ends the worker: within so many seconds by itself, else by force."""
        seconds = seconds if self.ready else 0.0  # what is being loaded is of no use any more
        self.closing, self.ready = True, False
        self._outbox.put(Close())
        process, keeper = self._process, self._keeper
        if process is not None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(_ended(process), seconds)
            if process.is_alive():
                process.kill()
                await _ended(process)
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    # --- the worker ---

    async def _keep(self) -> None:
        """Starts a worker, waits for its end, starts another, until the server closes."""
        pause = 0.0
        while not self.closing:
            begun = time.monotonic()
            failure = await self._live()
            self._lost()
            if self._first is not None and not self._first.done() and failure is not None:
                self._first.set_exception(CheckpointError(failure))
                return
            if self.closing:
                return
            self.restarts += 1
            steady = time.monotonic() - begun > STEADY_SECONDS
            pause = 0.0 if steady or (not pause and failure is None and self.restarts == 1) else max(1.0, 2 * pause)
            pause = min(pause, LONGEST_PAUSE)
            logger.error("The worker ended (%s); another one starts in %.0f s.", failure or "unexpectedly", pause)
            await asyncio.sleep(pause)

    async def _live(self) -> str | None:
        """One worker, from its start to its end; why there is no model, where it could not be loaded."""
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Any] = asyncio.Queue()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=worker.main, args=(theirs, self._order, self._make), name="indextts2-worker")
        await asyncio.to_thread(process.start)
        theirs.close()
        self._process, self._connection, self._outbox = process, ours, queue.SimpleQueue()
        if self.closing:
            self._outbox.put(Close())
        reading = threading.Thread(target=_read, args=(ours, loop, events), daemon=True)
        writing = threading.Thread(target=_write, args=(ours, self._outbox), daemon=True)
        reading.start()
        writing.start()
        failure = None
        try:
            while (event := await events.get()) is not None:
                if isinstance(event, worker.Unloadable):
                    failure = event.message
                elif isinstance(event, worker.Loaded):
                    self.ready, self.model_id = not self.closing, event.model_id
                    if self._first is not None and not self._first.done():
                        self._first.set_result(None)
                elif isinstance(event, worker.Compiled):
                    self.compiled += 1
                elif not isinstance(event, Stopped):
                    self._take(event)
            await asyncio.to_thread(process.join)
            return failure or self._code(process.exitcode)
        finally:
            if process.is_alive():
                process.kill()
            self._outbox.put(None)
            ours.close()

    def _code(self, code: int | None) -> str | None:
        """Why a worker that never said that it was loaded is gone."""
        waiting = self._first is not None and not self._first.done()
        return f"The model's process ended with code {code} before the model was loaded." if waiting else None

    def _lost(self) -> None:
        """Nothing that the worker was asked for will come."""
        self.ready = False
        lost, self._tasks = self._tasks, {}
        for task in lost.values():
            task.put(Failed(task.number, "closing", _ENDED))

    def _take(self, event: Any) -> None:
        task = self._tasks.get(event.number)
        if task is None:  # it was cancelled
            return
        if isinstance(event, Audio):
            task.samples += len(event.samples)
            if task.samples > self._limits.audio_seconds * SAMPLING_RATE:
                most = f"{self._limits.audio_seconds:g} s"
                message = f"The speech is longer than {most}, the most that is spoken here. Send the text in parts."
                self.forget(task, Failed(task.number, "request", message, "TextError"))
                return
        if isinstance(event, ENDS):
            del self._tasks[task.number]
        task.put(event)


def _read(connection: Connection, loop: asyncio.AbstractEventLoop, events: "asyncio.Queue[Any]") -> None:
    """Hands on what comes through the pipe, then None."""
    event: Any = ""
    while event is not None:
        try:
            event = connection.recv()
        except (EOFError, OSError):
            event = None
        try:
            loop.call_soon_threadsafe(events.put_nowait, event)
        except RuntimeError:  # the loop is closed: nobody listens any more
            return


def _write(connection: Connection, outbox: "queue.SimpleQueue[Command | None]") -> None:
    while (command := outbox.get()) is not None:
        try:
            connection.send(command)
        except OSError:  # the worker is gone, as `_read` will say
            return


async def _ended(process: Any) -> None:
    while process.is_alive():
        await asyncio.sleep(0.02)
