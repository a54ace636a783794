"""The process that owns the model: it loads it, runs the scheduler, and never outlives the server.

    server ── a pipe ──► `_listen` (a thread) ── submit ──► Scheduler.run (the main thread) ── emit ──► the pipe

The pipe's end is the end of the process, whatever it does: a server that was killed leaves nothing behind. Signals are
the server's to mind (a terminal and systemd send them to both), so they are ignored here.
"""

import dataclasses
import itertools
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
from indextts2_jax.serving.messages import Close, Command, Event, Failed, Speak
from indextts2_jax.synthesis.request import Request
from indextts2_jax.synthesis.speech import AudioSource

logger = logging.getLogger(__name__)

COMPILED = "/jax/core/compile/backend_compile_duration"
"""What JAX calls it."""

WARM_UP_TEXTS = (
    "Hello.",
    "The little boat came home before the storm.",
    "Seven quiet horses stood beside the river in the morning light, and nobody knew where they had come from.",
)
"""Of the lengths that most sentences have."""


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
    warmup: AudioSource | None = None
    """The voice in which a few sentences are spoken before the server is ready, so that nobody waits for what they
    need to be compiled; None: whoever comes first waits."""


@dataclasses.dataclass(frozen=True)
class Loaded:
    """The model is there and the scheduler begins."""

    model_id: str


@dataclasses.dataclass(frozen=True)
class Compiled:
    """One more program has been made ready: compiled, or read from the cache."""


@dataclasses.dataclass(frozen=True)
class Unloadable:
    """There is no model: one line says why."""

    message: str


Said: TypeAlias = Event | Loaded | Unloadable | Compiled


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
        _watch_compilation(tell)
    except (IndexTTSError, OSError, MemoryError) as error:
        tell(Unloadable(" ".join(str(error).split()) or type(error).__name__))
        return
    if order.warmup is not None:
        _warm_up(tts, make, order)
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


def _watch_compilation(tell: Callable[[Said], None]) -> None:
    import jax

    def heard(event: str, duration_secs: float, **_: str | int) -> None:
        if event == COMPILED:
            tell(Compiled())

    jax.monitoring.register_event_duration_secs_listener(heard)


def _warm_up(tts: Any, make: MakeScheduler, order: Order) -> None:
    """Speaks sentences of several lengths, whole and streamed, alone and together, to nobody."""
    assert order.warmup is not None
    failures: list[Failed] = []
    scheduler = make(
        tts, lambda event: failures.append(event) if isinstance(event, Failed) else None, **dict(order.options)
    )
    requests = itertools.product(WARM_UP_TEXTS, (False, True))
    for number, (text, streamed) in enumerate(requests):
        scheduler.submit(Speak(number, Request(text, order.warmup), {}, streamed))
    scheduler.submit(Close())
    scheduler.run()
    for failed in failures:
        logger.warning("The warm-up could not speak: %s", failed.message)


def _listen(connection: Connection, loaded: list[Schedules], begun: threading.Event) -> None:
    """Passes commands on; ends the process with the pipe, even while the model is being loaded."""
    while True:
        try:
            command: Command = connection.recv()
        except (EOFError, OSError):
            os._exit(1)
        begun.wait()
        loaded[0].submit(command)


def _teller(connection: Connection) -> Callable[[Said], None]:
    lock = threading.Lock()

    def tell(event: Said) -> None:
        try:
            with lock:
                connection.send(event)
        except OSError:  # the server is gone
            os._exit(1)

    return tell
