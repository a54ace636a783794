"""A file of speech written while it is spoken: memory does not grow with its length.

    with AudioWriter("book.flac") as file:
        file.write(samples)  # as often as you like

The file appears when the block has ended well, complete, with the very bytes of `io.write_audio`; after an error
nothing is left of it, and a file that was there before stays.
"""

import contextlib
import os
import types
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import soundfile
from jaxtyping import Shaped

from indextts2_jax.audio import io
from indextts2_jax.errors import AudioError

MAX_WAV_SAMPLES = (1 << 31) - 4096
"""A WAV file counts its bytes in 32 bits: 27 hours at 22,050 Hz."""


class AudioWriter:
    """Writes 16-bit mono: WAV, or FLAC where the name ends in `.flac`. Makes the folders that are missing.

    `samples` counts what was written. Every method raises `AudioError`: another ending, no samples at all, NaN, a place
    that cannot be written, a full disk.
    """

    def __init__(self, path: io.Path, sample_rate: int = io.OUTPUT_RATE) -> None:
        self.samples = 0
        self._target = io.target_path(path)
        self._rate = sample_rate
        self._sound: soundfile.SoundFile | None = None

    def __enter__(self) -> Self:
        with io.writing_errors(self._target):
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._temporary = io.temporary_name(self._target.parent)
            self._file = _KeepsError(open(self._temporary, "xb+", buffering=0))
        with self._discarded_on_error(), self._errors():
            self._sound = soundfile.SoundFile(
                self._file, "w", self._rate, 1, "PCM_16", format=io.container(self._target), closefd=False
            )
        return self

    def write(self, audio: Shaped[np.ndarray, "N"]) -> None:
        """Appends float samples in [-1, 1] or int16."""
        if self._sound is None:
            raise ValueError("AudioWriter writes inside its with block only.")
        audio = np.asarray(audio)
        if audio.ndim != 1:
            raise AudioError(f"Audio to write has the shape {audio.shape}. Give samples as [N].")
        if not len(audio):
            return
        self.samples += len(audio)
        if self.samples > MAX_WAV_SAMPLES and io.container(self._target) == "WAV":
            raise AudioError(f"{str(self._target)!r} would be longer than a WAV file can be: write a .flac file.")
        samples = io.file_samples(audio)
        with self._errors():
            self._sound.write(samples)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        if error is not None:
            self._discard()
            return
        with self._discarded_on_error():
            if not self.samples:
                raise AudioError(f"There are no samples to write to {str(self._target)!r}.")
            with self._errors():
                if self._sound is not None:
                    self._sound.close()
                os.fsync(self._file.file.fileno())
                self._file.file.close()
                os.replace(self._temporary, self._target)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """What could not be written: the error that the system gave, else libsndfile's own."""
        with io.writing_errors(self._target):
            try:
                yield
            except (AssertionError, soundfile.SoundFileError) as error:  # an assertion: fewer samples than given
                raise self._file.error or OSError(f"libsndfile: {error}") from error
            if self._file.error is not None:
                raise self._file.error

    @contextlib.contextmanager
    def _discarded_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._discard()
            raise

    def _discard(self) -> None:
        self._file.pretend = True
        if self._sound is not None:
            with contextlib.suppress(AssertionError, soundfile.SoundFileError):  # of an encoder that has failed already
                self._sound.close()
        self._file.file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._temporary)


class _KeepsError:
    """A file for libsndfile, through which no exception can pass: the first one is kept in `error`."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.error: OSError | None = None
        self.pretend = False
        """What is written now does not matter any more."""

    def write(self, data: bytes) -> int:
        if self.pretend:
            return len(data)
        done = 0
        try:
            while done < len(data):
                done += self.file.write(data[done:])
        except OSError as error:
            self.error = self.error or error
        return done

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def readinto(self, buffer: Any) -> int:
        return self.file.readinto(buffer)
