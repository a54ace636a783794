"""The short convolution is the convolution."""

import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.s2mel import cpu


@pytest.mark.parametrize("frames", [1, 3, 4, 21])
def test_it_is_the_sum_over_the_taps(frames):
    rng = np.random.default_rng(frames)
    x = rng.standard_normal((2, frames + 4, 32)).astype(np.float32)
    kernel = (rng.standard_normal((5, 32, 16)) / 12).astype(np.float32)
    expected = sum(x[:, tap : tap + frames].astype(np.float64) @ kernel[tap].astype(np.float64) for tap in range(5))
    made = cpu.convolve(jnp.asarray(x), cpu.transform(kernel))
    assert made.shape == (2, frames, 16) and made.dtype == np.float32
    np.testing.assert_allclose(made, expected, atol=2e-5)


def test_kernels_of_many_layers_are_transformed_together():
    kernels = np.random.default_rng(0).standard_normal((3, 5, 4, 6)).astype(np.float32)
    together = np.asarray(cpu.transform(kernels))
    assert together.shape == (3, cpu.SIZE, 4, 6)
    np.testing.assert_allclose(together[1], cpu.transform(kernels[1]), rtol=1e-6, atol=1e-7)
