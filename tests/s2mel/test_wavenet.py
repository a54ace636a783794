"""WaveNet: reflection at the true end, whatever the bucket."""

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.s2mel.wavenet import WaveNet, reflect
from tests.s2mel import plain
from tests.s2mel.tiny import TINY, init, normal, row_lengths


def test_every_row_of_a_padded_batch_is_the_plain_loop():
    """Lengths from the shortest possible to the whole bucket, with loud rubbish behind them."""
    frames, bucket, pair = (11, 3, 4, 16), 16, 2 * TINY.width
    x, modulation = normal(0, 4, bucket, TINY.width), normal(1, 4, TINY.wavenet_layers, pair)
    for row, n in enumerate(frames):
        x[row, n:] *= 100
    inputs = (x, modulation, row_lengths(*frames))
    params = init(WaveNet(TINY), *inputs)
    made = np.asarray(jax.jit(lambda *a: WaveNet(TINY).apply({"params": params}, *a))(*inputs))
    assert np.isfinite(made).all()
    for row, n in enumerate(frames):
        np.testing.assert_allclose(made[row, :n], plain.wavenet(params, x[row, :n], modulation[row]), atol=1e-5)


def test_reflection_at_the_true_ends():
    x = normal(5, 3, 40, 2)
    padded = np.asarray(reflect(jnp.asarray(x), row_lengths(3, 17, 40), 2))
    for row, n in enumerate((3, 17, 40)):
        np.testing.assert_array_equal(padded[row, : n + 4], np.pad(x[row, :n], ((2, 2), (0, 0)), mode="reflect"))
