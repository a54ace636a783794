"""A head that never ends is waited for so long and no longer, however slowly it comes."""

import asyncio
import functools
import socket
import time

import pytest
import uvicorn

from indextts2_jax.serving.heads import Http

HEAD_SECONDS = 0.5
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await asyncio.sleep(2 * HEAD_SECONDS)  # from the head on it may take as long as it likes
    await send({"type": "http.response.body", "body": b"ok"})


async def exchange(pieces: list[bytes], pause: float) -> tuple[bytes, float]:
    """What the server has sent when it closes the connection, and after how many seconds it did."""
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=functools.partial(Http, head_seconds=HEAD_SECONDS), lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    reader, writer = await asyncio.open_connection(*bound.getsockname())
    begun = time.monotonic()
    for piece in pieces:
        if reader.at_eof():
            break
        writer.write(piece)
        await asyncio.sleep(pause)
    answer = await asyncio.wait_for(reader.read(), 20)
    seconds = time.monotonic() - begun
    writer.close()
    server.should_exit = True
    await serving
    return answer, seconds


@pytest.mark.parametrize("pieces", [[], [GET], [bytes([one]) for one in GET[:20]]], ids=["nothing", "half", "slowly"])
def test_a_head_that_never_ends(pieces):
    answer, seconds = asyncio.run(exchange(pieces, 0.1))
    assert answer == b"" and seconds >= HEAD_SECONDS


def test_the_head_of_the_second_request():
    first = GET + b"\r\n"
    answer, _ = asyncio.run(exchange([first, b"", b"", GET], HEAD_SECONDS))
    assert answer.endswith(b"\r\n\r\nok") and answer.count(b"HTTP/1.1") == 1


def test_what_comes_after_the_head_has_its_time():
    answer, _ = asyncio.run(exchange([GET + b"Connection: close\r\n\r\n"], 0.0))
    assert answer.endswith(b"\r\n\r\nok")
