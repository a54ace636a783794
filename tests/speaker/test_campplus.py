"""CAM++: masked convolutions and statistics, on tiny random networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import CampplusConfig
from indextts2_jax.speaker.campplus import BatchNorm, Campplus, segment_means
from tests.conftest import assert_close
from tests.semantic.random_params import random_params

TINY = CampplusConfig(
    feat_dim=16,
    embedding_size=6,
    head_channels=4,
    growth_rate=4,
    bottleneck_size=2,
    init_channels=8,
    block_layers=(2, 1, 1),
    segment_frames=10,
)


@pytest.fixture(scope="module")
def params():
    return random_params(Campplus(TINY), jnp.zeros((1, 9, 16)), jnp.array([9]))


@jax.jit
def style(params, fbank, lengths):
    return Campplus(TINY).apply({"params": params}, fbank, lengths)


def clip(frames, seed=0):
    return np.random.default_rng(seed).normal(size=(1, frames, 16)).astype(np.float32)


def padded(*clips):
    """A batch of 64 frames, the padding NaN."""
    batch = np.full((len(clips), 64, 16), np.nan, np.float32)
    for row, fbank in enumerate(clips):
        batch[row, : fbank.shape[1]] = fbank[0]
    return batch


@pytest.mark.parametrize("frames", [3, 20, 40, 41, 43])
def test_padding_changes_nothing(params, frames):
    """Odd and even lengths, one and several segments, full and partial last ones (10 frames after stride 2)."""
    fbank, lengths = clip(frames), np.array([frames])
    short = style(params, fbank, lengths)
    assert short.shape == (1, 6)
    assert_close(style(params, padded(fbank), lengths), short, 1e-5)


def test_every_frame_counts(params):
    fbank, lengths = clip(30), np.array([30])
    ours = np.asarray(style(params, padded(fbank), lengths))
    for frame in (0, 13, 29):
        other = fbank.copy()
        other[:, frame] += 1.0
        assert np.abs(style(params, padded(other), lengths) - ours).max() > 1e-4, frame


def test_rows_of_a_batch_do_not_meet(params):
    one, two = clip(33, 1), clip(50, 2)
    both = style(params, padded(one, two), np.array([33, 50]))
    assert_close(both[:1], style(params, padded(one), np.array([33])), 1e-5)
    assert_close(both[1:], style(params, padded(two), np.array([50])), 1e-5)


def test_segment_means_end_with_the_clip():
    x = np.random.default_rng(0).normal(size=(2, 26, 3)).astype(np.float32)
    mask = np.arange(26)[None, :] < np.array([[23], [7]])
    ours = segment_means(jnp.asarray(x), jnp.asarray(mask), 10)
    assert ours.shape == (2, 3, 3)
    assert_close(ours[0], [x[0, :10].mean(0), x[0, 10:20].mean(0), x[0, 20:23].mean(0)], 1e-6)
    assert_close(ours[1], [x[1, :7].mean(0), np.zeros(3), np.zeros(3)], 1e-6)


def test_batch_norm_uses_its_statistics():
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    params = {name: np.array(row, np.float32) for name, row in {"mean": [1, 2, 3], "var": [4, 9, 0]}.items()}
    plain = np.asarray(BatchNorm(affine=False).apply({"params": params}, jnp.asarray(x)))
    assert_close(plain, (x - params["mean"]) / np.sqrt(params["var"] + np.float32(1e-5)), 1e-5)
    params |= {"scale": np.array([2, 0, 1], np.float32), "bias": np.array([0, 5, 1], np.float32)}
    assert_close(BatchNorm().apply({"params": params}, jnp.asarray(x)), plain * params["scale"] + params["bias"], 1e-5)


def test_lowers_for_cuda(params):
    style.trace(params, padded(clip(16)), np.array([16])).lower(lowering_platforms=("cuda",))
