"""In which numbers a loaded model computes, and how its weights lie in memory.

    parameters as stored ── arrange, once when a model is loaded ──► parameters as used

Only the three networks that take the time have a choice. What encodes a clip runs in float32 always: in anything less
the semantic codec picks other codebook entries. A network computes in the type of its weights.
"""

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Float, Params, Shaped
from indextts2_jax.config import PrecisionConfig
from indextts2_jax.nn.packed_weights import Int8, Transposed, map_kernels, wide_vectors
from indextts2_jax.nn.platform import platform


def arrange(params: Params, precision: PrecisionConfig) -> Params:
    """The same tree with the weights of the decoder, the flow and the vocoder in the types of `precision`.

    On a CPU without AVX-512 the decoder's matrices are laid out anew (`nn.packed_weights`). What stays is not copied.
    """
    precision = PrecisionConfig(*map(_resolved, (precision.gpt, precision.flow, precision.vocoder)))
    gpt, s2mel = params["gpt"], params["s2mel"]
    return {
        **params,
        "gpt": {**gpt, "speech_lm": _decoder(gpt["speech_lm"], precision.gpt)},
        "s2mel": {**s2mel, "dit": _cast(s2mel["dit"], precision.flow)},
        "bigvgan": _cast(params["bigvgan"], precision.vocoder),
    }


def _resolved(precision: str) -> str:
    """What "auto" stands for. Of the halves float16 deviates less, and the official code decodes in it on a GPU."""
    if precision != "auto":
        return precision
    return "float16" if platform() == "gpu" else "stored"


def _decoder(params: Params, precision: str) -> Params:
    if precision == "int8":
        return {**params, "transformer": map_kernels(params["transformer"], Int8.of)}
    params = _cast(params, precision)
    if platform() != "cpu" or wide_vectors():
        return params
    return map_kernels(params, _turned)


def _turned(kernel: Float[Array, "D E"] | Transposed) -> Transposed:
    """By numpy's view and `device_put`, which transposes by blocks while it copies."""
    return kernel if isinstance(kernel, Transposed) else Transposed(jax.device_put(np.asarray(kernel).T))


def _cast(tree: Params, dtype: str) -> Params:
    if dtype == "stored":
        return tree

    def cast(leaf: Shaped[Array, " *rest"]) -> Shaped[Array, " *rest"]:
        return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) and leaf.dtype != dtype else leaf

    return jax.tree.map(cast, tree)
