"""Spoken together, every segment and every request is what it is alone."""

import functools

import numpy as np
import pytest

from indextts2_jax import Emotion, Request
from indextts2_jax.config import replace
from indextts2_jax.errors import AudioError, ConfigError, EmotionError, TextError
from indextts2_jax.nn.buckets import bucket_size
from indextts2_jax.pipeline import batches, generation
from tests import annotations
from tests.tiny import tiny_config, tiny_synthesizer, tiny_voice, voice_clip

CONFIG = replace(tiny_config(), decode={"max_mel_tokens": 40, "num_beams": 2})


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


@functools.cache
def other_voice():
    """A longer prompt, so that rows of one batch have prompts of two sizes."""
    return tiny_synthesizer().encode_voice(voice_clip(2.5, 200.0))


def same(together, alone) -> None:
    assert len(together.codes) == len(alone.codes)
    for a, b in zip(together.codes, alone.codes, strict=True):
        np.testing.assert_array_equal(a, b)
    assert together.audio.shape == alone.audio.shape
    assert cosine(together.audio, alone.audio) >= 0.9999
    assert together.warnings == alone.warnings and together.segments == alone.segments


@pytest.mark.parametrize("device", ["this", "an accelerator"])
def test_requests_together_are_what_they_are_alone(device, monkeypatch):
    """Texts, voices, emotions and seeds of their own; three rows, of which the decoder makes four."""
    if device == "an accelerator":  # its batches, computed here
        monkeypatch.setattr(batches, "behind_decoder", lambda params, at_once: at_once)
    tts = tiny_synthesizer()
    requests = [
        Request("Hello there.", tiny_voice(), seed=1),
        Request("One, two, three, four, five.", other_voice(), Emotion(weights={"sad": 1.0}), seed=2),
        Request("Hello there.", tiny_voice(), Emotion(weights={"happy": 0.4}, weight=0.5), seed=3),
    ]
    progress = []
    together = tts.synthesize_batch(requests, config=CONFIG, progress=progress.append)
    assert max(state.code_limit for state in progress) == 40 and progress[-1].stage == "vocoder"
    for request, speech in zip(requests, together, strict=True):
        options = {"emotion": request.emotion, "seed": request.seed, "config": CONFIG}
        same(speech, tts.synthesize(request.text, request.voice, **options))
        assert speech.seed == request.seed
    lengths = {len(speech.codes[0]) for speech in together}
    assert not np.array_equal(together[0].codes[0], together[2].codes[0]) and max(lengths) > 3


@pytest.mark.parametrize("largest", [1, 4])
def test_segments_of_one_text_together(largest, monkeypatch):
    monkeypatch.setattr(batches, "behind_decoder", lambda params, at_once: min(at_once, largest))
    text = "One, two, three, four, five. Hello there. Six, seven."
    config = replace(CONFIG, text={"max_text_tokens_per_segment": 12}, interval_silence_ms=100)
    alone = tiny_synthesizer().synthesize(text, tiny_voice(), config=config)
    together = tiny_synthesizer().synthesize(text, tiny_voice(), config=replace(config, segments_at_once=4))
    assert len(alone.segments) > 2
    same(together, alone)


def test_batches_are_of_equal_sizes_and_powers_of_two():
    frames = [34, 51, 60, 103, 61, 43, 63]
    made = [list(batch) for batch in batches.alike(frames, bucket_size, at_once=4)]
    assert made == [[34, 51, 60, 61], [43, 63], [103]]
    assert [len(batch) for batch in batches.alike(frames, bucket_size, at_once=3)] == [2, 2, 2, 1]
    assert batches.filled([1, 2, 3]) == [1, 2, 3, 1] and batches.filled([1]) == [1]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"text": "  "}, TextError),
        ({"seed": -1}, ConfigError),
        ({"emotion": "sad"}, EmotionError),
        ({"voice": "missing.wav"}, AudioError),
    ],
)
def test_everything_is_checked_before_anything_is_spoken(change, error, monkeypatch):
    monkeypatch.setattr(generation, "choose_codes", None)
    fine = {"text": "Hello there.", "voice": tiny_voice()}
    with annotations.unchecked(), pytest.raises(error):
        tiny_synthesizer().synthesize_batch([Request(**fine), Request(**{**fine, **change})])


def test_a_batch_has_bounds():
    with pytest.raises(ConfigError, match="at_once is 0"):
        tiny_synthesizer().synthesize_batch([Request("Hello.", tiny_voice())], at_once=0)
