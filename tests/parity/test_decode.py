"""Generated codes against the recorded reference: every one equal, in every decoding mode."""

import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import DecodeConfig
from indextts2_jax.gpt import decode as decoding
from indextts2_jax.gpt.sampling import replay_noise
from tests.models import SMALL
from tests.parity.speech_segments import SEGMENTS, convert_speech_lm, stop_bias


@pytest.fixture(scope="module")
def params(small_component):
    """`params(stop_bias)`, converted once each; the checkpoints differ in that bias only."""
    made = convert_speech_lm(small_component("gpt"), SMALL)

    def biased(amount: float) -> dict:
        head = made["code_head"]
        return {**made, "code_head": {**head, "bias": head["bias"].at[SMALL.gpt.stop_mel_token].add(amount)}}

    return biased


@pytest.mark.parametrize(("name", "suffix"), SEGMENTS)
def test_codes(params, golden, name, suffix):
    g = golden(name)
    request = g.request
    decode = DecodeConfig(
        do_sample=request["sample"], num_beams=request["num_beams"], max_mel_tokens=request["max_mel_tokens"]
    )
    noise = None
    if decode.do_sample:  # every segment counts its steps from 0
        seed = request["noise_seed"]
        noise = replay_noise(seed, decode.max_mel_tokens, decode.num_beams, SMALL.gpt.code_vocab)[None]
    ids = g[f"text_ids{suffix}"]
    padded = jnp.asarray(np.pad(ids, ((0, 0), (0, 72 - ids.shape[1]))))
    conds, lengths = jnp.asarray(g[f"gpt_conds{suffix}"]), jnp.array([ids.shape[1]])
    result = decoding.generate(params(stop_bias(g)), SMALL.gpt, decode, conds, padded, lengths, noise=noise)
    codes = result.codes[0, : result.lengths[0]].tolist()
    if result.stopped[0]:
        codes.append(SMALL.gpt.stop_mel_token)
    assert codes == g[f"codes{suffix}"][0].tolist()
