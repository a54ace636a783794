"""The semantic codec: masked convolutions, choice by angle, look-up, on tiny random networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import SemanticCodecConfig
from indextts2_jax.semantic.semantic_codec import Encoder, Quantizer, SemanticCodec
from tests.conftest import assert_close
from tests.semantic.random_params import random_params

TINY = SemanticCodecConfig(
    hidden_size=16, codebook_size=32, codebook_dim=4, vocos_dim=8, vocos_intermediate_dim=12, vocos_layers=3
)


@pytest.fixture(scope="module")
def params():
    return random_params(SemanticCodec(TINY), jnp.zeros((1, 6, 16)), jnp.array([6]))


@jax.jit
def quantize(params, x, lengths):
    return SemanticCodec(TINY).apply({"params": params}, x, lengths)


@jax.jit
def encode(params, x, lengths):
    return Encoder(TINY).apply({"params": params["encoder"]}, x, lengths)


def embed(params, codes):
    return SemanticCodec(TINY).apply({"params": params}, jnp.asarray(codes), method="embed")


def clip(frames, seed=0):
    return np.random.default_rng(seed).normal(size=(1, frames, 16)).astype(np.float32)


def test_blocks_are_stacked(params):
    assert set(params) == {"encoder", "quantizer"}
    assert {leaf.shape[0] for leaf in jax.tree.leaves(params["encoder"]["blocks"])} == {TINY.vocos_layers}
    indices, embedding = quantize(params, clip(20), np.array([20]))
    assert indices.shape == (1, 20) and indices.dtype == jnp.int32 and embedding.shape == (1, 20, 16)
    assert len(set(np.asarray(indices)[0])) > 2, "a degenerate codec would pass the other tests"


def padded(*clips):
    """A batch of 24 frames, the padding NaN."""
    batch = np.full((len(clips), 24, 16), np.nan, np.float32)
    for row, frames in enumerate(clips):
        batch[row, : frames.shape[1]] = frames[0]
    return batch


@pytest.mark.parametrize("frames", [5, 20])
def test_padding_changes_nothing(params, frames):
    x, lengths = clip(frames), np.array([frames])
    assert_close(encode(params, padded(x), lengths)[:, :frames], encode(params, x, lengths), 1e-5)
    (short, rows), (long, padded_rows) = quantize(params, x, lengths), quantize(params, padded(x), lengths)
    np.testing.assert_array_equal(long[:, :frames], short)
    assert_close(padded_rows[:, :frames], rows, 1e-5)


def test_rows_of_a_batch_do_not_meet(params):
    one, two = clip(11, 1), clip(17, 2)
    both = encode(params, padded(one, two), np.array([11, 17]))
    assert_close(both[:1, :11], encode(params, padded(one), np.array([11]))[:, :11], 1e-5)
    assert_close(both[1:, :17], encode(params, padded(two), np.array([17]))[:, :17], 1e-5)


def test_embedding_is_the_look_up_of_the_indices(params):
    indices, embedding = quantize(params, clip(20), np.array([20]))
    np.testing.assert_array_equal(embed(params, indices), embedding)


def test_codes_out_of_range_count_as_the_nearest(params):
    ours = embed(params, [[0, 31, 32, 33, -1]])
    np.testing.assert_array_equal(ours, embed(params, [[0, 31, 31, 31, 0]]))


def test_rows_are_chosen_by_angle_and_returned_raw(params):
    """Longer codebook rows are no further away, but their embedding is longer."""
    quantizer = params["quantizer"]
    scaled = {**quantizer, "codebook": quantizer["codebook"] * jnp.linspace(0.2, 5.0, 32)[:, None]}
    z = jnp.asarray(clip(40))

    @jax.jit
    def nearest(quantizer):
        return Quantizer(TINY).apply({"params": quantizer}, z, method="nearest")

    np.testing.assert_array_equal(nearest(quantizer), nearest(scaled))
    latent = z @ quantizer["in_project"]["kernel"] + quantizer["in_project"]["bias"][None, None]
    cosine = jnp.einsum("btd,vd->btv", latent, quantizer["codebook"])
    norms = jnp.linalg.norm(quantizer["codebook"], axis=-1)[None, None]
    cosine = cosine / norms / jnp.linalg.norm(latent, axis=-1)[..., None]
    np.testing.assert_array_equal(nearest(quantizer), cosine.argmax(-1))
    rows = scaled["codebook"][nearest(scaled)]
    expected = rows @ quantizer["out_project"]["kernel"] + quantizer["out_project"]["bias"][None, None]
    assert_close(Quantizer(TINY).apply({"params": scaled}, nearest(scaled), method="embed"), expected, 1e-5)


def test_lowers_for_cuda(params):
    quantize.trace(params, clip(20), np.array([20])).lower(lowering_platforms=("cuda",))
