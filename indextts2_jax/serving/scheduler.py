"""The owner of a model: many speeches at once, each as if it were alone.

    submit ─► queue ─► Task, Task, ... ─┬─ a boundary of codes for all that draw (`pipeline/decoder.py`)   ┐ again and
                                        └─ a piece of the work behind the decoder for the most urgent task ┘ again
    emit   ◄── events

The two are made side by side, in a thread each: neither keeps all cores of a processor busy.
A piece is one stage of one segment or chunk, of the flow matching one step: nobody waits longer than that for a turn.
Streams that have not been heard come first, then short texts, then long ones; every few turns go to who has waited
longest, so that nobody waits for ever.
"""

import dataclasses
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.serving.messages import (
    Audio,
    Cancel,
    Close,
    Command,
    EncodeVoice,
    Event,
    Failed,
    FailureKind,
    Speak,
    Stopped,
)
from indextts2_jax.serving.speaking import Model
from indextts2_jax.serving.task import MESSAGES, Task
from indextts2_jax.synthesis.synthesizer import IndexTTS2

ROWS = 8
BOUNDARY = 32
QUEUE = 64
CLIP_BYTES = 256 << 20
"""Of all clips that tasks not yet done have brought with them."""

OLDEST_EVERY = 4
"""Of so many turns one goes to the task that has waited longest."""

SHORT = 100
"""Characters up to which all texts are equally short; from there on classes double."""

CLIP_CLASS = 2
"""The class of a voice to be encoded, as if it were a text of some 400 characters."""

PATIENCE_SECONDS = 5.0
"""So long a whole speech may wait before a stream of its class that has nothing left to play."""


@dataclasses.dataclass
class _Entry:
    """A task and what its urgency depends on."""

    task: Task
    size_class: int
    streamed: bool
    clip_bytes: int
    due: float
    """When it should be heard, on the clock of `time.monotonic`: of a stream, when all it has given is played."""
    silent: bool = True

    def heard(self, samples: int) -> None:
        """Some of its audio has been given away."""
        if self.streamed:
            begin = time.monotonic() if self.silent else self.due
            self.due = begin + samples / SAMPLING_RATE
        self.silent = False

    @property
    def urgency(self) -> tuple[bool, int, float]:
        """The less, the sooner."""
        return not (self.streamed and self.silent), self.size_class, self.due


class Scheduler:
    """Speaks what is submitted. `submit` is for any thread, `run` for the one that owns the model."""

    def __init__(
        self,
        tts: IndexTTS2,
        emit: Callable[[Event], None],
        *,
        rows: int = ROWS,
        boundary: int = BOUNDARY,
        queue: int = QUEUE,
        clip_bytes: int = CLIP_BYTES,
    ) -> None:
        """
        Args:
          emit: takes every event, in the thread of `run`.
          rows: of the decoder, always computed; so many segments have codes drawn at once. Speech depends on it in the
            last digits, so servers that are to give the same have the same.
          boundary: codes between two looks at who comes and goes.
          queue: tasks that may be unfinished; one more is refused.
          clip_bytes: of the clips that these bring along, together.
        """
        self._model = Model(tts, rows)
        self._emit = emit
        self._boundary = boundary
        self._most = queue
        self._most_bytes = clip_bytes
        self._commands: SimpleQueue[Command] = SimpleQueue()
        self._entries: dict[int, _Entry] = {}
        self._closing = False
        self._turns = 0

    def submit(self, command: Command) -> None:
        """Hands a command over; never blocks."""
        self._commands.put(command)

    def run(self) -> None:
        """Works until `Close` has come and all tasks are done."""
        boundary: Future[None] | None = None
        with ThreadPoolExecutor(1, "decoder") as beside:
            while not (self._closing and not self._entries):
                self._take()
                self._expire()
                if boundary is None or boundary.done():
                    boundary = self._begin_boundary(beside, boundary)
                entry = self._next()
                if entry is not None:
                    self._told(entry, entry.task.give())
                elif boundary is not None:
                    boundary.result()
        self._emit(Stopped())

    def _begin_boundary(self, beside: ThreadPoolExecutor, last: Future[None] | None) -> Future[None] | None:
        """The next one, where somebody draws; raises what went wrong in the last."""
        if last is not None:
            last.result()
        decoder = self._model.decoder
        return None if decoder.idle else beside.submit(decoder.run, self._boundary)

    # --- commands ---

    def _take(self) -> None:
        """Obeys the commands that have come; with nothing to do, waits for one."""
        block = not self._entries
        while True:
            try:
                command = self._commands.get(block)
            except Empty:
                return
            block = False
            match command:
                case Close():
                    self._closing = True
                case Cancel():
                    self._withdraw(command.number, "cancelled")
                case _:
                    self._accept(command)

    def _accept(self, command: Speak | EncodeVoice) -> None:
        size = _clip_bytes(command)
        held = sum(entry.clip_bytes for entry in self._entries.values())
        if self._closing:
            self._refuse(command.number, "closing")
            return
        if len(self._entries) >= self._most or (self._entries and held + size > self._most_bytes):
            self._refuse(command.number, "busy")
            return
        if isinstance(command, Speak):
            speak = command
            task = Task(command.number, lambda task: self._model.speak(task, speak), command.deadline)
            size_class = _size_class(command.request.text)
        else:
            encode = command
            task = Task(command.number, lambda task: self._model.encode(task, encode), command.deadline)
            size_class = CLIP_CLASS
        streamed = isinstance(command, Speak) and command.streamed
        due = time.monotonic() + PATIENCE_SECONDS
        self._entries[command.number] = _Entry(task, size_class, streamed, size, due)

    def _refuse(self, number: int, kind: FailureKind) -> None:
        self._emit(Failed(number, kind, MESSAGES[kind]))

    def _expire(self) -> None:
        now = time.monotonic()
        for number, entry in [*self._entries.items()]:
            if entry.task.deadline is not None and entry.task.deadline <= now:
                self._withdraw(number, "deadline")

    def _withdraw(self, number: int, kind: FailureKind) -> None:
        """Ends a task where it stands; one that is not there any more has ended before."""
        if entry := self._entries.get(number):
            self._told(entry, entry.task.withdraw(kind))

    # --- turns ---

    def _next(self) -> _Entry | None:
        ready = [entry for entry in self._entries.values() if entry.task.ready]
        if not ready:
            return None
        self._turns += 1
        if self._turns % OLDEST_EVERY == 0:
            return min(ready, key=lambda entry: entry.task.waited_since)
        return min(ready, key=lambda entry: entry.urgency)

    def _told(self, entry: _Entry, events: list[Event]) -> None:
        if entry.task.ended:
            del self._entries[entry.task.number]
        for event in events:
            if isinstance(event, Audio):
                entry.heard(len(event.samples))
            self._emit(event)


def _size_class(text: Any) -> int:
    """0 for short texts, and one more whenever the length doubles; what is no text will be refused soon."""
    return max(0, math.ceil(math.log2(len(text) / SHORT))) if isinstance(text, str) and text else 0


def _clip_bytes(command: Speak | EncodeVoice) -> int:
    """Of the clips in memory that a command holds."""
    if isinstance(command, EncodeVoice):
        sources: list[Any] = [command.clip]
    else:
        emotion = command.request.emotion
        sources = [command.request.voice, emotion and emotion.clip]
    arrays = [part for source in sources if isinstance(source, tuple) for part in source]
    return sum(part.nbytes for part in arrays if isinstance(part, np.ndarray))
