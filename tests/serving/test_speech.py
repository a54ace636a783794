"""`POST /v1/audio/speech` against a live server: formats, streams, settings, and the traps of other servers."""

import base64
import io
import itertools
import json
import struct
import time

import av
import httpx
import numpy as np
import pytest

from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.serving.formats import FORMATS

SPEECH = "/v1/audio/speech"
HELLO = {"model": "tts-1", "input": "Hello there.", "voice": "alloy"}


def several(segments: int) -> dict:
    """A text of so many segments, all alike."""
    return {"input": "Hello there. " * segments, "text.max_text_tokens_per_segment": 6}


def speak(client: httpx.Client, **fields) -> httpx.Response:
    response = client.post(SPEECH, json=HELLO | fields)
    assert response.status_code == 200, response.text
    return response


def decoded(data: bytes) -> tuple[float, int]:
    """(seconds, sampling rate) of audio in a container."""
    with av.open(io.BytesIO(data)) as opened:
        (stream,) = opened.streams.audio
        samples = sum(frame.samples for frame in opened.decode(stream))
        return samples / stream.rate, stream.rate


@pytest.fixture(scope="module")
def samples(live) -> np.ndarray:
    """The speech as the model makes it, whole, 16 bit at its own rate."""
    with live.client() as client:
        wav = speak(client, response_format="wav").content
    return np.frombuffer(wav[44:], "<i2")


def test_pcm_is_24_khz(client, samples):
    response = speak(client, response_format="pcm", stream=False)
    assert response.headers["content-type"] == "audio/pcm" and response.headers["x-sample-rate"] == "24000"
    assert len(response.content) / 2 / 24_000 == pytest.approx(len(samples) / SAMPLING_RATE, abs=1e-4)
    own = speak(client, response_format="pcm", sample_rate=22_050, stream=False).content
    assert np.array_equal(np.frombuffer(own, "<i2"), samples)


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac"])
def test_every_format_is_whole(client, samples, name):
    response = speak(client, response_format=name)
    seconds, rate = decoded(response.content)
    assert response.headers["content-type"] == FORMATS[name].media_type
    assert rate == (48_000 if name == "opus" else SAMPLING_RATE)
    whole = len(samples) / SAMPLING_RATE
    assert whole - 1e-3 <= seconds <= whole + (0.12 if name in ("mp3", "aac") else 1e-3)


def test_mp3_is_the_default(client):
    assert speak(client).headers["content-type"] == "audio/mpeg"


def test_flac_is_bit_for_bit(client, samples):
    with av.open(io.BytesIO(speak(client, response_format="flac").content)) as opened:
        found = np.concatenate([frame.to_ndarray()[0] for frame in opened.decode(audio=0)])
    assert np.array_equal(found, samples)


def test_streamed_wav_has_one_header_of_unknown_length(client):
    response = speak(client, response_format="wav", **several(3))
    data = response.content
    assert response.headers["x-segments"] == "3"
    assert struct.unpack("<4sI4s", data[:12]) == (b"RIFF", 0xFFFFFFFF, b"WAVE")
    assert data[36:44] == b"data\xff\xff\xff\xff" and data.count(b"RIFF") == 1


@pytest.mark.parametrize(("name", "rate"), [("wav", 8_000), ("mp3", 48_000), ("opus", 16_000), ("flac", 44_100)])
def test_sample_rate(client, samples, name, rate):
    seconds, found = decoded(speak(client, response_format=name, sample_rate=rate).content)
    assert found == (48_000 if name == "opus" else rate)
    assert seconds == pytest.approx(len(samples) / SAMPLING_RATE, abs=0.15)


def test_server_sent_events(client, samples):
    response = speak(client, response_format="pcm", stream_format="sse", stream=False)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
    *deltas, done = events
    audio = b"".join(base64.b64decode(event["audio"]) for event in deltas)
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    assert len(audio) / 2 / 24_000 == pytest.approx(len(samples) / SAMPLING_RATE, abs=1e-4)
    usage = done["usage"]
    assert done["type"] == "speech.audio.done" and usage["input_tokens"] > 3 < usage["output_tokens"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_progress(client):
    """Asked for, the events begin before the audio and tell stage and segment, each once."""
    response = speak(client, **several(2), response_format="pcm", stream_format="sse", progress=True)
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
    told = [event for event in events if event["type"] == "speech.progress"]
    assert events[0] == told[0] and events[-1]["type"] == "speech.audio.done"
    assert {"decode", "flow_matching", "vocoder"} <= {event["stage"] for event in told}
    assert {event["segment"] for event in told} >= {1, 2} and len({event["segments"] for event in told}) == 1
    assert all(event != after for event, after in itertools.pairwise(told))
    batch = {"items": [HELLO | {"stream_format": "sse", "progress": True}]}
    assert client.post(f"{SPEECH}/batch", json=batch).json()["succeeded"] == 1


def test_times_of_words(client, samples):
    """In the last event, in one object, in a batch; nobody else has them."""
    asked = {"word_timestamps": True, "response_format": "pcm", "sample_rate": SAMPLING_RATE, "stream": False}
    response = speak(client, **asked)
    body = response.json()
    assert response.headers["content-type"] == "application/json" and body["media_type"] == "audio/pcm"
    assert np.array_equal(np.frombuffer(base64.b64decode(body["audio_data"]), "<i2"), samples)
    assert [word["word"] for word in body["words"]] == ["Hello", "there."] and response.headers["x-seed"] == "0"
    times = [time for word in body["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times) and times[-1] <= len(samples) / SAMPLING_RATE
    assert all(word["confidence"] == 0 for word in body["words"])  # random weights know nothing, and say so
    lines = speak(client, **asked, stream_format="sse").text.splitlines()
    *_, done = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert done["words"] == body["words"]
    batch = client.post(SPEECH + "/batch", json={"items": [HELLO | asked, HELLO]}).json()["results"]
    assert batch[0]["words"] == body["words"] and "words" not in batch[1]
    assert client.post(SPEECH, json=HELLO | {"word_timestamps": "perhaps"}).status_code == 400
    refused = speak(client, **asked | {"word_timestamps": "false"})
    assert refused.headers["content-type"] == speak(client, response_format="pcm").headers["content-type"]


def test_a_seed_says_how_it_sounds(client, samples):
    again, other = (speak(client, response_format="wav", seed=seed) for seed in (0, 1))
    assert np.array_equal(np.frombuffer(again.content[44:], "<i2"), samples) and other.headers["x-seed"] == "1"
    assert not np.array_equal(np.frombuffer(other.content[44:], "<i2"), samples)


def test_speed_is_a_duration_factor(client, samples):
    seconds = (len(speak(client, response_format="wav", speed=0.5).content) - 44) / 2 / SAMPLING_RATE
    assert seconds == pytest.approx(len(samples) / SAMPLING_RATE / 0.5, abs=0.05)
    for fields in ({"speed": 3.0}, {"speed": 0.3}, {"speed": 1.5, "duration_factor": 0.9}):
        error = client.post(SPEECH, json=HELLO | fields).json()["error"]
        assert error["param"] == "speed", error


def test_settings_of_a_batch_line(client, samples):
    factor = speak(client, response_format="wav", duration_factor=2.0).content
    assert (len(factor) - 44) / 2 == pytest.approx(2 * len(samples), rel=0.02)
    greedy = {"decode.do_sample": False, "decode.num_beams": 1, "flow.steps": 1}
    assert speak(client, response_format="wav", **greedy).content[44:] != samples.tobytes()
    exact = speak(client, response_format="wav", target_duration=0.5).content
    assert len(exact) == 44 + 2 * SAMPLING_RATE // 2


def test_unknown_fields_are_accepted_and_named(client):
    response = speak(client, temperature_of_room=20, metadata={"user": "anna"}, language="en", chunking="none")
    ignored = json.loads(response.headers["x-ignored-fields"])
    assert ignored == ["temperature_of_room", "metadata", "chunking", "language"]


def test_instructions_without_a_classifier(client):
    assert "no emotion classifier" in speak(client, instructions="Speak gladly.").headers["x-instructions"]


def test_emotions(client, samples):
    clip = base64.b64encode(bundled.VOICE.read_bytes()).decode()
    forms = [
        {"emotion": "sad:0.9"},
        {"emotion": {"sad": 0.9}},
        {"emotion_vector": [0, 0, 0.9, 0, 0, 0, 0, 0]},
        {"extra_params": {"emo_vector": [0, 0, 0.9, 0, 0, 0, 0, 0]}},
    ]
    spoken = [speak(client, response_format="wav", **form).content for form in forms]
    assert len(set(spoken)) == 1 and spoken[0][44:] != samples.tobytes()
    assert speak(client, response_format="wav", emotion_audio=f"data:audio/flac;base64,{clip}", emotion_alpha=0.5)
    both = client.post(SPEECH, json=HELLO | {"emotion": "sad:0.5", "emotion_vector": [0] * 8})
    assert both.status_code == 400 and both.json()["error"]["param"] == "emotion"


def test_a_voice_for_one_request(client, samples):
    clip = base64.b64encode(bundled.VOICE.read_bytes()).decode()
    spoken = speak(client, response_format="wav", ref_audio=clip).content
    assert np.array_equal(np.frombuffer(spoken[44:], "<i2"), samples)  # it is the default voice's own clip


def test_the_names_of_openai(client, samples):
    for voice in ("alloy", "cedar", {"id": "marin"}, "default", None):
        assert speak(client, response_format="wav", voice=voice).content[44:] == samples.tobytes()


def test_a_client_that_goes_away_stops_its_work(client, live):
    """While it waits, and while it listens: what is left is stopped, and the next one need not wait for it."""
    long = HELLO | several(40) | {"response_format": "pcm"}

    def cancelled() -> float:
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if 'speeches_total{end="cancelled"}' in line)

    before = cancelled()
    with live.client() as other, other.stream("POST", SPEECH, json=long) as response:
        assert response.status_code == 200 and next(response.iter_raw())
    with live.client() as other, pytest.raises(httpx.ReadTimeout):
        other.post(SPEECH, json=long | {"stream": False}, timeout=0.2)
    until = time.monotonic() + 10
    while cancelled() < before + 2 and time.monotonic() < until:
        time.sleep(0.1)
    assert cancelled() == before + 2
    start = time.monotonic()
    speak(client)
    assert time.monotonic() - start < 10


def test_first_audio_before_the_last_is_made(live):
    fields = HELLO | several(6) | {"response_format": "pcm"}
    with live.client() as client, client.stream("POST", SPEECH, json=fields) as response:
        start = time.monotonic()
        pieces = response.iter_raw()
        next(pieces)
        first = time.monotonic() - start
        rest = sum(map(len, pieces))
    assert rest > 24_000 and first < 0.5 * (time.monotonic() - start)


def test_a_batch(client, samples):
    items = [{"input": "Hello there."}, {"input": " "}, {"input": "Hello there.", "response_format": "pcm"}, 7]
    response = client.post(SPEECH + "/batch", json={"items": items, "voice": "alloy", "response_format": "wav"})
    body = response.json()
    assert response.status_code == 200 and (body["total"], body["succeeded"], body["failed"]) == (4, 2, 2)
    first, empty, third, wrong = body["results"]
    assert base64.b64decode(first["audio_data"])[44:] == samples.tobytes() and first["media_type"] == "audio/wav"
    assert empty["status"] == "error" and empty["details"]["param"] == "input"
    assert third["media_type"] == "audio/pcm" and third["usage"]["output_tokens"] > 0
    assert wrong["index"] == 3 and "object" in wrong["error"]


def test_a_speech_longer_than_the_limit(client):
    """Pauses are cheap to ask for and dear to send: 60 s are allowed here."""
    text = "Hello there. [pause:50s] Hello there. [pause:50s] Hello there."
    whole = client.post(SPEECH + "/batch", json={"items": [{"input": text, "text.max_text_tokens_per_segment": 6}]})
    (result,) = whole.json()["results"]
    assert result["status"] == "error" and "longer than 60 s" in result["error"], result
    with pytest.raises(httpx.RemoteProtocolError):  # what has been sent is not taken for the whole
        client.post(
            SPEECH, json=HELLO | {"input": text, "text.max_text_tokens_per_segment": 6, "response_format": "wav"}
        )
    assert speak(client)
