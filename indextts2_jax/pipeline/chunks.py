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
from collections.abc import Iterator

import jax
import numpy as np

from indextts2_jax.array_typing import Array, Float, Key, Params
from indextts2_jax.audio.write import OUTPUT_RATE
from indextts2_jax.config import Config, ModelConfig, StreamConfig, to_dict
from indextts2_jax.nn.buckets import batch_of_one, bucket_size, pad_axis
from indextts2_jax.pipeline import speak, stages
from indextts2_jax.pipeline.recording import Stopwatch
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.s2mel import flow_matching
from indextts2_jax.s2mel.length_regulator import target_length

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
    watch: Stopwatch | None = None,
) -> Iterator[Float[np.ndarray, "N"] | StreamedCodes]:
    """One segment, chunk by chunk; the arguments are those of `pipeline.choose_codes`.

    Yields:
      Waveforms in [-1, 1], together as long as the segment spoken whole; at last a `StreamedCodes`.
    """
    watch = watch or Stopwatch()
    settings, hop = config.stream, speak.hop_length(model)
    fade = int(settings.fade_ms * OUTPUT_RATE / 1000)
    mel = np.zeros((0, model.s2mel.mel_bins), np.float32)
    tail = np.zeros(0, np.float32)
    coming = speak.stream_codes(
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
            condition = speak.condition_of(params, model, voice, emotion, chosen, known, watch=watch)
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
    watch: Stopwatch,
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
