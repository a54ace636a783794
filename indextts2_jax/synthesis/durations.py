"""Speech of a given duration, to the sample: how many mel frames each segment gets.

seconds ─ minus the silences ─ whole frames, shared out in proportion ─► frames of each segment, and a rest
"""

import math
from collections.abc import Sequence

import numpy as np

from indextts2_jax.errors import ConfigError

LEAST, MOST = 0.5, 2.0
"""Of the frames that the segments have by themselves, as for `duration.factor`."""


def fit(natural: Sequence[int], silence: int, seconds: float, hop: int, sample_rate: int) -> tuple[list[int], int]:
    """Shares out a duration.

    Args:
      natural: mel frames of each segment by itself; one without frames keeps none.
      silence: samples before, between and behind them.
      seconds: of the whole.
      hop: samples of a frame.
    Returns:
      frames of each segment; the samples, fewer than a frame, that are missing behind them.
    Raises:
      ConfigError: less than half, or more than twice, what the segments take by themselves.
    """
    samples = round(seconds * sample_rate) - silence
    by_itself = sum(natural) * hop
    if not by_itself * LEAST <= samples <= by_itself * MOST:
        shortest = math.ceil((by_itself * LEAST + silence) / sample_rate * 100) / 100
        longest = math.floor((by_itself * MOST + silence) / sample_rate * 100) / 100
        raise ConfigError(
            f"duration.target_seconds is {seconds:g}, but this text takes {(by_itself + silence) / sample_rate:.2f} s "
            f"by itself, {silence / sample_rate:.2f} s of them silences: give from {shortest:.2f} to {longest:.2f} s."
        )
    return share(natural, samples // hop), samples % hop


def share(natural: Sequence[int], total: int) -> list[int]:
    """`total` frames in proportion to `natural`: none where there were none, else at least one."""
    ends = np.round(np.cumsum(natural) * (total / sum(natural))).astype(int)
    frames = np.diff(ends, prepend=0)
    for index in np.flatnonzero((frames == 0) & (np.asarray(natural) > 0)):
        frames[np.argmax(frames)] -= 1
        frames[index] += 1
    return [int(count) for count in frames]
