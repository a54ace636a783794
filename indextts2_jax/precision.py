"""In which numbers a loaded model computes, and how its weights lie in memory.

    parameters as stored ── arrange, once when a model is loaded ──► parameters as used

Only the three networks that take the time have a choice. What encodes a clip runs in float32 always: in anything less
the semantic codec picks other codebook entries. A network computes in the type of its weights.
"""

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Params
from indextts2_jax.config import PrecisionConfig
from indextts2_jax.nn.kernels import Int8, Transposed, map_kernels, wide_vectors


def arrange(params: Params, precision: PrecisionConfig) -> Params:
    """The same tree with the weights of the decoder, the flow and the vocoder in the types of `precision`.

    On a CPU the decoder's matrices are laid out anew as well (`nn.kernels`). What else does not change is not copied.
    """
    gpt, s2mel = params["gpt"], params["s2mel"]
    return {
        **params,
        "gpt": {**gpt, "speech_lm": _decoder(gpt["speech_lm"], precision.gpt)},
        "s2mel": {**s2mel, "dit": _cast(s2mel["dit"], precision.flow)},
        "bigvgan": _cast(params["bigvgan"], precision.vocoder),
    }


def _decoder(params: Params, precision: str) -> Params:
    if precision == "int8":
        return {**params, "transformer": map_kernels(params["transformer"], Int8.of)}
    params = _cast(params, precision)
    return map_kernels(params, _laid_out) if jax.default_backend() == "cpu" else params


def _laid_out(kernel: Array | Transposed) -> Array | Transposed:
    """In memory of its own, which is read faster than the pages of a mapped file: as it is, or turned.

    By numpy's view and `device_put`, which transposes by blocks while it copies.
    """
    if isinstance(kernel, Transposed):
        return kernel
    if wide_vectors():
        return jax.device_put(np.array(kernel))
    return Transposed(jax.device_put(np.asarray(kernel).T))


def _cast(tree: Params, dtype: str) -> Params:
    if dtype == "stored":
        return tree

    def cast(leaf: Array) -> Array:
        return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) and leaf.dtype != dtype else leaf

    return jax.tree.map(cast, tree)
