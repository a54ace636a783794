"""What every command does with its process: streams that lose nothing, signals that leave nothing, errors in a line."""

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.runtime.signals import stoppable
from indextts2_jax.runtime.streams import standard_streams


def tidily(work: Callable[[], int], lines: bool = False) -> int:
    """Does the work with streams that lose nothing and signals that leave nothing; returns the exit code as `run`."""
    with stoppable() as stop:
        try:
            with standard_streams():
                return work()
        except IndexTTSError as error:
            if stop.number is None:
                for line in str(error).splitlines() if lines else [str(error)]:
                    _tell(f"error: {' '.join(line.split())}")
                return 2
        except OSError as error:  # a folder without permission, a disk that is full: of the machine, not of the program
            if stop.number is None:
                _tell(f"error: {told(error)}")
                return 2
        except KeyboardInterrupt:
            pass
        except Exception:  # of a library that wraps what it does not know, a signal's consequence
            if stop.number is None:
                raise
        _tell(stop.message)
        return stop.code


def told(error: OSError) -> str:
    """What the system refused, and where."""
    where = "" if error.filename is None else f" {error.filename}"
    return f"The system refuses{where}: {error.strerror or error}."


def _tell(message: str) -> None:
    with standard_streams():
        print(message, file=sys.stderr)


def leave(code: int) -> NoReturn:
    """Ends the program. After a signal at once: the interpreter's own end crashes while XLA still computes."""
    if code in {128 + number for number in signal.valid_signals()}:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        os._exit(code)
    sys.exit(code)
