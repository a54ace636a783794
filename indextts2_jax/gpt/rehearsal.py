"""What a search needs is compiled, by running a step of it at every size that it may grow to."""

import dataclasses

import numpy as np

from indextts2_jax.array_typing import Array, Float, Int, Key, Params
from indextts2_jax.config import DecodeConfig, GptConfig
from indextts2_jax.gpt import decode as search
from indextts2_jax.gpt import kernels, kv_cache


def rehearse(
    params: Params,
    config: GptConfig,
    decode: DecodeConfig,
    conds: Float[Array, "B P D"],
    text_ids: Int[np.ndarray, "B L"],
    text_lengths: Int[np.ndarray, " B"],
    keys: Key[Array, " B"],
    *,
    codes: int,
) -> None:
    """Runs `decode.generate` for a code or two in as many slots as `codes` of them would ask for, and in all fewer.

    The arguments are those of `generate`.
    """
    rules = dataclasses.replace(decode, max_mel_tokens=0)
    in_kernels, randomness = decode.kernels and kernels.chosen(params), keys if decode.do_sample else None
    size = kv_cache.first(decode.num_beams)
    prefix, state = search.begin(config, rules, size, params, conds, text_ids, text_lengths, randomness)
    while True:
        until = np.int32(int(state.step) + 1)
        state = search._run(config, rules, in_kernels, params, prefix, randomness, until, state)
        search._ended(state, -1)  # a question that is compiled too
        kept = int(kv_cache.descended_from(state.visible, state.done))
        state = search.repack(state, kept, size)
        if kv_cache.room(codes, size, decode.num_beams) == size:
            break
        size = kv_cache.more(size)
        state = search.repack(state, kept, size)
    search.finish(config, decode, state)
