"""The one way audio leaves: a file at once, a file while it is spoken, a pipe.

    wav of each segment, silence between them ──► to_int16 (in memory), write_audio or AudioWriter (a file), PipeWriter

    with AudioWriter("book.flac") as file:
        file.write(samples)  # as often as you like

A file appears when it is complete, or not at all; after an error nothing is left of it, and a file that was there
before stays. Memory does not grow with the length of what an `AudioWriter` is given.
"""

import contextlib
import os
import pathlib
import struct
import types
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any, BinaryIO, Self, TypeAlias

import numpy as np
import soundfile
from jaxtyping import Float, Float32, Int16, Shaped

from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.errors import AudioError
from indextts2_jax.runtime import atomic, streams

Path: TypeAlias = str | os.PathLike[str]

PCM_MAX = np.float32(32767)


def silence(milliseconds: float, sampling_rate: int = SAMPLING_RATE) -> Float32[np.ndarray, " N"]:
    """Zeros; the fraction of a sample is cut off, as in the reference."""
    return np.zeros(int(sampling_rate * milliseconds / 1000.0), np.float32)


def to_int16(wav: Float[np.ndarray, " N"]) -> Int16[np.ndarray, " N"]:
    """What the reference returns in memory: 32767 wav in float32, clamped, **cut off** towards zero."""
    return _pcm_scale(wav).astype(np.int16)


def _pcm_scale(wav: Float[np.ndarray, " N"]) -> Float32[np.ndarray, " N"]:
    wav = np.asarray(wav, np.float32)
    if not np.isfinite(wav).all():
        raise AudioError(
            "The speech holds infinite samples or NaN, so it is not written. Check the checkpoint; or half precision, "
            "a GPU's default, was too small for its numbers: set precision.gpt, .flow and .vocoder to float32."
        )
    return np.clip(PCM_MAX * wav, -PCM_MAX, PCM_MAX)


def file_samples(audio: Shaped[np.ndarray, " N"]) -> Int16[np.ndarray, " N"]:
    """What a file holds of floats in [-1, 1] or int16. Raises `AudioError` for NaN and other types."""
    # A file holds the very samples that the reference returns in memory. Its own files are up to two steps away from
    # them, depending on the audio back end that torchaudio finds (FFmpeg scales by 32768 and rounds, libsndfile cuts).
    if audio.dtype == np.int16:
        return audio
    if audio.dtype.kind != "f":
        raise AudioError(f"Audio to write has the type {audio.dtype}. Give floats in [-1, 1] or int16.")
    return to_int16(audio)


def check_writable(path: Path) -> None:
    """Raises `AudioError` if `write_audio` could not write there; call it before hours are spent on a model.

    Tries it with a probe file in the folder, or in the nearest one above that exists, and removes it: permission
    bits say nothing for root, on read-only mounts and on network drives.
    """
    check_place(target_path(path))


def check_place(path: pathlib.Path) -> None:
    """Raises `AudioError` if a file of whatever kind could not be written there, or the folders above it not made."""
    with writing_errors(path):
        with contextlib.suppress(FileNotFoundError):
            os.lstat(path)  # a name that cannot be
        folder = path.parent
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        atomic.probe(folder)


def check_apart(outputs: Iterable[Path | None], inputs: Iterable[object]) -> None:
    """Raises `AudioError` where an output would replace a file that is read; what is no path is passed over."""
    read = {os.path.realpath(one) for one in inputs if isinstance(one, str | os.PathLike)}
    for path in outputs:
        if path is not None and os.path.realpath(path) in read:
            raise AudioError(
                f"Cannot write {os.fspath(path)!r}: it is one of the files that are read. Choose another name."
            )


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes what stands beside a recording, whole or not at all; makes missing folders. Raises `AudioError`."""
    with writing_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replaced_file(path) as new, open(new, "x", encoding="utf-8", newline="\n") as file:
            file.write(text)


def write_audio(path: Path, audio: np.ndarray, sampling_rate: int = SAMPLING_RATE) -> None:
    """Writes 16-bit mono: WAV, or FLAC where the name ends in `.flac`. Makes the folders that are missing.

    The file appears complete or not at all: written under another name beside it, synced, renamed.

    Args:
      path: ends in `.wav` or `.flac`; a file of that name is replaced.
      audio: [N], float in [-1, 1] or int16.
      sampling_rate: in Hz.

    Raises:
      AudioError: another ending, no samples, NaN, or a place that cannot be written.
    """
    target = target_path(path)
    audio = np.asarray(audio)
    if audio.ndim != 1 or not audio.size:
        raise AudioError(f"Audio to write to {str(target)!r} has the shape {audio.shape}. Give samples as [N].")
    encoded = BytesIO()
    soundfile.write(encoded, file_samples(audio), sampling_rate, format=container(target), subtype="PCM_16")
    with writing_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replaced_file(target) as new, open(new, "xb") as file:
            file.write(encoded.getbuffer())


def target_path(path: Path) -> pathlib.Path:
    """Raises `AudioError` for another ending than .wav and .flac, and for a folder."""
    target = pathlib.Path(path)
    if target.suffix.lower() not in (".wav", ".flac"):
        raise AudioError(f"Cannot write {str(target)!r}: give a name that ends in .wav or .flac.")
    if os.path.isdir(target):
        raise AudioError(f"Cannot write {str(target)!r}: it is a folder. Give the name of a file.")
    return target


def container(target: pathlib.Path) -> str:
    """libsndfile's name of the format that the ending means."""
    return "FLAC" if target.suffix.lower() == ".flac" else "WAV"


@contextlib.contextmanager
def writing_errors(target: pathlib.Path) -> Iterator[None]:
    """What the system says becomes an `AudioError` that names the file."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise AudioError(f"Cannot write {str(target)!r}: {reason}. Choose another folder or free space.") from error


# --- a file, while it is spoken --

MAX_WAV_SAMPLES = (1 << 31) - 4096
"""A WAV file counts its bytes in 32 bits: 27 hours at 22,050 Hz."""


TAGS = ("title", "artist", "album", "genre", "tracknumber")
"""What a file can say of itself."""


def check_length(path: Path, samples: int) -> None:
    """Raises `AudioError` where a file of that name cannot hold so many samples."""
    if samples > MAX_WAV_SAMPLES and container(target_path(path)) == "WAV":
        raise AudioError(f"{str(path)!r} would be longer than a WAV file can be: write a .flac file.")


class AudioWriter:
    """Writes 16-bit mono: WAV, or FLAC where the name ends in `.flac`. Makes the folders that are missing.

    `samples` counts what was written; `tags` go into the file, under the names of `TAGS`. Every method raises
    `AudioError`: another ending, no samples at all, NaN, a place that cannot be written, a full disk.
    """

    def __init__(
        self, path: Path, sampling_rate: int = SAMPLING_RATE, *, tags: Mapping[str, str] | None = None
    ) -> None:
        self.samples = 0
        self._target = target_path(path)
        self._tags = {name: value for name, value in (tags or {}).items() if name in TAGS and value}
        self._rate = sampling_rate
        self._sound: soundfile.SoundFile | None = None
        self._replacing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with writing_errors(self._target), contextlib.ExitStack() as opened:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            new = opened.enter_context(atomic.replaced_file(self._target))
            self._file = _KeepsError(opened.enter_context(open(new, "xb+", buffering=0)))
            self._replacing = opened.pop_all()
        with self._discarded_on_error(), self._errors():
            self._sound = soundfile.SoundFile(
                self._file, "w", self._rate, 1, "PCM_16", format=container(self._target), closefd=False
            )
            for name, value in self._tags.items():  # before the first sample: a header holds them
                setattr(self._sound, name, value)
        return self

    def write(self, audio: Shaped[np.ndarray, " N"]) -> None:
        """Appends float samples in [-1, 1] or int16."""
        if self._sound is None:
            raise ValueError("AudioWriter writes inside its with block only.")
        audio = np.asarray(audio)
        if audio.ndim != 1:
            raise AudioError(f"Audio to write has the shape {audio.shape}. Give samples as [N].")
        if not len(audio):
            return
        self.samples += len(audio)
        check_length(self._target, self.samples)
        samples = file_samples(audio)
        with self._errors():
            self._sound.write(samples)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        if error is not None:
            self._discard(error)
            return
        with self._discarded_on_error():
            if not self.samples:
                raise AudioError(f"There are no samples to write to {str(self._target)!r}.")
            with self._errors():
                if self._sound is not None:
                    self._sound.close()
        with writing_errors(self._target):
            self._replacing.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """What could not be written: the error that the system gave, else libsndfile's own."""
        with writing_errors(self._target):
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
        except BaseException as error:
            self._discard(error)
            raise

    def _discard(self, error: BaseException) -> None:
        self._file.pretend = True
        if self._sound is not None:
            with contextlib.suppress(AssertionError, soundfile.SoundFileError):  # of an encoder that has failed already
                self._sound.close()
        with contextlib.suppress(OSError):  # the first error counts
            self._replacing.__exit__(type(error), error, error.__traceback__)


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


# --- a pipe --

UNKNOWN = 0xFFFFFFFF


class PipeWriter:
    """16-bit mono samples, little-endian: behind a WAV header, or `raw`.

    Raises:
      AudioError: the reader has closed the pipe, or writing fails.
    """

    def __init__(self, pipe: BinaryIO | BytesIO, sampling_rate: int = SAMPLING_RATE, *, raw: bool = False) -> None:
        self.samples = 0
        self._pipe = pipe
        self._header = b"" if raw else wav_header(sampling_rate)
        self._rate = sampling_rate

    def __enter__(self) -> Self:
        return self

    def write(self, audio: Shaped[np.ndarray, " N"]) -> None:
        """Appends float samples in [-1, 1] or int16."""
        if not len(audio):
            return
        data = self._header + file_samples(np.asarray(audio)).astype("<i2").tobytes()
        self._header = b""
        try:
            streams.write_all(self._pipe, data)
        except (OSError, streams.OutputError) as error:
            seconds = self.samples / self._rate
            cause = error.__cause__ if isinstance(error, streams.OutputError) else error
            reason = "the reader closed it" if isinstance(cause, BrokenPipeError) else getattr(cause, "strerror", error)
            raise AudioError(f"The pipe broke after {seconds:.1f} s of speech: {reason}.") from error
        self.samples += len(audio)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        """The pipe belongs to the caller and stays open."""


def wav_header(sampling_rate: int) -> bytes:
    """Of 16-bit mono PCM of unknown length."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sampling_rate, 2 * sampling_rate, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", UNKNOWN, b"WAVE") + form + struct.pack("<4sI", b"data", UNKNOWN)
