"""own_golden.npz: what was recorded, small enough for the repository.

Of a large floating-point array stand `SAMPLED` values at seeded places, its shape, mean, standard deviation and largest
magnitude; integers stand whole. The entry `index` is JSON: what each array of each run was, where its values are (equal
values stand once), names and shapes of the checkpoint's tensors, and what all of it was recorded with.
"""

import json
import pathlib
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.parity.reduced_checkpoint import Shape

PATH = pathlib.Path(__file__).with_name("own_golden.npz")
INDEX = "index"
SAMPLED = 2000
AUDIO = "wav_int16"
"""The one array of integers that is sampled too: the final audio."""


def base_name(name: str) -> str:
    """`codes.1`, of the second segment, is `codes`."""
    return name.partition(".")[0]


def is_whole(name: str, array: np.ndarray) -> bool:
    """Codes, indices, masks and lengths are stored and compared to the last one."""
    return array.dtype.kind in "iu" and base_name(name) != AUDIO


def places(name: str, size: int) -> np.ndarray:
    """Where an array of `size` numbers is sampled: ascending flat indices, at most `SAMPLED`, the same ever after."""
    if size <= SAMPLED:
        return np.arange(size)
    raw = np.random.Philox(key=[0, zlib.crc32(name.encode())]).random_raw(SAMPLED)
    return np.unique(raw % np.uint64(size)).astype(np.int64)


def sample(name: str, array: np.ndarray) -> np.ndarray:
    """The values of an array that are stored [n]: all of a whole one, else those at `places`."""
    flat = array.ravel()
    return flat if is_whole(name, array) else flat[places(base_name(name), flat.size)]


def moments(array: np.ndarray) -> dict[str, float]:
    """Mean, standard deviation and largest magnitude, in float64."""
    wide = np.asarray(array, np.float64)
    return {"mean": float(wide.mean()), "std": float(wide.std()), "largest": float(np.abs(wide).max())}


class Arrays(dict[str, np.ndarray]):
    """Collects arrays as `StageRecorder` does: a second one of a name gets the suffix `.1`."""

    def __call__(self, name: str, array: Any) -> None:
        count = sum(base_name(key) == name for key in self)
        self[f"{name}.{count}" if count else name] = np.array(array)


class Record:
    """One array as it was recorded: its shape, its stored values [n], and its moments unless it stands whole."""

    def __init__(self, entry: Mapping[str, Any], values: np.ndarray) -> None:
        self.shape: Shape = tuple(entry["shape"])
        self.values = values
        self.moments: dict[str, float] = entry.get("moments", {})


class OwnGolden:
    """The golden, read. Raises `FileNotFoundError` where it is missing: then the clone is not whole."""

    def __init__(self, path: pathlib.Path = PATH) -> None:
        with np.load(path, allow_pickle=False) as file:
            values = {key: file[key] for key in file.files}
        index = json.loads(bytes(values[INDEX]))
        self.shapes: dict[str, dict[str, Shape]] = {
            component: {name: tuple(shape) for name, shape in named.items()}
            for component, named in index["tensors"].items()
        }
        """Of the checkpoint: shape by tensor name, by component."""
        self.fingerprints: dict[str, int] = index["fingerprints"]
        self.runs: dict[str, dict[str, Record]] = {
            run: {name: Record(entry, values[entry["values"]]) for name, entry in entries.items()}
            for run, entries in index["runs"].items()
        }


def write(
    path: pathlib.Path,
    runs: Mapping[str, Mapping[str, np.ndarray]],
    shapes: Mapping[str, Mapping[str, Shape]],
    fingerprints: Mapping[str, int],
    recorded_with: Mapping[str, str],
) -> None:
    """Writes the golden.

    Args:
      runs: arrays by name, by run.
      shapes, fingerprints: of the checkpoint.
      recorded_with: commit and versions.
    """
    values: dict[str, np.ndarray] = {}
    keys: dict[bytes, str] = {}
    entries: dict[str, dict[str, Any]] = {run: {} for run in runs}
    for run, arrays in runs.items():
        for name, array in arrays.items():
            stored = sample(name, array)
            if stored.dtype.kind in "iu":
                stored = stored.astype(np.int32)
            key = keys.setdefault(stored.dtype.str.encode() + stored.tobytes(), f"{run}/{name}")
            values[key] = stored
            entries[run][name] = {"shape": array.shape, "values": key}
            if not is_whole(name, array):
                entries[run][name]["moments"] = moments(array)
    index = {"recorded_with": recorded_with, "fingerprints": fingerprints, "runs": entries, "tensors": shapes}
    values[INDEX] = np.frombuffer(json.dumps(index).encode(), np.uint8)
    np.savez_compressed(path, **values)
