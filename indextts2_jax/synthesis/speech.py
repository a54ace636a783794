"""What comes out of the synthesiser: a `Speech`, and on the way to it `Progress` and pieces for a `Sink`."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from indextts2_jax.array_typing import Float, Int
from indextts2_jax.audio import write as audio_write
from indextts2_jax.synthesis.words import Word

AudioSource: TypeAlias = str | os.PathLike[str] | tuple[Float[np.ndarray, "..."], int]
"""A file's path, or (samples [N] or [N, channels] in [-1, 1], their sampling rate)."""

Sink: TypeAlias = Callable[[Float[np.ndarray, " _"]], None]
"""Takes speech piece by piece, in order: `audio.write.AudioWriter.write`, for one."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """What is being done now: segment 1..segments and stage; `codes` of at most `code_limit` while decoding."""

    stage: str
    segment: int
    segments: int
    codes: int = 0
    code_limit: int = 0


OnProgress: TypeAlias = Callable[[Progress], None]
"""What every `progress=` takes."""


class ProgressTeller:
    """Puts together what stages, segments and codes say of themselves, for the one who listens."""

    def __init__(self, segments: int, listener: OnProgress | None) -> None:
        self._state = Progress("text", 0, segments)
        self._listener = listener

    def stage(self, name: str) -> None:
        """A stage begins."""
        self._tell(stage=name, codes=0, code_limit=0)

    def segment(self, index: int) -> None:
        """Work on a segment, counted from 0, begins; its first stage will tell."""
        self._state = dataclasses.replace(self._state, segment=index + 1)

    def codes(self, done: int, limit: int) -> None:
        """So many codes, of so many at most, are chosen."""
        self._tell(codes=done, code_limit=limit)

    def _tell(self, **changes: Any) -> None:
        state = dataclasses.replace(self._state, **changes)
        if "stage" in changes:
            self._state = state
        if self._listener:
            self._listener(state)


@dataclasses.dataclass(frozen=True)
class Speech:
    """The result of `IndexTTS2.synthesize`."""

    audio: Float[np.ndarray, " N"]
    """float32 in [-1, 1], silences included; empty where a sink took it."""
    samples: int
    """How many there are, or went to the sink."""
    sampling_rate: int
    codes: list[Int[np.ndarray, " _"]]
    """Semantic codes of each segment, 50 per second, without the stop token."""
    segments: list[list[str]]
    """The text tokens of each segment."""
    spans: list[tuple[int, int]]
    """The samples of each segment, from and up to, the silences around it left out."""
    draws: list[int]
    """How often each segment was drawn, see `config.redraw`."""
    seconds: dict[str, float]
    """Wall-clock seconds by stage."""
    warnings: list[str]
    seed: int
    words: list[Word] = dataclasses.field(default_factory=list)
    """When each word of the text, as it was written, is heard; where `config.times.words` asks for it."""
    suspect: list[int] = dataclasses.field(default_factory=list)
    """The segments, from 0, of which even the draw that was taken is suspect; `warnings` say why."""

    @property
    def duration(self) -> float:
        """Seconds of audio."""
        return self.samples / self.sampling_rate

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes 16-bit WAV, or FLAC where the name ends in .flac; whole or not at all.

        Raises:
          AudioError: another ending, or the folder cannot be written.
        """
        audio_write.write_audio(path, self.audio, self.sampling_rate)
