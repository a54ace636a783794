"""Voices: listed, uploaded, spoken with, deleted; across restarts, within the quota, whatever they are called."""

import asyncio
import json
import shutil
import time

import httpx
import pytest

from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import Config
from indextts2_jax.errors import AudioError, ConfigError
from indextts2_jax.serving import link
from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.messages import Failed
from indextts2_jax.serving.metrics import Metrics
from indextts2_jax.serving.problems import Problem
from indextts2_jax.serving.scheduler import Scheduler
from indextts2_jax.serving.speakers import Speech
from indextts2_jax.serving.voices import OPENAI_NAMES, Voice, Voices
from indextts2_jax.serving.worker import Order

CLIP = bundled.VOICE.read_bytes()
HELLO = {"model": "tts-1", "input": "Hello there.", "response_format": "wav"}


def upload(client: httpx.Client, name: str, data: bytes = CLIP, **fields) -> httpx.Response:
    return client.post("/v1/audio/voices", data={"name": name} | fields, files={"audio_sample": ("x.flac", data)})


def test_the_list_needs_no_key_and_tells_no_consent(live):
    with live.client(headers={}) as client:
        voices = client.get("/v1/audio/voices").json()["voices"]
        assert client.get("/v1/audio/models").json()["models"][0]["id"]
        assert client.post("/v1/audio/voices").status_code == 401
    assert voices[0]["id"] == "default" and all({"id", "name"} <= set(voice) for voice in voices)
    assert not any("consent" in voice for voice in voices)


def test_a_voice_from_its_upload_to_its_end(client):
    made = upload(client, "Anna ✿", consent="cons_123")
    assert made.status_code == 200, made.text
    voice = made.json()
    assert voice["object"] == "audio.voice" and voice["type"] == "audio_sample" and voice["created_at"] > 0
    try:
        for name in ("Anna ✿", voice["id"], {"id": voice["id"]}):
            spoken = client.post("/v1/audio/speech", json=HELLO | {"voice": name})
            assert spoken.status_code == 200, spoken.text
        default = client.post("/v1/audio/speech", json=HELLO | {"voice": "default"})
        assert spoken.content == default.content  # the same clip
        assert client.get(f"/v1/audio/voices/{voice['id']}").json()["consent"] == "cons_123"
        assert upload(client, "Anna ✿").json()["error"]["code"] == "name_taken"
    finally:
        gone = client.delete(f"/v1/audio/voices/{voice['id']}")
    assert gone.json() == {"id": voice["id"], "object": "audio.voice.deleted", "deleted": True}
    assert client.delete(f"/v1/audio/voices/{voice['id']}").status_code == 404
    assert client.post("/v1/audio/speech", json=HELLO | {"voice": voice["id"]}).status_code == 404


@pytest.mark.parametrize("name", ["", " ", "a" * 65, "a\x00b", "a\nb", "a\x85b", "\u202eabc", "a\u2066b", "default"])
def test_names_that_are_refused(client, name):
    response = upload(client, name)
    assert response.status_code == 400 and response.json()["error"]["param"] == "name"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"RIFF", "not audio"),
        (CLIP[:400], ""),
        (b"\x00" * 5000, "not audio"),
        (b"#EXTM3U\nhttp://127.0.0.1/a.ts\n" * 20, "not audio"),
        (b"<svg/>" * 99, "not audio"),
    ],
)
def test_files_that_are_no_recording(client, data, says):
    error = upload(client, "Bert", data).json()["error"]
    assert (
        error["param"] == "audio_sample" and says in error["message"] and "/" not in error["message"].split("ffmpeg")[0]
    )
    assert "Bert" not in client.get("/v1/audio/voices").text


def test_the_default_voice_is_shown_and_stays(client):
    shown = client.get("/v1/audio/voices/default")
    assert shown.status_code == 200 and shown.json()["id"] == "default"
    refused = client.delete("/v1/audio/voices/default")
    assert refused.status_code == 400 and "stays" in refused.json()["error"]["message"]


def test_a_client_that_goes_leaves_no_voice(client):
    with pytest.raises(httpx.TimeoutException):
        client.post("/v1/audio/voices", data={"name": "Gone"}, files={"audio_sample": ("x", CLIP)}, timeout=0.3)
    time.sleep(1)
    again = upload(client, "Gone")
    assert again.status_code == 200, again.text
    client.delete(f"/v1/audio/voices/{again.json()['id']}")


def test_a_voice_whose_file_is_broken(client, live):
    voice = upload(client, "Dora").json()["id"]
    (path,) = live.voices.glob(f"{voice}.safetensors")
    path.write_bytes(b"x" * 100)
    for fields in ({}, {"stream": True, "response_format": "pcm"}):
        answer = client.post("/v1/audio/speech", json=HELLO | fields | {"voice": voice})
        error = answer.json()["error"]
        assert answer.status_code == 404 and voice in error["message"] and "/" not in error["message"]
    client.delete(f"/v1/audio/voices/{voice}")


def test_forms_that_are_wrong(client):
    sample = {"audio_sample": ("x", CLIP)}
    assert client.post("/v1/audio/voices", json={"name": "x"}).status_code == 415
    for data, files, param in [
        ({"name": "x"}, {"other": ("x", CLIP)}, "audio_sample"),
        ({"name": "x", "audio_sample": "text"}, {"other": ("x", b"")}, "audio_sample"),
        ({}, sample, "name"),
        ({"name": "x", "type": "prompt"}, sample, "type"),
        ({"name": "x", "consent": "c" * 501}, sample, "consent"),
    ]:
        response = client.post("/v1/audio/voices", data=data, files=files)
        assert response.status_code == 400 and response.json()["error"]["param"] == param, response.text
    broken = client.post("/v1/audio/voices", content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert broken.status_code == 400 and set(broken.json()) == {"error"}
    large = upload(client, "x", CLIP + bytes(11 << 20))
    assert large.status_code == 413 and large.json()["error"]["param"] == "audio_sample"


# --- the folder, without a server ---


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "voices"


def put(voices: Voices, name: str) -> Voice:
    voice = voices.reserve(name, "cons_1")
    voice.path.write_bytes(b"x" * 100)
    return voices.added(voice)


def test_voices_outlive_the_server(folder):
    first = Voices(folder, Limits())
    voice = put(first, "Anna")
    again = Voices(folder, Limits())
    assert again.find("Anna") == again.find(voice.id) == voice and voice.consent == "cons_1"
    assert json.loads(voice.path.with_suffix(".json").read_text())["consent"] == "cons_1"
    put(again, "Bert")
    assert first.find("Bert").name == "Bert"  # two servers share the folder
    first.discard(voice)
    assert not voice.path.exists() and not voice.path.with_suffix(".json").exists()
    with pytest.raises(Problem) as caught:
        again.find("Anna")
    assert caught.value.status == 404


def test_files_put_there_by_hand(folder):
    folder.mkdir()
    (folder / "carl.safetensors").write_bytes(b"x")
    (folder / "with space.safetensors").write_bytes(b"x")
    (folder / ".hidden.safetensors").write_bytes(b"x")
    (folder / "link.safetensors").symlink_to("/etc/passwd")
    (folder / "carl.json").write_text("[1, 2")
    assert [voice.id for voice in Voices(folder, Limits()).all()] == ["carl"]


def test_the_quota(folder):
    voices = Voices(folder, Limits(voices=2))
    put(voices, "a"), put(voices, "b")
    with pytest.raises(Problem, match="2 voices are kept"):
        voices.reserve("c", None)
    voices = Voices(folder, Limits(voice_bytes=150))
    with pytest.raises(Problem, match="2 voices are kept"):
        voices.reserve("c", None)


def test_what_names_mean(folder):
    voices = Voices(folder, Limits())
    with pytest.raises(Problem, match="none yet"):
        voices.find("alloy")
    anna = put(voices, "Anna")
    assert all(voices.find(name) == anna for name in (*OPENAI_NAMES, "default", None))
    alloy = put(voices, "alloy")
    assert voices.find("alloy") == alloy and voices.find("ash") in (anna, alloy)
    named = Voices(folder, Limits(), default=anna, aliases={"ash": "alloy", "hal": anna.id})
    assert named.find("ash") == alloy and named.find("hal") == anna and named.find("echo") == anna
    with pytest.raises(ConfigError, match="no such voice"):
        Voices(folder, Limits(), aliases={"x": "nobody"})


@pytest.mark.parametrize("name", ["क्\u200dष", "می\u200cخواهم", "👩\u200d🚀", "a\u00a0b"])
@pytest.mark.parametrize("consent", [None, "I agree.\nAnna", "I agree.\r\nAnna", "می\u200cخواهم"])
def test_names_and_consent_as_people_write_them(folder, name, consent):
    voice = Voices(folder, Limits()).reserve(name, consent)
    assert voice.name == name and voice.consent == (consent and consent.replace("\r", ""))


@pytest.mark.parametrize("consent", ["a\x00", "\ud800", "\u202ea", "c" * 501])
def test_consent_that_is_refused(folder, consent):
    with pytest.raises(Problem, match="consent"):
        Voices(folder, Limits()).reserve("a", consent)


def test_a_folder_that_is_removed(folder, caplog):
    voices = Voices(folder, Limits())
    put(voices, "Anna")
    shutil.rmtree(folder)
    assert voices.all() == voices.all() == [] and caplog.text.count("cannot be read") == 1
    with pytest.raises(Problem) as caught:
        voices.reserve("Bert", None)
    assert caught.value.status == 503 and str(folder) not in caught.value.message
    folder.mkdir()
    assert put(voices, "Bert") in voices.all()


@pytest.mark.parametrize("deleted", [False, True])
def test_a_voice_that_the_worker_cannot_read(folder, deleted):
    """It was deleted, or broken, while a request waited."""

    async def said() -> Problem:
        voice = put(Voices(folder, Limits()), "Anna")
        if deleted:
            voice.path.unlink()
        task = link.Task(link.Link(Order("", Config()), Scheduler, Limits()), 1)
        task.put(Failed(1, "request", f"No voice file at {voice.path}.", "CheckpointError"))
        with pytest.raises(Problem) as caught:
            await anext(Speech(task, Metrics(), voice))
        assert voice.id in caught.value.message and str(folder) not in caught.value.message
        return caught.value

    problem = asyncio.run(said())
    assert problem.status == 404 and problem.code == ("voice_not_found" if deleted else "voice_unusable")


@pytest.mark.parametrize("name", ["../voices/a", "/etc/passwd", "a/b", "a\\b", "a\x00", "..", ".", "", "%2e%2e", "ａ"])
def test_names_are_never_paths(folder, name):
    voices = Voices(folder, Limits())
    put(voices, "a")
    for find in (voices.find, voices.uploaded):
        with pytest.raises(Problem) as caught:
            find(name)
        assert caught.value.status == 404


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(AudioError, match="Cannot write the voices' folder"):
        Voices(tmp_path / "file" / "voices", Limits())
    with pytest.raises(Problem, match="--voices=FOLDER"):
        Voices(None, Limits()).reserve("Anna", None)
