"""Speech written to a pipe while it is spoken, for a player to read from.

A WAV header says how long the audio is, which nobody knows yet: the sizes are the largest there are, and players stop
where the pipe ends. What is written is out at once. `AudioWriter` writes files.
"""

import os
import struct
import types
from typing import BinaryIO, Self

import numpy as np
from jaxtyping import Shaped

from indextts2_jax.audio import io
from indextts2_jax.errors import AudioError

UNKNOWN = 0xFFFFFFFF


class PipeWriter:
    """16-bit mono samples, little-endian: behind a WAV header, or `raw`.

    Raises:
      AudioError: the reader has closed the pipe, or writing fails.
    """

    def __init__(self, pipe: BinaryIO, sample_rate: int = io.OUTPUT_RATE, *, raw: bool = False) -> None:
        self.samples = 0
        self._pipe = pipe
        self._header = b"" if raw else wav_header(sample_rate)
        self._rate = sample_rate

    def __enter__(self) -> Self:
        return self

    def write(self, audio: Shaped[np.ndarray, "N"]) -> None:
        """Appends float samples in [-1, 1] or int16."""
        if not len(audio):
            return
        data = self._header + io.file_samples(np.asarray(audio)).astype("<i2").tobytes()
        self._header = b""
        try:
            self._pipe.write(data)
            self._pipe.flush()
        except OSError as error:
            seconds = self.samples / self._rate
            reason = "the reader closed it" if isinstance(error, BrokenPipeError) else os.strerror(error.errno or 0)
            raise AudioError(f"The pipe broke after {seconds:.1f} s of speech: {reason}.") from error
        self.samples += len(audio)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        """The pipe belongs to the caller and stays open."""


def wav_header(sample_rate: int) -> bytes:
    """Of 16-bit mono PCM of unknown length."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", UNKNOWN, b"WAVE") + form + struct.pack("<4sI", b"data", UNKNOWN)
