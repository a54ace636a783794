"""From codes to a waveform: the stages in the order data flows, one way for one segment, for many and for a stream.

    codes [T] ─ acoustic_conditions: gpt latents [T D] or the codec's decoder, length regulator ─► condition [M D]
    prompt mel and condition, condition, style, noise ─ infill ─► mel [M C] ─ waveforms ─► wav [N]

What is spoken, and its codes, come from `generation.py`. Every function takes several segments, and gives each what it
would get alone; what differs in a batch is how XLA orders the sums of a product. `stages.py` holds each network as a
jitted function on padded arrays; here lengths are known. A run that is recorded is a batch of one; `chunks.py` calls
these functions while the codes still come.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from indextts2_jax.array_typing import Array, Float, Params
from indextts2_jax.audio.postprocess import breath_frames
from indextts2_jax.config import Config, ModelConfig
from indextts2_jax.nn.buckets import bucket_size, prompt_size
from indextts2_jax.pipeline import batches, flow, recorded, stages
from indextts2_jax.pipeline.encode import regulate
from indextts2_jax.pipeline.generation import TEXT_MARKERS, Utterance, decoder_conditions, padded_text
from indextts2_jax.pipeline.recording import Record, Replay, Stopwatch
from indextts2_jax.s2mel import flow_matching
from indextts2_jax.s2mel.length_regulator import target_length


class Prompt(NamedTuple):
    """What a mel is to go on from, and what the flow was told of it."""

    mel: Float[np.ndarray, "M C"]
    condition: Float[np.ndarray, "M D"]


def hop_length(model: ModelConfig) -> int:
    """Samples of a mel frame: 256 of the published model."""
    return math.prod(model.bigvgan.upsample_rates)


def natural_frames(model: ModelConfig, codes: int, factor: float = 1.0) -> int:
    """Mel frames that so many codes become, `factor` times as slow as they are."""
    return target_length(codes * model.semantic_codec.frames_per_code, factor)


def speak_codes(
    params: Params,
    config: Config,
    model: ModelConfig,
    utterances: Sequence[Utterance],
    codes: Sequence[np.ndarray],
    *,
    frames: Sequence[int] | None = None,
    at_once: int = 1,
    replay: Replay | None = None,
    first: int = 0,
    record: Record | None = None,
    watch: Stopwatch | None = None,
) -> list[np.ndarray]:
    """The codes [T] of every utterance -> its waveform [N] in [-1, 1]; empty where there are no codes.

    Args:
      frames: mel frames to speak each in, instead of what `config.duration.factor` makes of its codes.
      at_once: the largest batch; of segments of equal sizes, and on a CPU one for each device.
      replay: overrides the randomness by recorded noise.
      first: the place in its text of the first utterance, which `replay` asks for.
      record: receives the arrays of the stages, and goes with batches of one only.
    """
    if frames is None:
        frames = [natural_frames(model, len(own), config.duration.factor) for own in codes]
    audio = [np.zeros(0, np.float32) for _ in utterances]
    spoken = [place for place, own in enumerate(codes) if len(own)]
    if record and len(spoken) < len(utterances):
        record("cfm_noise", np.zeros((1, model.s2mel.mel_bins, 0), np.float32))  # keeps the numbering by segment

    def sizes(place: int) -> tuple[int, int]:
        return bucket_size(frames[place]), prompt_size(len(utterances[place].voice.prompt_mel))

    for batch in batches.alike(spoken, sizes, batches.behind_decoder(params, at_once)):
        own = [utterances[place] for place in batch]
        conditions = acoustic_conditions(
            params,
            model,
            own,
            [codes[place] for place in batch],
            [frames[place] for place in batch],
            record=record,
            watch=watch,
        )
        noise = None
        if replay and replay.cfm_noise:
            totals = [len(u.voice.prompt_mel) + len(told) for u, told in zip(own, conditions, strict=True)]
            pairs = zip(batch, totals, strict=True)
            noise = [replay.noise(first + place, total, model.s2mel.mel_bins) for place, total in pairs]
        prompts = [Prompt(u.voice.prompt_mel, u.voice.prompt_condition) for u in own]
        mels = infill(params, config, model, own, prompts, conditions, noise=noise, record=record, watch=watch)
        if config.polish.trim_breath:
            mels = [mel[: len(mel) - breath_frames(mel)] for mel in mels]
        for place, made in zip(batch, waveforms(params, model, mels, record=record, watch=watch), strict=True):
            audio[place] = made
    return audio


def acoustic_conditions(
    params: Params,
    model: ModelConfig,
    utterances: Sequence[Utterance],
    codes: Sequence[np.ndarray],
    frames: Sequence[int],
    *,
    record: Record | None = None,
    watch: Stopwatch | None = None,
) -> list[np.ndarray]:
    """What the flow matching is told of codes [T], one or more each: [frames D], by the regulator, of decoded codes or
    of their embeddings and the latents of a second pass."""
    watch = watch or Stopwatch()
    padded, lengths = batches.rows(codes)
    if model.semantic_codec.decoder:
        with watch("semantic_codec"):
            condition = stages.decode_codes(params, *batches.divided(params, (padded, lengths)), model=model)
        lengths = lengths * model.semantic_codec.frames_per_code
        if record:
            record("codec_decode_out", np.asarray(condition)[:, : lengths[0]])
    else:
        condition = _with_latents(params, model, utterances, padded, lengths, record, watch)
    with watch("length_regulator"):
        return regulate(params, model, condition, lengths, frames, record)


def _with_latents(
    params: Params,
    model: ModelConfig,
    utterances: Sequence[Utterance],
    padded: np.ndarray,
    lengths: np.ndarray,
    record: Record | None,
    watch: Stopwatch,
) -> Array:
    """The codes' embeddings with the latents of a second pass."""
    conditions = decoder_conditions(params, model, utterances)
    ids, text_lengths = padded_text(utterances, conditions.shape[1] + TEXT_MARKERS)
    with watch("latents"):
        read = (conditions, ids, text_lengths, padded, lengths)
        latents = stages.code_latents(params, *batches.divided(params, read), model=model)
        condition, projected = stages.acoustic_condition(params, latents, padded, model=model)
    if record:
        record("gpt_latent", np.asarray(latents)[:, : lengths[0]])
        record("gpt_layer_out", np.asarray(projected)[:, : lengths[0]])
    made: Array = condition
    return made


def infill(
    params: Params,
    config: Config,
    model: ModelConfig,
    utterances: Sequence[Utterance],
    prompts: Sequence[Prompt],
    conditions: Sequence[np.ndarray],
    *,
    prompt_bucket: Callable[[int], int] = prompt_size,
    noise: Sequence[np.ndarray] | None = None,
    record: Record | None = None,
    watch: Stopwatch | None = None,
) -> list[np.ndarray]:
    """Conditions [M D] -> the log mel [M C] of each, going on from its prompt, by flow matching.

    Args:
      prompt_bucket: what a prompt's frames are padded to.
      noise: [P + M, C] of each, instead of what its key gives.
    """
    watch = watch or Stopwatch()
    bins = model.s2mel.mel_bins
    mu = [np.concatenate([prompt.condition, told]) for prompt, told in zip(prompts, conditions, strict=True)]
    lengths = np.array([len(prompt.mel) for prompt in prompts], np.int32)
    target_frames = bucket_size(max(map(len, conditions)))
    size = prompt_bucket(int(lengths.max())) + target_frames
    if noise is None:
        keys = [jax.random.fold_in(utterance.key, 1) for utterance in utterances]
        drawn = [np.asarray(flow_matching.sample_noise(key, size, bins)) for key in keys]
        noise = [own[: len(told)] for own, told in zip(drawn, mu, strict=True)]
    padded, totals = batches.rows(mu, size)
    inputs = flow.FlowInputs(
        batches.rows(noise, size)[0],
        batches.rows([prompt.mel for prompt in prompts], size)[0],
        lengths,
        np.stack([utterance.voice.style for utterance in utterances]),
        padded,
        totals,
    )
    if record:
        record("cfm_noise", noise[0].T[None])
        record("cfm_cond", mu[0][None])
        recorded.velocities(params, config, model, inputs, record)
    solve = flow.in_pieces if watch.in_pieces else flow.whole
    mel = solve(params, config, model, inputs, target_frames, watch)
    if record:
        record("cfm_mel", mel[0, : totals[0]].T[None])
    return [own[start:end] for own, start, end in zip(mel, lengths, totals, strict=True)]


def waveforms(
    params: Params,
    model: ModelConfig,
    mels: Sequence[np.ndarray],
    *,
    record: Record | None = None,
    watch: Stopwatch | None = None,
) -> list[np.ndarray]:
    """Log mels [M C] -> waveforms [N] in [-1, 1], by BigVGAN."""
    watch, hop = watch or Stopwatch(), hop_length(model)
    if record:
        record("vocoder_mel", mels[0].T[None])
    with watch("vocoder"):
        made = np.asarray(stages.vocode(params, *batches.divided(params, batches.rows(mels)), model=model))
    audio = [own[: len(mel) * hop] for own, mel in zip(made, mels, strict=True)]
    if record:
        record("vocoder_wav", audio[0][None, None])
    return audio
