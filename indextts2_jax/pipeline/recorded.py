"""What is computed only to be recorded: the names and shapes are those of the reference activations."""

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Params
from indextts2_jax.config import Config, ModelConfig
from indextts2_jax.gpt import decode as gpt_decode
from indextts2_jax.gpt import kv_cache
from indextts2_jax.gpt.speech_lm import language_of
from indextts2_jax.pipeline import stages
from indextts2_jax.pipeline.flow import FlowInputs
from indextts2_jax.pipeline.recording import Record
from indextts2_jax.s2mel import flow_matching


def decoder_inputs(
    params: Params,
    config: Config,
    model: ModelConfig,
    speaker: np.ndarray,
    text_ids: np.ndarray,
    inputs: tuple[Array, np.ndarray, np.ndarray],
    randomness: gpt_decode.Noise,
    record: Record,
) -> None:
    """What the decoder starts from; of a model of languages also its scores of the first two codes, which only that
    kind's reference activations have: before penalty and temperature, those of the second a row a beam.

    Args:
      speaker: the latents [Q D] of its voice.
      text_ids: [L], without start and stop.
      inputs: decoder conditions, text ids and their lengths, padded, of a batch of one.
      randomness: of the codes.
    """
    gpt, ids = model.gpt, text_ids.astype(np.int32)
    keep_marks = config.decode.keep_marks
    if gpt.languages is None:
        record("speech_conditioning_latent", speaker[None])
        record("text_ids", text_ids[None])
    else:
        removed = (gpt.stop_text_token,) if keep_marks else (gpt.start_text_token, gpt.stop_text_token)
        kept = ids[~np.isin(ids, removed)]
        record("spk_row", speaker)
        record("text_ids", np.append(ids, gpt.stop_text_token)[None])
        record("text_ids_kept", np.concatenate([[gpt.start_text_token], kept, [gpt.stop_text_token]])[None])
        record("lang", np.asarray(language_of(gpt.languages, jnp.asarray(ids[:1]))))
        record("gpt_pad", np.array([len(ids) + 1 - len(kept)], np.int32))
    record("gpt_conds", np.asarray(inputs[0]))
    prefix, length = stages.decoder_prefix(params, *inputs, model=model, keep_marks=keep_marks)
    record("gpt_prefix", np.asarray(prefix)[:, : int(length[0])])
    if gpt.languages is None:
        return
    record("gpt_logits_step0", np.asarray(stages.prefix_scores(params, prefix, length, model=model)))
    lm, decode = params["gpt"]["speech_lm"], config.decode
    cache, state = gpt_decode.begin(gpt, decode, kv_cache.first(decode.num_beams), lm, *inputs, randomness)
    _, scores = jax.jit(gpt_decode.read, static_argnums=(0, 1, 2))(gpt, decode, False, lm, cache, state)
    record("gpt_logits_step1", np.asarray(scores)[0])


def velocities(params: Params, config: Config, model: ModelConfig, inputs: FlowInputs, record: Record) -> None:
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
        record(f"dit_velocity_step{step}", np.asarray(both)[:, : inputs.lengths[0]].transpose(0, 2, 1))
        guided = flow_matching.guide(both[:1], both[1:], config.flow.guidance)
        x = np.asarray(flow_matching.euler_step(x, guided, times[step + 1] - times[step])) * behind_prompt
