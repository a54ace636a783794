"""Other ways for a weight matrix to lie in memory: the same product, or nearly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.nn.packed_weights import FEW_ROWS, Int8, Linear, Transposed, map_kernels
from indextts2_jax.nn.trusted import trusted_parameters


@pytest.fixture
def dense():
    rng = np.random.default_rng(0)
    kernel, bias = (jnp.asarray(rng.standard_normal(shape), jnp.float32) for shape in ((24, 40), (40,)))
    return {"kernel": kernel, "bias": bias}


def apply(params, x):
    with trusted_parameters():
        return Linear(40).apply({"params": params}, x)


@pytest.mark.parametrize("shape", [(1, 24), (2, 3, 24), (FEW_ROWS + 1, 24)])
def test_transposed_is_the_same_product(dense, shape):
    x = jnp.asarray(np.random.default_rng(1).standard_normal(shape), jnp.float32)
    turned = map_kernels(dense, lambda kernel: Transposed(kernel.T))
    expected = np.asarray(x) @ np.asarray(dense["kernel"]) + np.asarray(dense["bias"])
    np.testing.assert_allclose(apply(dense, x), expected, atol=1e-5)
    np.testing.assert_allclose(apply(turned, x), expected, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(turned["kernel"]), dense["kernel"])
    assert turned["kernel"].shape == (24, 40)


def test_int8_is_within_half_a_step_a_column(dense):
    kernel = dense["kernel"].at[:, 3].set(0.0)
    packed = Int8.of(kernel)
    assert packed.values.dtype == jnp.int8 and packed.scale.shape == (40,) and packed.shape == kernel.shape
    error = np.abs(np.asarray(packed) - np.asarray(kernel))
    assert (error <= 0.5001 * np.asarray(packed.scale)).all() and not error[:, 3].any()
    assert (np.abs(packed.values).max(0)[np.arange(40) != 3] == 127).all()
    x = jnp.asarray(np.random.default_rng(1).standard_normal((5, 24)), jnp.float32)
    made = apply({**dense, "kernel": packed}, x)
    np.testing.assert_allclose(made, x @ np.asarray(packed) + dense["bias"][None], atol=1e-4)


def test_they_are_trees(dense):
    """They pass through jit, and a cast reaches their arrays."""
    tree = {"a": Transposed(dense["kernel"].T), "b": Int8.of(dense["kernel"])}
    out = jax.jit(lambda t: t)(tree)
    assert isinstance(out["a"], Transposed) and isinstance(out["b"], Int8)
    assert jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), tree["a"]).dtype == jnp.bfloat16
    shapes = jax.eval_shape(lambda t: t, tree)  # which puts shapes where the arrays were
    assert shapes["a"].shape == shapes["b"].shape == dense["kernel"].shape


def test_only_matrices_are_mapped():
    tree = {
        "x": {"kernel": np.zeros((2, 3)), "bias": np.zeros(3)},
        "conv": {"kernel": np.zeros((3, 2, 2))},
        "e": np.ones(2),
    }
    mapped = map_kernels(tree, lambda kernel: kernel + 1)
    assert mapped["x"]["kernel"].all() and not mapped["conv"]["kernel"].any() and not mapped["x"]["bias"].any()
