"""How much of a clip is speech: what to warn of, and which part to take.

    samples ─ frames of 32 ms ─► power from 100 to 4000 Hz ─► loud enough, and not noise? ─► speech, frame by frame

A voice has harmonics: its spectrum is peaky, where that of hiss is flat; and syllables: its level rises and falls,
where that of hum stays. Neither tells a voice from music.
"""

import itertools

import numpy as np
from jaxtyping import Bool, Float, Float32

from indextts2_jax.audio.clip import USED_SECONDS, Clip

FRAME_SECONDS = 0.032
BAND = (100.0, 4000.0)
"""Hz, where the power of voices lies."""

DEEPEST = 35.0
"""Decibels below the loudest frames where speech ends."""

STEADY = 6.0
"""Decibels above the quietest frames that speech reaches; what stays below is hum."""

FLATTEST = 0.45
"""Geometric by arithmetic mean of the power, smoothed; white noise has 0.8, vowels below 0.2."""

LEAST_SPEECH = 0.25
"""Of the part that counts; what has less of it is warned of."""

MOST_CLIPPED = 0.002
"""Of the samples at full scale."""


def speech_frames(clip: Clip) -> Bool[np.ndarray, " F"]:
    """Which frames of `FRAME_SECONDS` hold speech; a gap of up to a third of a second between two counts as well."""
    power = _power(clip)
    if not len(power):
        return np.zeros(0, bool)
    kernel = np.ones(5) / 5
    smooth = np.apply_along_axis(np.convolve, 0, power, kernel, "same") + 1e-12
    flatness = np.exp(np.log(smooth).mean(axis=1)) / smooth.mean(axis=1)
    level = 10 * np.log10(power.sum(axis=1) + 1e-12)
    voiced = flatness < FLATTEST
    if not voiced.any():
        return voiced
    floor = max(np.percentile(level[voiced], 98) - DEEPEST, np.percentile(level, 5) + STEADY)
    return _without_gaps(voiced & (level > floor), round(0.35 / FRAME_SECONDS))


def faults(clip: Clip) -> list[str]:
    """What keeps a clip from being a good one, a sentence each; empty for most."""
    used = Clip(clip.audio[: USED_SECONDS * clip.sampling_rate], clip.sampling_rate)
    found = []
    speech = speech_frames(used)
    seconds = len(used.audio) / clip.sampling_rate
    if len(speech) and speech.mean() < LEAST_SPEECH:
        found.append(
            f"Only {speech.sum() * FRAME_SECONDS:.1f} of the first {seconds:.1f} s of the clip sound like speech, the "
            "rest like silence or noise. Cut it, or set audio.trim=speech."
        )
    peak = float(np.max(np.abs(used.audio)))
    clipped = float(np.mean(np.abs(used.audio) > 0.999 * peak))
    if clipped > MOST_CLIPPED and peak > 0.5:
        found.append(f"{100 * clipped:.1f} % of the clip's samples are cut off at its peak: record it more quietly.")
    return found


def best_part(clip: Clip) -> Clip:
    """The `USED_SECONDS` with the most speech, from just before it begins; the clip itself where it has none.

    Pauses inside stay. Args: a clip decoded to more than `USED_SECONDS`, as far as it goes.
    """
    speech = speech_frames(clip)
    if not speech.any():
        return clip
    window = round(USED_SECONDS / FRAME_SECONDS)
    sums = np.concatenate([[0], np.cumsum(speech)])
    starts = np.flatnonzero(speech & ~np.concatenate([[False], speech[:-1]]))  # where speech begins
    ends = np.minimum(starts + window, len(speech))
    start = int(starts[np.argmax(sums[ends] - sums[starts])])
    stop = start + int(np.flatnonzero(speech[start : start + window])[-1]) + 1
    size = round(FRAME_SECONDS * clip.sampling_rate)
    edge = round(0.1 / FRAME_SECONDS)
    first = max(0, start - edge) * size
    last = min(len(clip.audio), (stop + edge) * size, first + USED_SECONDS * clip.sampling_rate)
    return Clip(clip.audio[first:last], clip.sampling_rate)


def _power(clip: Clip) -> Float[np.ndarray, "F bins"]:
    size = round(FRAME_SECONDS * clip.sampling_rate)
    frames = _frames(clip.audio, size) * np.hanning(size)
    frequencies = np.fft.rfftfreq(size, 1 / clip.sampling_rate)
    inside = (frequencies >= BAND[0]) & (frequencies <= BAND[1])
    return np.abs(np.fft.rfft(frames, axis=1)[:, inside]) ** 2


def _frames(audio: Float32[np.ndarray, " N"], size: int) -> Float32[np.ndarray, "F S"]:
    count = len(audio) // size
    return audio[: count * size].reshape(count, size)


def _without_gaps(speech: Bool[np.ndarray, " F"], longest: int) -> Bool[np.ndarray, " F"]:
    filled = speech.copy()
    places = np.flatnonzero(speech)
    for before, after in itertools.pairwise(places):
        if after - before <= longest + 1:
            filled[before:after] = True
    return filled
