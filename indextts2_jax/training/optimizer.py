"""The optimiser of a run: a learning-rate schedule, clipping, AdamW, and Muon for the matrices where asked for."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from optax.contrib import MuonDimensionNumbers, muon

from indextts2_jax.array_typing import Array, Params, Shaped
from indextts2_jax.training.config import OptimizerConfig
from indextts2_jax.training.partition import path_name

SMALLEST_MATRIX = 16  # both sides; what is smaller, AdamW handles as well


def schedule(config: OptimizerConfig, steps: int, peak: float) -> optax.Schedule:
    """Warm-up from 0 to `peak`, then down to `final_fraction` of it at the last step."""
    rest = max(steps - config.warmup_steps, 1)
    final = peak * config.final_fraction
    after: optax.Schedule
    if config.schedule == "linear":
        after = optax.linear_schedule(peak, final, rest)
    elif config.schedule == "cosine":
        after = optax.cosine_decay_schedule(peak, rest, config.final_fraction)
    else:
        after = optax.constant_schedule(peak)
    if not config.warmup_steps:
        return after
    return optax.join_schedules([optax.linear_schedule(0.0, peak, config.warmup_steps), after], [config.warmup_steps])


def clip_by_side(norm: float, side: Callable[[str], str]) -> optax.GradientTransformation:
    """Scales the gradients of each side so that together they are not longer than `norm`."""

    def clip(updates: Params, params: Params | None) -> Params:
        leaves, tree = jax.tree_util.tree_flatten_with_path(updates)
        sides = [side(path_name(path)) for path, _ in leaves]
        factors = {}
        for one in set(sides):
            length = optax.tree.norm([leaf for (_, leaf), other in zip(leaves, sides, strict=True) if other == one])
            factors[one] = norm / jnp.maximum(length, norm)
        clipped = [(leaf * factors[one]).astype(leaf.dtype) for (_, leaf), one in zip(leaves, sides, strict=True)]
        return jax.tree_util.tree_unflatten(tree, clipped)

    return optax.stateless(clip)


def build_optimizer(
    config: OptimizerConfig,
    steps: int,
    frozen: Callable[[str], bool],
    side: Callable[[str], str] = lambda path: "",
) -> optax.GradientTransformation:
    """Parameters for which `frozen` holds are left alone; biases, scales and embeddings do not decay.

    Gradients are clipped for every `side` by itself. What another side than "" moves learns at `other_rate` of the
    rate.
    """

    def kind(path: tuple[Any, ...], leaf: Shaped[Array, "..."]) -> str:
        name = path_name(path)
        if frozen(name):
            return "frozen"
        if leaf.ndim < 2 or not name.endswith("kernel"):
            return "plain"
        big = min(leaf.shape[-2:]) >= SMALLEST_MATRIX
        return "matrix" if config.name == "muon" and big and name.startswith("network/") else "decayed"

    def kinds(params: Params) -> Any:
        return jax.tree_util.tree_map_with_path(kind, params)

    def numbers(params: Params) -> Any:
        return jax.tree.map(lambda leaf: MuonDimensionNumbers(leaf.ndim - 2, leaf.ndim - 1), params)

    def slower(updates: Params, params: Params | None) -> Params:
        def scaled(path: tuple[Any, ...], leaf: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
            return leaf * config.other_rate if side(path_name(path)) else leaf

        scaled_tree: Params = jax.tree_util.tree_map_with_path(scaled, updates)
        return scaled_tree

    rate = schedule(config, steps, config.learning_rate)
    adam = {"b1": config.b1, "b2": config.b2}
    return optax.chain(
        clip_by_side(config.clip_norm, side),
        optax.multi_transform(
            {
                "frozen": optax.set_to_zero(),
                "plain": optax.adamw(rate, weight_decay=0.0, **adam),
                "decayed": optax.adamw(rate, weight_decay=config.weight_decay, **adam),
                "matrix": muon(
                    schedule(config, steps, config.muon_rate),
                    weight_decay=config.weight_decay,
                    muon_weight_dimension_numbers=numbers,
                ),
            },
            kinds,
        ),
        *([] if config.other_rate == 1 else [optax.stateless(slower)]),
    )
