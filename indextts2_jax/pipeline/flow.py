"""The flow matching of `speak.py`, in one program or a step at a time."""

from typing import Any, NamedTuple

import jax
import numpy as np

from indextts2_jax.array_typing import Float, Params
from indextts2_jax.config import Config, ModelConfig, to_dict
from indextts2_jax.pipeline import batches, stages
from indextts2_jax.pipeline.recording import Stopwatch


class FlowInputs(NamedTuple):
    """The arrays of `stages.flow`, in its order."""

    noise: np.ndarray
    prompt: np.ndarray
    prompt_lengths: np.ndarray
    style: np.ndarray
    mu: np.ndarray
    lengths: np.ndarray


def whole(
    params: Params, config: Config, model: ModelConfig, inputs: FlowInputs, target_frames: int, watch: Stopwatch
) -> Float[np.ndarray, "B M C"]:
    """Noise to log mel [B M C] of prompt and target, in one program."""
    with watch("flow_matching"):
        settings = {"target_frames": target_frames, **to_dict(config.flow)}
        return np.asarray(stages.flow(params, *batches.divided(params, inputs), model=model, **settings))


def in_pieces(
    params: Params, config: Config, model: ModelConfig, inputs: FlowInputs, target_frames: int, watch: Stopwatch
) -> Float[np.ndarray, "B M C"]:
    """The same, a step at a time: each begins for the stopwatch. It differs in the last digits."""
    frame = np.arange(inputs.noise.shape[1])
    moving = (frame >= inputs.prompt_lengths[:, None]) & (frame < inputs.lengths[:, None])
    x: Any = np.where(moving[..., None], inputs.noise * np.float32(config.flow.temperature), np.float32(0))
    x, *given = batches.divided(params, (x, *inputs[1:]))
    prompt, prompt_lengths, style, mu, lengths = given
    guidance, steps = config.flow.guidance, config.flow.steps
    with watch("flow_matching"):
        told = (prompt, prompt_lengths, style, mu)
        field = stages.flow_begin(params, *told, model=model, steps=steps, guidance=guidance)
    sizes = {"guidance": guidance, "target_frames": target_frames}
    for number in range(steps):
        with watch("flow_matching"):
            moved = stages.flow_step(params, field, x, np.int32(number), prompt_lengths, lengths, model=model, **sizes)
            x = jax.block_until_ready(moved)
    return np.asarray(x)
