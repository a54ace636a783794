"""The segments of a request, in order: drawn, judged and perhaps drawn again, spoken, polished, with the silences.

EncodedRequest ─► Drawing of each segment ─ Run.complete ─► waveforms ─ polish ─► Spoken, one after another ─► Speech
                    └ with a target duration the codes of all segments come first: then it is known how fast to speak
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from indextts2_jax.array_typing import Params
from indextts2_jax.audio.write import silence, to_int16
from indextts2_jax.config import LONGEST_FACTOR, SAMPLING_RATE, SHORTEST_FACTOR, Config, ModelConfig
from indextts2_jax.errors import TextError
from indextts2_jax.pipeline import batches, generation, speak
from indextts2_jax.pipeline.alignment import NO_HEADS, Heads
from indextts2_jax.pipeline.recording import Record, Replay, Stopwatch
from indextts2_jax.synthesis import judging, pace, retry
from indextts2_jax.synthesis.duration import fit_duration
from indextts2_jax.synthesis.pace import Pace
from indextts2_jax.synthesis.polish import Polish
from indextts2_jax.synthesis.segment import EncodedRequest, Segment
from indextts2_jax.synthesis.speech import Sink, Speech
from indextts2_jax.synthesis.words import Word, WordTimer
from indextts2_jax.text.frontend import TextFrontend

WINDOW = 4
"""So many batches of segments are made before the first of them is handed on: they are sorted by length."""

Fit: TypeAlias = Callable[[int, int], int]
"""(samples that the segments take by themselves, samples of the silences) -> samples of the whole."""


# --- what is spoken -----------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Drawing:
    """A segment, the attempts at it so far, and the mel frames that it is to fill (None: as its codes have it)."""

    segment: Segment
    attempts: retry.Attempts
    frames: int | None = None
    pace: Pace | None = None
    """The pace that it is to have; None: its own."""


class Spoken(NamedTuple):
    """A segment: waveform [N] in [-1, 1] with the silence before it (and behind, if it is the last), and codes [T]."""

    audio: np.ndarray
    codes: np.ndarray
    draws: int
    warnings: list[str]
    span: tuple[int, int]
    """The samples of `audio` that are speech."""
    words: list[Word]
    """In seconds from the beginning of `audio`; none where nobody has asked."""
    suspect: bool
    """Whether the draw that was taken is."""


# --- drawing ------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Run:
    """What all segments that are spoken together share: the model, the settings, and who watches."""

    params: Params
    model: ModelConfig
    config: Config
    watch: Stopwatch
    at_once: int = 1
    """The largest batch."""
    replay: Replay | None = None
    record: Record | None = None
    on_segment: Callable[[int], None] = lambda index: None
    """Called when work on a segment begins: twice where there is a target duration."""
    on_code: Callable[[int, int], None] | None = None
    fit: Fit | None = None
    """How long the whole is to be, told when it is known how long it would be by itself."""
    heads: Heads = NO_HEADS
    """Which of the model's heads tell where in the text it is, where times of words are asked for."""
    draw: generation.DrawCodes | None = None
    """How codes are drawn where the decoder is shared with others; None: it is not."""

    def begin(self, segment: Segment) -> Drawing:
        """No attempt is made yet. Without sampling one is enough, for every other would be the same, and what is
        recorded or replayed is one."""
        once = self.record or self.replay or not self.config.decode.do_sample
        return Drawing(segment, retry.Attempts(1 if once else 1 + self.config.redraw.attempts))

    def choose(self, drawings: Sequence[Drawing]) -> None:
        """Makes the next attempt at the codes of each, in batches."""
        chosen = self._chosen([_attempt(one, len(one.attempts.made)) for one in drawings])
        for one, codes in zip(drawings, chosen, strict=True):
            one.attempts.made.append(retry.Attempt(codes, self.faults(one.segment, codes)))

    def _chosen(self, utterances: Sequence[generation.Utterance]) -> list[generation.SegmentCodes]:
        if self.draw:
            coming = [self.draw(utterance, self.config.decode, None) for utterance in utterances]  # all begin at once
            return [codes for one in coming for codes, last in one if last]
        return generation.choose_codes(
            self.params,
            self.config,
            self.model,
            utterances,
            at_once=self.at_once,
            replay=self.replay,
            record=self.record,
            watch=self.watch,
            on_code=self.on_code,
        )

    def choose_until_good(self, drawings: Sequence[Drawing]) -> None:
        """Makes attempts at the codes until those of each are above suspicion, or no attempt is left."""
        while wanting := [one for one in drawings if one.attempts.wanting]:
            self.choose(wanting)

    def complete(self, drawings: Sequence[Drawing]) -> None:
        """Makes attempts until codes and waveform of each are above suspicion, or no attempt is left.

        Then the best attempt of each has a waveform. What has been drawn before is not drawn again.
        """
        while True:
            self._hear([one for one in drawings if _is_worth_hearing(one.attempts)], last=True)
            wanting = [one for one in drawings if one.attempts.wanting]
            if not wanting:
                break
            self.choose(wanting)
        self._hear([one for one in drawings if one.attempts.best.audio is None], last=False)

    def faults(self, segment: Segment, chosen: generation.SegmentCodes) -> tuple[retry.Fault, ...]:
        """Why the codes of a segment are suspect."""
        return judging.faults(self.params, self.model, self.config, self.heads, segment, chosen, self.watch)

    def unable(self) -> list[str]:
        """What of the settings is without effect, as the model has no heads that tell where in the text it is."""
        asked = {
            "redraw.check_alignment": self.config.redraw.check_alignment,
            "duration.even_pace": self.config.duration.even_pace,
        }
        why = "as the model has no head that tells where in the text it is."
        return [f"{key} does nothing, {why}" for key, given in asked.items() if given and not self.heads.places]

    def words(self, segment: Segment, codes: np.ndarray, audio: np.ndarray, frames: int | None = None) -> list[Word]:
        """The words of a segment, in seconds from the first sample of its speech `audio` [N]; none where nobody asks.

        Args:
          frames: mel frames that the speech was made of, where they are not those of the codes.
        """
        if not self.config.times.words:
            return []
        timer = WordTimer(self.params, self.model, self.config.decode, self.heads, segment.written)
        frames = frames or speak.natural_frames(self.model, len(codes), self.config.duration.factor)
        with self.watch("word times"):
            samples = frames * speak.hop_length(self.model)
            return timer.times(segment.index, segment.utterance, codes, audio, samples)

    def beginning(self, segments: Sequence[Segment]) -> Sequence[Segment]:
        """The first segments of a speech, whose pace all are to have; none where nobody asks, or it cannot be told."""
        if not (self.config.duration.even_pace and self.heads.places) or self.fit:
            return []
        return segments[: pace.beginning([segment.expected_seconds for segment in segments])]

    def common_pace(self, begun: Sequence[Drawing]) -> Pace | None:
        """That of a speech's beginning, of which codes are chosen."""
        good = [one for one in begun if not one.attempts.best.faults] or begun
        return pace.together(self._pace(one.segment, one.attempts.best.chosen.codes) for one in good)

    def _pace(self, segment: Segment, codes: np.ndarray) -> Pace:
        if not len(codes):
            return Pace(0.0, 0.0)
        with self.watch("even pace"):
            weights = judging.attention(self.params, self.model, self.config, self.heads, segment, codes)
        return pace.measure(weights, segment.words, segment.word_seconds, self.model.codes_per_second)

    def _frames(self, drawing: Drawing, codes: np.ndarray) -> int:
        """The mel frames that the codes of a drawing are to fill."""
        if drawing.frames is not None:
            return drawing.frames
        factor = self.config.duration.factor
        if drawing.pace and len(codes):
            factor *= pace.factor(self._pace(drawing.segment, codes), drawing.pace)
        return speak.natural_frames(self.model, len(codes), min(max(factor, SHORTEST_FACTOR), LONGEST_FACTOR))

    def _hear(self, drawings: Sequence[Drawing], last: bool) -> None:
        """Makes the waveform of the last attempt of each, or of the one that counts."""
        numbers = [len(one.attempts.made) - 1 if last else one.attempts.number for one in drawings]
        codes = [one.attempts.made[number].chosen.codes for one, number in zip(drawings, numbers, strict=True)]
        frames = [self._frames(one, own) for one, own in zip(drawings, codes, strict=True)]
        audio = speak.speak_codes(
            self.params,
            self.config,
            self.model,
            [_attempt(one, number) for one, number in zip(drawings, numbers, strict=True)],
            codes,
            frames=frames,
            at_once=self.at_once,
            replay=self.replay,
            first=drawings[0].segment.index if drawings else 0,
            record=self.record,
            watch=self.watch,
        )
        for one, number, made, count in zip(drawings, numbers, audio, frames, strict=True):
            one.attempts.hear(number, made, count, taken=not last)


def _attempt(drawing: Drawing, number: int) -> generation.Utterance:
    key = retry.attempt_key(drawing.segment.utterance.key, number)
    return dataclasses.replace(drawing.segment.utterance, key=key)


def _is_worth_hearing(attempts: retry.Attempts) -> bool:
    return bool(attempts.made) and not attempts.made[-1].faults and attempts.made[-1].audio is None


# --- a request, and many ------------------------------------------------------------------------------------------


def speak_request(run: Run, encoded: EncodedRequest, frontend: TextFrontend) -> Iterator[Spoken]:
    """Speaks the segments in order; nothing is kept of those that have been spoken.

    Segments share batches of `run.at_once`; recorded and replayed runs, and those with a target duration, go one by
    one.

    Raises:
      ConfigError: the text cannot be spoken in `duration.target_seconds`.
    """
    segments = encoded.segments(frontend)
    timed = run.config.duration.target_seconds or run.fit
    run = dataclasses.replace(run, at_once=1) if run.record or run.replay or timed else run
    planned, rest = _plan(run, encoded, segments) if timed else ({}, 0)
    begun = [run.begin(segment) for segment in run.beginning(segments)]
    run.choose_until_good(begun)
    common = run.common_pace(begun)
    planned |= {one.segment.index: one for one in begun}
    window = 1 if run.at_once == 1 else WINDOW * run.at_once

    def completed() -> Iterator[Drawing]:
        for part in batches.slices(segments, window):
            run.on_segment(part[0].index)
            if run.record:
                run.record("emovec", encoded.emotion.merged[None])
            drawings = [planned.pop(one.index) if one.index in planned else run.begin(one) for one in part]
            for drawing in drawings:
                drawing.pace = common
            run.complete(drawings)
            yield from drawings

    return _finished(run, encoded, frontend, completed(), rest)


def speak_requests(run: Run, requests: Sequence[EncodedRequest], frontend: TextFrontend) -> list[Iterator[Spoken]]:
    """The segments of every request, in batches that all of them share."""
    drawings = [[run.begin(segment) for segment in encoded.segments(frontend)] for encoded in requests]
    begun = [own[: len(run.beginning([one.segment for one in own]))] for own in drawings]
    run.choose_until_good(list(itertools.chain.from_iterable(begun)))
    for own, first in zip(drawings, begun, strict=True):
        common = run.common_pace(first)
        for one in own:
            one.pace = common
    run.complete(list(itertools.chain.from_iterable(drawings)))
    return [_finished(run, encoded, frontend, own) for encoded, own in zip(requests, drawings, strict=True)]


def _finished(
    run: Run, encoded: EncodedRequest, frontend: TextFrontend, completed: Iterable[Drawing], rest: int = 0
) -> Iterator[Spoken]:
    """Completed drawings with polish and silences; `rest` samples are missing behind the last."""
    reading, polish = encoded.checked.reading, Polish(run.config.polish)
    for drawing in completed:
        segment, best = drawing.segment, drawing.attempts.best
        assert best.audio is not None
        warnings = [] if segment.index else run.unable()
        warnings += retry.report(segment.index + 1, len(segment.tokens), drawing.attempts)
        words = run.words(segment, best.chosen.codes, best.audio, best.frames)
        speech, quieter, cuts = polish(best.audio)
        if quieter > 0.1:
            warnings.append(f"Segment {segment.index + 1} stays {quieter:.1f} LU below the loudness wanted.")
        parts = [silence(reading.silences_ms[segment.index]), speech]
        span = len(parts[0]), len(parts[0]) + len(speech)
        last = segment.index == len(reading.segments) - 1
        if drawing.frames is not None:
            missing = drawing.frames * speak.hop_length(run.model) - len(speech)
            parts.append(np.zeros(missing + rest * last, np.float32))
        if last:
            parts.append(silence(reading.silences_ms[-1]))
        words = [word.after(cuts).moved(span[0] / SAMPLING_RATE) for word in words]
        draws, audio = len(drawing.attempts.made), np.concatenate(parts)
        yield Spoken(audio, best.chosen.codes, draws, warnings, span, words, bool(best.faults))


def check_spoken(text: str, codes: Sequence[np.ndarray]) -> None:
    """Raises `TextError` where no segment has a code."""
    if not any(map(len, codes)):
        raise TextError(f"The model stopped before the first code of {text.strip()[:40]!r}: try another seed.")


def collect(
    encoded: EncodedRequest,
    parts: Iterable[Spoken],
    watch: Stopwatch,
    sink: Sink | None = None,
    record: Record | None = None,
) -> Speech:
    """The segments, as they come, as one speech.

    Raises:
      TextError: none of them has a code.
    """
    pieces: list[np.ndarray] = []
    codes: list[np.ndarray] = []
    draws: list[int] = []
    spans: list[tuple[int, int]] = []
    words: list[Word] = []
    suspect: list[int] = []
    checked = encoded.checked
    warnings, samples = [*encoded.warnings, *checked.reading.warnings], 0
    for spoken in parts:
        if sink:
            sink(spoken.audio)
        if record or not sink:
            pieces.append(spoken.audio)
        words += [word.moved(samples / SAMPLING_RATE) for word in spoken.words]
        suspect += [len(codes)] * spoken.suspect
        spans.append((samples + spoken.span[0], samples + spoken.span[1]))
        samples += len(spoken.audio)
        codes.append(spoken.codes)
        draws.append(spoken.draws)
        warnings += spoken.warnings
    check_spoken(checked.request.text, codes)
    audio = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    if record:
        record("wav_int16", to_int16(audio)[:, None])
    return Speech(
        audio=audio[:0] if sink else audio,
        samples=samples,
        sampling_rate=SAMPLING_RATE,
        codes=codes,
        segments=checked.reading.segments,
        spans=spans,
        draws=draws,
        seconds=watch.seconds,
        warnings=warnings,
        seed=checked.request.seed,
        words=words,
        suspect=suspect,
    )


# --- a target duration --------------------------------------------------------------------------------------------


def _plan(run: Run, encoded: EncodedRequest, segments: Sequence[Segment]) -> tuple[dict[int, Drawing], int]:
    """Chooses the codes of all segments, and how many frames each fills; the samples missing behind the last."""
    drawings = [run.begin(segment) for segment in segments]
    for drawing in drawings:
        run.on_segment(drawing.segment.index)
        run.choose_until_good([drawing])
    frames = [speak.natural_frames(run.model, len(drawing.attempts.best.chosen.codes)) for drawing in drawings]
    rest = 0
    if any(frames):
        silent = sum(len(silence(pause)) for pause in encoded.checked.reading.silences_ms)
        seconds, hop = run.config.duration.target_seconds, speak.hop_length(run.model)
        if run.fit:
            seconds = run.fit(sum(frames) * hop, silent) / SAMPLING_RATE
        frames, rest = fit_duration(frames, silent, seconds, hop, SAMPLING_RATE)
    for drawing, own in zip(drawings, frames, strict=True):
        drawing.frames = own
    return {drawing.segment.index: drawing for drawing in drawings}, rest
