"""A given duration, shared out among segments: the same part of its own length for each, to the sample."""

import math
from collections.abc import Sequence

import numpy as np

from indextts2_jax.config import LONGEST_FACTOR, SHORTEST_FACTOR
from indextts2_jax.errors import ConfigError


def fit_duration(
    natural: Sequence[int], silence: int, seconds: float, hop: int, sampling_rate: int
) -> tuple[list[int], int]:
    """Shares a duration out among segments.

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
    samples = round(seconds * sampling_rate) - silence
    by_itself = sum(natural) * hop
    if not by_itself * SHORTEST_FACTOR <= samples <= by_itself * LONGEST_FACTOR:
        shortest = math.ceil((by_itself * SHORTEST_FACTOR + silence) / sampling_rate * 100) / 100
        longest = math.floor((by_itself * LONGEST_FACTOR + silence) / sampling_rate * 100) / 100
        raise ConfigError(
            f"duration.target_seconds is {seconds:g}, but this text takes {(by_itself + silence) / sampling_rate:.2f} "
            f"s by itself, {silence / sampling_rate:.2f} s of them silences: give from {shortest:.2f} to {longest:.2f} "
            "s."
        )
    return share_frames(natural, samples // hop), samples % hop


def share_frames(natural: Sequence[int], total: int) -> list[int]:
    """`total` frames in proportion to `natural`: none where there were none, else at least one."""
    ends = np.round(np.cumsum(natural) * (total / sum(natural))).astype(int)
    frames = np.diff(ends, prepend=0)
    for index in np.flatnonzero((frames == 0) & (np.asarray(natural) > 0)):
        frames[np.argmax(frames)] -= 1
        frames[index] += 1
    return [int(count) for count in frames]
