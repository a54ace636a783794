"""`POST /v1/audio/script` and `/times` against a live server: dialogue's own lines, silences and captions."""

import numpy as np
import pytest

from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.dialogue.checks import Rules
from indextts2_jax.dialogue.fitting import samples_of

PLAY = """# of the tests
Anna: Good evening. [pause:400ms] Come in!
Ben (sad 0.5): No.
[pause:2s]
Ben: Never.
(He goes.)
The end.
"""
CAST = {"Anna": {"speed": 2}, "ben": {"emotion": {"happy": 0.4}, "loudness": -30}, "default": {"voice": "alloy"}}


def read(client, script=PLAY, **fields):
    return client.post("/v1/audio/script", json={"script": script, **fields})


def refused(client, script=PLAY, **fields) -> dict:
    response = read(client, script, **fields)
    assert response.status_code in (400, 404), response.text
    error = response.json()["error"]
    assert "\n" not in error["message"] and error["type"] == "invalid_request_error"
    return error


def test_lines_are_dialogues_own(client):
    body = read(client, cast=CAST, seed=5).json()
    rules, silences = Rules(), [line["silence"] for line in body["lines"]]
    assert silences == [0, *map(samples_of, (rules.speaker_pause_ms, 2000, rules.direction_pause_ms))]
    assert body["silence"] == 0 and body["sample_rate"] == SAMPLING_RATE and body["notes"] == []
    assert [(line["line"], line["at"], line["speaker"]) for line in body["lines"]] == [
        (1, 2, "Anna"),
        (2, 3, "Ben"),
        (3, 5, "Ben"),
        (4, 7, ""),
    ]
    anna, sad, happy, nobody = (line["request"] for line in body["lines"])
    quiet = {"seed": 5, "voice": "alloy"}
    said = "Good evening. [pause:400ms] Come in!"
    assert anna == quiet | {"input": said, "duration_factor": 0.5, "loudness": -23}
    assert sad == quiet | {
        "input": "No.", "duration_factor": 1, "loudness": -30, "emotion": "sad:0.8", "emotion_alpha": 0.5
    }  # fmt: skip
    assert happy["emotion"] == "happy:0.4" and "emotion" not in nobody
    assert len({line["id"] for line in body["lines"]}) == 4


def test_without_a_cast_all_speak_as_the_default(client):
    lines = read(client).json()["lines"]
    assert [line["speaker"] for line in lines] == ["Anna", "Ben", "Ben", ""]
    assert all("voice" not in line["request"] for line in lines)


def test_a_line_is_spoken_and_its_words_become_subtitles(client):
    lines = read(client, "Anna: Hello there.\nBen: Good <night>.").json()["lines"]
    made = []
    for line in lines:
        asked = line["request"] | {"response_format": "pcm", "sample_rate": SAMPLING_RATE, "word_timestamps": True}
        response = client.post("/v1/audio/speech", json=asked)
        assert response.status_code == 200, response.text
        made.append(response.json())
    assert all(isinstance(one["suspect"], list) and one["words"][1]["spaced"] for one in made)
    said = [
        {"words": one["words"], "start": start, "speaker": line["speaker"]}
        for one, start, line in zip(made, (0, SAMPLING_RATE), lines, strict=True)
    ]
    srt = client.post("/v1/audio/script/times", json={"lines": said})
    assert srt.headers["content-type"].startswith("application/x-subrip")
    first = made[0]["words"][0]["start"]
    assert srt.text.startswith(f"1\n00:00:00,{round(1000 * first):03} --> ")
    assert srt.text.count(" --> ") == 2 and "Hello there." in srt.text and "00:00:01," in srt.text
    vtt = client.post("/v1/audio/script/times", json={"lines": said, "format": "vtt", "by": "word"}).text
    assert vtt.startswith("WEBVTT") and vtt.count("<v Ben>") == 2 and "&lt;night&gt;" in vtt
    entries = client.post("/v1/audio/script/times", json={"lines": said, "format": "json"}).json()
    assert [entry["text"] for entry in entries] == ["Hello there.", "Good <night>."]


def test_all_faults_at_once(client):
    error = refused(client, "Anna (glad): Yes.\nCleo: No.\nBen:\n", cast={"Anna": {}, "Dora": {}})
    assert error["code"] == "invalid_script" and len(error["faults"]) == 4
    for start in ("script, line 1: ", "script, line 2: Cleo is not in cast", "script, line 3: Ben", "cast: Dora"):
        assert any(fault.startswith(start) for fault in error["faults"]), start
    assert error["message"].endswith("And 3 more: see `faults`.")


@pytest.mark.parametrize("emotion", ["angry.wav", "../../etc/passwd.wav 0.5", str(bundled.VOICE)])
def test_no_path_is_opened(client, emotion):
    assert "no path is opened" in refused(client, f"Anna ({emotion}): Yes.\n")["message"]
    assert "no path is opened" in refused(client, "Anna: Yes.\n", cast={"Anna": {"emotion": emotion}})["message"]
    assert refused(client, "Anna: Yes.", cast={"Anna": {"voice": emotion}})["code"] == "voice_not_found"


@pytest.mark.parametrize(
    ("script", "fields", "param"),
    [
        (None, {}, "script"),
        (7, {}, "script"),
        ("", {}, "script"),
        ("1\n00:00:01,000 --> 00:00:02,000\nHello.\n", {}, "script"),
        ("Anna: Hello.\n" * 2001, {}, "script"),
        ("a" * 200_001, {}, "script"),
        ("word " * 500, {}, "script"),  # above --max_text
        ("A: b.", {"cast": {"A": {"speed": 9}}}, "cast.A"),
        ("A: b.", {"cast": {"A": {"speed": "fast"}}}, "cast"),
        ("A: b.", {"cast": {"A": {"pitch": 1}}}, "cast"),
        ("A: b.", {"cast": {"A": {}, "a": {}}}, "cast"),
        ("A: b.", {"cast": ["A"]}, "cast"),
        ("A: b.", {"cast": {"A": {"emotion": "gloomy"}}}, "cast.A"),
        ("A: b.", {"seed": -1}, "seed"),
        ("A: b.", {"rules": {}}, "rules"),
    ],
)
def test_what_cannot_be_read(client, script, fields, param):
    assert refused(client, script, **fields)["param"] == param


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lines": "all"},
        {"lines": [], "format": "ass"},
        {"lines": [{"words": [{"word": "a", "start": -1, "end": 2}]}]},
        {"lines": [{"words": [{"word": "a", "start": 1e300, "end": 2}]}]},
        {"lines": [{"words": [], "start": -1}]},
    ],
)
def test_what_are_no_times(client, body):
    assert client.post("/v1/audio/script/times", json=body).status_code == 400


def test_silences_are_whole_samples(client):
    body = read(client, "A: b.\n[pause:333ms]\nA: c. [pause:1ms]").json()
    assert np.array_equal([body["lines"][1]["silence"], body["silence"]], [samples_of(333), samples_of(1)])
