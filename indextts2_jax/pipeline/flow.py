"""The flow matching of `speak.py`, in one program or a step at a time."""

from typing import Any, NamedTuple

import jax
import numpy as np

from indextts2_jax.array_typing import Float, Params
from indextts2_jax.config import Config, ModelConfig, to_dict
from indextts2_jax.pipeline import batches, stages
from indextts2_jax.pipeline.recording import Stopwatch
from indextts2_jax.s2mel import flow_matching


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
    _, *given = batches.divided(params, inputs)
    times = flow_matching.time_schedule(config.flow.steps)
    settings = {"guidance": config.flow.guidance, "target_frames": target_frames}
    for now, dt in zip(times[:-1], np.diff(times), strict=True):
        with watch("flow_matching"):
            x = jax.block_until_ready(stages.flow_step(params, x, *given, now, dt, model=model, **settings))
    return np.asarray(x)
