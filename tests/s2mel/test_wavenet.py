"""WaveNet: reflection at the true end, whatever the bucket."""

import jax
import numpy as np

from indextts2_jax.s2mel.wavenet import WaveNet, reflect_rows
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


def test_reflected_rows_stay_inside_the_array():
    rows = np.asarray(reflect_rows(40, row_lengths(3, 1, 40), 2))
    assert rows.min() >= 0 and rows.max() < 40
    np.testing.assert_array_equal(rows[0, :7], [2, 1, 0, 1, 2, 1, 0])
    np.testing.assert_array_equal(rows[2], np.pad(np.arange(40), 2, mode="reflect"))
