"""BigVGAN against the recorded official waveforms, through the real conversion table."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convert.maps import bigvgan as table
from indextts2_jax import networks
from indextts2_jax.vocoder.alias_free import kaiser_sinc_filter
from indextts2_jax.vocoder.bigvgan import BigVgan
from tests.conftest import GOLDENS, assert_close, convert_component
from tests.models import SMALL

SEGMENTS = [(name, "") for name in GOLDENS] + [("small_stop_segments", ".1")]


@pytest.fixture(scope="module")
def source(small_component):
    return small_component("bigvgan")


@pytest.fixture(scope="module")
def params(source):
    tree = convert_component("bigvgan", table.rules(SMALL), source, networks.shapes("bigvgan", SMALL))
    return jax.tree.map(jnp.asarray, tree)


@functools.cache
def vocoder():
    return jax.jit(lambda params, mel, lengths: BigVgan(SMALL.bigvgan).apply({"params": params}, mel, lengths))


@pytest.mark.parametrize(("name", "suffix"), SEGMENTS)
def test_waveform(name, suffix, params, golden):
    arrays = golden(name)
    mel = arrays[f"vocoder_mel{suffix}"].transpose(0, 2, 1)
    frames = mel.shape[1]
    padded = np.full((1, 128, mel.shape[2]), 7.0, np.float32)  # what lies behind the true end must not be heard
    padded[:, :frames] = mel
    wav = vocoder()(params, padded, jnp.array([frames], jnp.int32))
    assert_close(wav[:, : 256 * frames], arrays[f"vocoder_wav{suffix}"][0], 1e-4)
    assert not np.asarray(wav[:, 256 * frames :]).any()


def test_the_stored_filter_is_ours(source):
    stored = [array for name, array in source.tensors.items() if name.endswith("filter")]
    assert len(stored) == 2 * (6 * 18 + 1)
    for array in stored:
        np.testing.assert_allclose(array.ravel(), kaiser_sinc_filter(), atol=1e-7)
