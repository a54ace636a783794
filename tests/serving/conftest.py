"""One live server for all: `indextts2 serve` in a process of its own, with the tiny model."""

import contextlib
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import httpx
import pytest
from filelock import FileLock

from indextts2_jax.checkpoint import bundled
from indextts2_jax.checkpoint.artefact import program_id
from tests.conftest import ROOT, SCRATCH
from tests.tiny import tiny_artefact

KEY = "key-of-the-tests-0"
HEADERS = {"Authorization": f"Bearer {KEY}"}
SETTINGS = ("--config.flow.steps=2", "--config.decode.max_mel_tokens=40", "--config.decode.num_beams=1")


@functools.cache
def tiny_folder() -> pathlib.Path:
    """The tiny model as an artefact, which loads sooner than its weights are drawn; once for each state of the code."""
    folder = SCRATCH / f"tiny-artefact-{program_id()}"
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{SCRATCH / 'tiny-artefact'}.lock"):  # the workers of one run share the folder
        if not folder.exists():
            for old in SCRATCH.glob("tiny-artefact-*"):
                shutil.rmtree(old)
            tiny_artefact(folder)
    return folder


class Live:
    """A running server."""

    voices: pathlib.Path
    """Its folder of voices, where it was made with one."""

    def __init__(self, process: subprocess.Popen[str], url: str, wyoming: int | None, log: pathlib.Path) -> None:
        self.process, self.url, self.wyoming, self.log = process, url, wyoming, log

    def client(self, **options) -> httpx.Client:
        options.setdefault("headers", HEADERS)
        return httpx.Client(base_url=self.url, timeout=60, **options)

    def worker(self) -> int:
        """The number of the worker's process."""
        return children(self.process.pid, "spawn_main")[0]


def children(parent: int, of: str) -> list[int]:
    """Children of a process that run a certain function."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (path / "stat").read_text().rpartition(")")[2].split()
            if int(status[1]) == parent and of in (path / "cmdline").read_text() and status[0] != "Z":
                found.append(int(path.name))
    return found


@contextlib.contextmanager
def serve(*arguments: str, ready: bool = True) -> Iterator[Live]:
    """`indextts2 serve` with the tiny model, until the block ends."""
    environment = os.environ | {"INDEXTTS2_CACHE": str(SCRATCH / "cache"), "PYTHONUNBUFFERED": "1"}
    environment["JAX_COMPILATION_CACHE_DIR"] = str(SCRATCH / "xla")
    log = pathlib.Path(tempfile.mkstemp(suffix=".log")[1])
    model = (f"--checkpoint={tiny_folder()}", f"--speaker={bundled.VOICE}")
    command = [sys.executable, "-m", "indextts2_jax", "serve", *model, *SETTINGS, "--port=0", *arguments]
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out, text=True)
    try:
        port = int(_wait_for(process, log, r"Serving at http://127.0.0.1:(\d+)"))
        found = re.search(r"Wyoming at tcp://127.0.0.1:(\d+)", log.read_text())
        live = Live(process, f"http://127.0.0.1:{port}", int(found[1]) if found else None, log)
        if ready:
            _wait_for(process, log, r"(The model is loaded)")
        yield live
    finally:
        process.kill()
        process.wait()
        log.unlink()


def _wait_for(process: subprocess.Popen[str], log: pathlib.Path, pattern: str, seconds: float = 90.0) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := re.search(pattern, log.read_text()):
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"no {pattern}: {log.read_text()}")


@pytest.fixture(scope="session")
def live(tmp_path_factory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("server")
    keys = folder / "keys.txt"
    keys.write_text(f"# of the tests\n{KEY}\n\nanother-key-0\n")
    voices = f"--voices={folder / 'voices'}"
    limits = ("--max_text=2000", "--max_audio=60", "--max_voices=6")
    with serve(f"--api_key_file={keys}", voices, "--wyoming=tcp://127.0.0.1:0", *limits) as server:
        server.voices = folder / "voices"
        yield server


@pytest.fixture
def client(live) -> Iterator[httpx.Client]:
    with live.client() as client:
        yield client
