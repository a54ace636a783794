"""The GPT-2 backbone: 24 pre-norm blocks, run over whole sequences or one position at a time beside a cache.

    __call__   x [B T D], mask [B 1 T T] ──► hidden [B T D], KVCache of all T positions
    step       x [B W D], prefix KVCache (shared by the W beams), generated KVCache (append-only) ──► hidden [B W D]

Source: `GPT2Model` as indextts/gpt/model_v2.py builds it: no token or position table of its own, `gelu_new`, and two
LayerNorms in series at the end (`gpt.ln_f`, then `final_norm`). Attention knows positions only through the
embeddings, so a masked gap between two parts of a sequence changes nothing.

Departure from "identical layers are stacked and scanned": the blocks are the separate subtrees layer_0 .. layer_23.
Scanning stacked weights inside the decoding loop makes XLA's CPU backend copy every layer's slice at every step:
350 ms a step instead of 110 ms at the published width.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Bool, Float, Int
from indextts2_jax.config import GptConfig
from indextts2_jax.gpt import kernels, kv_cache
from indextts2_jax.gpt.kv_cache import KVCache
from indextts2_jax.nn.attention import attention
from indextts2_jax.nn.layers import LayerNorm, gelu_tanh
from indextts2_jax.nn.packed_weights import Linear

Dtype = Any


def _own(layer: nn.Module, *names: str) -> list[Any]:
    """Its parameters of these names."""
    return [layer.get_variable("params", name) for name in names]


def _merge(x: Float[Array, "B H T K"]) -> Float[Array, "B*H T K"]:
    return x.reshape(-1, *x.shape[2:])


class Block(nn.Module):
    """x + attention(norm(x)), then + MLP(norm(x)). Source: `GPT2Block`."""

    config: GptConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    def setup(self) -> None:
        width = self.config.width
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        dense = {"kernel_init": nn.initializers.normal(0.02), **types}
        residual = {"kernel_init": nn.initializers.normal(0.02 / (2 * self.config.layers) ** 0.5), **types}
        self.ln_1 = LayerNorm(**types)
        self.attention_in = Linear(3 * width, **dense)  # [q | k | v], the heads of each side by side
        self.attention_out = Linear(width, **residual)
        self.ln_2 = LayerNorm(**types)
        self.mlp_in = Linear(4 * width, **dense)
        self.mlp_out = Linear(width, **residual)

    def _qkv(self, x: Float[Array, "B T D"]) -> list[Float[Array, "B T H K"]]:
        parts = jnp.split(self.attention_in(self.ln_1(x)), 3, axis=-1)
        return [part.reshape(*part.shape[:-1], self.config.heads, -1) for part in parts]

    def _finish(self, x: Float[Array, "B T D"], heads: Float[Array, "B T H K"]) -> Float[Array, "B T D"]:
        x = x + self.attention_out(heads.reshape(x.shape))
        return x + self.mlp_out(gelu_tanh(self.mlp_in(self.ln_2(x))))

    def __call__(self, x: Float[Array, "B T D"], mask: Bool[Array, "B 1 T T"]) -> tuple[Float[Array, "B T D"], KVCache]:
        query, key, value = self._qkv(x)
        heads = attention(query, key, value, mask=mask, scale=query.shape[-1] ** -0.5)
        memory = KVCache(_merge(jnp.einsum("BSHK->BHKS", key)), _merge(jnp.einsum("BSHK->BHSK", value)))
        x = self._finish(x, heads)
        self.sow("attention", "inside", (query, key, x))  # nothing is kept unless a caller asks
        return x, memory

    def step(
        self,
        x: Float[Array, "B W D"],
        prefix: KVCache,
        generated: KVCache,
        offset: Int[Array, "*B"],
        visible: Bool[Array, "B W S"],
    ) -> tuple[Float[Array, "B W D"], KVCache]:
        query, key, value = (_merge(jnp.einsum("BWHK->BHWK", part)) for part in self._qkv(x))
        generated = kv_cache.written(generated, KVCache(jnp.einsum("GWK->GKW", key), value), offset)
        scores = [
            jnp.einsum("GWK,GKS->GWS", query, memory.keys, preferred_element_type=jnp.float32)
            for memory in (prefix, generated)
        ]
        joint = jnp.concatenate(scores, axis=-1) * query.shape[-1] ** -0.5
        joint = joint.reshape(x.shape[0], -1, *joint.shape[1:])  # [B H W S]
        joint = jnp.where(visible[:, None], joint, jnp.finfo(jnp.float32).min)
        weights = _merge(jax.nn.softmax(joint, axis=-1).astype(value.dtype))
        split = prefix.values.shape[1]
        heads = jnp.einsum("GWS,GSK->GWK", weights[..., :split], prefix.values)
        heads += jnp.einsum("GWS,GSK->GWK", weights[..., split:], generated.values)
        # turned only after the sum: XLA would let the products write [B W H K], which takes seven times as long
        heads = jax.lax.optimization_barrier(heads).reshape(*joint.shape[:3], -1)
        heads = jnp.einsum("BHWK->BWHK", heads)
        return self._finish(x, heads), generated

    def step_in_kernels(
        self,
        x: Float[Array, "R D"],
        prefix: KVCache,
        generated: KVCache,
        offset: Int[Array, ""],
        visible: Bool[Array, "B W S"],
    ) -> tuple[Float[Array, "R D"], KVCache]:
        """The same for a GPU, in five launches if the rows are few; B * W of them count."""
        qkv = self._normed(x, self.ln_1, self.attention_in)
        heads, generated = kernels.attend(qkv, prefix, generated, offset, visible)
        x = self._added(x, heads, self.attention_out)
        return self._added(x, self._normed(x, self.ln_2, self.mlp_in, gelu=True), self.mlp_out), generated

    @staticmethod
    def _normed(x: Float[Array, "R D"], norm: LayerNorm, layer: Linear, gelu: bool = False) -> Float[Array, "R E"]:
        if kernels.few(len(x), layer.features):
            scale, bias = _own(norm, "scale", "bias")
            before = kernels.Norm(scale, bias, norm.epsilon)
            return kernels.linear(x, *_own(layer, "kernel", "bias"), norm=before, gelu=gelu)
        y = layer(norm(x))
        return gelu_tanh(y) if gelu else y

    @staticmethod
    def _added(x: Float[Array, "R D"], y: Float[Array, "R E"], layer: Linear) -> Float[Array, "R D"]:
        if kernels.few(len(x), layer.features):
            return kernels.linear(y, *_own(layer, "kernel", "bias"), residual=x)
        return x + layer(y)


class Transformer(nn.Module):
    """All blocks and the two closing norms.

    `recompute`, for training: of each block only the results of the linear layers are kept for the gradients. The rest,
    above all the attention weights, as large as the sequence squared, is computed twice.
    """

    config: GptConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32
    recompute: bool = False

    def setup(self) -> None:
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        if self.recompute:
            block = nn.remat(Block, policy=jax.checkpoint_policies.dots_with_no_batch_dims_saveable)
        else:
            # so that the blocks, all alike, are traced once
            block = nn.jit(Block, methods=("__call__", "step", "step_in_kernels"))
        self.layer = [block(self.config, **types) for _ in range(self.config.layers)]
        self.ln_f = LayerNorm(**types)
        self.final_norm = LayerNorm(**types)

    def __call__(
        self, x: Float[Array, "B T D"], valid: Bool[Array, "B T"]
    ) -> tuple[Float[Array, "B T D"], tuple[KVCache, ...]]:
        """Causal attention among the valid positions; what stands at the others is seen by nobody.

        Args:
          x: embeddings, positions added.
          valid: False for padding, wherever it stands; the first position must be valid.
        Returns:
          The normed hidden states, and the keys and values of every layer.
        """
        size = x.shape[1]
        mask = jnp.tril(jnp.ones((size, size), bool))[None, None] & valid[:, None, None, :]
        memories = []
        for layer in self.layer:
            x, memory = layer(x, mask)
            memories.append(memory)
        return self.final_norm(self.ln_f(x)), tuple(memories)

    def step(
        self,
        x: Float[Array, "B W D"],
        prefix: tuple[KVCache, ...],
        generated: tuple[KVCache, ...],
        offset: Int[Array, "*B"],
        visible: Bool[Array, "B W S"],
        in_kernels: bool = False,
    ) -> tuple[Float[Array, "B W D"], tuple[KVCache, ...]]:
        """One new position of each of W beams.

        Args:
          x: its embedding.
          prefix: memory of the P positions that all beams of a request share.
          generated: memory of slots; the W new ones are written at `offset`, or at each request's own.
          visible: which of the S positions and slots each beam attends to; of the new slots that is its own.
          in_kernels: where the sizes are for them, by the kernels of a GPU.
        Returns:
          The normed hidden states, and the generated memory with the new slots.
        """
        memories = []
        rows, shape = x.shape[0] * x.shape[1], x.shape
        in_kernels = in_kernels and kernels.fit(x.shape[2], prefix[0], generated[0])
        if in_kernels:
            x = jnp.pad(x.reshape(rows, -1), ((0, kernels.padded(rows) - rows), (0, 0)))
        for layer, shared, own in zip(self.layer, prefix, generated, strict=True):
            step = layer.step_in_kernels if in_kernels else layer.step
            x, memory = step(x, shared, own, offset, visible)
            memories.append(memory)
        if in_kernels:
            x = x[:rows].reshape(shape)
        return self.final_norm(self.ln_f(x)), tuple(memories)
