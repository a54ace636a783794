"""A task in a thread of its own, of which only one runs at a time: it works when it is given a turn, up to `wait`.

    scheduler's thread   give ─────────────► blocked ──────────────► has the events
    task's thread        blocked in `wait` ► a piece of its work ──► blocked in the next `wait`

So what speaks a request is the code that speaks any other, and needs to know of no scheduler: whatever its stopwatch
announces is the end of a piece. No two of these threads ever run at once.
"""

import logging
import threading
import time
from collections.abc import Callable

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.serving.messages import Event, Failed, FailureKind

logger = logging.getLogger(__name__)

MESSAGES: dict[FailureKind, str] = {
    "busy": "Too many requests are waiting: try again in a moment.",
    "deadline": "The speech was not done within the time allowed: shorten the text or try again later.",
    "cancelled": "The request was cancelled.",
    "closing": "The server is stopping: try again in a moment.",
    "internal": "Something failed inside the server; its log says what. Try again.",
}
"""What clients are told where nothing is wrong with what they asked for."""


class Withdrawn(Exception):
    """Raised inside of a task whose work nobody wants any more."""


def always() -> bool:
    """A task that waits for nothing but its turn."""
    return True


class Task:
    """One speech or voice to be made. All methods but `wait` and `tell` are for the scheduler's thread."""

    def __init__(self, number: int, work: Callable[["Task"], None], deadline: float | None = None) -> None:
        """
        Args:
          work: what its thread does; tells events, the last of them of success.
          deadline: in seconds of `time.monotonic`.
        """
        self.number = number
        self.deadline = deadline
        self.ended = False
        self.waited_since = time.monotonic()
        self._work = work
        self._events: list[Event] = []
        self._ready: Callable[[], bool] = always
        self._withdrawn: FailureKind | None = None
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._thread: threading.Thread | None = None

    # --- in the scheduler's thread ---

    @property
    def ready(self) -> bool:
        """Whether it could do something with a turn."""
        return self._ready()

    def give(self) -> list[Event]:
        """Gives it a turn. Returns what it has told since, when the turn is over."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"task {self.number}", daemon=True)
            self._thread.start()
        self._mine.release()
        self._theirs.acquire()
        if self.ended:
            self._thread.join()
        self.waited_since = time.monotonic()
        told, self._events = self._events, []
        return told

    def withdraw(self, kind: FailureKind) -> list[Event]:
        """Ends it where it stands. Returns what it tells of that."""
        self._withdrawn = kind
        return self.give()

    # --- in the task's thread ---

    def wait(self, ready: Callable[[], bool] = always) -> None:
        """Ends the turn. Returns at the beginning of the next, not before `ready` says so.

        Raises:
          Withdrawn: nobody wants it any more.
        """
        self._ready = ready
        self._theirs.release()
        self._mine.acquire()
        self._raise_withdrawn()

    def tell(self, event: Event) -> None:
        """Something for the server, which has it at the end of this turn."""
        self._events.append(event)

    def _raise_withdrawn(self) -> None:
        if self._withdrawn is not None:
            raise Withdrawn

    def _run(self) -> None:
        self._mine.acquire()
        try:
            self._raise_withdrawn()
            self._work(self)
        except Withdrawn:
            assert self._withdrawn is not None
            self.tell(Failed(self.number, self._withdrawn, MESSAGES[self._withdrawn]))
        except IndexTTSError as error:
            self.tell(Failed(self.number, "request", str(error), type(error).__name__))
        except Exception:
            logger.exception("Task %d failed.", self.number)
            self.tell(Failed(self.number, "internal", MESSAGES["internal"]))
        finally:
            self.ended = True
            self._theirs.release()
