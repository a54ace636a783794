"""Resizing to mel frames: torch's rule for the index, and no trace of padding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.s2mel.length_regulator import LatentProjection, LengthRegulator, resize_index, target_length
from tests.s2mel.tiny import TINY, init, normal, row_lengths

PAIRS = [(t, target_length(t)) for t in range(1, 1500, 7)] + [(749, 1291), (311, 536), (1, 3), (5, 2), (7, 14), (9, 9)]


def test_target_length_is_the_integer_rule():
    assert [target_length(codes) for codes in range(2000)] == [codes * 172 // 100 for codes in range(2000)]
    assert type(target_length(25)) is int


@pytest.mark.parametrize("length", [26, 64, 70])
def test_exact_arithmetic_would_pick_other_frames(length):
    frames = target_length(length)
    exact = np.arange(frames) * length // frames
    assert (resize_index(length, frames) != exact).any()


def test_exact_arithmetic_fails_for_146_of_1500_lengths():
    wrong = [
        length
        for length in range(1, 1501)
        if (resize_index(length, (n := target_length(length))) != np.arange(n) * length // n).any()
    ]
    assert len(wrong) == 146 and wrong[:3] == [26, 64, 70]


@pytest.mark.parametrize("length", [1, 2, 17, 749])
def test_equal_and_double_lengths(length):
    np.testing.assert_array_equal(resize_index(length, length), np.arange(length))
    np.testing.assert_array_equal(resize_index(length, 2 * length), np.arange(2 * length) >> 1)


def test_index_is_torch_nearest():
    torch = pytest.importorskip("torch")
    for source, target in PAIRS:
        frames = torch.arange(source, dtype=torch.float32)[None, None]
        reference = torch.nn.functional.interpolate(frames, size=target, mode="nearest")[0, 0].numpy()
        np.testing.assert_array_equal(resize_index(source, target), reference, err_msg=f"{source} -> {target}")


@pytest.mark.parametrize(("source", "target"), [(0, 4), (4, 0), (-1, 2)])
def test_nothing_cannot_be_resized(source, target):
    with pytest.raises(ValueError, match="at least 1"):
        resize_index(source, target)


def test_latent_projection_is_linear():
    module, x = LatentProjection(TINY), normal(0, 2, 7, TINY.latent_dim)
    params = init(module, x)
    apply = lambda x: np.asarray(module.apply({"params": params}, jnp.asarray(x)))  # noqa: E731
    assert apply(x).shape == (2, 7, TINY.semantic_dim)
    np.testing.assert_allclose(apply(3 * x) - apply(0 * x), 3 * (apply(x) - apply(0 * x)), atol=1e-4)


@pytest.fixture(scope="module")
def regulator():
    module = LengthRegulator(TINY)
    x, index = normal(0, 1, 10, TINY.semantic_dim), resize_index(10, 17)[None]
    params = init(module, x, index, row_lengths(17))
    return jax.jit(lambda *inputs: module.apply({"params": params}, *inputs))


def test_padding_and_batching_change_nothing(regulator):
    """Two requests of different lengths in one bucket, rubbish in all padding, against each on its own."""
    sources, frames = (10, 6), (17, 9)
    x, index = 50 * normal(1, 2, 16, TINY.semantic_dim), np.full((2, 32), 15, np.int32)
    alone = []
    for row, (s, n) in enumerate(zip(sources, frames, strict=True)):
        own, rows = normal(10 + row, 1, s, TINY.semantic_dim), resize_index(s, n)[None]
        x[row, :s], index[row, :n] = own[0], rows[0]
        alone.append(np.asarray(regulator(own, rows, row_lengths(n)))[0])
    together = np.asarray(regulator(x, index, row_lengths(*frames)))
    assert together.shape == (2, 32, TINY.width)
    for row, n in enumerate(frames):
        np.testing.assert_allclose(together[row, :n], alone[row], atol=2e-6)
        assert not together[row, n:].any()
