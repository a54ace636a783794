"""Requests that make no sense: each is answered in OpenAI's shape, with a status of the client's, soon."""

import base64
import json
import time

import pytest

from tests.serving.conftest import HEADERS

SPEECH = "/v1/audio/speech"
HELLO = {"model": "tts-1", "input": "Hello there.", "voice": "alloy"}

FIELDS = [
    {"input": None},
    {"input": ""},
    {"input": "  \n\t "},
    {"input": 7},
    {"input": ["Hello"]},
    {"input": {"text": "Hello"}},
    {"input": True},
    {"input": "x" * 2001},
    {"input": "…!?—"},
    {"input": "★☆"},
    {"input": "Hello [pause:99999999ms]"},
    {"input": "Hello [pause:soon]x" * 300},
    {"voice": "nobody"},
    {"voice": ""},
    {"voice": "../../etc/passwd"},
    {"voice": "..\\..\\windows"},
    {"voice": "/etc/passwd"},
    {"voice": "anna\x00.safetensors"},
    {"voice": "𝒶𝓃𝓃𝒶" * 100},
    {"voice": "http://127.0.0.1/voice.wav"},
    {"voice": "file:///etc/passwd"},
    {"voice": 5},
    {"voice": ["alloy"]},
    {"voice": {}},
    {"voice": {"id": None}},
    {"voice": {"id": "voice_1"}},
    {"voice": {"name": "alloy"}},
    {"response_format": "wma"},
    {"response_format": ""},
    {"response_format": 3},
    {"response_format": "MP3 "},
    {"stream_format": "websocket"},
    {"stream_format": False},
    {"speed": 0},
    {"speed": -1},
    {"speed": 0.24},
    {"speed": 0.4},
    {"speed": 2.5},
    {"speed": 4.1},
    {"speed": 1e300},
    {"speed": "fast"},
    {"speed": [1]},
    {"speed": True, "duration_factor": []},
    {"sample_rate": 0},
    {"sample_rate": -24000},
    {"sample_rate": 11_111},
    {"sample_rate": 192_000},
    {"sample_rate": "high"},
    {"sample_rate": 24_000.5},
    {"sample_rate": 44_100, "response_format": "opus"},
    {"seed": -1},
    {"seed": 2**32},
    {"seed": 1.5},
    {"seed": "one"},
    {"instructions": 5},
    {"instructions": "x" * 2001},
    {"language": 5},
    {"stream": "perhaps"},
    {"emotion": "joyous:1"},
    {"emotion": "happy"},
    {"emotion": "happy:2"},
    {"emotion": "happy:-0.1"},
    {"emotion": {}},
    {"emotion": {"glad": 1}},
    {"emotion": {"happy": "much"}},
    {"emotion": [0.1, 0.2]},
    {"emotion": 7},
    {"emotion_vector": []},
    {"emotion_vector": [0] * 9},
    {"emotion_vector": [2] * 8},
    {"emotion_vector": ["a"] * 8},
    {"emotion_vector": "0,0,0,0,0,0,0,0"},
    {"emotion": "sad:1", "emotion_vector": [0] * 8},
    {"emotion_alpha": 0.5},
    {"emotion": "sad:1", "emotion_alpha": 2},
    {"emotion_text": "gladly"},
    {"emotion_from_text": True},
    {"emotion_audio": "/etc/passwd"},
    {"emotion_audio": "http://127.0.0.1:1/a.wav"},
    {"emotion_audio": "bm8gc291bmQ="},
    {"emotion_audio": "data:audio/wav,hello"},
    {"emotion_audio": "bm8gc291bmQ=", "emotion": "sad:1"},
    {"ref_audio": "file:///etc/passwd"},
    {"ref_audio": "UklGRgAAAABXQVZF"},
    {"ref_audio": "!!"},
    {"extra_params": "x"},
    {"extra_params": {"emo_vector": "x"}},
    {"extra_params": {"emo_alpha": True}},
    {"decode.num_beams": 0},
    {"decode.num_beams": 17},
    {"decode.num_beams": "many"},
    {"decode.num_beams": [1] * 3000},
    {"decode." + "x" * 5000: 1},
    {"decode.temperature": 0},
    {"decode.beams": 3},
    {"flow.steps": 0},
    {"flow.steps": 10_000},
    {"flow.steps": None, "flow.guidance": -1},
    {"duration_factor": 0.1},
    {"duration_factor": 1.0, "duration.factor": 1.2},
    {"duration_factor": 1.2, "target_duration": 3.0},
    {"target_duration": 61.0},
    {"target_duration": 3.0, "stream": True},
    {"redraw": 99},
    {"redraw": 2, "stream": True},
    {"loudness": 5},
    {"polish.end_fade_ms": 20, "stream": True},
    {"interval_silence": -1},
    {"interval_silence_ms.x": 1, "text.nothing": 1},
    {"text.max_text_tokens_per_segment": 1},
    {"precision.gpt": "int8"},
    {"model.gpt.width": 8},
    {"audio.trim": "speech"},
    {"segments_at_once.x": 3, "decode": 1, "stream.fade_ms": 31},
]
BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe{}",
    b'{"input": "Hello", "speed": NaN}',
    b'{"input": "Hello", "speed": 1e999}',
    b'{"input": "\\ud800", "voice": "alloy"}',
    b'{"input": "Hello' + b"\x00" + b'"}',
    b"[" * 100_000,
    b'{"a":' * 20_000,
    b'{"input": "Hello", "seed": ' + b"9" * 5000 + b"}",
    b"input=Hello&voice=alloy",
    '{"input": "Grüße"}'.encode("latin-1"),
]
ROUTES = [
    ("GET", SPEECH, 405),
    ("DELETE", SPEECH, 405),
    ("PUT", "/v1/audio/voices", 405),
    ("GET", "/v1/audio/transcriptions", 404),
    ("POST", "/v1/chat/completions", 404),
    ("GET", "/v1/models/gpt-5", 404),
    ("GET", "/v1/audio/voices/nobody", 404),
    ("DELETE", "/v1/audio/voices/nobody", 404),
    ("DELETE", "/v1/audio/voices/default", 400),
    ("DELETE", "/v1/audio/voices/..%2f..%2fetc%2fpasswd", 404),
    ("DELETE", "/v1/audio/voices/%00", 404),
    ("DELETE", "/v1/audio/voices/%F0%9F%98%80", 404),
    ("GET", "/../../etc/passwd", 404),
    ("GET", "/static/../page.py", 404),
]


def check(response, least: int = 400) -> dict:
    assert least <= response.status_code < 500, (response.status_code, response.text[:300])
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"] and "\n" not in error["message"] and len(error["message"]) < 1500
    return error


@pytest.mark.parametrize("fields", FIELDS, ids=lambda fields: json.dumps(fields)[:50])
def test_fields(client, fields):
    start = time.monotonic()
    check(client.post(SPEECH, json=HELLO | fields))
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body)[:30])
def test_bodies(client, body):
    start = time.monotonic()
    error = check(client.post(SPEECH, content=body, headers={"Content-Type": "application/json"}))
    assert error["type"] == "invalid_request_error" and time.monotonic() - start < 2


@pytest.mark.parametrize(("method", "path", "status"), ROUTES)
def test_routes(client, method, path, status):
    response = client.request(method, path)
    check(response)
    assert response.status_code == status


def test_missing_fields_are_named(client):
    error = check(client.post(SPEECH, json={"model": "tts-1", "voice": "alloy"}))
    assert error == {
        "message": "input is missing.",
        "type": "invalid_request_error",
        "param": "input",
        "code": "missing_required_parameter",
    }


@pytest.mark.parametrize(
    "items", [None, [], {}, "Hello", [{"input": "Hello"}] * 33], ids=["none", "empty", "object", "text", "many"]
)
def test_batches(client, items):
    assert check(client.post(SPEECH + "/batch", json={"items": items}))["param"] == "items"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer wrong-key-000", "Basic a2V5", f"{HEADERS['Authorization']}x", "Bearer é"],
)
def test_keys(live, header):
    with live.client(headers={"Authorization": header.encode()}) as client:
        response = client.post(SPEECH, json=HELLO)
    assert response.status_code == 401 and check(response)["code"] in ("invalid_api_key", "missing_api_key")


def test_either_key(live):
    with live.client(headers={"Authorization": "bearer another-key-0"}) as client:
        assert client.get("/v1/models").status_code == 200


def test_a_body_that_is_too_large(client):
    response = client.post(SPEECH, content=b"x" * (17 << 20))
    assert response.status_code == 413 and check(response)["code"] == "too_large"

    def pieces():
        for _ in range(17 * 16):
            yield b" " * (1 << 16)

    assert client.post(SPEECH, content=pieces()).status_code == 413  # no length is said


def test_a_recording_that_is_too_large(client):
    data = base64.b64encode(b"RIFF" + bytes(10 << 20)).decode()
    response = client.post(SPEECH, json=HELLO | {"emotion_audio": data})
    assert response.status_code == 413 and check(response)["param"] == "emotion_audio"


def test_pages_of_other_sites(live):
    for origin in ("https://evil.example", "null"):
        with live.client(headers=HEADERS | {"Origin": origin}) as client:
            assert client.post(SPEECH, json=HELLO).status_code == 403
            response = client.get("/v1/audio/voices")
            assert "access-control-allow-origin" not in response.headers
    with live.client(headers=HEADERS | {"Origin": live.url}) as client:
        assert client.post("/v1/audio/reading", json={"input": "Hello."}).status_code == 200
