"""`SpeechStream`: chunks of a speech while it is being made; what is not asked for is not made."""

from collections.abc import Callable, Iterator
from typing import Self

import numpy as np

from indextts2_jax.array_typing import Float
from indextts2_jax.audio.write import OUTPUT_RATE, silence
from indextts2_jax.pipeline import speak
from indextts2_jax.pipeline.chunks import StreamedCodes, stream_segment
from indextts2_jax.synthesis import retry
from indextts2_jax.synthesis.request import CheckedRequest
from indextts2_jax.synthesis.retry import Draw
from indextts2_jax.synthesis.segments import Narrator, check_spoken
from indextts2_jax.synthesis.speech import Speech


class SpeechStream(Iterator[Float[np.ndarray, "N"]]):
    """Chunks of a speech, float32 in [-1, 1] at `sampling_rate`, as they are made. What is not asked for is not made.

    Raises:
      TextError: at the end, if the model stopped before the first code of all segments.
    """

    sampling_rate = OUTPUT_RATE

    def __init__(self, checked: CheckedRequest, narrator: Callable[[], Narrator], watch: speak.Stopwatch) -> None:
        self._checked = checked
        self._watch = watch
        self._codes: list[np.ndarray] = []
        self._spans: list[tuple[int, int]] = []
        self._warnings = list(checked.reading.warnings)
        self._samples = 0
        self._ended = False
        self._chunks = self._speak(narrator)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Float[np.ndarray, "N"]:
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
        reading, seed = self._checked.reading, self._checked.request.seed
        return Speech(
            np.zeros(0, np.float32),
            self._samples,
            self.sampling_rate,
            self._codes,
            reading.segments,
            self._spans,
            [1] * len(self._codes),
            self._watch.seconds,
            self._warnings,
            seed,
        )

    def _speak(self, begin: Callable[[], Narrator]) -> Iterator[Float[np.ndarray, "N"]]:
        narrator, reading = begin(), self._checked.reading
        for index, segment in enumerate(reading.segments):
            narrator.on_segment(index)
            yield from _not_empty(silence(reading.silences_ms[index]))
            ids, first = narrator.text_ids(segment), self._samples
            parts = stream_segment(
                narrator.params,
                narrator.config,
                narrator.model,
                narrator.voice,
                narrator.emotion.final,
                ids,
                narrator.key,
                watch=self._watch,
            )
            heard: list[np.ndarray] = []
            for part in parts:
                if isinstance(part, StreamedCodes):
                    self._spans.append((first, self._samples))
                    self._codes.append(part.codes)
                    faults = narrator.faults(segment, speak.SegmentCodes(ids, part.codes, part.stopped))
                    faults += retry.audio_faults(np.concatenate(heard)) if heard else ()
                    draw = Draw(0, None, faults)
                    self._warnings += retry.report(index + 1, len(segment), draw, [draw])
                else:
                    heard.append(part)
                    yield from _not_empty(part)
        yield from _not_empty(silence(reading.silences_ms[-1]))
        check_spoken(self._checked.request, self._codes)
        self._ended = True


def _not_empty(audio: np.ndarray) -> Iterator[np.ndarray]:
    if len(audio):
        yield audio
