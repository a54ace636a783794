"""Two replicas by Ray Serve; one of them is killed under load, and nobody who asks again goes without."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from indextts2_jax.checkpoint import bundled
from tests.conftest import ROOT, SCRATCH
from tests.serving.conftest import SETTINGS, tiny_folder

pytest.importorskip("ray.serve", exc_type=ImportError)

CLIENTS, REQUESTS = 4, 6


@pytest.fixture
def replicas(tmp_path):
    """(process, url) of `indextts2 serve --replicas=2`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"INDEXTTS2_CACHE": str(SCRATCH / "cache"), "PYTHONUNBUFFERED": "1"}
    environment |= {"JAX_COMPILATION_CACHE_DIR": str(SCRATCH / "xla"), "RAY_USAGE_STATS_ENABLED": "0"}
    model = (f"--checkpoint={tiny_folder()}", f"--speaker={bundled.VOICE}", f"--voices={tmp_path / 'voices'}")
    command = [sys.executable, "-m", "indextts2_jax", "serve", *model, *SETTINGS, f"--port={port}", "--replicas=2"]
    log = tmp_path / "log"
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
    try:
        until = time.monotonic() + 600
        while "with 2 replicas" not in log.read_text():
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()


def replica_processes() -> list[int]:
    """Their numbers, as Ray has named them."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            name = path.read_text()
        except OSError:
            continue
        if name.startswith("ray::") and "ServeReplica:indextts2:" in name:
            found.append(int(path.parent.name))
    return found


@pytest.mark.slow  # three minutes
def test_one_of_two_replicas_is_killed(replicas):
    process, url = replicas
    running = replica_processes()
    assert len(running) == 2
    heard: list[bytes] = []
    begun = threading.Event()

    def client() -> None:
        with httpx.Client(base_url=url, timeout=120) as http:
            for _ in range(REQUESTS):
                heard.append(asked(http))
                begun.set()

    def asked(http: httpx.Client) -> bytes:
        """A client that asks again, as OpenAI's does."""
        for _ in range(60):
            try:
                answer = http.post("/v1/audio/speech", json={"input": "Hello.", "response_format": "wav"})
            except httpx.TransportError:  # it was with the replica that is no more
                continue
            if answer.status_code == 200:
                return answer.content
            assert answer.status_code in (429, 500, 503), answer.text
            time.sleep(0.5)
        raise AssertionError("sixty times in vain")

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for one in clients:
        one.start()
    assert begun.wait(120)
    os.kill(running[0], signal.SIGKILL)
    for one in clients:
        one.join(180)
    assert len(heard) == CLIENTS * REQUESTS and len(set(heard)) == 1
    process.terminate()
    assert process.wait(60) == 0
    assert not set(running) & set(replica_processes())
