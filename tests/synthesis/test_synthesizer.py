"""What a call may change and what it may not; many threads at once."""

import concurrent.futures
import dataclasses

import numpy as np
import pytest

from indextts2_jax import Emotion, IndexTTS2, Request
from indextts2_jax.config import Config, DecodeConfig, PrecisionConfig, replace
from indextts2_jax.errors import ConfigError
from tests.tiny import tiny_artefact, tiny_config, tiny_synthesizer, tiny_voice, voice_clip

QUICK = {"decode": {"max_mel_tokens": 8}, "flow": {"steps": 1}}


def other_model():
    model = tiny_config().model
    return dataclasses.replace(model, gpt=dataclasses.replace(model.gpt, layers=model.gpt.layers + 1))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"precision": PrecisionConfig(gpt="bfloat16")}, "precision"),
        ({"model": other_model()}, "model"),
        ({"checkpoint": "demo", "model": None, "random_seed": None}, "checkpoint"),
        ({"random_seed": 7}, "random_seed"),
        ({"decode": DecodeConfig(max_mel_tokens=5000), "model": None}, "decode.max_mel_tokens"),
        (
            {"text": dataclasses.replace(Config().text, max_text_tokens_per_segment=5000), "model": None},
            "text.max_text",
        ),
    ],
)
def test_a_setting_of_a_call_counts_or_is_refused(changes, key, monkeypatch):
    tts, voice = tiny_synthesizer(), tiny_voice()
    monkeypatch.setattr(tts, "_prompts", None, raising=False)  # nothing is encoded before
    config = dataclasses.replace(tts.config, **changes)
    for call in (tts.synthesize, tts.stream):
        with pytest.raises(ConfigError, match=key):
            call("Hello there.", voice, config=config)
    with pytest.raises(ConfigError, match=key):
        tts.synthesize_batch([Request("Hello there.", voice)], config=config)


def test_settings_that_are_not_given_stay():
    tts = tiny_synthesizer()
    given = tts.synthesize("Hello there.", tiny_voice(), config=replace(tts.config, **QUICK))
    in_part = tts.synthesize("Hello there.", tiny_voice(), config=QUICK)
    np.testing.assert_array_equal(in_part.audio, given.audio)
    with pytest.raises(ConfigError, match=r"decode\.beams"):
        tts.synthesize("Hello there.", tiny_voice(), config={"decode": {"beams": 1}})
    assert tts.check(Request("Hello.", tiny_voice()), QUICK).config.decode.num_beams == tts.config.decode.num_beams


def test_limits_are_those_of_the_loaded_model(tmp_path):
    folder = tiny_artefact(tmp_path / "tiny")
    most = tiny_config().model.gpt.max_mel_tokens
    with pytest.raises(ConfigError, match=f"decode.max_mel_tokens is 5000, but it must be at most {most}"):
        IndexTTS2.from_pretrained(folder, config=replace(Config(), decode={"max_mel_tokens": 5000}))
    with pytest.raises(ConfigError, match=r"random_seed"):
        IndexTTS2.from_pretrained(folder, config={"random_seed": 1})
    with pytest.raises(ConfigError, match=r"config\.checkpoint is 'elsewhere'"):
        IndexTTS2.from_pretrained(folder, config={"checkpoint": "elsewhere"})
    assert IndexTTS2.from_pretrained(folder).config.decode.max_mel_tokens == min(1500, most)


def test_eight_threads_at_once_are_what_they_are_one_by_one():
    """Clips and texts of their own, and some the same; the memory of encoded clips is shared, and too small for all."""
    tts = IndexTTS2.from_random(tiny_config())
    texts = ["Hello there.", "One, two, three.", "Six, seven.", "Hello there."]
    jobs = [
        (texts[i % 4], voice_clip(1.2, 100.0 + 20 * (i % 6)), Emotion(clip=voice_clip(1.0, 200.0 + i % 3)), i)
        for i in range(24)
    ]

    def speak(job) -> np.ndarray:
        text, clip, emotion, seed = job
        return tts.synthesize(text, clip, emotion=emotion, seed=seed, config=QUICK).audio

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        together = list(pool.map(speak, jobs))
    alone = IndexTTS2.from_random(tiny_config())
    for (text, clip, emotion, seed), audio in zip(jobs, together, strict=True):
        expected = alone.synthesize(text, clip, emotion=emotion, seed=seed, config=QUICK)
        np.testing.assert_array_equal(audio, expected.audio)
