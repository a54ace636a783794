"""A server of our own for the benchmarks: started, asked for its numbers, ended."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from typing import NamedTuple

from indextts2_jax.checkpoint import bundled
from indextts2_jax.errors import ConfigError

TINY = ("--config=configs/tiny.py", "--config.flow.steps=2", "--config.decode.max_mel_tokens=24")
"""A small model with random weights."""


class Address(NamedTuple):
    """Where a server is."""

    host: str
    port: int


@contextlib.contextmanager
def own_server(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], Address]]:
    """`indextts2 serve` with an empty folder of voices and the bundled clip, ready, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = Address("127.0.0.1", free.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        voices = (f"--voices={folder}", f"--speaker={bundled.voice_clip()}", f"--port={address.port}")
        command = [sys.executable, "-m", "indextts2_jax", "serve", *voices, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not answers(address, "/ready"):
                if process.poll() is not None:
                    raise ConfigError(f"The server ended with {process.returncode}.")
                time.sleep(0.2)
            yield process, address
        finally:
            process.terminate()
            process.wait()


def answers(address: Address, path: str) -> bool:
    """Whether a path is answered with 200."""
    try:
        with urllib.request.urlopen(f"http://{address.host}:{address.port}{path}", timeout=20):
            return True
    except OSError:
        return False


def metric(address: Address, name: str) -> float:
    """A number of /metrics."""
    with urllib.request.urlopen(f"http://{address.host}:{address.port}/metrics", timeout=20) as answer:
        found = re.search(rf"(?m)^{name} (\S+)$", answer.read().decode())
    if found is None:
        raise ConfigError(f"The server has no metric {name}.")
    return float(found[1])


def resident(process: int) -> dict[str, float]:
    """MiB of a server, and of its worker, the largest of the processes below it."""
    own, below = 0.0, [0.0]
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            number, parent = int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])
            if process in (number, parent):
                pages = int((path.parent / "statm").read_text().split()[1])
                size = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
                if number == process:
                    own = size
                else:
                    below.append(size)
    return {"server": round(own, 1), "worker": round(max(below), 1)}
