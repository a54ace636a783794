"""From text and a reference clip to a waveform: the stages in the order data flows.

    text ──── normalize · tokenize · segment ──► tokens [B L] ────────────────────────┐
    speaker ┬─ w2v_features ─ w2v_bert ──► semantic [B T D] ─┬─ conformer · perceiver ─┤
     wav    │                                                └─ quantize ─ length_regulator ─► prompt_cond [B M D]
            ├─ kaldi_fbank ─ campplus ──► style [B 192]                               │
            └─ mel ──► prompt_mel [B M C]                                             ▼
    emotion wav │ vector │ text ──► emovec [B D] ──────────────────────────────────► gpt ─► codes [B T] ─► latents
    embed(codes) + project(latents) ─ length_regulator ─► cond [B M D] ─┐
    prompt_cond, prompt_mel, style, noise ──────────────────────────────┴─ flow_matching ─► mel ─ bigvgan ─► wav

`stages.py` holds each network as a jitted function on padded arrays; here `encode_voice`, `encode_emotion`,
`choose_codes` and `speak_codes` string them together on the host, where lengths are known.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator

import jax
import numpy as np

from indextts2_jax.array_typing import Array, Key, Params
from indextts2_jax.audio.postprocess import breath_frames
from indextts2_jax.config import Config, ModelConfig, to_dict
from indextts2_jax.gpt import decode as gpt_decode
from indextts2_jax.gpt.sampling import replay_noise
from indextts2_jax.nn.buckets import batch_of_one, bucket_size, pad_axis, prompt_size
from indextts2_jax.pipeline import stages
from indextts2_jax.pipeline.encode import _one, regulated
from indextts2_jax.pipeline.recording import Record, Replay, Stopwatch, ignore
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.s2mel import flow_matching
from indextts2_jax.s2mel.length_regulator import target_length


@dataclasses.dataclass(frozen=True)
class SegmentCodes:
    """The text ids [L] of a segment, the codes [T] they became without the stop token, and whether one came."""

    text_ids: np.ndarray
    codes: np.ndarray
    stopped: bool


def _decoder_inputs(
    params: Params, model: ModelConfig, voice: ReferenceVoice, emotion: np.ndarray, text_ids: np.ndarray
) -> tuple[Array, np.ndarray, np.ndarray]:
    """What the decoder reads before the codes: conditioning rows, padded text ids and their number."""
    conds: Array = stages.decoder_conditions(params, voice.speaker_latents[None], emotion[None], model=model)
    return conds, batch_of_one(text_ids.astype(np.int32)), _one(len(text_ids))


def choose_codes(
    params: Params,
    config: Config,
    model: ModelConfig,
    voice: ReferenceVoice,
    emotion: np.ndarray,
    text_ids: np.ndarray,
    key: Key[Array, ""],
    *,
    replay: Replay | None = None,
    record: Record | None = None,
    watch: Stopwatch | None = None,
    on_code: Callable[[int, int], None] | None = None,
) -> SegmentCodes:
    """One segment of text -> its semantic codes. Nothing of other segments enters: equal text, voice, key: equal codes.

    Args:
      emotion: the emotion embedding [D], blended.
      text_ids: token ids [L] without start and stop.
      key: all randomness of the segment.
      replay: overrides the randomness by recorded noise.
      on_code: called with (codes so far, limit) now and then.
    """
    full_record, record, watch = record, record or ignore, watch or Stopwatch()
    conds, ids, text_length = _decoder_inputs(params, model, voice, emotion, text_ids)
    record("speech_conditioning_latent", voice.speaker_latents[None])
    record("text_ids", text_ids[None])
    record("gpt_conds", np.asarray(conds))
    if full_record:
        prefix, prefix_length = stages.decoder_prefix(params, conds, ids, text_length, model=model)
        record("gpt_prefix", np.asarray(prefix)[:, : int(prefix_length[0])])

    with watch("decode"), jax.default_matmul_precision(stages.PRECISION):
        noise = None
        if replay and replay.noise_seed is not None:
            decode = config.decode
            noise = replay_noise(replay.noise_seed, decode.max_mel_tokens, decode.num_beams, model.gpt.code_vocab)[None]
        generated = gpt_decode.generate(
            params["gpt"]["speech_lm"],
            model.gpt,
            config.decode,
            conds,
            ids,
            text_length,
            keys=None if noise is not None else jax.random.fold_in(key, 0)[None],
            noise=noise,
            progress=on_code,
        )
    length, stopped = int(generated.lengths[0]), bool(generated.stopped[0])
    codes = np.asarray(generated.codes)[0, :length]
    stop = np.array([model.gpt.stop_mel_token] * stopped, np.int32)
    record("codes", np.concatenate([codes, stop])[None])
    return SegmentCodes(text_ids, codes, stopped)


def stream_codes(
    params: Params,
    config: Config,
    model: ModelConfig,
    voice: ReferenceVoice,
    emotion: np.ndarray,
    text_ids: np.ndarray,
    key: Key[Array, ""],
    *,
    stops: Callable[[int], int],
    watch: Stopwatch | None = None,
) -> Iterator[tuple[SegmentCodes, bool]]:
    """What `choose_codes` gives, while it comes: the codes settled so far, and whether these are all.

    Args:
      stops: from the number of codes chosen so far to the number at which to look next.
    """
    watch = watch or Stopwatch()
    conds, ids, text_length = _decoder_inputs(params, model, voice, emotion, text_ids)
    coming = gpt_decode.stream(
        params["gpt"]["speech_lm"],
        model.gpt,
        config.decode,
        conds,
        ids,
        text_length,
        key=jax.random.fold_in(key, 0),
        stops=stops,
    )
    while True:
        try:
            with watch("decode"), jax.default_matmul_precision(stages.PRECISION):
                codes = next(coming)
        except StopIteration as end:
            made: gpt_decode.SpeechCodes = end.value
            yield SegmentCodes(text_ids, made.codes[0, : made.lengths[0]], bool(made.stopped[0])), True
            return
        yield SegmentCodes(text_ids, codes, False), False


def speak_codes(
    params: Params,
    config: Config,
    model: ModelConfig,
    voice: ReferenceVoice,
    emotion: np.ndarray,
    chosen: SegmentCodes,
    key: Key[Array, ""],
    *,
    frames: int | None = None,
    replay: Replay | None = None,
    segment: int = 0,
    record: Record | None = None,
    watch: Stopwatch | None = None,
) -> np.ndarray:
    """The codes of one segment -> its waveform [N] in [-1, 1]; empty where there are no codes.

    Args:
      emotion, key: as they were for `choose_codes`.
      frames: mel frames to speak in, instead of what `config.duration.factor` makes of the codes.
      replay: overrides the randomness of `segment` by recorded noise.
    """
    full_record, record, watch = record, record or ignore, watch or Stopwatch()
    length = len(chosen.codes)
    prompt_frames, bins = voice.prompt_mel.shape
    if length == 0:
        record("cfm_noise", np.zeros((1, bins, 0), np.float32))  # keeps the numbering by segment
        return np.zeros(0, np.float32)
    if frames is None:
        frames = target_length(length, config.duration.factor)
    total = prompt_frames + frames
    target_size = bucket_size(frames)
    size = prompt_size(prompt_frames) + target_size
    mu = np.concatenate(
        [
            voice.prompt_condition,
            condition_of(params, model, voice, emotion, chosen, frames, record=record, watch=watch),
        ]
    )
    if replay and replay.cfm_noise:
        noise_mel = replay.noise(segment, total, bins)
    else:
        flow_key = jax.random.fold_in(key, 1)
        noise_mel = np.asarray(flow_matching.sample_noise(flow_key, size, bins))[:total]
    record("cfm_noise", noise_mel.T[None])
    record("cfm_cond", mu[None])
    inputs = FlowInputs(
        pad_axis(noise_mel, size)[None],
        pad_axis(voice.prompt_mel, size)[None],
        _one(prompt_frames),
        voice.style[None],
        pad_axis(mu, size)[None],
        _one(total),
    )
    if full_record:
        _record_velocities(params, config, model, inputs, total, record)
    with watch("flow_matching"):
        settings = {"target_frames": target_size, **to_dict(config.flow)}
        mel_all = np.asarray(stages.flow(params, *inputs.values(), model=model, **settings))[0, :total]
    log_mel = mel_all[prompt_frames:]
    record("cfm_mel", mel_all.T[None])
    record("vocoder_mel", log_mel.T[None])
    if config.polish.trim_breath:
        frames -= breath_frames(log_mel)
        log_mel = log_mel[:frames]
    with watch("vocoder"):
        wav = np.asarray(stages.vocode(params, batch_of_one(log_mel), _one(frames), model=model))
    audio = wav[0, : frames * hop_length(model)]
    record("vocoder_wav", audio[None, None])
    return audio


def condition_of(
    params: Params,
    model: ModelConfig,
    voice: ReferenceVoice,
    emotion: np.ndarray,
    chosen: SegmentCodes,
    frames: int,
    *,
    record: Record | None = None,
    watch: Stopwatch | None = None,
) -> np.ndarray:
    """The codes of a segment -> what the flow matching is told of them, [frames D]: the second pass and the regulator.

    There must be codes.
    """
    record, watch = record or ignore, watch or Stopwatch()
    length = len(chosen.codes)
    conds, ids, text_length = _decoder_inputs(params, model, voice, emotion, chosen.text_ids)
    padded_codes = batch_of_one(chosen.codes)
    with watch("latents"):
        latents = stages.code_latents(params, conds, ids, text_length, padded_codes, _one(length), model=model)
        condition, projected = stages.acoustic_condition(params, latents, padded_codes, model=model)
        condition = np.asarray(condition)[0, :length]
    record("gpt_latent", np.asarray(latents)[:, :length])
    record("gpt_layer_out", np.asarray(projected)[:, :length])
    with watch("length_regulator"):
        return regulated(params, model, condition, frames, record)


def hop_length(model: ModelConfig) -> int:
    """Samples of a mel frame: 256 of the published model."""
    return math.prod(model.bigvgan.upsample_rates)


@dataclasses.dataclass(frozen=True)
class FlowInputs:
    """The arrays of `flow`, in its order."""

    noise: np.ndarray
    prompt: np.ndarray
    prompt_lengths: np.ndarray
    style: np.ndarray
    mu: np.ndarray
    lengths: np.ndarray

    def values(self) -> tuple[np.ndarray, ...]:
        return (self.noise, self.prompt, self.prompt_lengths, self.style, self.mu, self.lengths)


def _record_velocities(
    params: Params, config: Config, model: ModelConfig, inputs: FlowInputs, total: int, record: Record
) -> None:
    """The estimator's raw output at the first two steps: row 0 conditional, row 1 unconditional."""
    times = np.asarray(flow_matching.time_schedule(config.flow.steps))
    behind_prompt = (np.arange(inputs.noise.shape[1]) >= inputs.prompt_lengths[0])[None, :, None]
    pair = [np.concatenate([a, np.zeros_like(a)]) for a in (inputs.prompt, inputs.style, inputs.mu)]
    prompt, style, mu = pair
    x = inputs.noise * behind_prompt * np.float32(config.flow.temperature)
    for step in range(min(2, config.flow.steps)):
        t = np.full(2, times[step], np.float32)
        rows, lengths = np.repeat(x, 2, 0), np.repeat(inputs.lengths, 2)
        both = stages.velocity(params, rows, prompt, t, style, mu, lengths, model=model)
        record(f"dit_velocity_step{step}", np.asarray(both)[:, :total].transpose(0, 2, 1))
        guided = flow_matching.guide(both[:1], both[1:], config.flow.guidance)
        x = np.asarray(flow_matching.euler_step(x, guided, times[step + 1] - times[step])) * behind_prompt
