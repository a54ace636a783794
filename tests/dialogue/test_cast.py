"""Casts and emotions as people write them."""

import json

import pytest

from indextts2_jax import Emotion
from indextts2_jax.dialogue.cast import Cast, Part, load_cast
from indextts2_jax.dialogue.emotions import BARE_WEIGHT, parse_emotion
from indextts2_jax.errors import ConfigError, EmotionError


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", {}),
        ("sad", {"emotion": f"sad:{BARE_WEIGHT}"}),
        ("Sad", {"emotion": f"Sad:{BARE_WEIGHT}"}),
        ("sad 0.5", {"emotion": f"sad:{BARE_WEIGHT}", "emotion_alpha": 0.5}),
        ("happy:0.3, sad", {"emotion": f"happy:0.3,sad:{BARE_WEIGHT}"}),
        ("0,0,0.8,0,0,0,0,0", {"emotion_vector": [0, 0, 0.8, 0, 0, 0, 0, 0]}),
        ("0, 0, 0.8, 0, 0, 0, 0, 0", {"emotion_vector": [0, 0, 0.8, 0, 0, 0, 0, 0]}),
        ("angry one.WAV", {"emotion_audio": "angry one.WAV"}),
        ("angry.flac .6", {"emotion_audio": "angry.flac", "emotion_alpha": 0.6}),
        ('"close to tears" 0.7', {"emotion_text": "close to tears", "emotion_alpha": 0.7}),
        ("“close to tears”", {"emotion_text": "close to tears"}),
        ("from text", {"emotion_from_text": True}),
    ],
)
def test_emotions(written, expected):
    assert parse_emotion(written) == expected


@pytest.mark.parametrize("written", ["whispering", "sad and happy", "0.5", "close to tears", "1,x"])
def test_no_emotions(written):
    with pytest.raises(EmotionError, match="no emotion"):
        parse_emotion(written)


def load(folder, text, name="cast.yaml"):
    (folder / name).write_text(text, "utf-8")
    return load_cast(folder / name)


def test_a_cast(tmp_path):
    text = """
default: {voice: narrator.wav, loudness: -20, decode.num_beams: 1}
Anna: {voice: anna.safetensors, emotion: {happy: 0.4}, speed: 1.1}
"Old Ben": ben.wav
Cleo: {emotion: sad, emotion_alpha: 0.5, loudness: 0, flow.steps: 3}
"""
    cast, faults = load(tmp_path, text)
    assert not faults and list(cast.parts) == ["Anna", "Old Ben", "Cleo"]
    anna = cast.part("  ANNA ")
    assert anna.voice == str(tmp_path / "anna.safetensors") and anna.emotion == Emotion(weights={"happy": 0.4})
    assert (anna.speed, anna.loudness, anna.at) == (1.1, -20.0, 3)
    assert cast.part("old  ben").voice == str(tmp_path / "ben.wav")
    cleo = cast.part("Cleo")
    assert cleo.voice == str(tmp_path / "narrator.wav") and cleo.loudness == 0.0
    assert cleo.emotion == Emotion(weights={"sad": BARE_WEIGHT}, weight=0.5)
    assert cleo.settings == {"decode.num_beams": 1, "flow.steps": 3}
    assert cast.part("").voice == str(tmp_path / "narrator.wav") and cast.part("Dora") is None


def test_a_cast_in_json(tmp_path):
    cast, faults = load(tmp_path, json.dumps({"Anna": {"emotion": [0] * 8}, "B": {"emotion_text": "glad"}}), "a.json")
    assert not faults and cast.part("Anna").emotion.vector == (0.0,) * 8 and cast.part("b").emotion.words == "glad"


def test_all_faults_of_a_cast_are_told(tmp_path):
    text = """Anna: {voice: 3}
Ben: {speed: 9}
Cleo: {emotion: whispering}
Dora: {pitch: 2}
"": {voice: x.wav}
Emil: {emotion: sad, emotion_text: glad}
anna: x.wav
Fritz: [x.wav]
Gina: {loudness: -2}
Hugo: {1: x.wav, speed: 3, emotion: loud, loudness: 4}
no: {speed: 9}
"""
    _, faults = load(tmp_path, text)
    assert [fault.at for fault in faults] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10, 11]
    told = "\n".join(fault.what for fault in faults)
    for part in (
        "voice is 3",
        "speed is 9",
        "whispering",
        "no key 'pitch'",
        "'' must be text",
        "more than once",
        "Hugo: there is no key '1'",
        "Hugo: speed is 3",
        "Hugo: (loud)",
        "Hugo: loudness is 4",
        "no: speed is 9",
    ):
        assert part in told
    assert "one name" in told and "write a clip's name" in told and "at most -5 LUFS" in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Anna: x.wav\nAnna: y.wav\n", "line 2 has 'Anna' a second time"),
        ("- Anna", "must map names"),
        ("", "must map names"),
        ("Anna: [", "not valid YAML"),
        ("Anna: {speed: 1" + 400 * "0" + "}", "a number of 401 digits"),
        ("Anna: {speed: 1" + 9000 * "0" + "}", "not valid YAML"),
        ("a: &x {}\nb: *x", "references"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_no_cast(text, message, tmp_path):
    with pytest.raises(ConfigError, match=message) as error:
        load(tmp_path, text)
    assert "\n" not in str(error.value)


def test_values():
    assert Part("a").over(Part("b", speed=2.0)) == Part("a", speed=2.0)
    with pytest.raises(ConfigError, match="differ in case"):
        Cast({"Anna": Part(), "anna ": Part()})
    with pytest.raises(ConfigError, match="speed is 3"):
        Part(speed=3.0)


def test_names_of_json_are_there_once(tmp_path):
    with pytest.raises(ConfigError, match="has 'Anna' twice"):
        load(tmp_path, '{"Anna": "x.wav", "Anna": "y.wav"}', "cast.json")


def test_names_are_what_is_written(tmp_path):
    cast, faults = load(tmp_path, "no: a.wav\n12: b.wav\nnull: c.wav\n")
    assert not faults and list(cast.parts) == ["no", "12", "null"]


def test_what_is_right_of_a_wrong_part_counts(tmp_path):
    """So nothing that is there is called missing."""
    cast, faults = load(tmp_path, "Anna: {voice: a.wav, emotion: [1, 2], decode.num_beams: 1}\n")
    assert len(faults) == 1 and cast.part("Anna").voice == str(tmp_path / "a.wav") and cast.part("Anna").settings
