"""When a segment is suspect, and what then: it is drawn again from another key, up to a limit.

    codes ─ code_faults ─ none? ─► waveform ─ audio_faults ─ none? ─► taken
              │ some                            │ some
              └────────► the next draw ◄────────┘           no draw left: the least bad one is taken

A draw depends on the request's seed and the number of the draw only, so equal seeds still give equal speech.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

import jax
import numpy as np

from indextts2_jax.array_typing import Array, Float, Key
from indextts2_jax.config.synthesis import RedrawConfig

T = TypeVar("T")

CODES_PER_SECOND = 50
EDGES_SECONDS = 0.25
"""Of the pauses before and behind what is said."""

SLACK_SECONDS = 1.0
"""So much more than `longest` allows is nothing unusual for a word or two."""

SILENT_RMS = 10 ** (-50 / 20)
CLIPPED = 0.999
CLIPPED_SHARE = 1e-3
"""Of the samples; a plosive that touches the limit is nothing unusual."""


class Fault(NamedTuple):
    """Why a segment is suspect: of two draws the one with less `weight` in all is better."""

    weight: int
    reason: str


@dataclasses.dataclass(frozen=True)
class Draw(Generic[T]):
    """What came of draw `number`, from 0."""

    number: int
    result: T
    faults: tuple[Fault, ...]

    @property
    def weight(self) -> int:
        return sum(fault.weight for fault in self.faults)


def draw_key(key: Key[Array, ""], number: int) -> Key[Array, ""]:
    """The key of a draw; the first one has the request's own, of which 0 and 1 are taken by the stages."""
    return key if number == 0 else jax.random.fold_in(key, 1 + number)


def draw_until_good(attempt: Callable[[int], Draw[T]], numbers: Iterable[int]) -> tuple[Draw[T], list[Draw[T]]]:
    """Draws until one has no faults: (the best, all of them). Of equally bad ones the first is the best."""
    draws: list[Draw[T]] = []
    for number in numbers:
        draws.append(attempt(number))
        if not draws[-1].faults:
            break
    return min(draws, key=lambda draw: draw.weight), draws


def code_faults(codes: int, stopped: bool, expected_seconds: float, config: RedrawConfig) -> tuple[Fault, ...]:
    """What is suspect about a number of codes, for a text that is expected to take `expected_seconds`, edges apart."""
    if not stopped:
        advice = "lower text.max_text_tokens_per_segment or raise decode.max_mel_tokens"
        return (Fault(3, f"reached the limit of {codes} codes and is cut ({advice})"),)
    if not codes:
        return (Fault(5, "stopped before its first code and is empty (try another seed)"),)
    seconds, expected = codes / CODES_PER_SECOND, EDGES_SECONDS + expected_seconds
    reason = f"lasts {seconds:.1f} s where about {expected:.1f} s were expected"
    if seconds < config.shortest * expected:
        return (Fault(4, reason),)  # words are missing: worse than words too many
    if seconds > config.longest * expected + SLACK_SECONDS:
        return (Fault(2, reason),)
    return ()


def report(segment: int, tokens: int, best: Draw[T], draws: Sequence[Draw[T]]) -> list[str]:
    """One line where anything was suspect about segment number `segment`, counted from 1."""
    name = f"Segment {segment} ({tokens} text tokens)"
    if best.faults:
        what = " and ".join(fault.reason for fault in best.faults)
        return [f"{name} {what}{f', the best of {len(draws)} draws' if len(draws) > 1 else ''}."]
    if len(draws) > 1:
        before = "; ".join(dict.fromkeys(fault.reason for draw in draws for fault in draw.faults))
        return [f"{name} was drawn {len(draws)} times; before the last it {before}."]
    return []


def audio_faults(audio: Float[np.ndarray, "N"]) -> tuple[Fault, ...]:
    """What is suspect about a waveform in [-1, 1]."""
    if not len(audio):
        return ()
    faults = []
    if np.sqrt(np.mean(np.square(audio, dtype=np.float64))) < SILENT_RMS:
        faults.append(Fault(3, "is all but silent"))
    if np.mean(np.abs(audio) >= CLIPPED) > CLIPPED_SHARE:
        faults.append(Fault(1, "is clipped"))
    return tuple(faults)
