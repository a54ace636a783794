"""BigVGAN against the recorded official waveforms, through the real conversion table."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convert.maps import bigvgan as table
from convert.rules import plan
from indextts2_jax.checkpoint import networks
from indextts2_jax.vocoder.alias_free import kaiser_sinc_filter
from indextts2_jax.vocoder.bigvgan import BigVgan
from tests.conftest import GOLDENS, assert_close, convert_component
from tests.models import PUBLISHED, SMALL

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


def test_another_stored_filter_is_used(source, params):
    """The filters are parameters: a checkpoint that stores other ones keeps them."""
    name = "resblocks.4.activations.3.downsample.lowpass.filter"
    other = type(source)({**source.tensors, name: source.tensors[name][..., ::-1] * 0.5})
    tree = convert_component("bigvgan", table.rules(SMALL), other, networks.shapes("bigvgan", SMALL))
    np.testing.assert_array_equal(tree["block_1_1"]["act2_1"]["down_filter"], other.tensors[name].ravel())
    np.testing.assert_array_equal(tree["block_1_1"]["act2_1"]["up_filter"], params["block_1_1"]["act2_1"]["up_filter"])


def test_every_published_tensor_has_its_place(shared):
    tensors = json.loads((shared / "manifests" / "bigvgan.full.json").read_text())["tensors"]
    source = {name: tuple(shape) for name, (shape, _) in tensors.items()}
    made = plan("bigvgan", table.rules(PUBLISHED), source, networks.shapes("bigvgan", PUBLISHED))
    assert not made.dropped and made.used == len(source) == 783
