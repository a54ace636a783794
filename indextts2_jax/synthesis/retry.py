"""When a segment is suspect, and what then: it is drawn again from another key, up to a limit.

    codes ─ code_faults ─ none? ─► waveform ─ audio_faults ─ none? ─► taken
              │ some                            │ some
              └────────► the next attempt ◄─────┘        no attempt left: the least bad one is taken

Codes are suspect by their number and, where it is asked, by what the model itself thinks of them (`check_words`,
`pipeline/omission.py`) and by where it looked while it spoke (`check_alignment`, `pipeline/visits.py`).

An attempt depends on the request's seed and the number of the attempt only, so equal seeds still give equal speech.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from indextts2_jax.array_typing import Array, Float, Key
from indextts2_jax.config import SEMANTIC_RATE, RedrawConfig
from indextts2_jax.pipeline.generation import SegmentCodes
from indextts2_jax.pipeline.omission import Evidence

EDGES_SECONDS = 0.25
"""Of the pauses before and behind what is said."""

SLACK_SECONDS = 1.0
"""So much more than `longest` allows is nothing unusual for a word or two."""

LEAST_GAIN = 2.0
"""Nats by which codes must be likelier with a word in the text than without it. `benchmarks.omission` has
how well that tells them apart."""

LEAST_STOP = -6.0
"""Log probability of the stop token below which it came by chance, in the middle of something."""

EMPTY = 1_000
"""The weight of the worst fault."""

SILENT_RMS = 10 ** (-50 / 20)
CLIPPED = 0.999
CLIPPED_SHARE = 1e-3
"""Of the samples; a plosive that touches the limit is nothing unusual."""


class Fault(NamedTuple):
    """Why a segment is suspect: of two attempts the one with less `weight` in all is better."""

    weight: int
    reason: str


@dataclasses.dataclass(frozen=True)
class Attempt:
    """What came of one draw of a segment: its codes, its waveform [N] where it was worth one, and what is suspect."""

    chosen: SegmentCodes
    faults: tuple[Fault, ...]
    audio: np.ndarray | None = None
    frames: int | None = None
    """The mel frames that the waveform was made of; None: those of its codes."""

    @property
    def weight(self) -> int:
        """The sum of its faults: 0 for a good one."""
        return sum(fault.weight for fault in self.faults)


class Attempts:
    """The attempts at one segment so far, in the order of their numbers from 0."""

    def __init__(self, most: int) -> None:
        """`most` attempts may be made, at least one."""
        self.made: list[Attempt] = []
        self._most = most
        self._taken: int | None = None

    @property
    def wanting(self) -> bool:
        """Whether another attempt is to be made: none was good, and one is left."""
        return len(self.made) < self._most and not (self.made and not self.made[-1].faults)

    @property
    def number(self) -> int:
        """That of the attempt that counts: the one that was taken, else the least bad one; of equals the first."""
        if self._taken is not None:
            return self._taken
        return min(range(len(self.made)), key=lambda number: self.made[number].weight)

    @property
    def best(self) -> Attempt:
        """The attempt that counts."""
        return self.made[self.number]

    def hear(self, number: int, audio: Float[np.ndarray, " N"], frames: int | None = None, taken: bool = False) -> None:
        """Notes the waveform of an attempt, and what is suspect about it; `taken` though it may turn out bad."""
        before = self.made[number]
        self.made[number] = Attempt(before.chosen, before.faults + audio_faults(audio), audio, frames)
        if taken:
            self._taken = number


def attempt_key(key: Key[Array, ""], number: int) -> Key[Array, ""]:
    """The key of an attempt; the first one has the request's own, of which 0 and 1 are taken by the stages."""
    return key if number == 0 else jax.random.fold_in(key, 1 + number)


def code_faults(
    chosen: SegmentCodes,
    expected_seconds: float,
    config: RedrawConfig,
    evidence: Evidence | None = None,
    codes_per_second: float = SEMANTIC_RATE,
) -> tuple[Fault, ...]:
    """What is suspect about the codes of a text that is expected to take `expected_seconds`, edges apart."""
    codes = len(chosen.codes)
    if not chosen.stopped:
        advice = "lower text.max_text_tokens_per_segment or raise decode.max_mel_tokens"
        return (Fault(3, f"reached the limit of {codes} codes and is cut ({advice})"),)
    if not codes:
        return (Fault(EMPTY, "stopped before its first code and is empty (try another seed)"),)
    faults = list(_of_words(evidence)) if evidence else []
    seconds, expected = codes / codes_per_second, EDGES_SECONDS + expected_seconds
    reason = f"lasts {seconds:.1f} s where about {expected:.1f} s were expected"
    if seconds < config.shortest * expected:
        faults.append(Fault(4, reason))  # words are missing: worse than words too many
    elif seconds > config.longest * expected + SLACK_SECONDS:
        faults.append(Fault(2, reason))
    return tuple(faults)


def _of_words(evidence: Evidence) -> Iterator[Fault]:
    missing = [number for number, gain in enumerate(evidence.gains, start=1) if gain < LEAST_GAIN]
    if missing:
        runs = [[missing[0], missing[0]]]
        for number in missing[1:]:
            if number == runs[-1][1] + 1:
                runs[-1][1] = number
            else:
                runs.append([number, number])
        spans = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in runs)
        word = "word" if len(missing) == 1 else "words"
        yield Fault(3 + len(missing), f"seems to leave out {word} {spans} of {len(evidence.gains)}")
    if evidence.stop < LEAST_STOP:
        yield Fault(4, "seems to break off")


def word_faults(
    quoted: Callable[[Sequence[int]], str], missing: Sequence[int], repeated: Sequence[int]
) -> tuple[Fault, ...]:
    """What is suspect about words that speech passed over, or said again; `quoted` names some as they were written."""
    faults = []
    if missing:
        faults.append(Fault(3 + len(missing), f"seems to pass over {quoted(missing)}"))
    if repeated:
        faults.append(Fault(1 + len(repeated), f"seems to say {quoted(repeated)} again"))
    return tuple(faults)


def audio_faults(audio: Float[np.ndarray, " N"]) -> tuple[Fault, ...]:
    """What is suspect about a waveform in [-1, 1]."""
    if not len(audio):
        return ()
    faults = []
    if np.sqrt(np.mean(np.square(audio, dtype=np.float64))) < SILENT_RMS:
        faults.append(Fault(3, "is all but silent"))
    if np.mean(np.abs(audio) >= CLIPPED) > CLIPPED_SHARE:
        faults.append(Fault(1, "is clipped"))
    return tuple(faults)


def report(segment: int, tokens: int, attempts: Attempts) -> list[str]:
    """One line where anything was suspect about segment number `segment`, counted from 1, of so many text tokens."""
    name, made = f"Segment {segment} ({tokens} text tokens)", attempts.made
    if attempts.best.faults:
        what = " and ".join(fault.reason for fault in attempts.best.faults)
        return [f"{name} {what}{f', the best of {len(made)} draws' if len(made) > 1 else ''}."]
    if len(made) > 1:
        before = "; ".join(dict.fromkeys(fault.reason for attempt in made for fault in attempt.faults))
        return [f"{name} was drawn {len(made)} times; before the last it {before}."]
    return []
