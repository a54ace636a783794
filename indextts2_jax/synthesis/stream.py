"""`SpeechStream`: chunks of a speech while it is being made (`pipeline/chunks.py` says how)."""

from collections.abc import Callable, Iterator
from typing import Self

import numpy as np

from indextts2_jax.array_typing import Float
from indextts2_jax.audio.write import silence
from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.pipeline.chunks import stream_utterance
from indextts2_jax.pipeline.generation import SegmentCodes
from indextts2_jax.synthesis import retry
from indextts2_jax.synthesis.request import CheckedRequest
from indextts2_jax.synthesis.segment import EncodedRequest, Segment
from indextts2_jax.synthesis.segments import Run, check_spoken
from indextts2_jax.synthesis.speech import Speech
from indextts2_jax.synthesis.words import Word
from indextts2_jax.text.frontend import TextFrontend


class SpeechStream(Iterator[Float[np.ndarray, " N"]]):
    """Chunks of a speech, float32 in [-1, 1] at `sampling_rate`, as they are made. What is not asked for is not made.

    Raises:
      TextError: at the end, if the model stopped before the first code of all segments.
    """

    sampling_rate = SAMPLING_RATE

    def __init__(
        self, checked: CheckedRequest, run: Run, encode: Callable[[], EncodedRequest], frontend: TextFrontend
    ) -> None:
        self._checked = checked
        self._run = run
        self._codes: list[np.ndarray] = []
        self._spans: list[tuple[int, int]] = []
        self._words: list[Word] = []
        self._suspect: list[int] = []
        self._warnings = list(checked.reading.warnings)
        self._samples = 0
        self._ended = False
        self._chunks = self._speak(encode, frontend)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Float[np.ndarray, " N"]:
        chunk = next(self._chunks)
        self._samples += len(chunk)
        return chunk

    @property
    def speech(self) -> Speech:
        """All that is known of the speech but its audio, when the last chunk has been taken.

        Raises:
          ValueError: before that.
        """
        if not self._ended:
            raise ValueError("The stream has not ended yet.")
        return Speech(
            audio=np.zeros(0, np.float32),
            samples=self._samples,
            sampling_rate=self.sampling_rate,
            codes=self._codes,
            segments=self._checked.reading.segments,
            spans=self._spans,
            draws=[1] * len(self._codes),
            seconds=self._run.watch.seconds,
            warnings=self._warnings,
            seed=self._checked.request.seed,
            words=self._words,
            suspect=self._suspect,
        )

    def _speak(self, encode: Callable[[], EncodedRequest], frontend: TextFrontend) -> Iterator[Float[np.ndarray, " N"]]:
        silences = self._checked.reading.silences_ms
        encoded = encode()
        self._warnings += [*encoded.warnings, *self._run.unable()]
        for segment in encoded.segments(frontend):
            self._run.on_segment(segment.index)
            yield from _not_empty(silence(silences[segment.index]))
            yield from self._segment(segment)
        yield from _not_empty(silence(silences[-1]))
        check_spoken(self._checked.request.text, self._codes)
        self._ended = True

    def _segment(self, segment: Segment) -> Iterator[Float[np.ndarray, " N"]]:
        """The chunks of one segment; then it is judged, as there is nothing to draw again."""
        run, first = self._run, self._samples
        heard: list[np.ndarray] = []
        given = (run.params, run.config, run.model, segment.utterance)
        for part in stream_utterance(*given, draw=run.draw, watch=run.watch):
            if not isinstance(part, SegmentCodes):
                heard.append(part)
                yield from _not_empty(part)
                continue
            self._spans.append((first, self._samples))
            self._codes.append(part.codes)
            audio = np.concatenate(heard) if heard else np.zeros(0, np.float32)
            own = run.words(segment, part.codes, audio)
            self._words += [word.moved(first / SAMPLING_RATE) for word in own]
            attempts = retry.Attempts(1)
            attempts.made.append(retry.Attempt(part, run.faults(segment, part)))
            attempts.hear(0, audio)
            self._suspect += [segment.index] * bool(attempts.best.faults)
            self._warnings += retry.report(segment.index + 1, len(segment.tokens), attempts)


def _not_empty(audio: np.ndarray) -> Iterator[np.ndarray]:
    if len(audio):
        yield audio
