"""Signals that end a command: it unwinds, which removes what is half written, and says so in a line.

    Ctrl-C, SIGTERM, SIGHUP, Ctrl-Break ──► Stopped, wherever the main thread is ──► `stopped` ──► 128 + number

One that comes again within three seconds is the same wish (`timeout` sends two); later it ends the process at once.
"""

import _thread
import contextlib
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Those that a system has of them are minded."""

PATIENCE = 3.0
"""Seconds in which a second signal counts as the first, and for which an import may delay it."""

_stop: "Stop | None" = None


class Stopped(KeyboardInterrupt):
    """A signal asks the process to end."""


class Stop:
    """Which signal has come, if any."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._since = 0.0
        self._due = False

    @property
    def code(self) -> int:
        """The exit code, as a shell gives it."""
        return 128 + (self.number or signal.SIGINT)

    @property
    def message(self) -> str:
        return "Interrupted." if self.number in (None, signal.SIGINT) else "Terminated."

    def handle(self, number: int, frame: types.FrameType | None) -> None:
        """Raises `Stopped`, once; during an import behind it, as modules in C lose exceptions or crash."""
        now = time.monotonic()
        if self.number is None:
            self.number, self._since, self._due = number, now, True
        if not self._due:
            if now - self._since > PATIENCE:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
        elif _importing(frame) and now - self._since < PATIENCE:
            self.again()
        else:
            self._due = False
            raise Stopped

    def again(self) -> None:
        """Tries once more in a moment: where the main thread is now `Stopped` is lost."""
        self._due = True
        later = threading.Timer(0.01, _signal_main, [signal.Signals(self.number or signal.SIGINT)])
        later.daemon = True
        later.start()


def _signal_main(number: signal.Signals) -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)  # wakes it, wherever it waits
    else:
        _thread.interrupt_main(number)


def _importing(frame: types.FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def stoppable() -> Iterator[Stop]:
    """Within the block the signals raise `Stopped`; inside another such block, or in another thread, nothing changes.

    Whatever exception leaves the block after a signal is its consequence: libraries wrap what they do not know.
    """
    global _stop
    if _stop is not None or threading.current_thread() is not threading.main_thread():
        yield _stop or Stop()
        return
    stop = Stop()
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    # what is ignored stays ignored: nohup does so
    former = {number: signal.getsignal(number) for number in numbers if signal.getsignal(number) != signal.SIG_IGN}
    hook = sys.unraisablehook
    _stop, sys.unraisablehook = stop, _after(stop, hook)
    for number in former:
        signal.signal(number, stop.handle)
    try:
        yield stop
    finally:
        _stop, sys.unraisablehook = None, hook
        for number, handler in former.items():
            signal.signal(number, handler)


def _after(stop: Stop, hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Of an exception that Python cannot pass on, in a destructor for one: ours must not be lost there."""

    def unraisable(arguments: Any) -> None:
        if isinstance(arguments.exc_value, Stopped) and stop.number is not None:
            stop.again()
        else:
            hook(arguments)

    return unraisable
