"""What is warned of in a clip, and which part of it is taken."""

import numpy as np
import pytest

from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio import quality
from indextts2_jax.audio.clip import Clip
from indextts2_jax.checkpoint import bundled

RATE = 16_000


def noise(seconds: float, level: float, colour: float = 0.0, rate: int = RATE) -> np.ndarray:
    """White, or with power falling as frequency to the power of `colour`."""
    white = np.random.default_rng(0).normal(0, 1, round(seconds * rate))
    shape = np.maximum(np.fft.rfftfreq(len(white), 1 / rate), 20.0) ** (-colour / 2)
    coloured = np.fft.irfft(np.fft.rfft(white) * shape, len(white))
    return (level * coloured / coloured.std()).astype(np.float32)


def hum(seconds: float) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.1 * np.sin(2 * np.pi * 100 * time) + 0.05 * np.sin(2 * np.pi * 150 * time)).astype(np.float32)


@pytest.fixture(scope="module")
def speech() -> Clip:
    return audio_clip.load_clip(bundled.voice_clip())


def joined(rate: int, *parts: np.ndarray) -> Clip:
    return Clip(np.concatenate(parts).astype(np.float32), rate)


def test_speech_is_fine(speech):
    assert quality.faults(speech) == [] and quality.speech_frames(speech).mean() > 0.8


def test_published_clips_are_fine(shared):
    for path in sorted((shared / "voices").iterdir()):
        assert quality.faults(audio_clip.load_clip(path, audio_clip.MIN_EMOTION_SECONDS)) == [], path


@pytest.mark.parametrize("colour", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("level", [0.002, 0.1])
def test_noise_is_no_speech(colour, level):
    (fault,) = quality.faults(Clip(noise(10, level, colour), RATE))
    assert "sound like speech" in fault and "audio.trim=speech" in fault


def test_hum_is_no_speech():
    assert "sound like speech" in quality.faults(Clip(hum(10) + noise(10, 0.001), RATE))[0]


@pytest.mark.parametrize("level", [0.0, 0.001, 0.01, 0.05])
def test_a_second_of_voice_behind_hiss_or_silence(level, speech):
    rate = speech.sampling_rate
    clip = joined(rate, noise(14, level, rate=rate), speech.audio[:rate])
    assert "sound like speech" in quality.faults(clip)[0]


@pytest.mark.parametrize("decibels", [30, 20, 10])
def test_noisy_speech_is_speech(decibels, speech):
    seconds = len(speech.audio) / speech.sampling_rate
    hiss = noise(seconds, float(speech.audio.std()) * 10 ** (-decibels / 20), rate=speech.sampling_rate)
    assert quality.faults(Clip(speech.audio + hiss[: len(speech.audio)], speech.sampling_rate)) == []


def test_clipping(speech):
    loud = speech.audio / np.abs(speech.audio).max()
    assert "cut off at its peak" in quality.faults(Clip(np.clip(8 * loud, -1, 1), speech.sampling_rate))[0]
    assert quality.faults(Clip(loud, speech.sampling_rate)) == []


@pytest.mark.parametrize("level", [0.0, 0.003])
def test_the_part_with_speech_is_taken(level, speech):
    rate = speech.sampling_rate
    found = quality.best_part(joined(rate, noise(40, level, rate=rate), speech.audio, noise(20, level, rate=rate)))
    assert quality.faults(found) == [] and quality.speech_frames(found).mean() > 0.7
    assert abs(len(found.audio) - len(speech.audio)) < 0.8 * rate
    inside = speech.audio[rate // 2 : rate]
    match = np.correlate(found.audio, inside, "valid").max() / np.sum(inside.astype(np.float64) ** 2)
    assert match == pytest.approx(1.0, abs=0.05)


def test_at_most_fifteen_seconds(speech):
    clip = joined(speech.sampling_rate, *[speech.audio] * 12)
    assert 14 * RATE < len(quality.best_part(clip).audio) * RATE / speech.sampling_rate <= 15 * RATE


def test_without_speech_the_clip_stays():
    clip = Clip(noise(20, 0.1), RATE)
    assert quality.best_part(clip) is clip


@pytest.mark.parametrize("samples", [0, 1, 500, 8000])
def test_short_clips(samples):
    clip = Clip(noise(1, 0.1)[:samples], RATE)
    assert len(quality.speech_frames(clip)) == samples // 512
