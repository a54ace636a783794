"""Clients that are slow, idle or many do not hold up others."""

import asyncio
import time

import httpx

from tests.serving.conftest import HEADERS

SPEECH = "/v1/audio/speech"
HELLO = {"model": "tts-1", "input": "Hello there.", "voice": "alloy"}


def address(live) -> tuple[str, int]:
    url = httpx.URL(live.url)
    return url.host, url.port


def test_idle_and_slow_connections(live):
    """500 that say nothing, 20 that send a byte a second, 5 that take nothing of what they asked for."""

    async def run() -> float:
        host, port = address(live)
        opened = [await asyncio.open_connection(host, port) for _ in range(500)]
        head = f"POST {SPEECH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {HEADERS['Authorization']}\r\n"
        slow = [await asyncio.open_connection(host, port) for _ in range(20)]
        deaf = [await asyncio.open_connection(host, port) for _ in range(5)]
        body = b'{"input": "Hello there.", "response_format": "pcm"}'
        for _, writer in deaf:
            writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        times = []
        async with httpx.AsyncClient(base_url=live.url, headers=HEADERS, timeout=30) as client:
            for turn in range(3):
                for _, writer in slow:
                    writer.write(head[turn : turn + 1].encode())
                start = time.monotonic()
                assert (await client.get("/health")).status_code == 200
                times.append(time.monotonic() - start)
                assert (await client.post(SPEECH, json=HELLO)).status_code == 200
        for _, writer in opened + slow + deaf:
            writer.close()
        return max(times)

    assert asyncio.run(run()) < 2


def test_a_long_text_being_read_holds_nobody(live):
    """The official rules hold a Python for seconds, but not that of the server."""

    async def run() -> float:
        async with httpx.AsyncClient(base_url=live.url, headers=HEADERS, timeout=60) as client:
            reading = asyncio.create_task(client.post("/v1/audio/reading", json={"input": "It is 10:30 now. " * 40}))
            times = []
            while not reading.done():
                start = time.monotonic()
                assert (await client.get("/health")).status_code == 200
                times.append(time.monotonic() - start)
                await asyncio.sleep(0.05)
            assert (await reading).status_code == 200
            return max(times)

    assert asyncio.run(run()) < 2


def test_a_queue_that_is_full(live):
    """429 with Retry-After, at once; and all that were let in are answered."""

    async def run() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=live.url, headers=HEADERS, timeout=120, limits=limits) as client:
            return await asyncio.gather(*(client.post(SPEECH, json=HELLO | {"seed": n % 3}) for n in range(90)))

    found = asyncio.run(run())
    refused = [response for response in found if response.status_code == 429]
    spoken = [response for response in found if response.status_code == 200]
    assert len(refused) + len(spoken) == 90 and refused and len(spoken) >= 64
    assert all(response.headers["retry-after"] == "5" for response in refused)
    assert refused[0].json()["error"]["code"] == "rate_limit_exceeded"
    assert len({response.content for response in spoken}) == 3  # each what it is alone


def test_how_a_text_is_read(client):
    body = client.post("/v1/audio/reading", json={"input": "It is 10:30. [pause:300ms] Bye."}).json()
    assert body["normalized"].startswith("It is ten thirty.") and len(body["segments"]) == 2
    assert body["silences_ms"] == [0, 300, 0]
    for text, says in (
        (" ", "empty"),
        ("…", "no letter"),
        ("x" * 2001, "longer"),
        (None, "missing"),
        (["x"], "missing"),
    ):
        response = client.post("/v1/audio/reading", json={"input": text})
        assert response.status_code == 400 and says in response.json()["error"]["message"]
