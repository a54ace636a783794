"""BigVGAN at a tiny width: shape, range, and the true end."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import BigVganConfig
from indextts2_jax.errors import ConfigError
from indextts2_jax.vocoder.bigvgan import BigVgan

CONFIG = BigVganConfig(
    mel_bins=8,
    upsample_rates=(4, 2),
    upsample_kernels=(8, 4),
    initial_channels=16,
    resblock_kernels=(3, 5),
    resblock_dilations=((1, 3), (1, 2)),
)
HOP = 8


@functools.cache
def params():
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(BigVgan(CONFIG).init, jax.random.key(0), *mel_and_lengths(4))["params"]
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape).astype(np.float32) * 0.3), shapes)


@functools.cache
def vocoder():
    return jax.jit(lambda params, mel, lengths: BigVgan(CONFIG).apply({"params": params}, mel, lengths))


def mel_and_lengths(*frames: int, size: int | None = None):
    size = size or max(frames)
    mel = np.random.default_rng(1).normal(size=(len(frames), size, 8)).astype(np.float32)
    return jnp.asarray(mel), jnp.array(frames, jnp.int32)


def test_shape_and_range():
    wav = vocoder()(params(), *mel_and_lengths(6, 3))
    assert wav.shape == (2, 6 * HOP) and wav.dtype == jnp.float32
    assert np.abs(wav).max() <= 1.0 and np.std(wav[0]) > 0.0
    assert not np.asarray(wav[1, 3 * HOP :]).any()


@pytest.mark.parametrize("frames", [1, 2, 7, 20])
def test_padding_is_not_heard(frames):
    mel, lengths = mel_and_lengths(frames)
    alone = vocoder()(params(), mel, lengths)
    padded = jnp.full((2, 24, 8), jnp.nan).at[0, :frames].set(mel[0])
    padded = padded.at[1].set(mel_and_lengths(24)[0][0])
    together = vocoder()(params(), padded, jnp.array([frames, 24], jnp.int32))
    np.testing.assert_allclose(together[0, : frames * HOP], alone[0], atol=1e-5)


def test_what_comes_in_changes_what_comes_out():
    mel, lengths = mel_and_lengths(20)
    wav = vocoder()(params(), mel, lengths)
    louder = vocoder()(params(), mel.at[0, 10].add(1.0), lengths)
    changed = np.flatnonzero(np.asarray(wav != louder)[0]) // HOP
    assert changed.min() <= 10 <= changed.max()


def test_upsampler_equals_torch():
    torch = pytest.importorskip("torch")
    from indextts2_jax.vocoder.bigvgan import _upsampler

    rng = np.random.default_rng(0)
    x, kernel, bias = (rng.normal(size=shape).astype(np.float32) for shape in ((2, 9, 6), (6, 3, 8), (3,)))
    expected = torch.nn.functional.conv_transpose1d(
        torch.from_numpy(x.transpose(0, 2, 1)), torch.from_numpy(kernel), torch.from_numpy(bias), stride=4, padding=2
    )
    params = {"kernel": jnp.asarray(kernel.transpose(2, 1, 0)), "bias": bias}
    ours = _upsampler(3, 4, 8).apply({"params": params}, jnp.asarray(x))
    np.testing.assert_allclose(np.asarray(ours).transpose(0, 2, 1), expected.numpy(), atol=1e-5)


def test_kernels_that_cannot_be():
    with pytest.raises(ConfigError, match="upsample_kernels"):
        config = BigVganConfig(mel_bins=8, upsample_rates=(4,), upsample_kernels=(7,), initial_channels=4)
        jax.eval_shape(BigVgan(config).init, jax.random.key(0), *mel_and_lengths(4))


def test_lowers_for_a_gpu():
    traced = vocoder().trace(params(), *mel_and_lengths(4))
    assert "custom_call" not in traced.lower(lowering_platforms=("cuda",)).as_text()
