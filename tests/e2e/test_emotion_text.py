"""Emotion from text on the tiny model, with a classifier whose answer is known."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from indextts2_jax import Emotion, IndexTTS2
from indextts2_jax.checkpoint import artefact
from indextts2_jax.config import Config, replace
from indextts2_jax.errors import CheckpointError, ConfigError, EmotionError
from indextts2_jax.text.tiny import train_tiny_tokenizer
from tests.conftest import ROOT
from tests.emotion_text.tiny import ANSWER, RANDOM, converted, speaking_config, speaking_tensors, tokenizer_json
from tests.tiny import tiny_config, tiny_synthesizer, tiny_voice, voice_clip

QUICK = replace(Config(), decode={"max_mel_tokens": 12}, flow={"steps": 2})
WEIGHTS = {"happy": 0.1, "sad": 0.7}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The tiny model with a classifier that always says `ANSWER`."""
    tokenizer, config = tokenizer_json(*ANSWER), speaking_config(*ANSWER)
    tts, folder = tiny_synthesizer(), tmp_path_factory.mktemp("artefact") / "tiny"
    artefact.save_artefact(
        folder,
        model=dataclasses.replace(tts.model, qwen=config),
        params={**tts.params, "qwen": converted(config, speaking_tensors(*ANSWER))},
        tokenizer=train_tiny_tokenizer(),
        qwen_tokenizer=tokenizer,
    )
    return folder


@pytest.fixture(scope="module")
def speak(folder):
    tts = IndexTTS2.from_pretrained(folder, config=QUICK)
    assert "qwen" not in tts.params
    voice = dataclasses.replace(tiny_voice(), model_id=tts.model_id)
    return lambda text="Hello there.", **options: tts.synthesize(text, voice, **options)


def test_a_description_gives_the_weights_of_its_answer(speak):
    described, given = speak(emotion=Emotion(words="close to tears")), speak(emotion=Emotion(weights=WEIGHTS))
    np.testing.assert_array_equal(described.audio, given.audio)
    assert "emotion_text" in described.seconds and "emotion_text" not in given.seconds
    plain = speak()
    assert plain.audio.shape != given.audio.shape or not np.array_equal(plain.audio, given.audio)


def test_the_text_itself(speak):
    """With one of the words that make sad melancholic, and with a factor."""
    read = speak("Hello, gloomy.", emotion=Emotion(from_text=True, weight=0.5))
    given = speak("Hello, gloomy.", emotion=Emotion(weights={"happy": 0.1, "melancholic": 0.7}, weight=0.5))
    np.testing.assert_array_equal(read.audio, given.audio)


def test_the_classifiers_weights_are_not_normalised(speak):
    config = replace(QUICK, emotion={"normalize_vector": True})
    described = speak(emotion=Emotion(words="close to tears"), config=config)
    np.testing.assert_array_equal(described.audio, speak(emotion=Emotion(weights=WEIGHTS)).audio)


def test_what_is_refused(speak):
    for options in (
        {"words": "a", "from_text": True},
        {"weights": WEIGHTS, "words": "a"},
        {"clip": voice_clip(), "from_text": True},
    ):
        with pytest.raises(EmotionError, match=f"{next(iter(options))} and .*; leave only one"):
            Emotion(**options)
    for text in ("", " \n"):
        with pytest.raises(EmotionError, match="must be some words"):
            Emotion(words=text)
    with pytest.raises(CheckpointError, match=r"no emotion classifier.*hf download"):
        tiny_synthesizer().synthesize("Hello there.", tiny_voice(), emotion=Emotion(words="a"))
    with pytest.raises(CheckpointError, match="no emotion classifier"):
        tiny_synthesizer().classify_emotion("a")
    model = dataclasses.replace(tiny_synthesizer().model, qwen=RANDOM)
    with pytest.raises(ConfigError, match=r"config\.model\.qwen"):
        IndexTTS2.from_random(dataclasses.replace(tiny_config(), model=model))


def test_command_line(folder, tmp_path):
    soundfile.write(tmp_path / "voice.wav", *voice_clip())
    command = [sys.executable, "run_inference.py", f"--checkpoint={folder}", f"--speaker={tmp_path / 'voice.wav'}"]
    command += ["--config.decode.max_mel_tokens=12", "--config.flow.steps=2", f"--output={tmp_path / 'out.wav'}"]
    command += ["--text=Hello there.", "--emotion_from_text"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    assert "emotion_text" in run.stdout and len(soundfile.read(tmp_path / "out.wav")[0])
