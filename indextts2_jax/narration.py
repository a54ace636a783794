"""The segments of one request, in order: drawn, judged and perhaps drawn again, spoken, polished, with the silences.

Reading ─ codes of a segment ─ waveform ─ polish ─► Spoken, one after another
            └ with a target duration the codes of all segments come first: then it is known how fast to speak
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from indextts2_jax import durations, pipeline, redraw
from indextts2_jax.array_typing import Array, Key, Params
from indextts2_jax.audio import polish
from indextts2_jax.audio.io import OUTPUT_RATE, silence
from indextts2_jax.audio.loudness import Leveller
from indextts2_jax.bundles import ReferenceVoice
from indextts2_jax.config import Config, ModelConfig
from indextts2_jax.recording import Record, Replay
from indextts2_jax.redraw import Draw
from indextts2_jax.s2mel.length_regulator import target_length
from indextts2_jax.text.frontend import TextFrontend
from indextts2_jax.text.reading import Reading


@dataclasses.dataclass(frozen=True)
class Spoken:
    """A segment: waveform [N] in [-1, 1] with the silence before it (and behind, if it is the last), and codes [T]."""

    audio: np.ndarray
    codes: np.ndarray
    draws: int
    warnings: list[str]


@dataclasses.dataclass(frozen=True)
class Narrator:
    """What all segments of a request share."""

    params: Params
    model: ModelConfig
    config: Config
    frontend: TextFrontend
    voice: ReferenceVoice
    emotion: np.ndarray
    """The emotion embedding [D], blended."""
    key: Key[Array, ""]
    watch: pipeline.Stopwatch
    replay: Replay | None = None
    record: Record | None = None
    on_segment: Callable[[int], None] = lambda index: None
    """Called when work on a segment begins: twice where there is a target duration."""
    on_code: Callable[[int, int], None] | None = None

    def speak(self, reading: Reading) -> Iterator[Spoken]:
        """Speaks the segments one by one; nothing is kept of those that have been spoken.

        Raises:
          ConfigError: the text cannot be spoken in `duration.target_seconds`.
        """
        plan = self._plan(reading) if self.config.duration.target_seconds else None
        level = self._leveller()
        last = len(reading.segments) - 1
        for index, segment in enumerate(reading.segments):
            self.on_segment(index)
            frames = plan.frames[index] if plan else None
            best, draws = self._speak(index, segment, frames, plan.draws[index] if plan else None)
            warnings = redraw.report(index + 1, len(segment), best, draws)
            assert best.result.audio is not None
            speech, quieter = self._polished(best.result.audio, level)
            if quieter > 0.1:
                warnings.append(f"Segment {index + 1} stays {quieter:.1f} LU below the loudness wanted.")
            parts = [silence(reading.silences_ms[index]), speech]
            if plan:
                missing = plan.frames[index] * pipeline.hop_length(self.model) - len(speech)
                parts.append(np.zeros(missing + plan.rest * (index == last), np.float32))
            if index == last:
                parts.append(silence(reading.silences_ms[-1]))
            yield Spoken(np.concatenate(parts), best.result.chosen.codes, len(draws), warnings)

    # --- drawing --------------------------------------------------------------------------------------------------

    @property
    def _attempts(self) -> int:
        """Without sampling, every draw would be the same."""
        return self.config.redraw.attempts if self.config.decode.do_sample else 0

    def _choose(self, segment: Sequence[str], number: int) -> Draw[pipeline.SegmentCodes]:
        chosen = pipeline.choose_codes(
            self.params,
            self.config,
            self.model,
            self.voice,
            self.emotion,
            np.array(self.frontend.encode(segment), np.int32),
            redraw.draw_key(self.key, number),
            replay=self.replay,
            record=self.record,
            watch=self.watch,
            on_code=self.on_code,
        )
        expected = self.frontend.seconds(segment)
        return Draw(number, chosen, redraw.code_faults(len(chosen.codes), chosen.stopped, expected, self.config.redraw))

    def _speak(
        self, index: int, segment: Sequence[str], frames: int | None, planned: "_Drawn | None"
    ) -> tuple["Draw[_Take]", "list[Draw[_Take]]"]:
        """(the best draw, all draws) of a segment; the best has a waveform."""

        def with_audio(draw: Draw[_Take]) -> Draw[_Take]:
            audio = pipeline.speak_codes(
                self.params,
                self.config,
                self.model,
                self.voice,
                self.emotion,
                draw.result.chosen,
                redraw.draw_key(self.key, draw.number),
                frames=frames,
                replay=self.replay,
                segment=index,
                record=self.record,
                watch=self.watch,
            )
            return Draw(draw.number, _Take(draw.result.chosen, audio), draw.faults + redraw.audio_faults(audio))

        def attempt(number: int) -> Draw[_Take]:
            known = planned is not None and number == planned.best.number
            draw = planned.best if planned is not None and known else self._choose(segment, number)
            take = Draw(number, _Take(draw.result), draw.faults)
            return take if take.faults else with_audio(take)

        numbers = range(1 + self._attempts)
        before: list[Draw[_Take]] = []
        if planned is not None:  # what was drawn before is not drawn again
            before = [Draw(d.number, _Take(d.result), d.faults) for d in planned.draws if d is not planned.best]
            first = planned.best.number
            numbers = range(first, first + 1 if planned.best.faults else len(numbers))
        best, draws = redraw.draw_until_good(attempt, numbers)
        if best.result.audio is None:
            best = with_audio(best)
        return best, before + draws

    # --- a target duration ----------------------------------------------------------------------------------------

    def _plan(self, reading: Reading) -> "_Plan":
        drawn = []
        for index, segment in enumerate(reading.segments):
            self.on_segment(index)
            numbers = range(1 + self._attempts)
            drawn.append(_Drawn(*redraw.draw_until_good(lambda n, s=segment: self._choose(s, n), numbers)))  # type: ignore[misc]
        natural = [target_length(len(one.best.result.codes)) for one in drawn]
        if not any(natural):
            return _Plan(drawn, natural, 0)
        silent = sum(len(silence(pause)) for pause in reading.silences_ms)
        seconds = self.config.duration.target_seconds
        return _Plan(drawn, *durations.fit(natural, silent, seconds, pipeline.hop_length(self.model), OUTPUT_RATE))

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
            audio = polish.shorten_silences(audio, OUTPUT_RATE, wanted.max_silence_ms)
        if level:
            audio, quieter = level(audio)
        if wanted.end_fade_ms:
            audio = polish.fade_end(audio, OUTPUT_RATE, wanted.end_fade_ms)
        return audio, quieter


class _Take(NamedTuple):
    chosen: pipeline.SegmentCodes
    audio: np.ndarray | None = None


class _Drawn(NamedTuple):
    best: Draw[pipeline.SegmentCodes]
    draws: list[Draw[pipeline.SegmentCodes]]


class _Plan(NamedTuple):
    draws: list[_Drawn]
    frames: list[int]
    """Of each segment."""
    rest: int
    """Samples missing at the end."""
