"""A prepared data set (`prepare.py`), memory-mapped, and the order in which training reads it.

Which utterances step k sees, and where it cuts them, depends on the seed and k alone: a run that is resumed, on however
many machines, reads what it would have read.
"""

import dataclasses
import functools
import json
import os
import pathlib
from typing import Any

import numpy as np

from indextts2_jax.array_typing import Float, Int, Int32, Shaped
from indextts2_jax.errors import TrainingError
from indextts2_jax.runtime.atomic import replaced_folder

ROWS, SOURCE = "rows.jsonl", "source.json"
_LENGTHS_SORTED_TOGETHER = 16  # batches; utterances of a batch are of similar length


class FlatArray:
    """[n, ...] arrays one after another in one file; `array[i]` is the i-th."""

    def __init__(self, folder: pathlib.Path, name: str) -> None:
        try:
            self.values = np.load(folder / f"{name}.npy", mmap_mode="r")
            self.offsets = np.load(folder / f"{name}.offsets.npy")
        except (OSError, ValueError) as error:
            raise TrainingError(f"{folder} has no usable array {name!r}: {error}.") from None
        if self.offsets.ndim != 1 or not len(self.offsets) or self.offsets[-1] != len(self.values):
            raise TrainingError(f"{folder}/{name}.npy and its offsets do not fit; prepare the data set again.")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: np.integer[Any] | int) -> Shaped[np.ndarray, "..."]:  # int first confuses beartype
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> Int[np.ndarray, " U"]:
        return np.diff(self.offsets)


def write_flat(folder: pathlib.Path, name: str, parts: list[Shaped[np.ndarray, " _ *rest"]]) -> None:
    """Writes arrays [n, ...] as a `FlatArray`."""
    np.save(folder / f"{name}.npy", np.concatenate(parts))
    np.save(folder / f"{name}.offsets.npy", np.cumsum([0, *(len(part) for part in parts)]).astype(np.int64))


@dataclasses.dataclass
class DataSet:
    """`rows[i]` and `array(name)[i]` belong to the same utterance."""

    folder: pathlib.Path
    rows: list[dict[str, Any]]

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "DataSet":
        """Raises `TrainingError` where `folder` is no prepared data set."""
        folder = pathlib.Path(folder)
        try:
            rows = [json.loads(line) for line in (folder / ROWS).read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise TrainingError(f"{folder} is no prepared data set ({error}); see training.prepare.") from None
        if not rows:
            raise TrainingError(f"{folder} holds no utterances.")
        return cls(folder, rows)

    @functools.cached_property
    def _arrays(self) -> dict[str, FlatArray]:
        return {}

    def array(self, name: str) -> FlatArray:
        """One of the arrays of `prepare.py`, or one derived by `encode.py` ("codes/codes" is in the folder codes)."""
        if name not in self._arrays:
            array = FlatArray(self.folder, name)
            if len(array) != len(self.rows):
                raise TrainingError(f"{self.folder}: {name} has {len(array)} utterances, the rows {len(self.rows)}.")
            self._arrays[name] = array
        return self._arrays[name]

    @functools.cached_property
    def speakers(self) -> list[str]:
        """Names in alphabetical order."""
        return sorted({row["speaker"] for row in self.rows})

    @functools.cached_property
    def speaker_ids(self) -> Int32[np.ndarray, " U"]:
        """Places in `speakers`."""
        place = {name: index for index, name in enumerate(self.speakers)}
        return np.array([place[row["speaker"]] for row in self.rows], np.int32)

    def indices(self, split: str) -> Int[np.ndarray, " U"]:
        """The utterances of "train" or "valid"."""
        return np.array([i for i, row in enumerate(self.rows) if row["split"] == split], np.int64)

    def derive(self, name: str, arrays: dict[str, list[Shaped[np.ndarray, "..."]]], source: dict[str, Any]) -> None:
        """Writes arrays computed by a trained network into the sub-folder `name`, whole or not at all."""
        with replaced_folder(self.folder / name) as new:
            for key, parts in arrays.items():
                write_flat(new, key, parts)
            (new / SOURCE).write_text(json.dumps(source, indent=1))


def generator(seed: int, *purpose: int) -> np.random.Generator:
    """Random numbers that depend on the seed and the purpose alone."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *purpose])))


@dataclasses.dataclass(frozen=True, eq=False)
class Order:
    """Endless batches of utterance numbers.

    Every epoch is a new permutation in which neighbours in length share batches. `weights` repeats utterances: 2.0
    twice an epoch, 0.5 in every other epoch on average.
    """

    indices: Int[np.ndarray, " U"]
    lengths: Int[np.ndarray, " _"]  # of all utterances, whether among the indices or not
    batch: int
    seed: int
    weights: Float[np.ndarray, " U"] | None = None

    def __post_init__(self) -> None:
        if len(self.indices) == 0:
            raise TrainingError("The data set has no utterances for this split.")

    def at(self, step: int) -> Int[np.ndarray, " {self.batch}"]:
        """The utterances of one step."""
        epoch, place = 0, step
        while True:
            batches = self._epoch(epoch)
            if place < len(batches):
                return batches[place]
            epoch, place = epoch + 1, place - len(batches)

    @functools.cache  # noqa: B019 (an order lives as long as the run)
    def _epoch(self, epoch: int) -> Int[np.ndarray, "_ {self.batch}"]:
        rng = generator(self.seed, 1, epoch)
        chosen = self.indices
        if self.weights is not None:
            counts = np.floor(self.weights + rng.random(len(self.weights))).astype(np.int64)
            chosen = np.repeat(self.indices, counts)
        chosen = rng.permutation(chosen)
        short = -len(chosen) % self.batch
        chosen = np.concatenate([chosen, rng.choice(self.indices, short)])
        group = self.batch * _LENGTHS_SORTED_TOGETHER
        parts = [chosen[start : start + group] for start in range(0, len(chosen), group)]
        sorted_parts = [part[np.argsort(self.lengths[part], kind="stable")] for part in parts]
        return rng.permutation(np.concatenate(sorted_parts).reshape(-1, self.batch))
