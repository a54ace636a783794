"""What is in front of the model, without one: limits, the child that decodes, a worker that does not come."""

import asyncio
import base64
import dataclasses
import io
import struct
import time

import numpy as np
import pytest
import soundfile

from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import Config, TextConfig
from indextts2_jax.errors import CheckpointError, ConfigError, TextError
from indextts2_jax.serving import read_texts
from indextts2_jax.serving.app import Serving, build_app
from indextts2_jax.serving.formats import FORMATS, Encoder
from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.link import Link
from indextts2_jax.serving.messages import Failed
from indextts2_jax.serving.problems import Problem, of_error, of_failure
from indextts2_jax.serving.scheduler import Scheduler
from indextts2_jax.serving.speakers import Wanted
from indextts2_jax.serving.uploads import Decoders, from_base64
from indextts2_jax.serving.voices import Voice, Voices
from indextts2_jax.serving.worker import Order
from indextts2_jax.text.frontend import build_frontend
from indextts2_jax.text.tiny import tiny_tokenizer
from tests.serving.asked import run
from tests.tiny import tiny_config
from tests.tiny_2_5 import tiny_config as tiny_config_2_5

SPEECH = "/v1/audio/speech"


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


def test_recordings_that_wait_have_a_limit():
    async def work(data: bytes) -> list:
        decoders = Decoders(Limits(waiting_bytes=2 * len(data), decoders=1))
        found = await asyncio.gather(*(decoders.decode(data, "x") for _ in range(3)), return_exceptions=True)
        return [*found, await decoders.decode(data, "x")]

    one, two, refused, later = asyncio.run(work(bundled.VOICE.read_bytes()))
    assert isinstance(refused, Problem) and refused.status == 429 and "Retry-After" in refused.headers
    assert len(one[0]) == len(two[0]) == len(later[0])


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


@pytest.mark.parametrize("name", ["wav", "flac"])
@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
@pytest.mark.parametrize("samples", [0, 100, 50_000])
def test_what_is_whole_says_how_long_it_is(name, rate, samples):
    encoder = Encoder(name, rate)
    made = encoder.whole(encoder.feed(np.full(samples, 0.1, np.float32)) + encoder.finish())
    if not samples and name == "flac":
        return  # its header comes with the first samples
    audio, found = soundfile.read(io.BytesIO(made))
    assert found == rate and soundfile.info(io.BytesIO(made)).frames == len(audio)
    assert abs(len(audio) - samples * rate / 22_050) <= 1
    if name == "wav":
        assert struct.unpack_from("<I", made, 4)[0] == len(made) - 8
        assert struct.unpack_from("<I", made, 40)[0] == len(made) - 44


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


def test_messages_do_not_echo_what_is_long():
    problem = of_error(ConfigError(f"x is {[1] * 3000}, but it must be above 0."), "x" * 5000)
    error = problem.body["error"]
    assert len(error["message"]) <= 1000 and len(error["param"]) <= 100
    assert error["message"].startswith("x is [1, 1") and error["message"].endswith("but it must be above 0.")


@pytest.mark.parametrize(
    ("said", "code"),
    [("es", "es"), ("es-MX", "es"), ("ZH_cn", "zh"), ("Spanish", "es"), (" english ", "en"), ("auto", "auto")],
)
def test_the_language_of_a_request(said, code):
    for config, several in ((tiny_config_2_5(), True), (tiny_config(), False)):
        wanted = prepared(config, {"input": "hola", "language": said})
        assert wanted.settings == ({"text": {"language": code}} if several else {})
        assert ("X-Ignored-Fields" in wanted.notes) is not several


def test_languages_that_a_model_does_not_speak():
    for fields in ({"language": "klingon"}, {"language": "es", "text.language": "en"}):
        with pytest.raises(Problem) as caught:
            prepared(tiny_config_2_5(), {"input": "hola"} | fields)
        assert caught.value.status == 400 and "language" in caught.value.message


def prepared(config: Config, fields: dict) -> Wanted:
    async def prepare() -> Wanted:
        limits = Limits()
        voices = Voices(None, limits, default=Voice("default", "default", bundled.VOICE))
        app = build_app(Serving("", config, config.model, voices), Link(Order("", config), Scheduler, limits))
        return await app.state.speakers.prepare(fields)

    return asyncio.run(prepare())


def test_texts_are_read_as_the_settings_say():
    pytest.importorskip("tiktoken")
    frontend = build_frontend("tiktoken", tiny_tokenizer("tiktoken"))
    for language in ("en", "es"):
        told = read_texts.answer(frontend, dataclasses.replace(TextConfig(), language=language), 200.0, "hola")
        assert told["segments"][0][0] == f"<|{language}|>"
