"""The alias-free SnakeBeta against its definition, written out in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from indextts2_jax.vocoder import alias_free
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


@pytest.mark.parametrize("name", ["_upsample", "_downsample", "_snake"])
def test_written_gradients_equal_those_of_autodiff(name):
    """Of each part that has its own; the filters are data, and get none."""
    rng = np.random.default_rng(0)

    def draw(*shape):
        return jnp.asarray(rng.standard_normal(shape), jnp.float32)

    custom = getattr(alias_free, name)
    inputs = {
        "_upsample": (draw(2, 17, 3), draw(TAPS)),
        "_downsample": (draw(2, 2, 17, 3), draw(TAPS)),
        "_snake": (draw(2, 17, 3) * 5, jnp.exp(draw(3)), jnp.exp(draw(3))),
    }[name]
    shapes = jax.eval_shape(custom, *inputs)
    upstream = jax.tree.map(lambda leaf: draw(*leaf.shape), shapes)

    def gradients(function):
        outputs, backward = jax.vjp(function, *inputs)
        return outputs, backward(upstream)

    (found, gradient), (expected, plain_gradient) = gradients(custom), gradients(custom.fun)
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    for position, (one, other) in enumerate(zip(gradient, plain_gradient, strict=True)):
        if name != "_snake" and position == 1:
            assert not np.any(one) and np.any(other)
        else:
            np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4, err_msg=f"{name} {position}")


def test_gradients_of_the_activation(params):
    """By differences, with padding, of the input and of what is trained."""
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2, 9, 5)), jnp.float32)
    filters = {name: params[name] for name in ("up_filter", "down_filter")}

    def apply(x, alpha, beta):
        params = {"alpha": alpha, "beta": beta, **filters}
        y = AliasFreeSnake().apply({"params": params}, jnp.asarray(x), jnp.array([9, 6]))
        return jnp.where(jnp.arange(9)[None, :, None] < jnp.array([9, 6])[:, None, None], y, 0.0)

    values = (x, jnp.asarray(params["alpha"]), jnp.asarray(params["beta"]))
    check_grads(apply, values, order=1, modes=["rev"], atol=3e-2, rtol=3e-2)
    (gradient,) = jax.vjp(lambda x: apply(x, *values[1:]), x)[1](jnp.ones((2, 9, 5)))
    assert not np.any(gradient[1, 6:]) and np.any(gradient[1, :6])  # padding is not heard
