"""What is in front of the model, without one: access, limits, the child that decodes, a worker that does not come."""

import asyncio
import base64
import dataclasses
import time

import httpx
import numpy as np
import pytest
import soundfile

from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import Config, TextConfig
from indextts2_jax.errors import CheckpointError, ConfigError, TextError
from indextts2_jax.serving import read_texts
from indextts2_jax.serving.access import Keys, is_loopback
from indextts2_jax.serving.app import Serving, build_app
from indextts2_jax.serving.formats import FORMATS, Encoder
from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.link import Link
from indextts2_jax.serving.messages import Failed
from indextts2_jax.serving.problems import Problem, of_error, of_failure
from indextts2_jax.serving.scheduler import Scheduler
from indextts2_jax.serving.uploads import Decoders, from_base64
from indextts2_jax.serving.voices import Voices
from indextts2_jax.serving.worker import Order
from indextts2_jax.text.frontend import build_frontend
from indextts2_jax.text.tiny import tiny_tokenizer
from tests.tiny import tiny_config

SPEECH = "/v1/audio/speech"


def run(*, keys: Keys | None = None, origins: tuple[str, ...] = (), limits: Limits | None = None):
    """`run(…)(method, path, …)`: the response of an application whose model is not there yet."""
    limits = limits or Limits()
    config = tiny_config()
    serving = Serving("", config, config.model, Voices(None, limits), limits, keys or Keys(), origins)

    async def asked(method: str, path: str, **options) -> httpx.Response:
        app = build_app(serving, Link(Order("", config), Scheduler, limits))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            return await client.request(method, path, **options)

    return lambda *arguments, **options: asyncio.run(asked(*arguments, **options))


# --- who may come in ---


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8000", "[::1]:8000", "192.168.0.7", "tts", "tts.localhost"])
def test_local_names_are_answered(host):
    assert run()("GET", "/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example"]
)
def test_other_names_need_keys(host):
    """Their owners may let them point to 127.0.0.1, and a page of theirs would be of our origin."""
    assert run()("GET", "/health", headers={"Host": host}).status_code == 403
    assert run(keys=Keys(["key-0000"]))("GET", "/health", headers={"Host": host}).status_code == 200


def test_pages_that_are_named(tmp_path):
    ask = run(origins=("https://chat.example.org",))
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    allowed = ask("OPTIONS", SPEECH, headers={"Origin": "https://chat.example.org"} | asked)
    assert allowed.status_code == 200 and allowed.headers["access-control-allow-origin"] == "https://chat.example.org"
    other = ask("OPTIONS", SPEECH, headers={"Origin": "https://evil.example"} | asked)
    assert other.status_code == 400 and "access-control-allow-origin" not in other.headers
    assert ask("POST", SPEECH, headers={"Origin": "https://evil.example"}, json={}).status_code == 403
    assert ask("POST", SPEECH, headers={"Origin": "https://chat.example.org"}, json={}).status_code == 400
    off = run()("GET", "/v1/audio/voices", headers={"Origin": "https://chat.example.org"})
    assert "access-control-allow-origin" not in off.headers


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("", False),
        ("2130706433", False),
    ],
)
def test_which_addresses_are_of_this_machine(host, own):
    assert is_loopback(host) is own


def test_keys_of_a_file(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text("# mine\r\n\r\n  key-number-1  \r\nkey-number-2\n")
    keys = Keys.load(str(path))
    for key in ("key-number-1", "key-number-2"):
        keys.check(f"Bearer {key}")
    for header in ("", "key-number-1", "Bearer # mine", "Bearer ", "Basic key-number-1", "Bearer key-number-12"):
        with pytest.raises(Problem) as caught:
            keys.check(header)
        assert caught.value.status == 401 and caught.value.headers["WWW-Authenticate"] == "Bearer"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="Cannot read the keys"):
        Keys.load(str(path))


# --- before the model is there ---


def test_a_server_without_a_model():
    ask = run()
    assert ask("GET", "/health").status_code == 200
    ready = ask("GET", "/ready")
    assert ready.status_code == 503 and ready.json() == {"status": "loading", "running": 0}
    spoken = ask("POST", SPEECH, json={"input": "Hello.", "ref_audio": _clip()})
    assert spoken.status_code == 503 and int(spoken.headers["retry-after"]) > 0
    assert spoken.json()["error"]["type"] == "server_error"
    none = ask("POST", SPEECH, json={"input": "Hello."})
    assert none.status_code == 404 and "upload one" in none.json()["error"]["message"]


def _clip() -> str:
    return base64.b64encode(bundled.VOICE.read_bytes()).decode()


def test_a_body_that_never_ends():
    async def pieces():
        while True:
            yield b" "
            await asyncio.sleep(0.05)

    start = time.monotonic()
    response = run(limits=Limits(body_seconds=0.5))("POST", SPEECH, content=pieces())
    assert response.status_code == 408 and time.monotonic() - start < 5


def test_the_schema_says_what_there_is():
    schema = run()("GET", "/openapi.json").json()
    body = schema["paths"][SPEECH]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"input", "voice", "response_format", "seed", "emotion_audio"} <= set(body["properties"])
    assert {"/v1/audio/voices", "/v1/audio/speech/batch", "/ready"} <= set(schema["paths"])


def test_a_worker_that_cannot_load():
    async def start(order: Order) -> None:
        link = Link(order, Scheduler, Limits())
        try:
            await link.start()
        finally:
            await link.close()

    with pytest.raises(CheckpointError, match="no-such-folder"):
        asyncio.run(start(Order("./no-such-folder", Config())))


def test_limits_that_leave_nothing():
    with pytest.raises(ConfigError, match="voices is 0, but it must be above 0"):
        Limits(voices=0)


# --- recordings ---


def decode(data: bytes, limits: Limits | None = None) -> tuple[np.ndarray, int]:
    async def work():
        return await Decoders(limits or Limits()).decode(data, "audio_sample")

    return asyncio.run(work())


def test_a_recording_is_decoded_elsewhere():
    samples, rate = decode(bundled.VOICE.read_bytes())
    assert rate == soundfile.info(bundled.VOICE).samplerate
    assert rate == soundfile.info(bundled.VOICE).samplerate
    assert samples.dtype == np.float32 and len(samples) > 2 * rate and np.abs(samples).max() > 0.01


@pytest.mark.parametrize("limits", [Limits(decode_seconds=0.01), Limits(decode_bytes=30 << 20)], ids=["time", "memory"])
def test_a_decoder_has_its_limits(limits):
    start = time.monotonic()
    with pytest.raises(Problem) as caught:
        decode(bundled.VOICE.read_bytes(), limits)
    assert caught.value.status == 400 and caught.value.param == "audio_sample" and time.monotonic() - start < 10


@pytest.mark.parametrize(
    "text", ["", "/etc/passwd", "http://x/a.wav", "file:///a", "data:audio/wav,x", "a", "é", "===="]
)
def test_what_is_no_base64(text):
    with pytest.raises(Problem, match="paths and URLs are not opened"):
        from_base64(text, "ref_audio")


def test_base64():
    for text in ("aGVsbG8=", "aGVs\nbG8=", "data:audio/wav;base64,aGVsbG8=", "data:;base64,aGVsbG8="):
        assert from_base64(text, "ref_audio") == b"hello"


# --- formats ---


@pytest.mark.parametrize("name", FORMATS)
def test_pieces_of_any_size_make_the_same(name):
    time_axis = np.arange(12_345) / 22_050
    samples = (0.3 * np.sin(2 * np.pi * 440 * time_axis)).astype(np.float32)
    made = []
    for size in (12_345, 1_000, 7):
        encoder = Encoder(name)
        pieces = [encoder.feed(samples[start : start + size]) for start in range(0, len(samples), size)]
        made.append(b"".join([*pieces, encoder.finish()]))
    if name == "opus":  # the serial number of an Ogg stream is drawn
        made = [len(one) for one in made]
        assert max(made) - min(made) < 200
    else:
        assert made[0] == made[1] == made[2]


@pytest.mark.parametrize("name", FORMATS)
def test_no_samples_at_all(name):
    encoder = Encoder(name)
    assert isinstance(encoder.feed(np.zeros(0, np.float32)) + encoder.finish(), bytes)


def test_rates():
    with pytest.raises(Problem, match="opus has 8000, 16000, 24000, 48000"):
        Encoder("opus", 44_100)


# --- words ---


@pytest.mark.parametrize(
    ("failed", "status", "param"),
    [
        (Failed(1, "request", "No.", "TextError"), 400, "input"),
        (Failed(1, "request", "No.", "AudioError"), 400, "voice"),
        (Failed(1, "request", "No.", "SomethingNew"), 400, None),
        (Failed(1, "busy", "Full."), 429, None),
        (Failed(1, "deadline", "Late."), 503, None),
        (Failed(1, "closing", "Bye."), 503, None),
        (Failed(1, "cancelled", "Gone."), 503, None),
        (Failed(1, "internal", "Oh."), 500, None),
    ],
)
def test_failures(failed, status, param):
    problem = of_failure(failed)
    assert (problem.status, problem.param) == (status, param)
    assert ("Retry-After" in problem.headers) == (status in (429, 503))


def test_errors_are_one_line():
    problem = of_error(TextError("Two\nlines."))
    assert problem.body["error"]["message"] == "Two lines." and problem.param == "input"


def test_texts_are_read_as_the_settings_say():
    pytest.importorskip("tiktoken")
    frontend = build_frontend("tiktoken", tiny_tokenizer("tiktoken"))
    for language in ("en", "es"):
        told = read_texts.answer(frontend, dataclasses.replace(TextConfig(), language=language), 200.0, "hola")
        assert told["segments"][0][0] == f"<|{language}|>"
