"""What the server and the owner of the model say to each other.

    server ── Speak, EncodeVoice, Cancel, Close ──► scheduler (the worker process, which has the model)
    server ◄── Accepted, Progress, Audio, Done, Failed, Encoded, Stopped ──

A task is told by its number, which the server gives and never gives twice. Every task that was submitted ends in
exactly one of Done, Encoded or Failed, also one that is cancelled (Failed with kind "cancelled").
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np

from indextts2_jax.array_typing import Float
from indextts2_jax.synthesis.request import Request
from indextts2_jax.synthesis.words import Word

FailureKind: TypeAlias = Literal["request", "busy", "deadline", "cancelled", "closing", "internal"]
"""Whose fault it is: what was asked (an `IndexTTSError`), a full queue, time that ran out, the client that went away, a
server that is stopping, or us."""


@dataclasses.dataclass(frozen=True)
class Speak:
    """One speech to be made."""

    number: int
    request: Request
    settings: Mapping[str, Any]
    """Changes to the model's own settings, nested as in `IndexTTS2.synthesize(config=…)`."""
    streamed: bool = False
    """Audio while codes are being chosen; else segment by segment."""
    deadline: float | None = None
    """When it is of no use any more, in seconds of `time.monotonic`."""
    progress: bool = False
    """Whether Progress is told too."""


@dataclasses.dataclass(frozen=True)
class EncodeVoice:
    """A clip (samples [N] or [N, channels] in [-1, 1], sampling rate) to be made a voice file."""

    number: int
    clip: tuple[Float[np.ndarray, "..."], int]
    path: str
    """Of the voice file, written whole or not at all."""
    deadline: float | None = None


@dataclasses.dataclass(frozen=True)
class Cancel:
    """Nobody waits for a task any more."""

    number: int


@dataclasses.dataclass(frozen=True)
class Close:
    """No more tasks: what was submitted is finished first."""


@dataclasses.dataclass(frozen=True)
class Accepted:
    """A speech was found to make sense, before a network ran for it."""

    number: int
    segments: int
    warnings: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Progress:
    """A speech waits for a turn of the next stage, where it was asked to tell."""

    number: int
    stage: str
    """As `benchmarks` and `Speech.seconds` name it: decode, flow_matching, vocoder, …"""
    segment: int
    """From 1 on; 0 before the first."""
    segments: int


@dataclasses.dataclass(frozen=True)
class Audio:
    """The next piece of a speech, silences included."""

    number: int
    samples: Float[np.ndarray, " N"]
    """float32 in [-1, 1] at 22,050 Hz."""


@dataclasses.dataclass(frozen=True)
class Done:
    """All audio of a speech has been sent."""

    number: int
    samples: int
    codes: int
    text_tokens: int
    seed: int
    warnings: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()
    """When each is heard, where it was asked."""
    suspect: tuple[int, ...] = ()
    """The segments, counted from 0, that the model itself finds odd."""


@dataclasses.dataclass(frozen=True)
class Encoded:
    """A voice file is written."""

    number: int
    warnings: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Failed:
    """A task came to nothing."""

    number: int
    kind: FailureKind
    message: str
    """One line for the client: what is wrong and what to do."""
    error: str = ""
    """The name of the `IndexTTSError`'s class, where kind is "request"."""


@dataclasses.dataclass(frozen=True)
class Stopped:
    """The scheduler has ended after `Close`: the last event."""


Command: TypeAlias = Speak | EncodeVoice | Cancel | Close
Event: TypeAlias = Accepted | Progress | Audio | Done | Encoded | Failed | Stopped
