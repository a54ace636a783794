"""What a program writes arrives whole or it says so; nothing that is closed, full or slow makes it fall over."""

import contextlib
import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest

from indextts2_jax.runtime import streams

ROOT = pathlib.Path(__file__).resolve().parents[2]

PROGRAM = """
import os, sys
from indextts2_jax.runtime import process, streams

def work():
    for line in range(4000):
        print(f"line {line}")
    streams.write_all(streams.binary_output(), bytes(100_000))
    print("a message", file=sys.stderr)
    return 0

process.leave(process.tidily(work))
"""
LINES = "".join(f"line {line}\n" for line in range(4000)).encode()
WHOLE = {LINES + bytes(100_000), bytes(100_000) + LINES}


@pytest.fixture
def start():
    """`start(source) -> Popen`, whose pipes are closed at the end."""
    with contextlib.ExitStack() as stack:

        def start(source=PROGRAM, flags=(), closed=(), **options):
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
            command = [sys.executable, *flags, "-c", source]
            if closed:
                closing = " ".join(f"{number}>&-" for number in closed)
                command = ["/bin/sh", "-c", f'exec "$@" {closing}', "sh", *command]
            return stack.enter_context(subprocess.Popen(command, env=environment, **options))

        yield start


def drain(reading: int) -> bytes:
    data = b""
    time.sleep(0.3)  # the pipe is full long before
    while block := os.read(reading, 3000):
        data += block
    os.close(reading)
    return data


@pytest.mark.parametrize("flags", [(), ("-u",)], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "not blocking"])
def test_everything_arrives(flags, blocking, start):
    reading, writing = os.pipe()
    os.set_blocking(writing, blocking)
    program = start(flags=flags, stdout=writing)
    os.close(writing)
    assert drain(reading) in WHOLE
    assert program.wait(60) == 0 and program.stderr.read() == b"a message\n"


@pytest.mark.parametrize("flags", [(), ("-u",)], ids=["buffered", "unbuffered"])
def test_a_reader_that_has_seen_enough(flags, start):
    program = start(flags=flags)
    program.stdout.read(100)
    program.stdout.close()
    assert program.wait(60) == 2
    assert program.stderr.read() == b"error: Cannot write to standard output: its reader closed it.\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk(start):
    with open("/dev/full", "wb") as full:
        program = start(stdout=full)
        assert program.wait(60) == 2
    assert program.stderr.read() == b"error: Cannot write to standard output: No space left on device.\n"


def test_text_is_read_until_its_reader_has_seen_enough(start):
    source = """
from indextts2_jax.runtime import process, streams
def work():
    with streams.until_closed():
        for line in range(100_000):
            print(line)
    return 0
process.leave(process.tidily(work))
"""
    program = start(source)
    program.stdout.readline()
    program.stdout.close()
    assert (program.wait(60), program.stderr.read()) == (0, b"")


def test_what_is_told_only_at_the_end(start):
    """A few bytes stay in the buffer until then."""
    source = "from indextts2_jax.runtime import process\nprocess.leave(process.tidily(lambda: print('few') or 0))"
    reading, writing = os.pipe()
    os.close(reading)
    program = start(source, stdout=writing)
    os.close(writing)
    assert program.wait(60) == 2 and program.stderr.read().count(b"\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="descriptors as POSIX has them")
def test_closed_standard_error_swallows_and_no_file_gets_its_number(tmp_path, start):
    source = f"""
import os, sys
from indextts2_jax.runtime import process
def work():
    with open({str(tmp_path / "file")!r}, "wb") as file:
        os.write(2, b"a message of a library")
        print("one of ours", file=sys.stderr)
        file.write(b"samples")
        return 0 if file.fileno() > 2 else 7
process.leave(process.tidily(work))
"""
    for numbers in ((2,), (0, 2), (0, 1, 2)):
        assert start(source, closed=numbers).wait(60) == 0
        assert (tmp_path / "file").read_bytes() == b"samples"


@pytest.mark.skipif(os.name != "posix", reason="descriptors as POSIX has them")
def test_closed_standard_output(start):
    program = start(closed=(1,))
    assert program.wait(60) == 2
    assert program.stderr.read().startswith(b"error: Standard output is closed")
    source = "from indextts2_jax.runtime import process\nprocess.leave(process.tidily(lambda: print('report') or 0))"
    assert start(source, closed=(1,)).wait(60) == 0  # what is only a report nobody misses


def test_messages_that_nobody_reads(start):
    reading, writing = os.pipe()
    os.close(reading)
    program = start(stderr=writing)
    os.close(writing)
    assert program.stdout.read() in WHOLE and program.wait(60) == 0


def test_a_name_that_cannot_be_printed():
    source = "from indextts2_jax.runtime import process\n"
    source += "process.leave(process.tidily(lambda: print('a\\udc80 \\u4f60') or 0))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    run = subprocess.run([sys.executable, "-c", source], env=environment, capture_output=True, timeout=60)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"a\\udc80 \\u4f60\n", b"")


class Sparing:
    """A file that takes at most `most` bytes at a time, every other time none."""

    def __init__(self, most: int) -> None:
        self.data, self.most, self.calls = b"", most, 0
        self.reading, self.writing = os.pipe()

    def fileno(self) -> int:
        return self.writing

    def write(self, data):
        self.calls += 1
        if self.calls % 3 == 0:
            return None  # as a raw file that would block
        if self.calls % 3 == 1:
            error = BlockingIOError(11, "full")
            error.characters_written = min(2, len(data))
            self.data += bytes(data[: error.characters_written])
            raise error
        self.data += bytes(data[: self.most])
        return min(self.most, len(data))

    def flush(self):
        self.calls += 1
        if self.calls % 2:
            raise BlockingIOError(11, "full")


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_write_all_repeats_until_all_is_written(most):
    file = Sparing(most)
    streams.write_all(file, bytes(range(256)) * 2)
    assert file.data == bytes(range(256)) * 2


def test_input_is_a_file_or_the_pipe(tmp_path, start):
    (tmp_path / "file").write_bytes(b"abc")
    assert streams.read_input(tmp_path / "file", 3) == b"abc"
    with pytest.raises(streams.InputError, match="more than 2 bytes"):
        streams.read_input(tmp_path / "file", 2)
    source = "from indextts2_jax.runtime import streams\nprint(len(streams.read_input('-', 10**6)))"
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    program = start(source, stdin=reading)
    os.close(reading)

    def feed() -> None:
        for _ in range(3):
            time.sleep(0.3)
            os.write(writing, bytes(5000))
        os.close(writing)

    thread = threading.Thread(target=feed)
    thread.start()
    assert program.stdout.read() == b"15000\n"
    thread.join()
    program.wait(60)
    with open("/dev/zero", "rb") as zeros:
        endless = start(source, stdin=zeros)
        assert b"more than 1,000,000 bytes" in endless.stderr.read()
