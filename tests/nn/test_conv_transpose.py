"""The transposed convolution: PyTorch's numbers, and gradients that equal those of plain autodiff."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from indextts2_jax.nn import conv_transpose
from indextts2_jax.nn.conv_transpose import ConvTranspose1d

CASES = [(16, 8, 7), (8, 4, 5), (4, 2, 1), (4, 4, 6), (7, 3, 4), (5, 1, 6), (3, 1, 1), (10, 2, 3)]  # kernel, stride, T


def arrays(kernel, frames, inputs=3, outputs=2):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, frames, inputs)).astype(np.float32)
    return jnp.asarray(x), jnp.asarray(rng.standard_normal((kernel, outputs, inputs)).astype(np.float32))


@pytest.mark.parametrize(("kernel", "stride", "frames"), CASES)
def test_equals_torch(kernel, stride, frames):
    torch = pytest.importorskip("torch")
    x, weights = arrays(kernel, frames)
    bias = np.array([0.5, -1.0], np.float32)
    theirs = torch.nn.functional.conv_transpose1d(
        torch.from_numpy(np.array(x).transpose(0, 2, 1)),
        torch.from_numpy(np.array(weights).transpose(2, 1, 0).copy()),
        torch.from_numpy(bias),
        stride=stride,
        padding=(kernel - stride) // 2,
    )
    ours = ConvTranspose1d(2, kernel, stride).apply({"params": {"kernel": weights, "bias": bias}}, x)
    assert ours.shape == (2, stride * frames, 2)
    np.testing.assert_allclose(ours, theirs.numpy().transpose(0, 2, 1), atol=1e-5)


@pytest.mark.parametrize(("kernel", "stride", "frames"), CASES)
def test_gradients_equal_those_of_autodiff(kernel, stride, frames):
    x, weights = arrays(kernel, frames)
    upstream = jnp.asarray(np.random.default_rng(1).standard_normal((2, stride * frames, 2)), jnp.float32)

    def gradients(function):
        return jax.grad(lambda x, w: jnp.sum(function(x, w, stride) * upstream), argnums=(0, 1))(x, weights)

    for found, expected in zip(gradients(conv_transpose._convolve), gradients(conv_transpose._plain), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_gradients_of_the_module():
    x, weights = arrays(8, 5)
    module = ConvTranspose1d(2, 8, 4)

    def apply(*given):  # NumPy's or JAX's
        x, kernel, bias = map(jnp.asarray, given)
        return module.apply({"params": {"kernel": kernel, "bias": bias}}, x)

    check_grads(apply, (x, weights, jnp.ones(2)), order=1, modes=["rev"], atol=1e-2, rtol=1e-2)


def test_half_precision_keeps_the_types():
    x, weights = arrays(8, 5)
    module = ConvTranspose1d(2, 8, 4, dtype=jnp.bfloat16)
    params = {"kernel": weights, "bias": jnp.zeros(2)}
    y, backward = jax.vjp(lambda p: module.apply({"params": p}, x), params)
    (gradient,) = backward(jnp.ones_like(y))
    assert y.dtype == jnp.bfloat16 and {leaf.dtype for leaf in jax.tree.leaves(gradient)} == {jnp.dtype("float32")}
    whole = ConvTranspose1d(2, 8, 4)
    expected = jax.grad(lambda p: jnp.sum(whole.apply({"params": p}, x)))(params)
    np.testing.assert_allclose(gradient["kernel"], expected["kernel"], rtol=0.05, atol=0.1)
