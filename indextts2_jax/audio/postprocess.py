"""What may be done to the speech of a segment, each an option; the reference does none of it.

log mel ─ breath_frames: the hiss behind the last word is not vocoded ─► waveform ─ shorten_silences ─ fade_end ─►
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32

# The hiss that the speech model sometimes adds before its stop token: high bins above low ones, behind a dip in energy.
# A word that ends in a fricative has no dip. The figures are of index-tts pull request 809: hiss of 35 to 170 ms.
HISS_RATIO = 1.0
HISS_RISE = 1.0
HISS_FRAMES = (3, 25)  # at 86 frames a second
DIP_FRAMES = 3

HOP_MS = 5
SILENCE_BELOW_SPEECH = 0.01
"""-40 dB below the level of the louder parts."""
SILENCE = 1e-4


def breath_frames(log_mel: Float[np.ndarray, "M C"]) -> int:
    """How many frames at the end are a hiss that is no speech: 0, or 3 to 25.

    Args:
      log_mel: natural logarithm, from low to high frequencies.
    """
    bins = log_mel.shape[1]
    tilt = log_mel[:, bins * 3 // 5 :].mean(axis=1) - log_mel[:, : bins * 2 // 5].mean(axis=1)
    hissing = tilt[::-1] > HISS_RATIO
    count = len(hissing) if hissing.all() else int(np.argmin(hissing))
    least, most = HISS_FRAMES
    if not least <= count <= most or count + DIP_FRAMES > len(log_mel):
        return 0
    energy = log_mel.mean(axis=1)
    rise = energy[-count:].mean() - energy[-count - DIP_FRAMES : -count].mean()
    return count if rise >= HISS_RISE else 0


def shorten_silences(audio: Float[np.ndarray, " N"], sampling_rate: int, max_ms: float) -> Float32[np.ndarray, " _"]:
    """Every silence longer than `max_ms` (at least 50) becomes that long: its middle is left out, with a cross-fade.

    Silent is what lies 40 dB below the louder parts, or below -80 dBFS. Audio that is silent altogether stays as it is.
    """
    return cut_out(audio, sampling_rate, silence_cuts(audio, sampling_rate, max_ms))


def cut_out(
    audio: Float[np.ndarray, " N"], sampling_rate: int, cuts: Sequence[tuple[int, int]]
) -> Float32[np.ndarray, " _"]:
    """The audio without what `silence_cuts` found, with a cross-fade in the place of each."""
    audio = np.asarray(audio, np.float32)
    hop = sampling_rate * HOP_MS // 1000
    fade = np.linspace(0.0, 1.0, hop, endpoint=False, dtype=np.float32)
    pieces, start = [], 0
    for left, spare in cuts:
        pieces.append(audio[start:left])
        before, behind = audio[left : left + hop], audio[left + spare : left + spare + hop]
        pieces.append(before * (1 - fade) + behind * fade)
        start = left + spare + hop
    return np.concatenate([*pieces, audio[start:]])


def silence_cuts(audio: Float[np.ndarray, " N"], sampling_rate: int, max_ms: float) -> list[tuple[int, int]]:
    """What `shorten_silences` leaves out: (sample from which, how many samples), in order."""
    hop, most = sampling_rate * HOP_MS // 1000, int(sampling_rate * max_ms / 1000.0)
    cuts = []
    for begin, end in _silences(np.asarray(audio, np.float32), hop):
        if end - begin <= most or (begin, end) == (0, len(audio)):
            continue
        spare = end - begin - most
        left = begin + (0 if begin == 0 else (most - hop) // 2)  # at the edges of the audio the outer end is cut off
        cuts.append((end - spare - hop if end == len(audio) else left, spare))
    return cuts


def after_cuts(position: float, cuts: Sequence[tuple[int, int]]) -> float:
    """Where a sample is, or would be, once the cuts are made."""
    return position - sum(min(max(position - left, 0.0), spare) for left, spare in cuts)


def silences(audio: Float[np.ndarray, " N"], sampling_rate: int, least_ms: float) -> list[tuple[int, int]]:
    """[begin, end) in samples of every silence that lasts `least_ms` or longer."""
    found = _silences(np.asarray(audio, np.float32), sampling_rate * HOP_MS // 1000)
    return [(begin, end) for begin, end in found if end - begin >= sampling_rate * least_ms / 1000.0]


def _silences(audio: Float32[np.ndarray, " N"], hop: int) -> list[tuple[int, int]]:
    """[begin, end) of every stretch of silent frames, in samples; the last frame takes in the rest."""
    count = len(audio) // hop
    if not count:
        return []
    level = np.sqrt(np.square(audio[: count * hop], dtype=np.float64).reshape(count, hop).mean(axis=1))
    quiet = level < max(SILENCE, SILENCE_BELOW_SPEECH * np.percentile(level, 95))
    steps = np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]]))
    bounds = zip(np.flatnonzero(steps == 1) * hop, np.flatnonzero(steps == -1) * hop, strict=True)
    return [(int(begin), len(audio) if end == count * hop else int(end)) for begin, end in bounds]


def fade_end(audio: Float[np.ndarray, " N"], sampling_rate: int, fade_ms: float) -> Float32[np.ndarray, " N"]:
    """Half a cosine down to zero over the last `fade_ms`, or over all of shorter audio. 0 changes nothing."""
    audio = np.array(audio, np.float32)
    length = min(len(audio), int(sampling_rate * fade_ms / 1000.0))
    if length:
        audio[-length:] *= (0.5 + 0.5 * np.cos(np.pi * np.arange(1, length + 1) / length)).astype(np.float32)
    return audio
