"""Speech that leaves before its sentence is done: a segment in chunks, each as soon as its codes are known.

    codes settled so far ─ condition ─┐
    prompt mel ++ mel spoken already ─┴─► flow matching ─► mel of the chunk ─ vocoder ─ cross-fade ─► chunk

The flow matching is an infilling network, so what was spoken already is a longer prompt for it: a chunk goes on where
the last one ended, in pitch and voice. The last few codes known are held back, for their sound depends on what follows;
but what they would have sounded like is faded out over the beginning of the next chunk, so there is no step at a seam.
The mel of a chunk does not depend on later codes, which is all that differs from speaking the segment whole: the codes
are the same, the length is the same to the sample, and the spectrum close.

Chunks grow: every one costs a pass over the prompt and all that was spoken, so equally short ones would cost more and
more. With growth by a factor the whole costs a constant times as much as in one piece.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Self

import jax
import numpy as np

from indextts2_jax import pipeline, redraw, stages
from indextts2_jax.array_typing import Array, Float, Key, Params
from indextts2_jax.audio.io import OUTPUT_RATE, silence
from indextts2_jax.buckets import batch_of_one, bucket_size, pad_axis
from indextts2_jax.bundles import ReferenceVoice
from indextts2_jax.config import Config, ModelConfig, to_dict
from indextts2_jax.narration import Narrator, check_spoken
from indextts2_jax.options import StreamConfig
from indextts2_jax.redraw import Draw
from indextts2_jax.request import CheckedRequest
from indextts2_jax.s2mel import flow_matching
from indextts2_jax.s2mel.length_regulator import target_length
from indextts2_jax.speech import Speech

VOCODER_FRAMES = 32
"""Of mel before a chunk that the vocoder hears again: more than its convolutions reach."""


def stop_after(codes: int, config: StreamConfig) -> int:
    """The number of codes at which the chunk after `codes` codes is made."""
    stop, size = config.first_codes + config.held_back, float(config.first_codes)
    while stop <= codes:
        size = min(size * config.growth, float(config.largest_codes))
        stop += int(size)
    return stop


@dataclasses.dataclass(frozen=True)
class StreamedCodes:
    """What came of a segment, when its last chunk has left."""

    codes: np.ndarray
    stopped: bool


def stream_segment(
    params: Params,
    config: Config,
    model: ModelConfig,
    voice: ReferenceVoice,
    emotion: np.ndarray,
    text_ids: np.ndarray,
    key: Key[Array, ""],
    *,
    watch: pipeline.Stopwatch | None = None,
) -> Iterator[Float[np.ndarray, "N"] | StreamedCodes]:
    """One segment, chunk by chunk; the arguments are those of `pipeline.choose_codes`.

    Yields:
      Waveforms in [-1, 1], together as long as the segment spoken whole; at last a `StreamedCodes`.
    """
    watch = watch or pipeline.Stopwatch()
    settings, hop = config.stream, pipeline.hop_length(model)
    fade = int(settings.fade_ms * OUTPUT_RATE / 1000)
    mel = np.zeros((0, model.s2mel.mel_bins), np.float32)
    tail = np.zeros(0, np.float32)
    coming = pipeline.stream_codes(
        params,
        config,
        model,
        voice,
        emotion,
        text_ids,
        key,
        stops=lambda codes: stop_after(codes, settings),
        watch=watch,
    )
    for chosen, last in coming:
        known = target_length(len(chosen.codes), config.duration.factor)
        sure = known if last else target_length(len(chosen.codes) - settings.held_back, config.duration.factor)
        spoken = len(mel)
        if sure > spoken:
            condition = pipeline.condition_of(params, model, voice, emotion, chosen, known, watch=watch)
            mel = _go_on(params, config, model, voice, condition, mel, key, watch)
            heard = max(0, spoken - VOCODER_FRAMES)
            with watch("vocoder"):
                frames = np.array([known - heard], np.int32)
                wav = np.asarray(stages.vocode(params, batch_of_one(mel[heard:]), frames, model=model))[0]
            audio = wav[(spoken - heard) * hop : (known - heard) * hop]
            audio = np.concatenate([_cross_fade(tail, audio[: len(tail)]), audio[len(tail) :]])
            ready = (sure - spoken) * hop
            tail = audio[ready : ready + fade]
            mel = mel[:sure]
            yield audio[:ready]
        if last:
            yield StreamedCodes(chosen.codes, chosen.stopped)


def _go_on(
    params: Params,
    config: Config,
    model: ModelConfig,
    voice: ReferenceVoice,
    condition: np.ndarray,
    mel: np.ndarray,
    key: Key[Array, ""],
    watch: pipeline.Stopwatch,
) -> np.ndarray:
    """The mel spoken so far and what follows it, as long as the condition."""
    prompt = np.concatenate([voice.prompt_mel, mel])
    mu = np.concatenate([voice.prompt_condition, condition])
    target_size = bucket_size(len(condition) - len(mel))
    size = bucket_size(len(prompt)) + target_size
    noise = flow_matching.sample_noise(jax.random.fold_in(key, 1), size, model.s2mel.mel_bins)
    with watch("flow_matching"):
        made = stages.flow(
            params,
            np.asarray(noise)[None],
            pad_axis(prompt, size)[None],
            np.array([len(prompt)], np.int32),
            voice.style[None],
            pad_axis(mu, size)[None],
            np.array([len(mu)], np.int32),
            model=model,
            target_frames=target_size,
            **to_dict(config.flow),
        )
    return np.concatenate([mel, np.asarray(made)[0, len(prompt) : len(mu)]])


def _cross_fade(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """From what ends to what begins. The two are alike, so their amplitudes are to sum to one, not their powers."""
    weight = np.sin(0.5 * np.pi * (np.arange(len(new)) + 0.5) / max(1, len(new))) ** 2
    faded: np.ndarray = (old[: len(new)] * (1 - weight) + new * weight).astype(np.float32)
    return faded


class SpeechStream(Iterator[Float[np.ndarray, "N"]]):
    """Chunks of a speech, float32 in [-1, 1] at `sampling_rate`, as they are made. What is not asked for is not made.

    Raises:
      TextError: at the end, if the model stopped before the first code of all segments.
    """

    sampling_rate = OUTPUT_RATE

    def __init__(self, checked: CheckedRequest, narrator: Callable[[], Narrator], watch: pipeline.Stopwatch) -> None:
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
                    faults = narrator.faults(segment, pipeline.SegmentCodes(ids, part.codes, part.stopped))
                    faults += redraw.audio_faults(np.concatenate(heard)) if heard else ()
                    draw = Draw(0, None, faults)
                    self._warnings += redraw.report(index + 1, len(segment), draw, [draw])
                else:
                    heard.append(part)
                    yield from _not_empty(part)
        yield from _not_empty(silence(reading.silences_ms[-1]))
        check_spoken(self._checked.request, self._codes)
        self._ended = True


def _not_empty(audio: np.ndarray) -> Iterator[np.ndarray]:
    if len(audio):
        yield audio
