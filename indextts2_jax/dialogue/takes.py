"""Takes: what was spoken of a line, under the key of everything that its sound depends on; in memory or in a folder.

takes/0123456789abcdef.flac    16 bits
takes/0123456789abcdef.json    what is known of it; written last, so a take is there when this is
"""

import dataclasses
import json
import pathlib
from typing import Protocol

import numpy as np
import soundfile

from indextts2_jax.array_typing import Int
from indextts2_jax.audio.write import file_samples, write_audio, write_text
from indextts2_jax.config import from_dict
from indextts2_jax.errors import AudioError, ConfigError
from indextts2_jax.runtime import text_files
from indextts2_jax.synthesis.words import Word


@dataclasses.dataclass(frozen=True)
class Take:
    """What is known of a take, but its samples."""

    key: str
    seed: int
    samples: int
    """How many there are; 0: the model said nothing, and `warnings` have why."""
    spans: tuple[tuple[int, ...], ...]
    """The samples of each segment, from and up to."""
    words: tuple[Word, ...]
    """In seconds from its beginning."""
    factor: float
    """On the length that the model gives it by itself."""
    late: int
    """Samples by which it goes beyond the room of its cue."""
    suspect: bool
    warnings: tuple[str, ...]


class Takes(Protocol):
    """Where takes are kept."""

    def get(self, key: str) -> Take | None:
        """None where there is none, or none that can be read."""

    def audio(self, key: str) -> Int[np.ndarray, " N"]:
        """The samples of a take that is there, 16 bits. Raises `AudioError`."""

    def put(self, take: Take, audio: np.ndarray) -> None:
        """Keeps a take: samples [N] in [-1, 1]. Raises `AudioError` where there is no room for it."""


class MemoryTakes:
    """Takes that last as long as this does."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Take, np.ndarray]] = {}

    def get(self, key: str) -> Take | None:
        return self._kept[key][0] if key in self._kept else None

    def audio(self, key: str) -> Int[np.ndarray, " N"]:
        return self._kept[key][1]

    def put(self, take: Take, audio: np.ndarray) -> None:
        self._kept[take.key] = take, file_samples(audio)


class FolderTakes:
    """Takes in a folder: each appears whole or not at all."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self._known: dict[str, Take | None] = {}
        """What was read, or put: nobody else writes here meanwhile."""

    def get(self, key: str) -> Take | None:
        if key not in self._known:
            self._known[key] = self._read(key)
        return self._known[key]

    def _read(self, key: str) -> Take | None:
        path = self.folder / f"{key}.json"
        if not path.is_file():
            return None
        try:
            take = from_dict(Take, text_files.parse_json(text_files.read_text(path)))
        except (text_files.TextFileError, ConfigError, TypeError):  # somebody has written in it: it is spoken again
            return None
        return take if take.key == key and self._has_sound(take) else None

    def _has_sound(self, take: Take) -> bool:
        """Whether its samples are all there: half a file, or another one, is no take."""
        if not take.samples:
            return True
        try:
            with soundfile.SoundFile(self._sound(take.key)) as file:
                read = file.read(dtype="int16", always_2d=True)
        except (soundfile.SoundFileError, OSError):
            return False
        return read.shape == (take.samples, 1)

    def audio(self, key: str) -> Int[np.ndarray, " N"]:
        try:
            return soundfile.read(self._sound(key), dtype="int16")[0]
        except (soundfile.SoundFileError, OSError) as error:
            raise AudioError(f"{self._sound(key)} cannot be read ({error}). Remove it and start again.") from None

    def put(self, take: Take, audio: np.ndarray) -> None:
        if take.samples:
            write_audio(self._sound(take.key), audio)
        write_text(self.folder / f"{take.key}.json", json.dumps(dataclasses.asdict(take), ensure_ascii=False) + "\n")
        self._known[take.key] = take

    def _sound(self, key: str) -> pathlib.Path:
        return self.folder / f"{key}.flac"
