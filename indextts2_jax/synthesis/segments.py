"""The segments of one request, in order: drawn, judged and perhaps drawn again, spoken, polished, with the silences.

Reading ─ codes of a segment ─ waveform ─ polish ─► Spoken, one after another ─ collect ─► Speech
            │  └ the first draws can come from a batch of segments
            └ with a target duration the codes of all segments come first: then it is known how fast to speak
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from indextts2_jax.array_typing import Array, Key, Params
from indextts2_jax.audio import postprocess
from indextts2_jax.audio.loudness import Leveller
from indextts2_jax.audio.write import OUTPUT_RATE, silence, to_int16
from indextts2_jax.config import Config, ModelConfig
from indextts2_jax.errors import TextError
from indextts2_jax.gpt.emotion import EmotionEmbedding
from indextts2_jax.pipeline import batching
from indextts2_jax.pipeline import speak as pipeline_speak
from indextts2_jax.pipeline.recording import Record, Replay
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.s2mel.length_regulator import target_length
from indextts2_jax.synthesis import durations, retry
from indextts2_jax.synthesis.request import CheckedRequest, Request
from indextts2_jax.synthesis.retry import Draw
from indextts2_jax.synthesis.speech import SAMPLING_RATE, Sink, Speech
from indextts2_jax.text.frontend import TextFrontend
from indextts2_jax.text.reading import Reading

WINDOW = 4
"""So many batches of segments are made before the first of them is handed on: they are sorted by length."""


@dataclasses.dataclass(frozen=True)
class Spoken:
    """A segment: waveform [N] in [-1, 1] with the silence before it (and behind, if it is the last), and codes [T]."""

    audio: np.ndarray
    codes: np.ndarray
    draws: int
    warnings: list[str]
    span: tuple[int, int]
    """The samples of `audio` that are speech."""


@dataclasses.dataclass(frozen=True)
class Narrator:
    """What all segments of a request share."""

    params: Params
    model: ModelConfig
    config: Config
    frontend: TextFrontend
    voice: ReferenceVoice
    emotion: EmotionEmbedding
    key: Key[Array, ""]
    watch: pipeline_speak.Stopwatch
    replay: Replay | None = None
    record: Record | None = None
    on_segment: Callable[[int], None] = lambda index: None
    """Called when work on a segment begins: twice where there is a target duration."""
    on_code: Callable[[int, int], None] | None = None

    def speak(self, reading: Reading, takes: Iterator[batching.Take] | None = None) -> Iterator[Spoken]:
        """Speaks the segments one by one; nothing is kept of those that have been spoken.

        Args:
          takes: the first draws, if they have been made in a batch; by default `config.segments_at_once` are.
        Raises:
          ConfigError: the text cannot be spoken in `duration.target_seconds`.
        """
        plan = self._plan(reading) if self.config.duration.target_seconds else None
        takes = takes or self._takes(reading)
        level = self._leveller()
        last = len(reading.segments) - 1
        for index, segment in enumerate(reading.segments):
            self.on_segment(index)
            if self.record:
                self.record("emovec", self.emotion.merged[None])
            frames = plan.frames[index] if plan else None
            take = next(takes) if takes else None
            best, draws = self._speak(index, segment, frames, plan.draws[index] if plan else None, take)
            warnings = retry.report(index + 1, len(segment), best, draws)
            assert best.result.audio is not None
            speech, quieter = self._polished(best.result.audio, level)
            if quieter > 0.1:
                warnings.append(f"Segment {index + 1} stays {quieter:.1f} LU below the loudness wanted.")
            parts = [silence(reading.silences_ms[index]), speech]
            span = len(parts[0]), len(parts[0]) + len(speech)
            if plan:
                missing = plan.frames[index] * pipeline_speak.hop_length(self.model) - len(speech)
                parts.append(np.zeros(missing + plan.rest * (index == last), np.float32))
            if index == last:
                parts.append(silence(reading.silences_ms[-1]))
            yield Spoken(np.concatenate(parts), best.result.chosen.codes, len(draws), warnings, span)

    def utterances(self, reading: Reading) -> list[batching.Utterance]:
        """What `batching.speak_together` makes the first draws of, one a segment."""
        return [
            batching.Utterance(self.voice, self.emotion.final, self.text_ids(segment), self.key)
            for segment in reading.segments
        ]

    # --- drawing --------------------------------------------------------------------------------------------------

    @property
    def _attempts(self) -> int:
        """Without sampling, every draw would be the same."""
        return self.config.redraw.attempts if self.config.decode.do_sample else 0

    def text_ids(self, segment: Sequence[str]) -> np.ndarray:
        """[L] int32, without start and stop."""
        return np.array(self.frontend.encode(segment), np.int32)

    def _takes(self, reading: Reading) -> Iterator[batching.Take] | None:
        """The first draws by batches. Recorded and replayed runs, and those with a plan, go segment by segment."""
        at_once, single = (
            self.config.segments_at_once,
            self.record or self.replay or self.config.duration.target_seconds,
        )
        if at_once == 1 or len(reading.segments) == 1 or single:
            return None
        utterances = self.utterances(reading)
        windows = (utterances[i : i + WINDOW * at_once] for i in range(0, len(utterances), WINDOW * at_once))
        together = functools.partial(
            batching.speak_together,
            self.params,
            self.config,
            self.model,
            at_once=at_once,
            watch=self.watch,
            on_code=self.on_code,
        )
        return itertools.chain.from_iterable(map(together, windows))

    def faults(self, segment: Sequence[str], chosen: pipeline_speak.SegmentCodes) -> tuple[retry.Fault, ...]:
        """Why the codes of a segment are suspect."""
        expected = self.frontend.seconds(segment)
        return retry.code_faults(len(chosen.codes), chosen.stopped, expected, self.config.redraw)

    def _choose(self, segment: Sequence[str], number: int) -> Draw[pipeline_speak.SegmentCodes]:
        chosen = pipeline_speak.choose_codes(
            self.params,
            self.config,
            self.model,
            self.voice,
            self.emotion.final,
            self.text_ids(segment),
            retry.draw_key(self.key, number),
            replay=self.replay,
            record=self.record,
            watch=self.watch,
            on_code=self.on_code,
        )
        return Draw(number, chosen, self.faults(segment, chosen))

    def _speak(
        self,
        index: int,
        segment: Sequence[str],
        frames: int | None,
        planned: "_Drawn | None",
        take: batching.Take | None,
    ) -> tuple["Draw[_Take]", "list[Draw[_Take]]"]:
        """(the best draw, all draws) of a segment; the best has a waveform."""

        def with_audio(draw: Draw[_Take]) -> Draw[_Take]:
            audio = pipeline_speak.speak_codes(
                self.params,
                self.config,
                self.model,
                self.voice,
                self.emotion.final,
                draw.result.chosen,
                retry.draw_key(self.key, draw.number),
                frames=frames,
                replay=self.replay,
                segment=index,
                record=self.record,
                watch=self.watch,
            )
            return Draw(draw.number, _Take(draw.result.chosen, audio), draw.faults + retry.audio_faults(audio))

        def attempt(number: int) -> Draw[_Take]:
            if take is not None and number == 0:
                faults = self.faults(segment, take.chosen) + retry.audio_faults(take.audio)
                return Draw(number, _Take(take.chosen, take.audio), faults)
            known = planned is not None and number == planned.best.number
            draw = planned.best if planned is not None and known else self._choose(segment, number)
            mute = Draw(number, _Take(draw.result), draw.faults)
            return mute if mute.faults else with_audio(mute)

        numbers = range(1 + self._attempts)
        before: list[Draw[_Take]] = []
        if planned is not None:  # what was drawn before is not drawn again
            before = [Draw(d.number, _Take(d.result), d.faults) for d in planned.draws if d is not planned.best]
            first = planned.best.number
            numbers = range(first, first + 1 if planned.best.faults else len(numbers))
        best, draws = retry.draw_until_good(attempt, numbers)
        if best.result.audio is None:
            best = with_audio(best)
        return best, before + draws

    # --- a target duration ----------------------------------------------------------------------------------------

    def _plan(self, reading: Reading) -> "_Plan":
        drawn = []
        for index, segment in enumerate(reading.segments):
            self.on_segment(index)
            numbers = range(1 + self._attempts)
            drawn.append(_Drawn(*retry.draw_until_good(functools.partial(self._choose, segment), numbers)))
        natural = [target_length(len(one.best.result.codes)) for one in drawn]
        if not any(natural):
            return _Plan(drawn, natural, 0)
        silent = sum(len(silence(pause)) for pause in reading.silences_ms)
        seconds = self.config.duration.target_seconds
        return _Plan(
            drawn, *durations.fit(natural, silent, seconds, pipeline_speak.hop_length(self.model), OUTPUT_RATE)
        )

    # --- polish ---------------------------------------------------------------------------------------------------

    def _leveller(self) -> Leveller | None:
        wanted = self.config.polish
        if not (wanted.even_loudness or wanted.loudness_lufs):
            return None
        return Leveller(OUTPUT_RATE, wanted.loudness_lufs or None)

    def _polished(self, audio: np.ndarray, level: Leveller | None) -> tuple[np.ndarray, float]:
        """(waveform, LU that it stays below the loudness wanted)."""
        wanted, quieter = self.config.polish, 0.0
        if wanted.max_silence_ms:
            audio = postprocess.shorten_silences(audio, OUTPUT_RATE, wanted.max_silence_ms)
        if level:
            audio, quieter = level(audio)
        if wanted.end_fade_ms:
            audio = postprocess.fade_end(audio, OUTPUT_RATE, wanted.end_fade_ms)
        return audio, quieter


class _Take(NamedTuple):
    chosen: pipeline_speak.SegmentCodes
    audio: np.ndarray | None = None


class _Drawn(NamedTuple):
    best: Draw[pipeline_speak.SegmentCodes]
    draws: list[Draw[pipeline_speak.SegmentCodes]]


class _Plan(NamedTuple):
    draws: list[_Drawn]
    frames: list[int]
    """Of each segment."""
    rest: int
    """Samples missing at the end."""


def check_spoken(request: Request, codes: Sequence[np.ndarray]) -> None:
    """Raises `TextError` where no segment has a code."""
    if not any(map(len, codes)):
        raise TextError(f"The model stopped before the first code of {request.text.strip()[:40]!r}: try another seed.")


def collect(
    checked: CheckedRequest,
    parts: Iterable[Spoken],
    watch: pipeline_speak.Stopwatch,
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
    warnings, samples = list(checked.reading.warnings), 0
    for spoken in parts:
        if sink:
            sink(spoken.audio)
        if record or not sink:
            pieces.append(spoken.audio)
        spans.append((samples + spoken.span[0], samples + spoken.span[1]))
        samples += len(spoken.audio)
        codes.append(spoken.codes)
        draws.append(spoken.draws)
        warnings += spoken.warnings
    request = checked.request
    check_spoken(request, codes)
    audio = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    if record:
        record("wav_int16", to_int16(audio)[:, None])
    audio = audio[:0] if sink else audio
    return Speech(
        audio,
        samples,
        SAMPLING_RATE,
        codes,
        checked.reading.segments,
        spans,
        draws,
        watch.seconds,
        warnings,
        request.seed,
    )
