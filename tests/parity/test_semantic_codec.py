"""The semantic codec against the official run: semantic frames -> codes and their embedding."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convert.maps.semantic_codec import rules
from convert.rules import plan
from indextts2_jax.checkpoint import networks
from indextts2_jax.semantic.semantic_codec import SemanticCodec
from tests.conftest import GOLDENS, assert_close, convert_component
from tests.models import PUBLISHED, SMALL

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def params(small_component):
    expected = networks.shapes("semantic_codec", SMALL)
    return jax.device_put(
        convert_component("semantic_codec", rules(SMALL), small_component("semantic_codec"), expected)
    )


@jax.jit
def quantize(params, x, lengths):
    return SemanticCodec(SMALL.semantic_codec).apply({"params": params}, x, lengths)


@pytest.mark.parametrize("name", GOLDENS)
def test_codes_and_embedding(params, golden, name):
    run = golden(name)
    semantic = run["semantic_emb"]
    indices, embedding = quantize(params, semantic, np.array([semantic.shape[1]], np.int32))
    np.testing.assert_array_equal(indices, run["codec_indices"])
    assert_close(embedding, run["codec_quantized"], TOLERANCE)


def test_padded(params, golden):
    run = golden("small_beam3_emo_audio")
    semantic = run["semantic_emb"]
    frames = semantic.shape[1]
    padded = np.full((1, 192, 1024), np.nan, np.float32)
    padded[:, :frames] = semantic
    indices, embedding = quantize(params, padded, np.array([frames], np.int32))
    np.testing.assert_array_equal(indices[:, :frames], run["codec_indices"])
    assert_close(embedding[:, :frames], run["codec_quantized"], TOLERANCE)


@pytest.mark.parametrize("name", GOLDENS)
def test_embedding_of_codes(params, golden, name):
    """`vq2emb`, as synthesis uses it on generated codes."""
    run = golden(name)
    ours = SemanticCodec(SMALL.semantic_codec).apply(
        {"params": params}, jnp.asarray(run["codec_indices"]), method="embed"
    )
    assert_close(ours, run["codec_quantized"], TOLERANCE)


def test_every_published_tensor_has_its_place(shared):
    tensors = json.loads((shared / "manifests" / "semantic_codec.full.json").read_text())["tensors"]
    source = {name: tuple(shape) for name, (shape, _) in tensors.items()}
    made = plan("semantic_codec", rules(PUBLISHED), source, networks.shapes("semantic_codec", PUBLISHED))
    assert set(made.dropped) == {name for name in tensors if name.startswith("decoder.")} and len(made.dropped) == 116
    assert made.used == len(source) - len(made.dropped)
