"""w2v-bert: the scanned stack, its masks and its relative attention, on tiny random networks."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import W2vBertConfig
from indextts2_jax.semantic.w2v_bert import Convolution, W2vBert, relative_bias
from tests.conftest import assert_close
from tests.semantic.random_params import random_params

TINY = W2vBertConfig(
    input_dim=12, width=16, layers=3, heads=2, ffn_dim=24, conv_kernel=5, left_positions=4, right_positions=2
)


@pytest.fixture(scope="module")
def params():
    return random_params(W2vBert(TINY), jnp.zeros((1, 6, 12)), jnp.array([6]))


@partial(jax.jit, static_argnames="dtype")
def run(params, features, attended, dtype=jnp.float32):
    return W2vBert(TINY, dtype).apply({"params": params}, features, jnp.asarray(attended))


def clip(frames, seed=0):
    return np.random.default_rng(seed).normal(size=(1, frames, 12)).astype(np.float32)


def test_layers_are_stacked(params):
    assert set(params) == {"projection_norm", "projection", "layers", "mean", "var"}
    assert {leaf.shape[0] for leaf in jax.tree.leaves(params["layers"])} == {TINY.layers}
    assert run(params, clip(21), np.array([21])).shape == (1, 21, 16)


def padded(*clips):
    """A batch of 24 frames, the padding NaN."""
    batch = np.full((len(clips), 24, 12), np.nan, np.float32)
    for row, features in enumerate(clips):
        batch[row, : features.shape[1]] = features[0]
    return batch


@pytest.mark.parametrize("extra", [0, 1])
def test_padding_changes_nothing(params, extra):
    """`extra` = 1: a clip with an odd number of fbank frames, whose last row is computed but not attended to."""
    features = clip(21)
    attended = np.array([21 - extra])
    assert_close(run(params, padded(features), attended)[:, :21], run(params, features, attended), 1e-5)


def test_rows_of_a_batch_do_not_meet(params):
    one, two = clip(15, 1), clip(23, 2)
    both = run(params, padded(one, two), np.array([15, 22]))
    assert_close(both[:1, :15], run(params, padded(one), np.array([15]))[:, :15], 1e-5)
    assert_close(both[1:, :23], run(params, padded(two), np.array([22]))[:, :23], 1e-5)


def test_the_odd_last_frame_is_ignored_but_computed(params):
    features, attended = clip(20), np.array([19])
    other = features.copy()
    other[:, 19] *= -1.0
    ours = np.asarray(run(params, padded(features), attended))
    np.testing.assert_array_equal(ours[:, :20], run(params, padded(other), attended)[:, :20])
    assert_close(ours[:, :19], run(params, padded(features[:, :19]), attended)[:, :19], 1e-5)
    # its own row is no constant: it attends to the clip
    another = np.asarray(run(params, padded(clip(20, seed=1)), attended))
    assert np.abs(ours[0, 19] - another[0, 19]).max() > 1e-3


def test_every_frame_is_attended_to(params):
    features = clip(21)
    other = features.copy()
    other[:, 20] *= -1.0  # not a constant added to all bins: the LayerNorm would not see it
    moved = np.abs(np.asarray(run(params, features, np.array([21])) - run(params, other, np.array([21])))).max(
        axis=(0, 2)
    )
    assert (moved > 1e-6).all()


def test_convolution_looks_back_only():
    module = Convolution(TINY)
    x = jax.random.normal(jax.random.key(0), (1, 12, 16))
    mask = jnp.ones((1, 12), bool)
    apply = jax.jit(partial(module.apply, {"params": random_params(module, x, mask)}))
    moved = apply(x, mask) - apply(x.at[:, 6, 0].add(2.0), mask)
    assert [frame for frame in range(12) if jnp.abs(moved[0, frame]).max() > 1e-6] == [6, 7, 8, 9, 10]


def test_convolution_reads_no_unattended_frame():
    """Not even for that frame's own row, which the causal filter would let in."""
    module = Convolution(TINY)
    x = jax.random.normal(jax.random.key(0), (1, 12, 16))
    mask = jnp.arange(12)[None] < 11
    apply = jax.jit(partial(module.apply, {"params": random_params(module, x, mask)}))
    np.testing.assert_array_equal(apply(x, mask), apply(x.at[:, 11, 0].add(2.0), mask))


def test_relative_bias_is_a_row_for_each_clipped_distance():
    rng = np.random.default_rng(0)
    query = rng.normal(size=(2, 9, 3, 4)).astype(np.float32)
    table = rng.normal(size=(7, 4)).astype(np.float32)
    rows = np.array([[table[min(max(j - i, -4), 2) + 4] for j in range(9)] for i in range(9)])
    expected = np.einsum("bihd,ijd->bhij", query, rows)
    assert_close(relative_bias(jnp.asarray(query), jnp.asarray(table), 4, 2), expected, 1e-6)


def test_statistics_are_a_mean_and_a_variance(params):
    plain = run({**params, "mean": jnp.zeros(16), "var": jnp.ones(16)}, clip(21), np.array([21]))
    mean, var = jnp.linspace(-1.0, 1.0, 16), jnp.linspace(0.25, 4.0, 16)
    moved = run({**params, "mean": mean, "var": var}, clip(21), np.array([21]))
    assert_close(moved, (plain - mean[None, None]) / jnp.sqrt(var[None, None]), 1e-6)


def test_bfloat16_is_near(params):
    exact, rough = run(params, clip(21), np.array([21])), run(params, clip(21), np.array([21]), jnp.bfloat16)
    assert rough.dtype == jnp.bfloat16
    assert_close(rough.astype(jnp.float32), exact, 0.05)


def test_lowers_for_cuda(params):
    run.trace(params, clip(8), jnp.array(np.array([8]))).lower(lowering_platforms=("cuda",))
