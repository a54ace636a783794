"""Real clients, unchanged: openai, curl; and requests as other programs send them."""

import base64
import io
import json
import shutil
import subprocess

import httpx
import openai
import pytest
import soundfile

from indextts2_jax.checkpoint import bundled
from tests.serving.conftest import HEADERS, KEY

TEXT = "Hello there."


@pytest.fixture(scope="module")
def client(live):
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def test_openai_to_a_file(client, tmp_path):
    path = tmp_path / "speech.mp3"
    client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT).write_to_file(path)
    assert path.read_bytes()[:1] == b"\xff" and path.stat().st_size > 1000


def test_openai_streaming(client, tmp_path):
    create = client.audio.speech.with_streaming_response.create
    with create(model="gpt-4o-mini-tts", voice="coral", input=TEXT, response_format="pcm", speed=1.0) as response:
        pieces = list(response.iter_bytes(1024))
    assert sum(map(len, pieces)) > 5000 and response.headers["content-type"] == "audio/pcm"


def test_openai_events(client):
    create = client.audio.speech.with_streaming_response.create
    with create(model="gpt-4o-mini-tts", voice="sage", input=TEXT, stream_format="sse") as response:
        events = [json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: ")]
    assert {event["type"] for event in events} == {"speech.audio.delta", "speech.audio.done"}


def test_openai_voices(client):
    with bundled.VOICE.open("rb") as clip:
        voice = client.audio.voices.create(audio_sample=clip, name="Zoë", consent="cons_1")
    assert voice.object == "audio.voice" and voice.type == "audio_sample" and voice.name == "Zoë"
    speech = client.audio.speech.create(model="tts-1", voice={"id": voice.id}, input=TEXT)
    assert len(speech.content) > 1000
    deleted = client.audio.voices.delete(voice.id)
    assert deleted.deleted and deleted.id == voice.id
    assert "indextts-2" in [model.id for model in client.models.list()]


def test_openai_errors(client, live):
    with pytest.raises(openai.NotFoundError, match="no voice 'nobody'"):
        client.audio.speech.create(model="tts-1", voice="nobody", input=TEXT)
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.speech.create(model="tts-1", voice="alloy", input=" ")
    assert caught.value.param == "input" and caught.value.code == "invalid_value"
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{live.url}/v1", api_key="wrong-key-0").models.list()


def test_flac_says_how_long_it_is(client):
    """soundfile reads no other; that of a stream cannot say it."""
    speech = client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="flac")
    audio, rate = soundfile.read(io.BytesIO(speech.content))
    assert rate == 22_050 and soundfile.info(io.BytesIO(speech.content)).frames == len(audio) > 5000


@pytest.mark.parametrize("kind", ["wav", "flac"])
@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("speech", {"stream": False}),
        ("speech", {"word_timestamps": True}),
        ("speech/batch", {}),
    ],
)
def test_what_is_sent_whole_says_how_long_it_is(live, kind, path, fields):
    body = {"input": TEXT, "response_format": kind} | fields
    body = body if path == "speech" else {"items": [body]}
    with live.client() as plain:
        answer = plain.post(f"/v1/audio/{path}", json=body)
    if answer.headers["content-type"] == "application/json":
        told = answer.json()
        data = base64.b64decode((told["results"][0] if "results" in told else told)["audio_data"])
    else:
        data = answer.content
        assert int(answer.headers["content-length"]) == len(data)
    assert soundfile.info(io.BytesIO(data)).frames == len(soundfile.read(io.BytesIO(data))[0]) > 5000
    assert kind == "flac" or int.from_bytes(data[4:8], "little") == len(data) - 8


def test_curl(live, tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    body = json.dumps({"model": "tts-1", "input": TEXT, "voice": "alloy", "response_format": "flac"})
    command = ["curl", "-sSf", f"{live.url}/v1/audio/speech", "-H", f"Authorization: Bearer {KEY}", "-d", body]
    subprocess.run([*command, "-o", tmp_path / "out.flac"], check=True)  # as a form, says curl; JSON it is
    assert (tmp_path / "out.flac").read_bytes()[:4] == b"fLaC"


REQUESTS = {
    "Open WebUI": {
        "headers": HEADERS
        | {"Content-Type": "application/json", "X-OpenWebUI-User-Name": "Anna", "X-OpenWebUI-User-Role": "user"},
        "body": {"model": "tts-1", "input": TEXT, "voice": "alloy", "chat_id": "local", "normalize": True},
    },
    "LiveKit": {
        "headers": HEADERS | {"User-Agent": "AsyncOpenAI/Python 2.0", "X-Stainless-Lang": "python"},
        "body": {
            "input": TEXT,
            "model": "gpt-4o-mini-tts",
            "voice": "ash",
            "instructions": "",
            "response_format": "mp3",
            "speed": 1.0,
            "stream_format": "sse",
        },
    },
    "Pipecat": {
        "headers": HEADERS,
        "body": {"input": TEXT, "model": "gpt-4o-mini-tts", "voice": "verse", "response_format": "pcm"},
    },
    "SillyTavern": {
        "headers": HEADERS | {"Content-Type": "application/json"},
        "body": {"model": "tts-1", "input": TEXT, "voice": "nova", "response_format": "mp3", "speed": 1},
    },
    "sfortis/openai_tts": {
        "headers": HEADERS | {"Content-Type": "application/json"},
        "body": {
            "model": "tts-1",
            "input": TEXT,
            "voice": "shimmer",
            "response_format": "mp3",
            "speed": 1.0,
            "extra": None,
        },
    },
    "vLLM-Omni's examples": {
        "headers": HEADERS,
        "body": {"input": TEXT, "voice": "default", "language": "English", "task_type": "CustomVoice", "stream": True},
    },
}


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_of_other_programs(live, name):
    request = REQUESTS[name]
    response = httpx.post(
        f"{live.url}/v1/audio/speech", content=json.dumps(request["body"]), headers=request["headers"], timeout=30
    )
    assert response.status_code == 200, response.text
    kind = response.headers["content-type"]
    if name == "LiveKit":  # chooses its parser by the type, and takes either field
        assert kind.startswith("text/event-stream")
        events = [json.loads(line[5:]) for line in response.text.splitlines() if line.startswith("data:")]
        audio = b"".join(base64.b64decode(event.get("delta") or event.get("audio") or "") for event in events)
        assert len(audio) > 1000 and events[-1]["usage"]
    else:
        assert kind == ("audio/pcm" if name == "Pipecat" else "audio/mpeg") and len(response.content) > 1000


def test_what_open_webui_asks_first(live):
    with httpx.Client(base_url=f"{live.url}/v1") as plain:
        assert plain.get("/audio/voices").json()["voices"][0].keys() >= {"id", "name"}
        assert plain.get("/audio/models").json()["models"][0].keys() >= {"id"}
        assert plain.get("/models").status_code == 401
    assert httpx.get(f"{live.url}/v1/models", headers=HEADERS).json()["data"][0]["object"] == "model"
