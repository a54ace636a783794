"""The alias-free SnakeBeta against its definition, written out in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.vocoder.alias_free import TAPS, AliasFreeSnake, kaiser_sinc_filter, sin_squared


def plain(x: np.ndarray, alpha: np.ndarray, beta: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """[T, C]: replicate-pad, insert zeros, filter, snake, replicate-pad, filter, keep every second."""
    size = len(x)
    padded = np.pad(x, ((5, 5), (0, 0)), mode="edge")
    doubled = np.zeros((2 * len(padded) - 1 + TAPS - 1, x.shape[1]))
    for t, row in enumerate(padded):
        doubled[2 * t : 2 * t + TAPS] += 2 * taps[:, None] * row
    doubled = doubled[15 : 15 + 2 * size]
    doubled = doubled + np.sin(np.exp(alpha) * doubled) ** 2 / (np.exp(beta) + 1e-9)
    padded = np.pad(doubled, ((5, 6), (0, 0)), mode="edge")
    return np.stack([taps @ padded[2 * t : 2 * t + TAPS] for t in range(size)])


@pytest.fixture
def params():
    rng = np.random.default_rng(0)
    taps = kaiser_sinc_filter()
    skewed = taps * np.linspace(0.9, 1.1, TAPS).astype(np.float32)  # a symmetric filter would hide a reversed one
    values = {"alpha": rng.normal(size=5), "beta": rng.normal(size=5)}
    return {**{k: v.astype(np.float32) for k, v in values.items()}, "up_filter": skewed, "down_filter": skewed}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 20])
@pytest.mark.parametrize("padding", [0, 1, 9])
def test_equals_its_definition(size, padding, params):
    x = np.random.default_rng(size).normal(size=(2, size + padding, 5)).astype(np.float32)
    x[:, size:] = np.nan
    y = AliasFreeSnake().apply({"params": params}, jnp.asarray(x), jnp.array([size, max(1, size - 1)]))
    for row, length in enumerate((size, max(1, size - 1))):
        expected = plain(x[row, :length].astype(np.float64), params["alpha"], params["beta"], params["up_filter"])
        np.testing.assert_allclose(y[row, :length], expected, atol=2e-6)


def test_filter():
    taps = kaiser_sinc_filter()
    half = [0.0020289647, 0.0093894657, -0.0255434588, -0.0576573834, 0.1285725832, 0.4432097971]
    np.testing.assert_allclose(taps, half + half[::-1], atol=6e-8)  # float32
    assert taps.sum() == pytest.approx(1.0, abs=1e-7)


def test_sine():
    y = np.concatenate([np.linspace(-50, 50, 100_001), np.linspace(-1e4, 1e4, 100_001)]).astype(np.float32)
    squared = np.asarray(sin_squared(jnp.asarray(y)))
    np.testing.assert_allclose(squared, np.sin(y.astype(np.float64)) ** 2, atol=3e-7)
    assert squared.min() >= 0.0 and squared.max() <= 1.0


def test_sine_of_anything_stays_in_range():
    """Beyond its accuracy the reduction may be wrong, but must not blow up."""
    squared = np.asarray(sin_squared(jnp.array([1e6, -1e12, 3e37], jnp.float32)))
    assert np.isfinite(squared).all() and squared.min() >= 0.0 and squared.max() <= 1.0


def test_gradient_of_sine():
    y = jnp.linspace(-20.0, 20.0, 1001)
    np.testing.assert_allclose(jax.vmap(jax.grad(sin_squared))(y), np.sin(2 * np.asarray(y, np.float64)), atol=2e-5)
