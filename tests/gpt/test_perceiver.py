"""Perceiver: against the written-out formulas, and blind to padding."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import PerceiverConfig
from indextts2_jax.gpt.perceiver import Perceiver, UnitNorm, inner_width
from tests.conftest import assert_close
from tests.gpt.test_conformer import normal, random_params
from tests.models import PUBLISHED

TINY = PerceiverConfig(width=16, context_dim=12, latents=3, heads=2, head_dim=4, depth=2)


@pytest.fixture(scope="module")
def params():
    return random_params(Perceiver(TINY), jnp.zeros((1, 5, TINY.context_dim)), jnp.array([5]))


@pytest.fixture(scope="module")
def resample(params):
    return jax.jit(lambda context, lengths: Perceiver(TINY).apply({"params": params}, context, lengths))


def written_out(params, context):
    """One clip in float64, head by head."""
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    context = context @ p["context"]["kernel"] + p["context"]["bias"]
    erf = np.vectorize(math.erf)
    z = p["latents"]
    for i in range(TINY.depth):
        weights, ffn = p[f"attention_{i}"], p[f"ffn_{i}"]
        both = np.concatenate([z, context]) @ weights["key_value"]["kernel"]
        query = z @ weights["query"]["kernel"]
        mixed = []
        for head in range(TINY.heads):
            part = slice(head * TINY.head_dim, (head + 1) * TINY.head_dim)
            key, value = both[:, : both.shape[1] // 2][:, part], both[:, both.shape[1] // 2 :][:, part]
            scores = np.exp(query[:, part] @ key.T / np.sqrt(TINY.head_dim))
            mixed.append(scores / scores.sum(axis=1, keepdims=True) @ value)
        z = np.concatenate(mixed, axis=1) @ weights["out"]["kernel"] + z
        h = z @ ffn["in"]["kernel"] + ffn["in"]["bias"]
        inner = h.shape[1] // 2
        gate = h[:, inner:]
        h = h[:, :inner] * (0.5 * gate * (1 + erf(gate / np.sqrt(2))))
        z = h @ ffn["out"]["kernel"] + ffn["out"]["bias"] + z
    return z / np.linalg.norm(z, axis=1, keepdims=True) * np.sqrt(TINY.width) * p["norm"]["scale"]


def test_is_the_written_out_network(resample, params):
    context = normal(5, 6, TINY.context_dim)
    assert_close(resample(context[None], jnp.array([6]))[0], written_out(params, context), 1e-5)


def test_padding_is_invisible(resample, params):
    sizes = [1, 4, 9]
    padded = np.full((len(sizes), 9, TINY.context_dim), np.nan, np.float32)
    for row, size in zip(padded, sizes, strict=True):
        row[:size] = normal(size, size, TINY.context_dim)
    together = resample(padded, jnp.array(sizes))
    assert together.shape == (3, TINY.latents, TINY.width)
    for out, row, size in zip(together, padded, sizes, strict=True):
        assert_close(out, written_out(params, row[:size]), 1e-5)


def test_published_inner_widths():
    assert inner_width(PUBLISHED.gpt.speaker_perceiver) == 1706
    assert inner_width(PUBLISHED.gpt.emotion_perceiver) == 1365


def test_unit_norm_of_zero_is_zero():
    out = UnitNorm().apply({"params": {"scale": jnp.ones(4)}}, jnp.array([[0.0] * 4, [0.0, 3.0, 0.0, 4.0]]))
    np.testing.assert_allclose(out, [[0.0] * 4, [0.0, 1.2, 0.0, 1.6]], rtol=1e-6)


def test_compiles_for_gpu(resample):
    inputs = (jax.ShapeDtypeStruct((2, 8, TINY.context_dim), jnp.float32), jax.ShapeDtypeStruct((2,), jnp.int32))
    assert "custom_call" not in resample.trace(*inputs).lower(lowering_platforms=("cuda",)).as_text()
