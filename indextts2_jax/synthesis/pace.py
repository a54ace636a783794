"""An even pace: every segment of a speech as fast as its beginning was, pauses apart.

    codes of a segment ─ where the model looks ─► seconds on its words ─┐
    its text ───────────────────────────────────► seconds expected ─────┴─ Pace ─┬─► factor on its mel frames
    the first segments, about ten seconds of speech ───────────────────── Pace ──┘

The reference is known when these first segments have codes, and does not change any more: a long text is heard from its
beginning, and what a segment becomes depends on its own codes and those of the first ones, on nothing else.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from indextts2_jax.array_typing import Float
from indextts2_jax.config import EVEN_FASTEST, EVEN_SLOWEST

REFERENCE_SECONDS = 10.0
"""Of speech that the text of the first segments should take, at least, where it is that long."""

EASE_SECONDS = 0.5
"""So much speech at the common pace is added to every segment before it is compared: a word by itself is said more
slowly than in a sentence, and stays so."""


class Pace(NamedTuple):
    """Words of so many seconds, as their text lets expect, that took so many."""

    expected: float
    spoken: float


def measure(
    weights: Float[np.ndarray, "T L"],
    words: Sequence[tuple[int, int]],
    seconds: Sequence[float],
    codes_per_second: float,
) -> Pace:
    """The pace of a segment, by the attention at each code ([start] first, [stop] last); pauses are on no word."""
    on_text = weights[:, 1:-1].sum(axis=0)
    return Pace(sum(seconds), float(sum(on_text[begin:end].sum() for begin, end in words)) / codes_per_second)


def together(paces: Iterable[Pace]) -> Pace | None:
    """That of several segments; None where nothing was spoken."""
    own = list(paces)
    whole = Pace(sum(pace.expected for pace in own), sum(pace.spoken for pace in own))
    return whole if min(whole) > 0 else None


def beginning(seconds: Sequence[float]) -> int:
    """How many of the first segments, by what their texts should take, the reference is of."""
    return min(int(np.searchsorted(np.cumsum(seconds), REFERENCE_SECONDS)) + 1, len(seconds))


def factor(own: Pace, reference: Pace) -> float:
    """By what the length of a segment is multiplied to have the pace of the reference, within natural limits."""
    slowness = reference.spoken / reference.expected
    wanted = slowness * (own.expected + EASE_SECONDS)
    return min(max(wanted / (own.spoken + slowness * EASE_SECONDS), EVEN_FASTEST), EVEN_SLOWEST)
