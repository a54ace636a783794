"""Conditioning: how its parts are put together, and the published sizes."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import ConformerConfig, GptConfig, PerceiverConfig
from indextts2_jax.gpt.conditioning import Conditioning
from tests.conftest import assert_close
from tests.gpt.test_conformer import normal, random_params
from tests.models import PUBLISHED

CONFORMER = ConformerConfig(input_dim=12, width=8, ffn_dim=16, heads=2, blocks=1, conv_kernel=3)
TINY = GptConfig(
    width=16,
    speaker_conformer=CONFORMER,
    speaker_perceiver=PerceiverConfig(width=16, context_dim=8, latents=3, heads=2, head_dim=4),
    emotion_conformer=CONFORMER,
    emotion_perceiver=PerceiverConfig(width=12, context_dim=8, latents=1, heads=2, head_dim=4),
)


@pytest.fixture(scope="module")
def params():
    return random_params(Conditioning(TINY), jnp.zeros((1, 8, 12)), jnp.array([8]))


@functools.partial(jax.jit, static_argnames="method")
def apply(params, *inputs, method):
    return Conditioning(TINY).apply({"params": params}, *inputs, method=method)


def test_conditions_are_latents_with_emotion_then_speed_rows(params):
    latents, vector = normal(0, 2, 3, 16), normal(1, 2, 16)
    conditions = apply(params, latents, vector, method="decoder_conditions")
    assert conditions.shape == (2, 5, 16)
    np.testing.assert_allclose(conditions[:, :3], latents + vector[:, None], rtol=1e-6)
    np.testing.assert_array_equal(conditions[1, 3:], [params["speed_embedding"][1], params["speed_embedding"][0]])


@pytest.mark.parametrize("method", ["speaker_latents", "emotion_vector"])
def test_padding_is_invisible(params, method):
    batch = np.full((2, 15, 12), 1e3, np.float32)
    batch[0, :6], batch[1] = normal(3, 6, 12), normal(4, 15, 12)
    together = apply(params, batch, jnp.array([6, 15]), method=method)
    assert_close(together[:1], apply(params, batch[:1, :6], jnp.array([6]), method=method), 1e-5)


def test_plain_call_uses_one_clip_for_both(params):
    clip, lengths = normal(2, 2, 15, 12), jnp.array([9, 15])
    latents = apply(params, clip, lengths, method="speaker_latents")
    vector = apply(params, clip, lengths, method="emotion_vector")
    assert latents.shape == (2, 3, 16) and vector.shape == (2, 16)
    whole = apply(params, clip, lengths, method="__call__")
    assert_close(whole, apply(params, latents, vector, method="decoder_conditions"), 1e-5)


def test_published_size():
    module = Conditioning(PUBLISHED.gpt)
    clips, lengths = jnp.zeros((2, 750, 1024)), jnp.ones(2, jnp.int32)
    out, variables = jax.eval_shape(module.init_with_output, jax.random.key(0), clips, lengths)
    assert out.shape == (2, 34, 1280)
    # the sum of the published tensors' sizes, without the two stored position tables
    assert sum(leaf.size for leaf in jax.tree.leaves(variables)) == 338_899_964


def test_a_speaker_told_by_the_style():
    """One row, by one linear layer; behind it two rows of zeros, which are rows all the same."""
    config = dataclasses.replace(TINY, speaker_conformer=None, speaker_perceiver=None, style_dim=6)
    module = Conditioning(config)
    params = random_params(module, jnp.zeros((1, 8, 12)), jnp.array([8]))
    assert set(params) == {"speaker_projection", "emotion_encoder"}
    style, vector = jnp.asarray(normal(5, 2, 6)), jnp.asarray(normal(6, 2, 16))
    row = module.apply({"params": params}, style, method="speaker_row")
    projection = params["speaker_projection"]
    expected = np.asarray(style) @ np.asarray(projection["kernel"]) + np.asarray(projection["bias"])
    np.testing.assert_allclose(row[:, 0], expected, rtol=2e-6, atol=1e-6)
    conditions = module.apply({"params": params}, row, vector, method="decoder_conditions")
    np.testing.assert_allclose(conditions[:, 0], row[:, 0] + vector, rtol=1e-6)
    np.testing.assert_array_equal(conditions[:, 1:], np.zeros((2, 2, 16)))
    assert config.condition_rows == 3 and TINY.condition_rows == 5
