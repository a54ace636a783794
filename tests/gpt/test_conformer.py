"""Conformer: shapes, padding, and the position term against a loop written out by hand."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import ConformerConfig
from indextts2_jax.gpt import conformer
from indextts2_jax.gpt.conformer import Conformer, ConformerBlock, PositionalAttention, position_table
from indextts2_jax.nn.layers import LayerNorm
from tests.conftest import assert_close

TINY = ConformerConfig(input_dim=12, width=16, ffn_dim=24, heads=2, blocks=3, conv_kernel=5)


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def random_params(module, *inputs) -> dict:
    """Every parameter random: zero biases and unit scales would hide a wrong one."""
    shapes = jax.eval_shape(module.init, jax.random.key(0), *inputs)["params"]
    leaves, tree = jax.tree.flatten(shapes)
    return jax.tree.unflatten(tree, [0.3 * normal(seed, *leaf.shape) for seed, leaf in enumerate(leaves)])


@pytest.fixture(scope="module")
def params():
    return random_params(Conformer(TINY), jnp.zeros((1, 8, TINY.input_dim)), jnp.array([8]))


@pytest.fixture(scope="module")
def encode(params):
    return jax.jit(lambda x, lengths: Conformer(TINY).apply({"params": params}, x, lengths))


@pytest.mark.parametrize("frames", [3, 4, 9, 10])
def test_halves_the_frames(encode, frames):
    out, lengths = jax.eval_shape(encode, jnp.zeros((2, frames, TINY.input_dim)), jnp.array([frames, 3]))
    assert out.shape == (2, (frames - 1) // 2, TINY.width) and lengths.shape == (2,)


def test_padding_is_invisible(encode):
    """Not even a NaN behind the end is seen; the shortest clip leaves a single frame."""
    sizes = [3, 10, 11]
    padded = np.full((len(sizes), 11, TINY.input_dim), np.nan, np.float32)
    clips = [normal(size, size, TINY.input_dim) for size in sizes]
    for row, clip in zip(padded, clips, strict=True):
        row[: len(clip)] = clip
    together, lengths = encode(padded, jnp.array(sizes))
    assert lengths.tolist() == [1, 4, 5]
    for row, clip, length in zip(together, clips, lengths, strict=True):
        alone, _ = encode(clip[None], jnp.array([len(clip)]))
        assert_close(row[:length], alone[0], 1e-5)


def test_true_frames_are_seen(encode):
    """The mask hides no more than the padding: a change in the last window reaches every frame."""
    clip = normal(1, 1, 11, TINY.input_dim)
    before, _ = encode(clip, jnp.array([11]))
    changed = clip.copy()  # JAX may still be reading the other: on a CPU it borrows an aligned array
    changed[0, -1] += 1.0
    after, _ = encode(changed, jnp.array([11]))
    assert np.all(np.max(np.abs(after - before), axis=-1) > 1e-4)


def test_attention_is_the_written_out_sum():
    frames, heads = 6, TINY.heads
    x, positions = normal(2, 1, frames, TINY.width), position_table(frames, TINY.width)
    module, mask = PositionalAttention(TINY), jnp.ones((1, frames), bool)
    params = random_params(module, x, positions, mask)
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)

    def project(name, inputs):
        return (inputs @ p[name]["kernel"] + p[name].get("bias", 0.0)).reshape(frames, heads, -1)

    query, key, value = (project(name, x[0]) for name in ("query", "key", "value"))
    position = project("position", positions)
    mixed = np.zeros((frames, heads, query.shape[-1]))
    for head in range(heads):
        for i in range(frames):
            scores = np.array(
                [
                    (query[i, head] + p["content_bias"][head]) @ key[j, head]
                    + (query[i, head] + p["position_bias"][head]) @ position[j, head]  # j, not i - j
                    for j in range(frames)
                ]
            )
            weights = np.exp(scores / np.sqrt(query.shape[-1]))
            mixed[i, head] = weights / weights.sum() @ value[:, head]
    expected = mixed.reshape(frames, -1) @ p["out"]["kernel"] + p["out"]["bias"]
    actual = jax.jit(module.apply)({"params": params}, x, positions, mask)
    assert_close(actual[0], expected, 1e-5)


@pytest.mark.parametrize("at_once", [128, 3])
def test_parts_and_stacked_blocks_run_in_order(params, at_once, monkeypatch):
    """The scans are the parts of the clip and the blocks one by one; three frames do not divide five."""
    monkeypatch.setattr(conformer, "EMBEDDED_AT_ONCE", at_once)
    x = jnp.asarray(normal(3, 1, 11, TINY.input_dim))
    out, _ = Conformer(TINY).apply({"params": params}, x, jnp.array([11]))
    conv = nn.Conv(TINY.width, (3, 3), strides=(2, 2), padding="VALID")
    h = jax.nn.relu(conv.apply({"params": params["embed_conv"]}, x[..., None])).reshape(1, 5, -1)
    h = nn.Dense(TINY.width).apply({"params": params["embed_out"]}, h) * TINY.width**0.5
    positions, mask = jnp.asarray(position_table(5, TINY.width)), jnp.ones((1, 5), bool)
    run = jax.jit(lambda block, h: ConformerBlock(TINY).apply({"params": block}, h, positions, mask)[0])
    for index in range(TINY.blocks):
        h = run(jax.tree.map(lambda leaf, index=index: leaf[index], params["blocks"]), h)
    assert_close(out, LayerNorm().apply({"params": params["norm"]}, h), 1e-5)


def test_position_table():
    table = position_table(400, 8)
    np.testing.assert_array_equal(table[0], [0, 1] * 4)
    rates = 10000.0 ** (-np.arange(0, 8, 2) / 8)
    angles = np.arange(400)[:, None] * rates
    np.testing.assert_allclose(table[:, 0::2], np.sin(angles), atol=5e-5)
    np.testing.assert_allclose(table[:, 1::2], np.cos(angles), atol=5e-5)
    assert table.dtype == np.float32


def test_compiles_for_gpu(encode):
    inputs = (jax.ShapeDtypeStruct((2, 8, TINY.input_dim), jnp.float32), jax.ShapeDtypeStruct((2,), jnp.int32))
    text = encode.trace(*inputs).lower(lowering_platforms=("cuda",)).as_text()
    assert "custom_call" not in text
