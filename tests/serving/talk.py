"""A scheduler in a thread of its own, and what it says."""

import contextlib
import itertools
import threading
import time

import numpy as np

from indextts2_jax.serving.messages import Accepted, Audio, Cancel, Close, Done, Encoded, Failed, Speak, Stopped
from indextts2_jax.serving.scheduler import Scheduler
from indextts2_jax.synthesis.request import Request

PATIENCE = 300.0
"""Seconds; what is not compiled yet takes its time."""


class Talk:
    """What a client does: submits commands, and waits for what comes of them."""

    def __init__(self, tts, **options):
        self.events = []
        """(seconds, event) in their order."""
        self._numbers = itertools.count()
        self._came = threading.Condition()
        self.scheduler = Scheduler(tts, self._emit, **options)

    def _emit(self, event):
        assert threading.current_thread() is self.thread
        with self._came:
            self.events.append((time.monotonic(), event))
            self._came.notify_all()

    def speak(self, text, voice, /, *, seed=0, emotion=None, streamed=False, deadline=None, **settings) -> int:
        number = next(self._numbers)
        request = Request(text, voice, emotion, seed)
        self.scheduler.submit(Speak(number, request, settings, streamed, deadline))
        return number

    def cancel(self, number):
        self.scheduler.submit(Cancel(number))

    def of(self, number) -> list:
        return [event for _, event in self.events if getattr(event, "number", None) == number]

    def until(self, found):
        """Waits until `found(events)` is true of what has been said."""
        with self._came:
            assert self._came.wait_for(lambda: found([event for _, event in self.events]), PATIENCE), self.events

    def end(self, number):
        """The last event of a task, waited for."""
        self.until(lambda events: any(isinstance(e, Done | Encoded | Failed) for e in self.of(number)))
        return self.of(number)[-1]

    def spoken(self, number) -> tuple[np.ndarray, Done]:
        """All its audio, and what was said at its end."""
        done = self.end(number)
        first, *middle, last = self.of(number)
        assert isinstance(first, Accepted) and done is last and isinstance(last, Done), self.of(number)
        assert all(isinstance(event, Audio) and event.samples.dtype == np.float32 for event in middle)
        audio = np.concatenate([np.zeros(0, np.float32), *(event.samples for event in middle)])
        assert len(audio) == last.samples
        return audio, last

    def ended_at(self, number) -> float:
        self.end(number)
        return max(when for when, event in self.events if getattr(event, "number", None) == number)


@contextlib.contextmanager
def talk(tts, **options):
    """A scheduler that runs until the block ends, and has then finished all it was given."""
    one = Talk(tts, **options)
    one.thread = threading.Thread(target=one.scheduler.run)
    one.thread.start()
    try:
        yield one
    finally:
        one.scheduler.submit(Close())
        one.thread.join(PATIENCE)
    assert not one.thread.is_alive() and isinstance(one.events[-1][1], Stopped)
