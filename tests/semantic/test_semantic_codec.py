"""The semantic codec: masked convolutions, choice by angle, look-up, on tiny random networks."""

import dataclasses

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


# --- the decoder, and two frames a code -----------------------------------------------------------------------

HALVED = SemanticCodecConfig(
    hidden_size=16,
    codebook_size=32,
    codebook_dim=4,
    vocos_dim=8,
    vocos_intermediate_dim=12,
    vocos_layers=3,
    decoder=True,
    frames_per_code=2,
)


@pytest.fixture(scope="module")
def halved():
    return random_params(SemanticCodec(HALVED), jnp.zeros((1, 6, 16)), jnp.array([6]))


@jax.jit
def decode(params, codes, lengths):
    return SemanticCodec(HALVED).apply({"params": params}, codes, lengths, method="decode")


def test_a_decoder_alone_has_no_encoder():

    alone = SemanticCodec(dataclasses.replace(HALVED, encoder=False))
    shapes = jax.eval_shape(alone.init, jax.random.key(0), jnp.zeros((1, 6, 16)), jnp.array([6]))["params"]
    assert set(shapes) == {"decoder", "up", "quantizer"} and "in_project" not in shapes["quantizer"]


def test_every_frame_is_repeated_before_the_last_convolution(halved):
    codes = jnp.arange(12)[None] % 7
    x = SemanticCodec(HALVED).apply({"params": halved}, codes, method="embed")
    x = Encoder(HALVED).apply({"params": halved["decoder"]}, x, jnp.array([12]))
    twice = np.pad(np.repeat(np.asarray(x), 2, axis=1), ((0, 0), (1, 1), (0, 0)))
    kernel, bias = halved["up"]["kernel"], halved["up"]["bias"]
    up = sum(twice[:, k : k + 24] @ kernel[k] for k in range(3)) + bias
    assert_close(decode(halved, codes, np.array([12])), up, 1e-5)


@pytest.mark.parametrize("codes", [1, 5, 20])
def test_what_stands_behind_the_codes_is_not_heard(halved, codes):
    """Within the reach of all convolutions, and at the true end as at the array's."""
    rng = np.random.default_rng(codes)
    own = rng.integers(0, 32, (1, codes))
    alone = decode(halved, own, np.array([codes]))
    for behind in (0, 31, 999):
        padded = np.full((1, 24), behind)
        padded[:, :codes] = own
        made = np.asarray(decode(halved, padded, np.array([codes])))
        assert_close(made[:, : 2 * codes], alone, 1e-5)
        assert not made[:, 2 * codes :].any()


def test_codes_of_two_frames(halved):
    """As many as frames are halved, rounded up; noise behind the frames changes none of them."""
    quantise = jax.jit(lambda x, n: SemanticCodec(HALVED).apply({"params": halved}, x, n, method="quantize")[0])
    for frames in (2, 7, 20):
        x = clip(frames)
        alone = np.asarray(quantise(x, np.array([frames])))
        assert alone.shape == (1, -(-frames // 2))
        np.testing.assert_array_equal(np.asarray(quantise(padded(x), np.array([frames])))[:, : alone.shape[1]], alone)
