"""The process that owns the model: it loads it, runs the scheduler, and never outlives the server.

    server ── a pipe ──► `_listen` (a thread) ── submit ──► Scheduler.run (the main thread) ── emit ──► the pipe

The pipe's end is the end of the process, whatever it does: a server that was killed leaves nothing behind. Signals are
the server's to mind (a terminal and systemd send them to both), so they are ignored here.
"""

import dataclasses
import logging
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeAlias

from indextts2_jax.config import Config
from indextts2_jax.errors import IndexTTSError
from indextts2_jax.runtime.cache import cache_folder, use_compilation_cache
from indextts2_jax.runtime.malloc import keep_freed_memory
from indextts2_jax.serving.messages import Command, Event


@dataclasses.dataclass(frozen=True)
class Order:
    """What is to be loaded, and how it is to be run."""

    checkpoint: str
    """Name or folder; empty: random weights, as the configuration has them."""
    config: Config
    queue: int = 64
    """Requests that may wait; those beyond are told that the server is busy."""
    options: tuple[tuple[str, Any], ...] = ()
    """Further arguments of the scheduler, by name."""
    keep_memory: bool = True


@dataclasses.dataclass(frozen=True)
class Loaded:
    """The model is there and the scheduler begins."""

    model_id: str


@dataclasses.dataclass(frozen=True)
class Unloadable:
    """There is no model: one line says why."""

    message: str


class Schedules(Protocol):
    """What is run in this process: `serving.scheduler.Scheduler`."""

    def submit(self, command: Command) -> None:
        """Takes a command from any thread and never blocks."""

    def run(self) -> None:
        """Works until `Close` and all that came before it is done."""


MakeScheduler: TypeAlias = Callable[..., Schedules]
"""Takes (tts, emit, *, queue, …) as `Scheduler` does; found again by its name in the new process."""


def main(connection: Connection, order: Order, make: MakeScheduler) -> None:
    """Runs in a process of its own."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    loaded: list[Schedules] = []
    begun = threading.Event()
    threading.Thread(target=_listen, args=(connection, loaded, begun), daemon=True).start()
    tell = _teller(connection)
    logging.getLogger("jax").setLevel(logging.WARNING)  # which backends it did not find is no news
    try:
        tts = _load(order)
    except (IndexTTSError, OSError, MemoryError) as error:
        tell(Unloadable(" ".join(str(error).split()) or type(error).__name__))
        return
    scheduler = make(tts, tell, queue=order.queue, **dict(order.options))
    loaded.append(scheduler)
    begun.set()
    tell(Loaded(tts.model_id))
    scheduler.run()


def _load(order: Order) -> Any:
    if order.keep_memory:  # before the first computation
        keep_freed_memory()
    use_compilation_cache()
    from indextts2_jax import IndexTTS2

    if not order.checkpoint:
        return IndexTTS2.from_random(order.config)
    tts = IndexTTS2.from_pretrained(order.checkpoint, config=order.config)
    tts.voices.folder = cache_folder("voices")
    return tts


def _listen(connection: Connection, loaded: list[Schedules], begun: threading.Event) -> None:
    """Passes commands on; ends the process with the pipe, even while the model is being loaded."""
    while True:
        try:
            command: Command = connection.recv()
        except (EOFError, OSError):
            os._exit(1)
        begun.wait()
        loaded[0].submit(command)


def _teller(connection: Connection) -> Callable[[Event | Loaded | Unloadable], None]:
    lock = threading.Lock()

    def tell(event: Event | Loaded | Unloadable) -> None:
        try:
            with lock:
                connection.send(event)
        except OSError:  # the server is gone
            os._exit(1)

    return tell
