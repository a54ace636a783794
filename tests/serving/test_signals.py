"""Signals to the server and to its worker, idle and at work: what runs is finished, nothing is left behind."""

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import threading
import time

import httpx
import pytest
import websockets
from wyoming.client import AsyncTcpClient
from wyoming.tts import SynthesizeChunk, SynthesizeStart, SynthesizeStop

from tests.serving.conftest import Live, children, serve

SPEECH = "/v1/audio/speech"
WORK = {
    "model": "tts-1",
    "input": "Hello there. " * 12,
    "text.max_text_tokens_per_segment": 6,
    "response_format": "wav",
}

pytestmark = pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="needs Linux's /proc")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """For what it outlives."""
    with serve(f"--voices={tmp_path_factory.mktemp('voices')}") as live:
        yield live


@contextlib.contextmanager
def working(live: Live):
    """A speech is being made, of which some has arrived; its end is put into the list."""
    ends: list[object] = []
    begun = threading.Event()

    def listen() -> None:
        try:
            with live.client() as client, client.stream("POST", SPEECH, json=WORK) as response:
                size = 0
                for piece in response.iter_raw():
                    size += len(piece)
                    begun.set()
                ends.append((response.status_code, size))
        except httpx.HTTPError as error:
            ends.append(error)
        begun.set()

    thread = threading.Thread(target=listen)
    thread.start()
    assert begun.wait(60) and not ends
    yield ends
    thread.join(60)
    assert len(ends) == 1


def wait_until(condition, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.05)


def is_ready(live: Live) -> bool:
    with live.client() as client:
        return client.get("/ready").status_code == 200


def alive(number: int) -> bool:
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def check_whole(ends: list[object]) -> None:
    (end,) = ends
    assert isinstance(end, tuple) and end[0] == 200 and end[1] > 44 + 2 * 12 * 1000, end


# --- the worker ---


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_to_the_worker_are_the_servers_to_mind(server, number):
    """A terminal and systemd send them to every process of a group."""
    worker = server.worker()
    os.kill(worker, number)  # idle
    with working(server) as ends:
        os.kill(worker, number)
    check_whole(ends)
    assert server.worker() == worker


def test_a_killed_worker_is_replaced(server):
    worker = server.worker()
    os.kill(worker, signal.SIGKILL)
    with server.client() as client:
        wait_until(lambda: client.get("/ready").status_code == 503)
        response = client.post(SPEECH, json=WORK)
        assert response.status_code == 503 and response.headers["retry-after"]
        assert "loaded" in response.json()["error"]["message"] and client.get("/health").status_code == 200
    wait_until(lambda: is_ready(server))
    assert server.worker() != worker


def test_a_worker_killed_at_work_breaks_no_other_request(server):
    """The listener's connection breaks; those that wait get 503; then the server goes on."""
    waiting: list[int] = []

    def wait() -> None:
        with server.client() as client:
            waiting.append(client.post(SPEECH, json=WORK).status_code)

    with working(server) as ends:
        thread = threading.Thread(target=wait)
        thread.start()
        wait_until(lambda: "indextts2_running 2.0" in server.client().get("/metrics").text)
        os.kill(server.worker(), signal.SIGKILL)
        thread.join(30)
    assert waiting == [503] and isinstance(ends[0], httpx.RemoteProtocolError)
    wait_until(lambda: is_ready(server))
    with server.client() as client:
        assert client.post(SPEECH, json=WORK | {"input": "Hello there."}).status_code == 200


# --- the server ---


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_finishes_what_runs(number):
    with serve() as live, working(live) as ends:
        worker = live.worker()
        live.process.send_signal(number)
        with live.client() as client:  # nothing new
            wait_until(lambda: client.get("/ready").status_code == 503)
            response = client.post(SPEECH, json=WORK)
            assert response.status_code == 503 and "stopping" in response.json()["error"]["message"]
        assert live.process.wait(60) == 0
        wait_until(lambda: bool(ends))
        assert not alive(worker) and "Traceback" not in live.log.read_text()
    check_whole(ends)


SENTENCES = "Hello there, and hello, and hello there once more. " * 10


def test_an_utterance_that_has_come_is_finished():
    """Its sentences are asked for a few at a time, most of them after the signal."""

    async def run(live: Live) -> list[dict]:
        async with websockets.connect(f"ws{live.url[4:]}/v1/audio/speech/stream") as connection:
            await connection.send(json.dumps({"type": "input.text", "text": SENTENCES}))
            await connection.send(json.dumps({"type": "input.done"}))
            assert json.loads(await connection.recv())["type"] == "audio.start"
            live.process.send_signal(signal.SIGTERM)
            found: list[dict] = []
            while not found or found[-1]["type"] != "session.done":
                message = await asyncio.wait_for(connection.recv(), 60)
                found += [json.loads(message)] if isinstance(message, str) else []
            return found

    with serve() as live:
        found = asyncio.run(run(live))
        assert live.process.wait(20) == 0 and "Traceback" not in live.log.read_text()
    assert found[-1]["total_sentences"] == 10 and "error" not in [message["type"] for message in found]


def test_a_wyoming_text_that_has_come_is_finished():
    async def run(live: Live) -> list[str]:
        async with AsyncTcpClient("127.0.0.1", live.wyoming) as client:
            for event in (SynthesizeStart(), SynthesizeChunk(SENTENCES), SynthesizeStop()):
                await client.write_event(event.event())
            found: list[str] = []
            while not found or found[-1] != "synthesize-stopped":
                event = await asyncio.wait_for(client.read_event(), 60)
                found.append(event.type)
                if len(found) == 1:
                    live.process.send_signal(signal.SIGTERM)
            return found

    with serve("--wyoming=tcp://127.0.0.1:0") as live:
        found = asyncio.run(run(live))
        assert live.process.wait(20) == 0
    assert "error" not in found and found.count("audio-chunk") >= 10


def test_two_signals_end_it_at_once():
    with serve() as live, working(live) as ends:
        live.process.send_signal(signal.SIGTERM)
        with live.client() as client:
            wait_until(lambda: client.get("/ready").status_code == 503)
        live.process.send_signal(signal.SIGTERM)
        assert live.process.wait(20) == 0
        wait_until(lambda: bool(ends))
    assert isinstance(ends[0], httpx.RemoteProtocolError)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends(number):
    with serve() as live:
        worker = live.worker()
        with live.client() as client:  # a connection that is kept does not hold it
            client.get("/health")
            live.process.send_signal(number)
            assert live.process.wait(20) == 0
        wait_until(lambda: not alive(worker))


def test_a_server_that_still_loads_ends():
    with serve(ready=False) as live:
        wait_until(lambda: bool(children(live.process.pid, "spawn_main")))
        worker = live.worker()
        live.process.send_signal(signal.SIGTERM)
        assert live.process.wait(20) == 0
        wait_until(lambda: not alive(worker))


@pytest.mark.parametrize("busy", [False, True])
def test_a_killed_server_leaves_no_worker(busy):
    with serve() as live, working(live) if busy else contextlib.nullcontext():
        worker = live.worker()
        live.process.kill()
        wait_until(lambda: not alive(worker), 10)
