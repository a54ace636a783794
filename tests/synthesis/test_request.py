"""An emotion is one value, built in one place; a request is checked in one place, before a network is there."""

import numpy as np
import pytest

from indextts2_jax import Emotion, EmotionPrompt, Request
from indextts2_jax.config import ModelConfig, replace
from indextts2_jax.errors import AudioError, CheckpointError, ConfigError, EmotionError, IndexTTSError, TextError
from indextts2_jax.synthesis.request import check_request, read_emotion
from tests import annotations
from tests.tiny import tiny_config, tiny_voice, voice_clip

SAD = (0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("weights", [{"sad": 0.5}, "sad:0.5", list(SAD), SAD, np.array(SAD)])
def test_weights_are_eight_numbers_however_they_are_given(weights):
    assert Emotion(weights=weights).vector == SAD


def test_a_description_is_words_or_the_text_itself():
    assert Emotion(words="close to tears").description("Hello.") == "close to tears"
    assert Emotion(from_text=True).description("Hello.") == "Hello."
    assert Emotion(weights=SAD).description("Hello.") is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs a source"),
        ({"weight": 0.5}, "needs a source"),
        ({"weights": SAD, "clip": "a.wav"}, "clip and weights"),
        ({"clip": EmotionPrompt(np.zeros(3, np.float32)), "words": "sad"}, "clip and words"),
        ({"words": "sad", "from_text": True}, "words and from_text"),
        ({"weights": [1.0]}, "list of 8"),
        ({"weights": {"merry": 1.0}}, "'merry' is no emotion"),
        ({"weights": {}}, "No emotion is named"),
        ({"weights": "sad"}, "name:weight"),
        ({"weights": [0, 0, -0.1, 0, 0, 0, 0, 0]}, "sad"),
        ({"weights": [0, 0, float("nan"), 0, 0, 0, 0, 0]}, "sad"),
        ({"weights": SAD, "weight": 1.1}, "from 0 to 1"),
        ({"weights": SAD, "weight": "much"}, "finite number"),
        ({"words": "  "}, "some words"),
    ],
)
def test_what_makes_no_sense_is_no_emotion(options, message):
    with annotations.unchecked(), pytest.raises(EmotionError, match=message) as caught:
        Emotion(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "emotion"),
    [
        ({}, None),
        ({"emotion": None, "emotion_from_text": False, "emotion_alpha": None}, None),
        ({"emotion": "sad:0.5"}, Emotion(weights=SAD)),
        ({"emotion_vector": list(SAD), "emotion_alpha": 0.0}, Emotion(weights=SAD, weight=0.0)),
        ({"emotion_audio": "a.wav", "emotion_alpha": 0.6}, Emotion(clip="a.wav", weight=0.6)),
        ({"emotion_text": "sad"}, Emotion(words="sad")),
        ({"emotion_from_text": True, "emotion_alpha": 1}, Emotion(from_text=True)),
    ],
)
def test_flags_and_lines_become_an_emotion(values, emotion):
    assert read_emotion(values) == emotion


def test_clips_of_lines_lie_beside_their_file(tmp_path):
    assert read_emotion({"emotion_audio": "a.wav"}, folder=tmp_path) == Emotion(clip=str(tmp_path / "a.wav"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"emotion": "sad:1", "emotion_vector": list(SAD)}, "--emotion and --emotion_vector"),
        ({"emotion_audio": "a.wav", "emotion_vector": list(SAD)}, "--emotion_vector and --emotion_audio"),
        ({"emotion_text": "sad", "emotion_from_text": True}, "--emotion_text and --emotion_from_text"),
        ({"emotion_alpha": 0.5}, "--emotion_alpha is the weight of an emotion, but no emotion is given"),
        ({"emotion_alpha": 0.0}, "no emotion is given"),
        ({"emotion_vector": [1.0]}, "--emotion_vector: .*list of 8"),
        ({"emotion": "sad:1", "emotion_alpha": 2.0}, "--emotion: .*from 0 to 1"),
    ],
)
def test_what_flags_cannot_mean(values, message):
    with pytest.raises(EmotionError, match=message):
        read_emotion(values, "--{}".format)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"text": ""}, TextError),
        ({"text": " \n"}, TextError),
        ({"text": None}, TextError),
        ({"text": "One [pause:99s] two."}, TextError),
        ({"text": "x" * 300_001}, TextError),
        ({"seed": -1}, ConfigError),
        ({"seed": 2**32}, ConfigError),
        ({"seed": True}, ConfigError),
        ({"seed": 1.0}, ConfigError),
        ({"voice": "nowhere.wav"}, AudioError),
        ({"voice": "nowhere.safetensors"}, CheckpointError),
        ({"voice": voice_clip(0.3)}, AudioError),
        ({"voice": (np.zeros(9),)}, AudioError),
        ({"voice": None}, AudioError),
        ({"emotion": {"sad": 1.0}}, EmotionError),
        ({"emotion": Emotion(clip="nowhere.wav")}, AudioError),
        ({"emotion": Emotion(clip=(np.zeros(24000, np.float32), 24000))}, AudioError),
        ({"emotion": Emotion(from_text=True)}, CheckpointError),  # this model has no classifier
    ],
)
def test_a_bad_request_is_a_typed_error(change, error):
    with annotations.unchecked(), pytest.raises(error) as caught:
        check_request(Request(**{"text": "Hello.", "voice": tiny_voice(), **change}), tiny_config(), ModelConfig())
    assert isinstance(caught.value, IndexTTSError) and "\n" not in str(caught.value)


def test_a_saved_voice_is_read(tmp_path):
    tiny_voice().save(tmp_path / "anna.safetensors")
    request = check_request(Request("Hello.", tmp_path / "anna.safetensors"), tiny_config(), ModelConfig())
    np.testing.assert_array_equal(request.voice.style, tiny_voice().style)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"duration": {"target_seconds": 2.0}}, "duration.target_seconds"),
        ({"duration": {"even_pace": True}}, "duration.even_pace"),
        ({"polish": {"end_fade_ms": 5}}, "polish"),
    ],
)
def test_settings_that_do_not_go_with_a_stream(settings, key):
    request = Request("Hello.", tiny_voice())
    check_request(request, replace(tiny_config(), **settings), ModelConfig())
    with pytest.raises(ConfigError, match=key):
        check_request(request, replace(tiny_config(), **settings), ModelConfig(), streamed=True)
