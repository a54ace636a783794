"""Loudness: BS.1770 by pyloudnorm, level with the target or with the first segment, never clipped."""

import sys

import numpy as np
import pytest

from indextts2_jax.audio import loudness
from indextts2_jax.errors import ConfigError
from tests.audio.clips import voice

RATE = 22_050
SPEECH = voice(3.0, RATE)[:, 0].astype(np.float32)


def test_missing_library_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyloudnorm", None)
    loudness.check_loudness(False)
    for use in (lambda: loudness.check_loudness(True), lambda: loudness.Leveller(RATE, -23.0)):
        with pytest.raises(ConfigError, match="pip install pyloudnorm") as caught:
            use()
        assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def meter():
    return pytest.importorskip("pyloudnorm", reason="the extra `loudness`").Meter(RATE)


@pytest.mark.parametrize("target", [-30.0, -23.0, -16.0])
@pytest.mark.parametrize("gain", [0.2, 0.5, 1.0])
def test_the_target_is_met(meter, target, gain):
    audio, short = loudness.Leveller(RATE, target)(gain * SPEECH)
    assert audio.dtype == np.float32 and short == pytest.approx(0.0, abs=1e-6)
    assert meter.integrated_loudness(audio.astype(np.float64)) == pytest.approx(target, abs=0.01)


def test_a_calibrated_tone():
    """BS.1770: a sine of 997 Hz at full scale measures -3.01 LUFS."""
    sine = np.sin(2 * np.pi * 997 * np.arange(2 * RATE) / RATE)
    assert loudness.Leveller(RATE, None).measure(sine) == pytest.approx(-3.01, abs=0.1)


def test_without_a_target_the_first_segment_leads(meter):
    level = loudness.Leveller(RATE, None)
    silent, _ = level(np.zeros(RATE, np.float32))
    assert not silent.any()
    first, _ = level(0.4 * SPEECH)
    np.testing.assert_array_equal(first, np.float32(0.4) * SPEECH)
    for gain in (0.1, 1.2):
        other, _ = level(gain * SPEECH[: 2 * RATE])
        assert meter.integrated_loudness(other.astype(np.float64)) == pytest.approx(level.measure(first), abs=0.01)


def test_it_never_clips():
    spiky = 0.05 * SPEECH
    spiky[1000] = 0.9
    audio, short = loudness.Leveller(RATE, -12.0)(spiky)
    assert np.abs(audio).max() == pytest.approx(loudness.PEAK) and short > 5
    full = spiky / np.float32(0.9)
    quieter, short = loudness.Leveller(RATE, -60.0)(full)
    assert np.abs(quieter).max() < 1.0 and short == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_array_equal(loudness.Leveller(RATE, -12.0)(full)[0], full)


def test_short_and_silent_segments():
    level = loudness.Leveller(RATE, -23.0)
    word, _ = level(SPEECH[:4000])  # 0.18 s: less than one block
    assert level.measure(word) == pytest.approx(-23.0, abs=0.1)
    for audio in (np.zeros(0, np.float32), np.zeros(100, np.float32), np.full(RATE, 1e-6, np.float32)):
        np.testing.assert_array_equal(level(audio)[0], audio)
