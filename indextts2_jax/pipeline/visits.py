"""Whether speech passes over words of its text, or comes back to them: by where the model looks while it speaks.

    attention to the text at each code ─ path, which may go back at a price ─► codes on each word, and how many of them
                                                                               after speech had come back to it

What is spoken twice is plain in it: attention goes back in the text and through it once more. What is left out is less
so, as attention may glide over a word that is not said; of that `omission.py` knows more, at a pass for every word.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from indextts2_jax.array_typing import Float, Int
from indextts2_jax.pipeline.alignment import path

LEAST_SHARE = 0.23
"""Of the time that a word should take at the pace of its segment: one that has less was passed over. The least that
well-read words had, those of two phonemes, is 0.24 (`benchmarks.visits`)."""

LEAST_AGAIN = 0.3
"""Likewise of the time after speech has come back to a word: with more it was said twice. Attention that strays goes
through less of a word (`benchmarks.visits`)."""

RETURN_SECONDS = 0.04
"""Going back has to gain so many seconds of the attention that is paid on the way: two codes of the published model."""


class Visits(NamedTuple):
    """What speech gave to each word of its text, by the share of the time that the word should take."""

    first: list[float]
    """In all."""
    again: list[float]
    """After speech had come back to it."""

    @property
    def missing(self) -> list[int]:
        """The words, by their numbers, that it passed over."""
        return [number for number, share in enumerate(self.first) if share < LEAST_SHARE]

    @property
    def repeated(self) -> list[int]:
        """The words that it said again."""
        return [number for number, share in enumerate(self.again) if share > LEAST_AGAIN]


def count(
    weights: Float[np.ndarray, "T L"],
    words: Sequence[tuple[int, int]],
    seconds: Sequence[float],
    codes_per_second: float,
) -> Visits:
    """The visits of a segment.

    Args:
      weights: the attention at each code, [start] first and [stop] last (the mean of `alignment.attention_maps`).
      words: ranges [begin, end) of its text's tokens, in order.
      seconds: how long each word takes to speak, about.
    """
    if not words:
        return Visits([], [])
    whole, later = weights[:, 1:-1], returned(weights, codes_per_second)
    codes = np.array([whole[:, begin:end].sum() for begin, end in words])
    again = np.array([later[begin:end].sum() for begin, end in words])
    expected = np.array(seconds) * codes_per_second
    pace = float(np.median(codes / expected))  # what is left out or said twice does not move it
    expected = expected * max(pace, 1e-3)
    return Visits((codes / expected).tolist(), (again / expected).tolist())


def returned(weights: Float[np.ndarray, "T L"], codes_per_second: float) -> Float[np.ndarray, " _"]:
    """The attention on each token of the text after speech has gone back to where it had been before."""
    along = weights[np.arange(len(weights)), path(weights)].mean()  # the heads of a model share it out more or less
    places = path(weights, back=RETURN_SECONDS * codes_per_second * float(along))
    reached = np.maximum.accumulate(places)
    back = np.flatnonzero(np.diff(places) < 0) + 1
    found = np.zeros(weights.shape[1])
    if len(back):
        rows = np.arange(back[0], len(places))
        # Where speech goes on from where it had been, it comes to what is new.
        known = places[rows] <= _reached_at_return(reached, back, rows)
        np.add.at(found, places[rows][known], weights[rows, places[rows]][known])
    return found[1:-1]


def _reached_at_return(
    reached: Int[np.ndarray, " T"], back: Int[np.ndarray, " _"], rows: Int[np.ndarray, " _"]
) -> Int[np.ndarray, " _"]:
    """The last column that had been reached when speech last went back before each of the rows."""
    return reached[back[np.searchsorted(back, rows, side="right") - 1] - 1]
