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
import functools
from collections.abc import Iterator

import numpy as np

from indextts2_jax.array_typing import Float, Params
from indextts2_jax.config import SAMPLING_RATE, SEMANTIC_RATE, Config, ModelConfig, StreamConfig
from indextts2_jax.nn.buckets import bucket_size
from indextts2_jax.pipeline.generation import DrawCodes, SegmentCodes, Utterance, stream_codes
from indextts2_jax.pipeline.recording import Stopwatch
from indextts2_jax.pipeline.speak import Prompt, acoustic_conditions, hop_length, infill, natural_frames, waveforms

VOCODER_FRAMES = 32
"""Of mel before a chunk that the vocoder hears again: more than its convolutions reach."""


def at_rate(config: StreamConfig, codes_per_second: float) -> StreamConfig:
    """The settings in codes of which so many are a second; at least one each."""

    def codes(count: int) -> int:
        return max(1, round(count * codes_per_second / SEMANTIC_RATE))

    first, largest, held_back = codes(config.first_codes), codes(config.largest_codes), codes(config.held_back)
    return dataclasses.replace(config, first_codes=first, largest_codes=largest, held_back=held_back)


def stop_after(codes: int, config: StreamConfig) -> int:
    """The number of codes at which the chunk after `codes` codes is made."""
    stop, size = config.first_codes + config.held_back, float(config.first_codes)
    while stop <= codes:
        size = min(size * config.growth, float(config.largest_codes))
        stop += int(size)
    return stop


def stream_utterance(
    params: Params,
    config: Config,
    model: ModelConfig,
    utterance: Utterance,
    *,
    draw: DrawCodes | None = None,
    watch: Stopwatch | None = None,
) -> Iterator[Float[np.ndarray, " N"] | SegmentCodes]:
    """One segment, chunk by chunk.

    Args:
      draw: how its codes are drawn, where the decoder is shared with others.
    Yields:
      Waveforms in [-1, 1], together as long as the segment spoken whole; at last its codes.
    """
    watch = watch or Stopwatch()
    settings = at_rate(config.stream, model.codes_per_second)
    hop, voice = hop_length(model), utterance.voice
    fade = int(settings.fade_ms * SAMPLING_RATE / 1000)
    mel = np.zeros((0, model.s2mel.mel_bins), np.float32)
    tail = np.zeros(0, np.float32)
    next_stop = functools.partial(stop_after, config=settings)
    if draw:
        coming = draw(utterance, config.decode, next_stop)
    else:
        coming = stream_codes(params, config, model, utterance, stops=next_stop, watch=watch)
    for chosen, last in coming:
        known = natural_frames(model, len(chosen.codes), config.duration.factor)
        sure = known if last else natural_frames(model, len(chosen.codes) - settings.held_back, config.duration.factor)
        spoken = len(mel)
        if sure > spoken:
            (told,) = acoustic_conditions(params, model, [utterance], [chosen.codes], [known], watch=watch)
            prompt = Prompt(
                np.concatenate([voice.prompt_mel, mel]), np.concatenate([voice.prompt_condition, told[:spoken]])
            )
            (more,) = infill(
                params, config, model, [utterance], [prompt], [told[spoken:]], prompt_bucket=bucket_size, watch=watch
            )
            mel = np.concatenate([mel, more])
            heard = max(0, spoken - VOCODER_FRAMES)
            (wav,) = waveforms(params, model, [mel[heard:]], watch=watch)
            audio = wav[(spoken - heard) * hop :]
            audio = np.concatenate([_cross_fade(tail, audio[: len(tail)]), audio[len(tail) :]])
            ready = (sure - spoken) * hop
            tail = audio[ready : ready + fade]
            mel = mel[:sure]
            yield audio[:ready]
        if last:
            yield chosen


def _cross_fade(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """From what ends to what begins. The two are alike, so their amplitudes are to sum to one, not their powers."""
    weight = np.sin(0.5 * np.pi * (np.arange(len(new)) + 0.5) / max(1, len(new))) ** 2
    faded: np.ndarray = (old[: len(new)] * (1 - weight) + new * weight).astype(np.float32)
    return faded
