"""CAM++ against the official run: Kaldi fbank -> style vector.

The network has one size only, so the cases of both checkpoints are run. One bucket holds every clip (15 s at most), so
that it is compiled once; the case without padding is a test of its own.
"""

import json

import jax
import numpy as np
import pytest

from convert.maps.campplus import rules
from convert.rules import plan
from indextts2_jax.checkpoint import networks
from indextts2_jax.speaker.campplus import Campplus
from tests.conftest import GOLDENS, assert_close, convert_component
from tests.models import PUBLISHED

TOLERANCE = 1e-4
BUCKET = 1536
FULL_GOLDENS = ("full_greedy_en", "full_sample_zh")


@pytest.fixture(scope="module")
def params(small_component):
    """By checkpoint size."""
    expected = networks.shapes("campplus", PUBLISHED)

    def load(size):
        return jax.device_put(
            convert_component("campplus", rules(PUBLISHED), small_component("campplus", size=size), expected)
        )

    return {size: load(size) for size in ("small", "full")}


@jax.jit
def style(params, fbank, lengths):
    return Campplus(PUBLISHED.campplus).apply({"params": params}, fbank, lengths)


@pytest.mark.parametrize("name", GOLDENS + FULL_GOLDENS)
def test_style(params, golden, name):
    run = golden(name)
    fbank = run["campplus_fbank"]
    frames = fbank.shape[1]
    padded = np.full((1, BUCKET, 80), np.nan, np.float32)
    padded[:, :frames] = fbank
    ours = style(params[name.split("_")[0]], padded, np.array([frames], np.int32))
    assert_close(ours, run["style"], TOLERANCE)


def test_style_without_padding(params, golden):
    run = golden("small_greedy_en")
    fbank = run["campplus_fbank"]
    assert_close(style(params["small"], fbank, np.array([fbank.shape[1]], np.int32)), run["style"], TOLERANCE)


def test_every_published_tensor_has_its_place(shared):
    tensors = json.loads((shared / "manifests" / "campplus.full.json").read_text())["tensors"]
    source = {name: tuple(shape) for name, (shape, _) in tensors.items()}
    made = plan("campplus", rules(PUBLISHED), source, networks.shapes("campplus", PUBLISHED))
    counters = {name for name in tensors if name.endswith(".num_batches_tracked")}
    assert set(made.dropped) == counters and len(counters) == 122
    assert made.used == len(source) - len(counters)
