"""The two roads to 16 kHz: lengths, the cut at 15 s, and equality with resampling the whole file."""

import math

import numpy as np
import pytest
import soxr

from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio import resample
from tests.audio.clips import voice

RATES = [4000, 8000, 11025, 16000, 22050, 24000, 32000, 44100, 47999, 48000, 96000, 192000, 384000]


def noise(seconds: float, rate: int) -> np.ndarray:
    return np.random.default_rng(rate).normal(0, 0.2, round(seconds * rate)).astype(np.float32)


def whole(samples: np.ndarray, rate: int, target: int) -> np.ndarray:
    return samples if rate == target else soxr.resample(samples, rate, target, quality="soxr_hq")


@pytest.mark.parametrize("rate", RATES)
def test_a_long_clip_equals_the_whole_file_resampled_and_cut(rate):
    samples = noise(19.3, rate)
    clip = audio_clip.clip_from_array(samples, rate)
    audio_22k, _ = resample.speaker_audio(clip)
    np.testing.assert_array_equal(audio_22k, whole(samples, rate, 22_050)[:330_750])
    np.testing.assert_array_equal(resample.emotion_audio(clip), whole(samples, rate, 16_000)[:240_000])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seconds", [0.6, 0.7777])
def test_lengths_of_a_short_clip(rate, seconds):
    clip = audio_clip.clip_from_array(noise(seconds, rate), rate)
    audio_22k, audio_16k = resample.speaker_audio(clip)
    count = len(clip.audio)
    assert len(audio_22k) == math.ceil(count * (22_050 / rate))
    assert len(audio_16k) == math.ceil(len(audio_22k) * 320 / 441)
    assert len(resample.emotion_audio(clip)) == math.ceil(count * (16_000 / rate))
    assert audio_22k.dtype == audio_16k.dtype == np.float32


def test_the_cut():
    clip = audio_clip.clip_from_array(noise(15.9, 22_050), 22_050)
    audio_22k, audio_16k = resample.speaker_audio(clip)
    assert (len(audio_22k), len(audio_16k), len(resample.emotion_audio(clip))) == (330_750, 240_000, 240_000)
    np.testing.assert_array_equal(audio_22k, clip.audio[:330_750])


def test_sinc_keeps_tones_and_removes_what_lies_above():
    time_22k, time_16k = np.arange(22_050) / 22_050, np.arange(16_000) / 16_000
    inside = slice(100, -100)
    for hertz in (50, 1000, 6000):
        out = resample.sinc_22k_to_16k(np.sin(2 * np.pi * hertz * time_22k).astype(np.float32))
        np.testing.assert_allclose(out[inside], np.sin(2 * np.pi * hertz * time_16k)[inside], atol=0.02)
    out = resample.sinc_22k_to_16k(np.sin(2 * np.pi * 10_000 * time_22k).astype(np.float32))
    assert np.abs(out[inside]).max() < 0.01


def test_the_two_roads_differ():
    clip = audio_clip.clip_from_array(noise(1.0, 48_000), 48_000)
    _, speaker = resample.speaker_audio(clip)
    difference = np.sqrt(np.mean((speaker - resample.emotion_audio(clip)) ** 2))
    assert 1e-3 < difference < 0.1


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 96_000])
def test_the_rate_of_a_recording_does_not_matter(rate):
    """The same band-limited voice, sampled at another rate, gives the same audio."""
    expected = resample.speaker_audio(audio_clip.clip_from_array(voice(1.0, 48_000), 48_000))
    actual = resample.speaker_audio(audio_clip.clip_from_array(voice(1.0, rate), rate))
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a[200:-200], b[200:-200], atol=2e-4)
