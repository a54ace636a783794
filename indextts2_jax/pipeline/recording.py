"""For researchers: every stage's arrays written down, and the random inputs of a run put back in.

`StageRecorder` collects arrays under the names and shapes of the reference activations (tests/parity compares them one
by one); a second occurrence of a name gets the suffix `.1`, a third `.2`. `Replay` supplies the flow-matching noise and
the seed of the sampling noise from a file, so that a run can be compared with another implementation number by number.
"""

import dataclasses
import os
import pathlib
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from indextts2_jax.errors import ConfigError
from indextts2_jax.runtime.atomic import replaced_file

Record = Callable[[str, np.ndarray], None]


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raises `ConfigError` if `StageRecorder.save` could not write there; to be called before hours are spent."""
    path = pathlib.Path(path).resolve()
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ConfigError(f"Cannot write the stage arrays to {path}: give a file in a folder that can be written.")


class StageRecorder:
    """Call it with a name and an array; `save` writes them all as one .npz file."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}

    def __call__(self, name: str, array: np.ndarray) -> None:
        occurrences = sum(key == name or key.startswith(f"{name}.") for key in self.arrays)
        self.arrays[f"{name}.{occurrences}" if occurrences else name] = np.asarray(array)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the file, whole or not at all."""
        path = pathlib.Path(path)
        try:
            with replaced_file(path) as new, open(new, "wb") as file:
                np.savez(file, **self.arrays)  # type: ignore[arg-type]
        except OSError as error:
            raise ConfigError(f"Cannot write the stage arrays to {path}: {error.strerror or error}.") from None


MAX_REPLAY_BYTES = 1 << 30
"""Of a replay file, unpacked: ten minutes of noise are 17 MB."""

NPZ_ERRORS = (OSError, EOFError, TypeError, ValueError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)
"""What NumPy and zipfile raise for files that are damaged, encrypted (RuntimeError), packed in ways they do not know
(NotImplementedError, which is one) or larger than they are (MemoryError)."""


def unpacked_size(path: str | os.PathLike[str]) -> int:
    """Of all members of an .npz file, in bytes, by its index. Raises as `zipfile` for what is none."""
    if not os.path.isfile(path):
        raise OSError("it is no file")
    with zipfile.ZipFile(path) as file:
        return sum(member.file_size for member in file.infolist())


@dataclasses.dataclass(frozen=True)
class Replay:
    """Random inputs from a file. `noise_seed` None means: sample codes from the run's own seed."""

    cfm_noise: Mapping[int, np.ndarray]
    noise_seed: int | None = None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Replay":
        """Reads `cfm_noise` [1, 80, M], `cfm_noise.1`, ... (one a segment) and `noise_seed` from an .npz file.

        Raises:
          ConfigError: no such file, not an .npz, or an array of another shape.
        """
        try:
            if (size := unpacked_size(path)) > MAX_REPLAY_BYTES:
                raise ValueError(f"it holds {size:,} bytes, more than {MAX_REPLAY_BYTES:,}")
            with np.load(path, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files if key.split(".")[0] in ("cfm_noise", "noise_seed")}
        except NPZ_ERRORS as error:
            raise ConfigError(f"Cannot read the replay file {path}: {str(error).rstrip('.')}.") from None
        seed = arrays.pop("noise_seed", None)
        if seed is not None and (seed.shape != () or seed.dtype.kind not in "iu" or seed < 0):
            raise ConfigError(f"noise_seed in {path} must be one whole number, 0 or larger.")
        noise: dict[int, np.ndarray] = {}
        for key, array in arrays.items():
            number = key.partition(".")[2] or "0"
            if not number.isdigit() or array.ndim != 3 or array.shape[0] != 1 or array.dtype != np.float32:
                raise ConfigError(f"{key} in {path} must be float32 [1, mel bins, frames], not {array.shape}.")
            noise[int(number)] = array
        if not noise and seed is None:
            raise ConfigError(f"{path} holds neither cfm_noise nor noise_seed.")
        return cls(noise, None if seed is None else int(seed))

    def noise(self, segment: int, frames: int, bins: int) -> np.ndarray:
        """[frames, bins] for one segment.

        Raises:
          ConfigError: the file lacks that segment or holds it in another length.
        """
        if segment not in self.cfm_noise:
            raise ConfigError(f"The replay file has no cfm_noise for segment {segment + 1}.")
        array = self.cfm_noise[segment]
        if array.shape != (1, bins, frames):
            raise ConfigError(
                f"The replay file's cfm_noise for segment {segment + 1} is {list(array.shape)}, "
                f"but this run needs [1, {bins}, {frames}]: the codes or the reference clip differ."
            )
        return array[0].T


class Stopwatch:
    """Seconds by stage, and a call at the beginning of each.

    `in_pieces`: a stage that takes long is to begin again and again, so that there is a call in its middle too.
    """

    def __init__(self, announce: Callable[[str], None] | None = None, in_pieces: bool = False) -> None:
        self.seconds: dict[str, float] = {}
        self.in_pieces = in_pieces
        self._announce = announce

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        if self._announce:
            self._announce(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def ignore(name: str, array: np.ndarray) -> None:
    pass
