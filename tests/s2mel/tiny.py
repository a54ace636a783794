"""A tiny s2mel configuration, random parameters and random inputs for it."""

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from indextts2_jax.config import S2MelConfig

TINY = S2MelConfig(
    latent_dim=12,
    latent_hidden=(6, 5),
    semantic_dim=16,
    width=16,
    heads=2,
    depth=5,
    mel_bins=6,
    style_dim=4,
    time_features=8,
    regulator_layers=2,
    wavenet_layers=3,
)


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def init(module, *inputs):
    """Random parameters drawn by numpy: quicker than compiling an initialiser, and no bias is zero, no scale one."""
    shapes = flatten_dict(jax.eval_shape(module.init, jax.random.key(0), *inputs)["params"], sep="/")
    draw = {
        "kernel": lambda x: x / np.sqrt(np.prod(x.shape[-3:-1]) if "conv" in path else x.shape[-2]),
        "scale": lambda x: 1 + 0.1 * x,
        "bias": lambda x: 0.1 * x,
    }
    flat = {}
    for seed, (path, leaf) in enumerate(shapes.items()):
        flat[path] = draw[path.split("/")[-1]](normal(1000 + seed, *leaf.shape)).astype(np.float32)
    return unflatten_dict(flat, sep="/")


def row_lengths(*frames: int) -> jax.Array:
    return jnp.asarray(frames, jnp.int32)
