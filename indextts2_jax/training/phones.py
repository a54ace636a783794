"""The phone of every semantic frame (50 Hz), from the alignment in a data set's rows."""

import functools
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from indextts2_jax.array_typing import Int32
from indextts2_jax.errors import TrainingError
from indextts2_jax.training.dataset import DataSet

Phones: TypeAlias = Sequence[Sequence[Any]]
"""[phone, its end in seconds] one after another: tuples, or lists where they were read from JSON."""

FRAME_SECONDS = 0.02
CENTRE = 0.0175
"""Of frame 0: it spans two windows of 25 ms, 10 ms apart."""


class PhoneLabels:
    """`labels[i]`: places in `inventory`, of the frames of utterance i."""

    def __init__(self, data: DataSet) -> None:
        without = next((i for i, row in enumerate(data.rows) if "phones" not in row), None)
        if without is not None:
            raise TrainingError(
                f"{data.folder}: row {without + 1} has no phones; this network is trained on aligned speech."
            )
        self.inventory = sorted({phone for row in data.rows for phone, _ in row["phones"]})
        self._place = {phone: index for index, phone in enumerate(self.inventory)}
        self._rows = data.rows
        self._lengths = data.array("features").lengths

    @functools.lru_cache(maxsize=1 << 17)  # noqa: B019 (labels live as long as the run)
    def __getitem__(self, index: int | np.integer) -> Int32[np.ndarray, " T"]:
        return frame_labels(self._rows[index]["phones"], int(self._lengths[index]), self._place)


def frame_labels(phones: Phones, frames: int, place: Any) -> Int32[np.ndarray, " {frames}"]:
    """`place[phone]` at the middle of each frame; of the last phone beyond its end."""
    ends = np.array([end for _, end in phones])
    names = np.array([place[phone] for phone, _ in phones], np.int32)
    times = np.arange(frames) * FRAME_SECONDS + CENTRE
    return names[np.minimum(np.searchsorted(ends, times, side="right"), len(names) - 1)]
