"""Polish: what is taken away is breath and silence, never speech, and lengths are exact."""

import numpy as np
import pytest

from indextts2_jax.audio import postprocess
from tests.audio.clips import voice

RATE = 22_050
BINS = 80


def mel(levels: list[tuple[int, float, float]]) -> np.ndarray:
    """Frames with (how many, level of the low bins, level of the high bins)."""
    rows = []
    for count, low, high in levels:
        rows += [np.linspace(low, high, BINS)] * count
    return np.array(rows, np.float32)


SPEECH, DIP, HISS = (40, -2.0, -6.0), (5, -9.0, -10.0), (10, -7.0, -3.0)


def test_hiss_behind_a_dip_is_breath():
    assert postprocess.breath_frames(mel([SPEECH, DIP, HISS])) == 10


@pytest.mark.parametrize(
    "levels",
    {
        "no hiss": [SPEECH, DIP],
        "a fricative, no dip before it": [SPEECH, (10, -7.0, -3.0)],
        "hiss that ends": [SPEECH, DIP, HISS, SPEECH],
        "too short": [SPEECH, DIP, (2, -7.0, -3.0)],
        "too long": [SPEECH, DIP, (26, -7.0, -3.0)],
        "hiss only": [HISS],
        "hiss that falls": [SPEECH, (3, -2.0, -2.0), (6, -9.0, -6.0)],
        "nothing": [(1, -5.0, -5.0)],
    }.items(),
    ids=lambda item: item[0],
)
def test_what_is_no_breath(levels):
    assert postprocess.breath_frames(mel(levels[1])) == 0


def tone(seconds: float) -> np.ndarray:
    return voice(seconds, RATE)[:, 0].astype(np.float32)


def hush(seconds: float) -> np.ndarray:
    return (1e-5 * np.random.default_rng(0).standard_normal(int(seconds * RATE))).astype(np.float32)


def longest_silence(audio: np.ndarray) -> int:
    loud = np.flatnonzero(np.concatenate([[True], np.abs(audio) > 1e-3, [True]]))
    return int(np.diff(loud).max()) - 1


def test_long_silences_become_short_and_speech_stays():
    first, second = tone(0.5), tone(0.7)
    audio = np.concatenate([hush(0.4), first, hush(1.0), second, hush(0.1), first, hush(0.6)])
    shorter = postprocess.shorten_silences(audio, RATE, 200)
    most = int(0.2 * RATE)
    saved = sum(int(s * RATE) for s in (0.4, 1.0, 0.6)) - 3 * most
    frame = RATE * postprocess.HOP_MS // 1000
    assert abs(len(audio) - len(shorter) - saved) <= 6 * frame  # silence is found in frames
    assert longest_silence(shorter) <= most + 2 * frame
    for part in (first, second):  # every sample of it
        spot = part[2 * frame : -2 * frame]
        windows = np.lib.stride_tricks.sliding_window_view(shorter, len(spot))[:, ::997]
        assert (windows == spot[::997]).all(axis=1).any()
    assert len(shorter) - len(postprocess.shorten_silences(shorter, RATE, 200)) <= 6 * frame


def test_the_joint_is_no_click():
    audio = np.concatenate([tone(0.3), hush(2.0), tone(0.3)])
    shorter = postprocess.shorten_silences(audio, RATE, 100)
    middle = shorter[int(0.33 * RATE) : int(0.37 * RATE)]
    assert np.abs(np.diff(middle)).max() < 1e-4


@pytest.mark.parametrize("audio", [np.zeros(0, np.float32), np.zeros(50, np.float32), hush(1.0), tone(1.0)])
def test_nothing_to_shorten(audio):
    np.testing.assert_array_equal(postprocess.shorten_silences(audio, RATE, 50), audio)


def test_fade():
    audio = np.ones(RATE, np.float32)
    faded = postprocess.fade_end(audio, RATE, 20)
    assert faded[-1] == 0.0 and (np.diff(faded[-441:]) < 0).all() and (faded[:-441] == 1.0).all()
    assert audio[-1] == 1.0  # a copy
    assert postprocess.fade_end(audio[:100], RATE, 20)[0] < 1.0
    np.testing.assert_array_equal(postprocess.fade_end(audio, RATE, 0), audio)
    assert len(postprocess.fade_end(audio[:0], RATE, 20)) == 0
