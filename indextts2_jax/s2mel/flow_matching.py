"""Flow matching: from noise to a mel spectrogram along the velocity that `DiT` predicts.

    time_schedule ──► t_0 = 0 < t_1 < ... < t_S = 1          (linear)
    guide         ──► v = (1 + g) v_conditional - g v_unconditional
    euler_step    ──► x <- x + (t_{k+1} - t_k) v
    begin         ──► what all steps have in common: the network in its quick form, conditions, modulation
    move          ──► one step; frames of the prompt are held at zero all the way
    solve         ──► the loop over the S steps; those who have something else to do between them call the two above

The noise is an argument of `solve`; `sample_noise` draws it.
Source: `BASECFM.inference` and `solve_euler` in indextts/s2mel/modules/flow_matching.py.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import AnyArray, Array, Float, Float32, Int, Key, Lengths, Number, Params
from indextts2_jax.config import S2MelConfig
from indextts2_jax.nn.masking import length_mask, zero_padding
from indextts2_jax.s2mel.dit import DiT, context, prepare, window_of
from indextts2_jax.s2mel.timestep import Modulation

Dtype = Any


class Field(NamedTuple):
    """What all steps have in common."""

    conditions: Float[Array, "R M D"]
    """Of all rows, then, where there is guidance, those of nothing."""
    params: Params
    """Of `DiT`, prepared."""
    modulation: Modulation
    """For all times."""


def time_schedule(steps: int) -> Float32[np.ndarray, " {steps+1}"]:
    """Equally spaced from 0 to 1.

    The nearest float32 of every k / steps; torch's linspace is one unit in the last place off here and there.
    """
    return (np.arange(steps + 1) / steps).astype(np.float32)


def guide(
    conditional: Float[AnyArray, "B M C"], unconditional: Float[AnyArray, "B M C"], guidance: float
) -> Float[AnyArray, "B M C"]:
    """Classifier-free guidance: away from the unconditional velocity by `guidance` times the difference."""
    return (1.0 + guidance) * conditional - guidance * unconditional


def euler_step(x: Float[AnyArray, "B M C"], velocity: Float[AnyArray, "B M C"], dt: Number) -> Float[AnyArray, "B M C"]:
    return x + dt * velocity


def sample_noise(key: Key[Array, ""], frames: int, bins: int) -> Float32[Array, "{frames} {bins}"]:
    """Standard normal noise of one request.

    The first n frames are the same for every `frames >= n`, so the bucket a request is padded to doesn't change its
    speech. That is a property of JAX's (default) partitionable threefry, whose number i depends on the key and i alone.
    """
    return jax.random.normal(key, (frames, bins), jnp.float32)


def solve(
    params: Params,
    config: S2MelConfig,
    noise: Float[Array, "B M C"],
    prompt_mel: Float[Array, "B M C"],
    prompt_lengths: Lengths,
    style: Float[Array, "B style"],
    mu: Float[Array, "B M D"],
    lengths: Lengths,
    *,
    steps: int,
    guidance: float,
    temperature: Number = 1.0,
    target_frames: int | None = None,
    dtype: Dtype = jnp.float32,
) -> Float[Array, "B M C"]:
    """Integrates the flow from t = 0 to 1.

    Args:
      params: of `DiT`.
      noise: standard normal, over prompt and target (its prompt frames are not used).
      prompt_mel: log mel of the reference voice in the first `prompt_lengths` frames; what lies behind is ignored.
      style: speaker embedding.
      mu: regulated semantics of the prompt, then of the target.
      lengths: frames of prompt and target together, at least 3.
      steps: Euler steps (static).
      guidance: strength of classifier-free guidance, 0 or more (static). At 0 the unconditional rows are not computed.
      temperature: factor on the noise.
      target_frames: at least as many as any row has behind its prompt (static): the WaveNet is spared the rest of the
        prompts. None: not known.
      dtype: of the network; the integration is in float32.
    Returns:
      log mel, float32: zeros in the prompt's frames and behind `lengths`.
    """
    field = begin(params, config, prompt_mel, prompt_lengths, style, mu, steps=steps, guidance=guidance, dtype=dtype)
    frames = noise.shape[1]
    in_target = length_mask(lengths, frames) & ~length_mask(prompt_lengths, frames)
    start = zero_padding(noise.astype(jnp.float32) * temperature, in_target)
    sizes = {"guidance": guidance, "target_frames": target_frames, "dtype": dtype}

    def step(x: Float[Array, "B M C"], number: Int[Array, ""]) -> tuple[Float[Array, "B M C"], None]:
        return move(field, config, x, number, prompt_lengths, lengths, **sizes), None

    mel, _ = jax.lax.scan(step, start, jnp.arange(steps))
    return mel


def begin(
    params: Params,
    config: S2MelConfig,
    prompt_mel: Float[Array, "B M C"],
    prompt_lengths: Lengths,
    style: Float[Array, "B style"],
    mu: Float[Array, "B M D"],
    *,
    steps: int,
    guidance: float,
    dtype: Dtype = jnp.float32,
) -> Field:
    """What all steps have in common; arguments as of `solve`."""
    prepared = prepare(params, config, dtype)
    apply: Callable[..., Any] = functools.partial(DiT(config, dtype, prepared=True).apply, {"params": prepared})
    in_prompt = length_mask(prompt_lengths, mu.shape[1])
    conditions = apply(zero_padding(prompt_mel, in_prompt), style, mu, method="conditions")
    if guidance > 0:
        null = [jnp.zeros((1, *size), dtype) for size in ((1, config.mel_bins), (config.style_dim,), (1, config.width))]
        nothing = apply(*null, method="conditions")  # one frame: all frames of all rows are alike
        conditions = jnp.concatenate([conditions, jnp.broadcast_to(nothing, conditions.shape)])
    return Field(conditions, prepared, apply(jnp.asarray(time_schedule(steps)[:-1]), method="modulation"))


def move(
    field: Field,
    config: S2MelConfig,
    x: Float[Array, "B M C"],
    number: Int[AnyArray, ""],
    prompt_lengths: Lengths,
    lengths: Lengths,
    *,
    guidance: float,
    target_frames: int | None = None,
    dtype: Dtype = jnp.float32,
) -> Float[Array, "B M C"]:
    """Step `number` of those that the field is for, from 0 on.

    Args:
      x: at first the noise times the temperature, zero outside the target.
      all others: as of `solve`.
    """
    modulation = jax.tree.map(lambda every: every[number][None], field.modulation)
    frames, steps = x.shape[1], field.modulation.norm.shape[0]
    wanted = frames if target_frames is None else min(frames, target_frames + context(config))
    start = jnp.clip(prompt_lengths - context(config), 0, frames - wanted)
    copies = len(field.conditions) // len(x)
    rows, sizes, starts = (jnp.concatenate([a] * copies) for a in (x, lengths, start))

    network = DiT(config, dtype, prepared=True)
    given = (rows, field.conditions, modulation, sizes, starts, wanted)
    made: Any = network.apply({"params": field.params}, *given, method="velocity")
    velocity = made.astype(jnp.float32)
    if copies == 2:
        conditional, unconditional = jnp.split(velocity, 2)
        velocity = guide(conditional, unconditional, guidance)
    dt = jnp.asarray(np.diff(time_schedule(steps)))[number]
    moved = euler_step(window_of(x, start, wanted), velocity, dt)
    x = jax.vmap(lambda rows, new, at: jax.lax.dynamic_update_slice_in_dim(rows, new, at, 0))(x, moved, start)
    return zero_padding(x, length_mask(lengths, frames) & ~length_mask(prompt_lengths, frames))
