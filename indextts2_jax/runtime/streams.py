"""Standard input, output and error as programs find them: closed, not blocking, full, read by one who has seen enough.

    arguments, "-" ──► open_input, read_input      bytes of a file or of standard input, at most so many
    print, samples ──► standard output             all of it, or an `OutputError`
    messages       ──► standard error              as far as anyone takes them

Python's own streams lose what a pipe that does not block has no room for, say so only when the process ends, and are
None where the descriptor is closed, which the first file opened then takes.
"""

import contextlib
import io
import os
import select
import stat
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from indextts2_jax.errors import IndexTTSError

STANDARD = "-"
"""Instead of a path: standard input, or standard output."""

SHOWN = "standard input"
"""What messages call it."""


class InputError(IndexTTSError):
    """A file or standard input cannot be read; the message says why, without its name."""


class OutputError(IndexTTSError):
    """Standard output does not take what is written to it."""


# --- out -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def standard_streams() -> Iterator[None]:
    """Within the block standard output takes everything or raises `OutputError`, and standard error never raises.

    A closed standard error swallows what is written, a closed standard output refuses it. Streams that are not the
    process's own, such as those of a test or of a notebook, stay.
    """
    _take_descriptors()
    former = sys.stdout, sys.stderr
    sys.stderr = _own(sys.stderr, sys.__stderr__, 2, _Messages)
    sys.stdout = _own(sys.stdout, sys.__stdout__, 1, _Output)
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    finally:
        for stream, own in zip((sys.stdout, sys.stderr), former, strict=True):
            if stream is not own and stream is not None:
                with contextlib.suppress(OutputError):  # it has been told, or another error counts
                    stream.flush()
        sys.stdout, sys.stderr = former


def binary_output() -> BinaryIO:
    """Standard output for bytes. Raises `OutputError` where it is closed."""
    if sys.stdout is None:
        raise OutputError("Standard output is closed, so nothing can be written to it. Give --output=FILE.")
    return sys.stdout.buffer


@contextlib.contextmanager
def until_closed() -> Iterator[None]:
    """For text that is read from the top: a reader that closes standard output has seen enough, which is no error."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except OutputError as error:
        if not isinstance(error.__cause__, BrokenPipeError):
            raise


def write_all(file: Any, data: bytes) -> None:
    """Writes all of it, whatever kind of binary file it is: buffered or not, blocking or not.

    Raises:
      OSError: as the system does; never for want of room in a pipe.
    """
    left = memoryview(data)
    while left:
        try:
            written = file.write(left)
        except BlockingIOError as error:
            written = error.characters_written
        if written:
            left = left[written:]
        else:
            _wait(file)
    while True:
        try:
            file.flush()
            return
        except BlockingIOError:
            _wait(file)


def _wait(file: Any) -> None:
    select.select([], [file], [])


def _take_descriptors() -> None:
    """Opens what is closed of 0, 1 and 2, so that no file gets their number and a library's messages within it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # the lowest number that is free; nothing can be written to 1 then, as nobody would get it
            os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)


def _own(stream: Any, original: Any, number: int, kind: type["_Output"]) -> Any:
    if stream is None:
        return None if kind is _Output else open(os.devnull, "w", encoding="utf-8")
    if stream is not original or not _is_descriptor(stream, number):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(kind(number)),
        encoding=stream.encoding,
        errors="backslashreplace",  # a name that cannot be shown as it is
        line_buffering=stream.line_buffering or number == 2,
        write_through=getattr(stream, "write_through", False),
    )


def _is_descriptor(stream: Any, number: int) -> bool:
    try:
        return bool(stream.fileno() == number)
    except (OSError, ValueError, AttributeError):
        return False


class _Output(io.RawIOBase):
    """A descriptor that takes everything or says why not, once; closing this does not close it."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._broken = False

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        left = memoryview(data)
        size = len(left)
        while left and not self._broken:
            try:
                left = left[os.write(self._number, left) :]
            except BlockingIOError:
                select.select([], [self._number], [])
            except OSError as error:
                self._broken = True  # what the buffer still holds is tried again at the end
                self._failed(error)
        return size

    def _failed(self, error: OSError) -> None:
        reason = "its reader closed it" if isinstance(error, BrokenPipeError) else error.strerror
        raise OutputError(f"Cannot write to standard output: {reason}.") from error


class _Messages(_Output):
    """The same, but nobody can be told."""

    def _failed(self, error: OSError) -> None:
        pass


# --- in ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def open_input(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file, or standard input where the path is "-", open for reading.

    Raises:
      OSError: as the system does, for a folder and for a closed standard input too.
    """
    if os.fspath(path) != STANDARD:
        with open(path, "rb") as file:
            yield file
        return
    if sys.stdin is None:
        raise OSError(0, "it is closed", SHOWN)
    with contextlib.suppress(OSError, ValueError, AttributeError):  # of a test, or not of this system
        if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
            os.set_blocking(sys.stdin.fileno(), True)  # else what has not come yet looks like the end
    yield sys.stdin.buffer


def read_input(path: str | os.PathLike[str], limit: int) -> bytes:
    """All bytes of it.

    Raises:
      InputError: it cannot be opened or read, has more than `limit` bytes, or does not end.
    """
    try:
        with open_input(path) as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character within the path
        raise InputError(getattr(error, "strerror", None) or str(error)) from None
    if len(data) > limit:
        raise InputError(f"it has more than {limit:,} bytes")
    return data


def shown(path: str | os.PathLike[str]) -> str:
    """What messages call a path."""
    return SHOWN if os.fspath(path) == STANDARD else os.fspath(path)
