"""Where the speech model looks in its text while it speaks: the attention of single heads from codes to text.

    conds | [start] text [stop] | [start] codes ─ one parallel pass ─► weights [B H T L+2]

A model that has learned to read goes through its text from the beginning to the end, and in some of its heads that can
be seen. Only the layers up to the last head that is asked for are computed.
"""

import itertools
import operator
from collections.abc import Sequence
from typing import TypeAlias

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Float, Int, Lengths, Params
from indextts2_jax.gpt.speech_lm import SpeechLM, first_position
from indextts2_jax.nn.masking import length_mask

Head: TypeAlias = tuple[int, int]
"""(layer, head), from 0."""


def text_attention(
    module: SpeechLM,
    params: Params,
    heads: Sequence[Head],
    conds: Float[Array, "B P D"],
    text_ids: Int[Array, "B L"],
    text_lengths: Lengths,
    codes: Int[Array, "B T"],
    code_lengths: Lengths,
    contiguous: bool = False,
) -> Float[Array, "B H T L+2"]:
    """How the attention that a head pays to the text is shared among [start], the tokens and [stop], for each code.

    Args:
      contiguous: as generation counted positions (`DecodeConfig.contiguous_positions`).
    Returns:
      Rows that sum to 1; behind the text of a row weights are 0, rows behind the codes mean nothing.
    """
    _, kept = module.apply(
        {"params": params},
        conds,
        text_ids,
        text_lengths,
        codes,
        code_lengths,
        first_position(contiguous) - 1,
        method="hidden_states",
        mutable=["attention"],
    )
    layers = kept["attention"]["transformer"]
    first, size, spoken = conds.shape[1], text_ids.shape[1] + 2, codes.shape[1]
    valid = length_mask(text_lengths + 2, size)[:, None, None]
    ordered, maps = sorted(set(heads)), []
    for layer, chosen in itertools.groupby(ordered, key=operator.itemgetter(0)):  # one product a layer
        own = np.array([head for _, head in chosen])
        query, key, _ = layers[f"layer_{layer}"]["inside"][0]
        asked = query[:, -spoken:, own].astype(jnp.float32)
        told = key[:, first : first + size, own].astype(jnp.float32)
        scores = jnp.einsum("BTHK,BLHK->BHTL", asked, told) * query.shape[-1] ** -0.5
        maps.append(nn.softmax(jnp.where(valid, scores, -jnp.inf), axis=-1))
    return jnp.concatenate(maps, axis=1)[:, np.array([ordered.index(head) for head in heads])]


def all_heads(layers: int, heads: int) -> tuple[Head, ...]:
    """Those of a model."""
    return tuple((layer, head) for layer in range(layers) for head in range(heads))
