"""How a cue is filled: faster or slower within limits, then into the silence before the next cue.

│◄── length ──►│◄ silence ►│            speech too long for its cue is shortened, to `shortest` at most; what
start          end         next cue     is over sounds on in the silence; what is over then is told: it is late.
                                        Speech too short is drawn out, to `longest` at most.
"""

import math
from typing import NamedTuple

from indextts2_jax.config import LONGEST_FACTOR, SAMPLING_RATE, SHORTEST_FACTOR


def samples_of(milliseconds: float) -> int:
    """The sample that is nearest to a time; of two the even one."""
    return round(milliseconds * SAMPLING_RATE / 1000)


class Room(NamedTuple):
    """The time of a cue, in samples."""

    start: int
    """From the beginning of the whole."""
    length: int
    """That the cue lasts."""
    most: int
    """Up to the next cue, or as `length` if that is more."""


class Fitted(NamedTuple):
    """How long a cue's speech is made."""

    samples: int
    """Its silences included."""
    factor: float
    """Of the natural length of what is spoken."""
    late: int
    """Samples by which it goes beyond its room; 0: it fits."""


def fit(room: Room, speech: int, silent: int, *, pace: float, shortest: float, longest: float) -> Fitted:
    """Fits speech into a cue.

    Args:
      speech: samples that the model gives it by itself, at least 1; `silent` samples of pauses in it keep their length.
      pace: factor on the length that its speaker has without any cue.
      shortest, longest: factors on the length at that pace.
    """
    own = speech * pace
    least = math.ceil(min(max(own * shortest, speech * SHORTEST_FACTOR), speech * LONGEST_FACTOR))
    most = max(least, math.floor(min(own * longest, speech * LONGEST_FACTOR)))
    samples = min(max(room.length - silent, least), most)
    return Fitted(samples + silent, samples / speech, max(0, samples + silent - room.most))
