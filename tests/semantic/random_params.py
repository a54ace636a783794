"""Random parameters of a tiny network, without running it."""

from typing import Any

import flax.linen as nn
import jax
import numpy as np


def random_params(module: nn.Module, *inputs: jax.Array) -> dict[str, Any]:
    """Every leaf random: biases of zero and scales of one would hide a wrong one. Signals keep their magnitude."""
    rng = np.random.default_rng(0)

    def draw(path: tuple, leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        name = path[-1].key
        if name in ("scale", "gamma", "var"):
            values = rng.uniform(0.5, 1.5, leaf.shape)
        elif name == "kernel":
            values = rng.normal(size=leaf.shape) * 1.5 / np.sqrt(np.prod(leaf.shape[:-1]))
        else:
            values = 0.4 * rng.normal(size=leaf.shape)
        return values.astype(np.float32)

    shapes = jax.eval_shape(module.init, jax.random.key(0), *inputs)["params"]
    return jax.tree_util.tree_map_with_path(draw, shapes)
