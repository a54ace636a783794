"""All that can be wrong with requests, sent to a server: bytes, fields, paths, headers, uploads, frames, early ends.

    python -m benchmarks.serving_fuzz [--requests=10000] [--seed=0] [--clients=4] [--checkpoint=DIR] [--json=out.json]
    python -m benchmarks.serving_fuzz --url=http://127.0.0.1:8000 [--key=…]       one that runs already

Without --url a server of the tiny model with random weights is started. What counts as a fault is an answer of 5xx but
503, an error of the interface in another shape than OpenAI's, no answer within --patience seconds, a WebSocket that
ends with 1011, and a server that no longer answers or whose worker was replaced. Exit code 1 where there is one.
"""

import base64
import collections
import contextlib
import dataclasses
import json
import pathlib
import random
import re
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

from absl import flags

from benchmarks import serving_process
from benchmarks.serving_process import Address, answers, metric, own_server, resident
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave

PATHS = (
    "/v1/audio/speech",
    "/v1/audio/speech/batch",
    "/v1/audio/reading",
    "/v1/audio/voices",
    "/v1/audio/voices/voice_1",
    "/v1/audio/models",
    "/v1/models",
    "/v1/models/tts-1",
    "/health",
    "/ready",
    "/metrics",
    "/",
    "/page.js",
    "/openapi.json",
)
POSTS = PATHS[:4]
METHODS = ("GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS", "PATCH", "TRACE", "get", "BREW", "CONNECT")
NAMES = (
    "..",
    "../../etc/passwd",
    "%2e%2e%2f",
    "a/b",
    "a\\b",
    "\x00",
    "%00",
    "ＡＢＣ",
    "名前",
    "😀",
    "a" * 3000,
    " ",
    "",
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, 2, 1e300, -1e300, 2**63, float("nan"), float("inf"), [], {}, [[]], "\ud800"),
    *("Hello.", "", " ", "mp3", "pcm", "wav", "sse", "alloy", "happy:0.5", "x" * 3000, "[pause:1s]", "[pause:", "§±🎉"),
    *([1, 2], {"a": 1}, {"id": "x"}, {"id": None}, ["a"] * 50, [0.1] * 8, base64.b64encode(b"RIFF....WAVE").decode()),
    *NAMES[:10],
)
FIELDS = (
    *("input", "voice", "response_format", "sample_rate", "stream_format", "stream", "speed", "instructions", "seed"),
    *("word_timestamps", "progress", "emotion", "emotion_vector", "emotion_audio", "emotion_text", "emotion_alpha"),
    *("emotion_from_text", "ref_audio", "duration_factor", "target_duration", "redraw", "loudness", "model", "items"),
    *("interval_silence", "paragraph_pause", "decode.num_beams", "decode.top_k", "decode", "flow.steps", "checkpoint"),
    *(
        "extra_params",
        "language",
        "text.max_text_tokens_per_segment",
        "precision.gpt",
        "unknown",
        "",
        "\x00",
        "__class__",
    ),
)
MESSAGES = ("session.config", "input.text", "input.done", "session.close", "response.create", None, 5)


@dataclasses.dataclass(frozen=True)
class Target:
    """A server and the key that it wants."""

    address: Address
    key: str = ""
    patience: float = 20.0

    def head(self, method: str, path: str, headers: list[str]) -> bytes:
        own = [f"{method} {path} HTTP/1.1", f"Host: {self.address.host}:{self.address.port}", "Connection: close"]
        own += [f"Authorization: Bearer {self.key}"] if self.key else []
        return "\r\n".join([*own, *headers, "", ""]).encode("utf-8", "surrogatepass")


@dataclasses.dataclass
class Found:
    """What came of the requests so far."""

    answers: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    faults: list[str] = dataclasses.field(default_factory=list)


# --- what is sent -----------------------------------------------------------------------------------------------------


def fields(rng: random.Random) -> dict[str, Any]:
    """A body of fields that may or may not make sense, more often with a text than not."""
    made = {rng.choice(FIELDS): rng.choice(VALUES) for _ in range(rng.randrange(5))}
    return made if rng.random() < 0.2 else {"input": rng.choice(("Hello.", "Six.", "Hi [pause:20ms] you.")), **made}


def spoiled(rng: random.Random, data: bytes) -> bytes:
    """The same with some bytes changed, cut or put in."""
    made = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        place = rng.randrange(len(made) + 1)
        match rng.randrange(3):
            case 0:
                made[place : place + 1] = rng.randbytes(1)
            case 1:
                del made[place : place + rng.randrange(1, 20)]
            case _:
                made[place:place] = rng.choice(
                    (b"\x00", b"\xff\xfe", b'"', b"{" * 200, b"\r\n\r\n", b"\\ud800", b"1e999")
                )
    return bytes(made)


def with_fields(rng: random.Random, target: Target) -> bytes:
    path = rng.choice(POSTS[:3])
    values = fields(rng)
    if path.endswith("batch"):
        values = {"items": [fields(rng) for _ in range(rng.randrange(4))], **(values if rng.random() < 0.5 else {})}
    return _post(target, path, json.dumps(values).encode(), "application/json")


def with_bytes(rng: random.Random, target: Target) -> bytes:
    body = rng.randbytes(rng.randrange(300)) if rng.random() < 0.2 else spoiled(rng, json.dumps(fields(rng)).encode())
    kind = rng.choice(("application/json", "text/plain", "application/x-www-form-urlencoded", "", "a/b;" * 50))
    return _post(target, rng.choice(POSTS), body, kind)


def with_path(rng: random.Random, target: Target) -> bytes:
    path = rng.choice(PATHS)
    if rng.random() < 0.7:
        name = rng.choice(NAMES)
        path = rng.choice((f"{path}/{name}", f"/{name}", f"{path}?{name}={name}", f"/v1/audio/voices/{name}", name))
    raw = rng.random() < 0.3
    return target.head(rng.choice(METHODS), path if raw else urllib.parse.quote(path, safe="/?=%"), [])


def with_headers(rng: random.Random, target: Target) -> bytes:
    odd = [
        *("Content-Length: -1", "Content-Length: 99999999999999999999", "Content-Length: 5", "Content-Length: x"),
        *("Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Expect: 100-continue", "Upgrade: websocket"),
        *("Origin: https://evil.example", "Host: evil.example", "Authorization: Basic xyz", "Authorization: ", ": x"),
        *(f"X-Long: {'a' * 20000}", "X-Null: \x00", "X-Lines: a\r\n b", "Cookie: \xff", "Range: bytes=0-1", "no colon"),
        *("Content-Encoding: gzip", "Content-Type: multipart/form-data", "Sec-WebSocket-Version: 13", "Connection: x"),
    ]
    body = rng.choice((b"", b'{"input": "Hello."}', b"5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\n"))
    made = target.head(rng.choice(METHODS[:4]), rng.choice(PATHS), rng.sample(odd, rng.randrange(1, 4))) + body
    return spoiled(rng, made) if rng.random() < 0.3 else made


def with_upload(rng: random.Random, target: Target) -> bytes:
    border = rng.choice(("border", "b" * 70, ""))
    parts = []
    for _ in range(rng.randrange(5)):
        name = rng.choice(("audio_sample", "name", "consent", "type", "", *NAMES))
        file = rng.choice(("", '; filename="a.wav"', '; filename="../../a"', '; filename=""', "; filename"))
        head = f'Content-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode("utf-8", "surrogatepass")
        parts.append(head + rng.choice((b"", b"anna", b"true", rng.randbytes(200), b"RIFF\xff\xff\xff\xffWAVEfmt ")))
    line = f"\r\n--{border}".encode()
    body = b"".join(line + b"\r\n" + part for part in parts) + line + rng.choice((b"--\r\n", b"", b"--"))
    return _post(target, POSTS[3], body[2:], f"multipart/form-data; boundary={border}")


def _post(target: Target, path: str, body: bytes, kind: str) -> bytes:
    return target.head("POST", path, [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]) + body


# --- what comes back --------------------------------------------------------------------------------------------------


LEAVING_SECONDS = 0.2
"""A client that goes away before the end waits so long."""


def exchange(target: Target, sent: bytes, take: int | None = None) -> bytes:
    """Sends, and reads until the server closes; with `take` leaves after so many bytes, or soon where none come."""
    until = time.monotonic() + (target.patience if take is None else LEAVING_SECONDS)
    with socket.create_connection(target.address, timeout=target.patience) as connection:
        with contextlib.suppress(ConnectionError):  # it may have had enough before the end
            connection.sendall(sent)
        if take is None and not _is_whole(sent):
            connection.shutdown(socket.SHUT_WR)  # it would wait for the rest, a minute
        answer = b""
        while take is None or len(answer) < take:
            connection.settimeout(max(0.01, until - time.monotonic()))
            try:
                piece = connection.recv(65536)
            except ConnectionError:
                break
            if not piece:
                break
            answer += piece
            if _is_answered(answer):  # where headers were spoiled the connection may stay open
                break
        return answer


def _is_answered(answer: bytes) -> bool:
    """Whether an answer has come to its end."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: (\d+)\r?$", head)
    return len(body) >= int(length[1]) if length else body.endswith(b"0\r\n\r\n")


def _is_whole(sent: bytes) -> bool:
    """Whether a server finds the end of the head, and the body as long as it was said to be."""
    head, end, body = sent.partition(b"\r\n\r\n")
    length = re.findall(rb"(?im)^content-length: (\d+)\r?$", head)
    return bool(end) and b"chunked" not in head and (not length or int(length[0]) == len(body))


def fault_of(answer: bytes) -> str | None:
    """What is wrong with an answer, if anything is."""
    head, _, body = answer.partition(b"\r\n\r\n")
    found = re.match(rb"HTTP/1\.1 (\d{3})", head)
    if not found:
        return None if not answer else f"no answer of HTTP: {answer[:80]!r}"
    status = int(found[1])
    if status >= 500 and status != 503:
        return f"{status}: {body[:200]!r}"
    if status < 400 or b"application/json" not in head:
        return None  # h11 answers what is no HTTP by itself, in words
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return f"{status} without an error: {body[:200]!r}" if body else None  # of HEAD
    return None if set(error) == {"message", "type", "param", "code"} else f"{status} with {sorted(error)}"


def status_of(answer: bytes) -> str:
    return answer[9:12].decode("latin-1") if answer.startswith(b"HTTP/1.1") else "closed"


def websocket(rng: random.Random, target: Target) -> str:
    """Frames that make sense or not; returns how it ended."""
    from websockets.exceptions import ConnectionClosed, InvalidHandshake
    from websockets.sync.client import connect

    headers = {"Authorization": f"Bearer {target.key}"} if target.key else {}
    url = f"ws://{target.address.host}:{target.address.port}/v1/audio/speech/stream"
    try:
        with connect(url, additional_headers=headers, open_timeout=target.patience, close_timeout=5) as one:
            for _ in range(rng.randrange(1, 7)):
                one.send(_frame(rng))
            if rng.random() < 0.5:
                one.send('{"type": "session.close"}')
            with contextlib.suppress(TimeoutError):
                for _ in range(rng.randrange(4)):
                    one.recv(timeout=0.5)
            if rng.random() < 0.3:
                one.socket.close()
    except ConnectionClosed as closed:
        return str(closed.rcvd.code if closed.rcvd else 1006)
    except (InvalidHandshake, OSError) as error:
        return type(error).__name__
    return "1000"


def _frame(rng: random.Random) -> str | bytes:
    message = {"type": rng.choice(MESSAGES), "text": rng.choice(VALUES), **fields(rng)}
    text = json.dumps(message)
    match rng.randrange(5):
        case 0:
            return rng.randbytes(rng.randrange(50))
        case 1:
            return spoiled(rng, text.encode()).decode("utf-8", "replace")
        case 2:
            return json.dumps(rng.choice(VALUES))
        case _:
            return text


MAKERS: tuple[Callable[[random.Random, Target], bytes], ...] = (
    with_fields,
    with_bytes,
    with_path,
    with_headers,
    with_upload,
)


def one_request(rng: random.Random, target: Target, found: Found) -> None:
    """Sends one, and notes what comes of it."""
    state = rng.getstate()
    if rng.random() < 0.1:
        end = websocket(rng, target)
        found.answers[f"websocket {end}"] += 1
        if end == "1011":
            found.faults.append(f"a WebSocket ended with 1011, random state {hash(state)}")
        return
    make = rng.choice(MAKERS)
    sent = make(rng, target)
    take = rng.randrange(2000) if rng.random() < 0.1 else None
    if take is not None:
        sent = sent[: rng.randrange(1, len(sent) + 1)]
    try:
        answer = exchange(target, sent, take)
    except TimeoutError:
        found.answers[f"{make.__name__} {'silence' if take is None else 'left'}"] += 1
        if take is None:
            found.faults.append(f"no answer to {sent[:300]!r}")
        return
    found.answers[f"{make.__name__} {'left' if take is not None else status_of(answer)}"] += 1
    if take is None and (fault := fault_of(answer)):
        found.faults.append(f"{fault} to {sent[:500]!r}")


def fuzz(target: Target, requests: int, seed: int, clients: int = 1) -> Found:
    """So many requests by so many clients at once, of which each is determined by its seed."""
    found, lock = Found(), threading.Lock()
    left = iter(range(requests))

    def client() -> None:
        while True:
            with lock:
                number = next(left, None)
            if number is None:
                return
            try:
                one_request(random.Random(f"{seed} {number}"), target, found)
            except (ConnectionRefusedError, ssl.SSLError) as error:
                found.faults.append(f"the server is gone at request {number}: {error}")
                return

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("url", None, "Of a server that runs.", flag_values=own)
    flags.DEFINE_string("key", "", "With --url.", flag_values=own)
    flags.DEFINE_string("checkpoint", None, "Of the server that is started; by default tiny.", flag_values=own)
    flags.DEFINE_integer("requests", 10_000, "How many.", lower_bound=1, flag_values=own)
    flags.DEFINE_integer("seed", 0, "Of the requests.", flag_values=own)
    flags.DEFINE_integer("clients", 4, "At once.", 1, 64, flag_values=own)
    flags.DEFINE_float("patience", 60.0, "Seconds for an answer.", lower_bound=1.0, flag_values=own)
    flags.DEFINE_string("json", None, "File to write the counts to.", flag_values=own)


def main(given: flags.FlagValues) -> int:
    with contextlib.ExitStack() as stack:
        process = None
        if given.url:
            parts = urllib.parse.urlsplit(given.url)
            address = Address(parts.hostname or "", parts.port or 80)
        else:
            model = (f"--checkpoint={given.checkpoint}",) if given.checkpoint else serving_process.TINY
            process, address = stack.enter_context(own_server(*model))
        target = Target(address, given.key, given.patience)
        shown: dict[str, Any] = {}
        found = fuzz(target, min(500, given.requests), given.seed, given.clients)  # what is compiled and imported late
        before = resident(process.pid) if process else {}
        rest = fuzz(target, max(0, given.requests - 500), given.seed + 1, given.clients)
        found = Found(found.answers + rest.answers, found.faults + rest.faults)
        if process:
            shown = {"MiB after 500": before, "MiB at the end": resident(process.pid)}
            if metric(address, "indextts2_worker_restarts"):
                found.faults.append("the worker was replaced")
        elif not answers(address, "/health"):
            found.faults.append("the server no longer answers")
    shown |= {"answers": dict(sorted(found.answers.items())), "faults": found.faults}
    print(json.dumps(shown, indent=1))
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")
    return 1 if found.faults else 0


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
