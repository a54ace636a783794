"""Time embedding and everything computed from it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.s2mel.timestep import TimeModulation, frequencies, sinusoid
from tests.s2mel.tiny import TINY, init


def test_frequencies_are_torch_buffer():
    torch = pytest.importorskip("torch")
    reference = torch.exp(-np.log(10000.0) * torch.arange(128, dtype=torch.float32) / 128).numpy()
    np.testing.assert_allclose(frequencies(256), reference, rtol=3e-7)
    assert frequencies(256).dtype == np.float32 and frequencies(256)[0] == 1.0


def test_sinusoid_has_cosines_first():
    made = np.asarray(sinusoid(jnp.asarray([0.0, 0.04, 0.96]), 256))
    np.testing.assert_array_equal(made[0], np.repeat([1.0, 0.0], 128))
    angle = np.float64([[40.0], [960.0]]) * frequencies(256).astype(np.float64)
    np.testing.assert_allclose(made[1:], np.concatenate([np.cos(angle), np.sin(angle)], axis=1), atol=1e-4)


@pytest.fixture(scope="module")
def modulation():
    module = TimeModulation(TINY)
    params = init(module, jnp.zeros((1,)))
    return jax.jit(lambda t: module.apply({"params": params}, t))


def test_all_times_at_once_are_each_on_its_own(modulation):
    times = jnp.asarray([0.0, 0.3, 0.9])
    together, pair = modulation(times), 2 * TINY.width
    assert together.attention.shape == together.ffn.shape == (3, TINY.depth, pair)
    assert together.wavenet.shape == (3, TINY.wavenet_layers, pair)
    assert together.norm.shape == together.final.shape == (3, pair)
    for step in range(3):
        for alone, all_times in zip(modulation(times[step : step + 1]), together, strict=True):
            np.testing.assert_allclose(alone[0], all_times[step], atol=1e-5)


def test_every_block_has_its_own_projection(modulation):
    made = modulation(jnp.asarray([0.5]))
    for values in (made.attention[0], made.ffn[0], made.wavenet[0]):
        assert np.unique(np.asarray(values)[:, 0]).size == values.shape[0]
