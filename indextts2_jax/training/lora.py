"""Low-rank adapters of the GPT's matrices (Hu et al. 2022, LoRA): y = x W + (alpha / rank) (x A) B, W frozen.

    kernel_lora_a  A [in, rank]  at random      of the matrices attention_in, attention_out, mlp_in, mlp_out
    kernel_lora_b  B [rank, out] zero           of every layer; nothing else of the network is trained

Qwix adds the second term where the layers call their matrix product, so the product with W is never differentiated by
W, and no matrix of W's size is made but W. The adapters live apart from the network, under "heads": what synthesis
gets is W + (alpha / rank) A B (`merge`), an ordinary network.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from indextts2_jax.array_typing import Array, Key, Params
from indextts2_jax.errors import ConfigError
from indextts2_jax.gpt.speech_lm import SpeechLM

MATRICES = r"transformer/layer_\d+/(attention_in|attention_out|mlp_in|mlp_out)"
A, B = "_lora_a", "_lora_b"


class Adapters:
    """The adapters of one `SpeechLM`.

    `module` is that network with adapters: its method `hidden_states` wants them among the parameters (`joined`).
    """

    def __init__(self, plain: SpeechLM, rank: int, alpha: float) -> None:
        """Raises `ConfigError` for a rank that is none, and where Qwix is not installed."""
        width = plain.config.width
        if not 1 <= rank < width:
            raise ConfigError(f"lora_rank is {rank}, but it must be from 1 to below the model's width {width}.")
        self.config, self.dtype, self.scale = plain.config, plain.dtype, alpha / rank
        self.module = _adapted(plain, rank, alpha)

    def init(self, key: Key[Array, ""]) -> Params:
        """{"transformer": {"layer_0": {"attention_in": {"kernel_lora_a", "kernel_lora_b"}, ...}, ...}}, float32."""
        conds = jnp.zeros((1, self.config.condition_rows, self.config.width))
        ids, lengths = jnp.zeros((1, 8), jnp.int32), jnp.full((1,), 8, jnp.int32)

        def adapters(key: Key[Array, ""]) -> Params:
            variables = self.module.init(key, conds, ids, lengths, ids, lengths, method="hidden_states")
            leaves = flatten_dict(variables["params"], sep="/")
            return unflatten_dict({path: leaf for path, leaf in leaves.items() if path.endswith((A, B))}, sep="/")

        return jax.jit(adapters)(key)  # compiled, the frozen part is not drawn

    def joined(self, base: Params, adapters: Params) -> Params:
        """What `module` is applied to. The adapters get the type of the computation, or all behind would get theirs."""
        narrow = jax.tree.map(lambda leaf: leaf.astype(self.dtype), adapters)
        return unflatten_dict({**flatten_dict(base, sep="/"), **flatten_dict(narrow, sep="/")}, sep="/")

    def merge(self, base: Params, adapters: Params) -> Params:
        """The network with the adapters added to its matrices: for `SpeechLM` itself; on the host, float32."""
        pairs = flatten_dict(adapters, sep="/")
        merged = flatten_dict(base, sep="/")
        for path in [name.removesuffix(A) for name in pairs if name.endswith(A)]:
            a, b = (np.asarray(pairs[path + end], np.float32) for end in (A, B))
            merged[path] = np.asarray(merged[path], np.float32) + np.float32(self.scale) * (a @ b)
        return unflatten_dict(merged, sep="/")


def count(tree: Any) -> int:
    """Numbers in a tree of arrays (or of their shapes)."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def _adapted(module: SpeechLM, rank: int, alpha: float) -> SpeechLM:
    try:
        import qwix
    except ImportError:
        raise ConfigError("lora_rank is set, but Qwix is missing: pip install -e '.[train]'.") from None
    provider = qwix.LoraProvider(module_path=MATRICES, rank=rank, alpha=alpha)
    adapted: SpeechLM = qwix.apply_lora_to_model(module, provider, methods=("hidden_states",))
    return adapted
