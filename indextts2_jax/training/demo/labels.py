"""When every phoneme was spoken, from the teacher's durations and the loudness of its audio.

The durations are those of the teacher's symbols. Its voice runs ahead of them by `AHEAD`, and a vowel is heard from its
stress mark on. Both were measured on 133 utterances: so labelled, a linear classifier learns to tell the phonemes of
43.8 % of the frames; 37.3 % without the shift, 41.0 % with stress marks given to the consonant before them, 41.7 % with
spaces given to the word before and 42.8 % to the word behind instead of half to each.

Most of the silence of a pause lies in the duration of the phoneme before it. So a pause is where the audio is quiet,
between the start of that phoneme and the end of the marks; marks without silence are shared like spaces.
"""

from collections.abc import Sequence

import numpy as np

from indextts2_jax.training.demo import symbols

UNIT = 0.025  # seconds, of a duration
AHEAD = 0.045  # seconds
STEP, WINDOW = 0.005, 0.02  # seconds, of loudness
QUIET = -40.0  # dB, below the loudest window of the utterance
SHORTEST = 0.05  # seconds, of a pause
LEAST = 0.03  # seconds that the phoneme before a pause keeps


def phones(spoken: Sequence[str], durations: Sequence[int], audio: np.ndarray, rate: int) -> list[tuple[str, float]]:
    """(Phoneme or "pau", its end in seconds) in order; the last end is that of the audio."""
    total = len(audio) / rate
    quiet = quiet_steps(audio, rate)
    made = _spread(spoken, durations)
    out: list[tuple[str, float]] = []
    for index, (name, end) in enumerate(made):
        start = out[-1][1] if out else 0.0
        end = total if index + 1 == len(made) else min(max(start, end - AHEAD), total)
        if name != symbols.PAUSE or not out:
            out.append((name, end))
            continue
        before, begun = out.pop(), (out[-1][1] if out else 0.0)
        pause = _silence(quiet, begun + LEAST, end)
        if pause is not None:
            out += [(before[0], pause), (name, end)]
        elif index + 1 == len(made):
            out.append((before[0], end))
        else:
            out.append((before[0], (start + end) / 2))
    return out


def _spread(spoken: Sequence[str], durations: Sequence[int]) -> list[tuple[str, float]]:
    """By the durations alone: pauses and phonemes, spaces shared."""
    pieces = [("^", symbols.PAUSE), *symbols.spell(spoken), ("$", symbols.PAUSE)]
    if sum(len(text) for text, _ in pieces) != len(durations):
        raise ValueError("durations of another text")
    made: list[tuple[str, float]] = []
    end, place = 0, 0
    for text, whose in pieces:
        length = sum(durations[place : place + len(text)])
        place, end = place + len(text), end + length
        if not whose:
            made[-1] = (made[-1][0], (end - length / 2) * UNIT)
        elif whose == symbols.PAUSE and made and made[-1][0] == whose:
            made[-1] = (whose, end * UNIT)
        else:
            made.append((whose, end * UNIT))
    return made


def quiet_steps(audio: np.ndarray, rate: int) -> np.ndarray:
    """Bool, one for every `STEP` seconds: whether the `WINDOW` around it is quiet."""
    power = np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64))])
    middle = np.arange(0, len(audio) / rate, STEP) + STEP / 2
    low = np.clip(np.rint((middle - WINDOW / 2) * rate).astype(int), 0, len(audio))
    high = np.clip(np.rint((middle + WINDOW / 2) * rate).astype(int), 0, len(audio))
    level = 10 * np.log10((power[high] - power[low]) / np.maximum(high - low, 1) + 1e-12)
    return level < level.max(initial=-120.0) + QUIET


def _silence(quiet: np.ndarray, start: float, end: float) -> float | None:
    """When the longest silence between two times begins, if it is one."""
    first = int(np.ceil(start / STEP))
    part = quiet[first : int(end / STEP)]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], part.astype(np.int8), [0]])))
    if not len(edges):
        return None
    runs = edges.reshape(-1, 2)
    longest = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    if (longest[1] - longest[0]) * STEP < SHORTEST:
        return None
    return float((first + longest[0]) * STEP)
