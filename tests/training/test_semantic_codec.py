"""The semantic codec's objective: the straight-through gradient, dead codes, padding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.semantic.semantic_codec import SemanticCodec
from indextts2_jax.semantic.semantic_codec import unit as codec_unit
from tests.training.tiny import draw_params, first_batch, on_device, tiny_objective


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


@pytest.fixture(scope="module")
def objective(data):
    return tiny_objective("semantic_codec", data)


@pytest.fixture(scope="module")
def loss(objective):
    return jax.jit(lambda params, batch, key: objective.loss(params, batch, key, True))


def padded(batch):
    return np.arange(48) >= batch["lengths"][:, None]


def test_padding_does_not_count(objective, loss):
    params, batch = draw_params(objective), first_batch(objective)
    padding = padded(batch)
    assert padding.any()
    other = {**batch, "semantic": np.where(padding[..., None], 7.0, batch["semantic"]).astype(np.float32)}
    other["phones"] = np.where(padding, 3, batch["phones"]).astype(np.int32)
    found, expected = loss(params, other, jax.random.key(3)), loss(params, batch, jax.random.key(3))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found, expected)
    assert expected.carried["counts"].sum() == (~padding).sum()


def test_codes_and_losses_by_hand(objective, loss):
    """The parts of the loss from the latents and the codes that synthesis computes."""
    params, batch = draw_params(objective), first_batch(objective)
    codec = SemanticCodec(objective.sizes)
    semantic, lengths = jnp.asarray(batch["semantic"]), jnp.asarray(batch["lengths"])

    @jax.jit
    def encode(network):
        def forward(module, x, n):
            return module.quantizer.in_project(module.encoder(x, n))

        latent = codec.apply({"params": network}, semantic, lengths, method=forward)
        return latent, codec.apply({"params": network}, semantic, lengths)[0]

    latent, codes = map(np.asarray, encode(params["network"]))
    valid = ~padded(batch)
    value, metrics, carried = loss(params, batch, jax.random.key(0))
    rows = unit(params["network"]["quantizer"]["codebook"])
    distance = ((unit(latent) - rows[codes]) ** 2).sum(-1)[valid].mean()
    np.testing.assert_allclose(metrics["codebook"], distance, rtol=1e-4)
    np.testing.assert_allclose(metrics["commitment"], distance, rtol=1e-4)
    np.testing.assert_array_equal(carried["counts"], np.bincount(codes[valid], minlength=30))
    whole = metrics["rebuilt"] + metrics["codebook"] + 0.25 * metrics["commitment"] + metrics["phone"]
    np.testing.assert_allclose(value, whole, rtol=1e-5)
    # frames for dead rows: latents of valid frames, unit vectors
    known = {tuple(np.round(row, 4)) for row in unit(latent)[valid].tolist()}
    frames = np.asarray(carried["frames"])
    assert frames.shape == (30, 8) and len({tuple(row) for row in frames.tolist()}) > 10
    nearest = [np.abs(unit(latent)[valid] - row).sum(-1).min() for row in frames]
    assert max(nearest) < 1e-4 and known


def test_the_encoder_gets_the_gradient_of_the_embedding(data):
    """Straight through: d loss / d latent is what it would be if the latent itself were projected and rebuilt."""
    weights = {"codebook_weight": 0.0, "commitment_weight": 0.0, "phone_weight": 0.0}
    objective = tiny_objective("semantic_codec", data, objective=weights)
    assert objective.labels is None
    params, batch = draw_params(objective), on_device(first_batch(objective))
    gradient = jax.jit(jax.grad(lambda params: objective.loss(params, batch, jax.random.key(0), True).value))(params)
    quantizer = gradient["network"]["quantizer"]
    assert np.any(quantizer["in_project"]["kernel"]) and np.any(gradient["network"]["encoder"]["project"]["kernel"])
    assert not np.any(quantizer["codebook"])  # rows learn from the codebook loss alone


def test_the_gradient_of_a_zero_frame_is_finite():
    """Padding makes such frames, before biases have moved."""
    gradient = jax.grad(lambda x: jnp.sum(codec_unit(x) * jnp.array([[0.0], [1.0]])))(
        jnp.array([[0.0, 0.0], [3.0, 4.0]])
    )
    np.testing.assert_allclose(gradient, [[0.0, 0.0], [0.032, -0.024]], atol=1e-6)
    np.testing.assert_allclose(codec_unit(jnp.array([[0.0, 0.0], [3.0, 4.0]])), [[0.0, 0.0], [0.6, 0.8]], atol=1e-7)


def test_dead_rows_move_onto_frames(objective):
    params = draw_params(objective)
    codebook = params["network"]["quantizer"]["codebook"]
    usage = np.ones(30, np.float32)
    usage[[4, 9]] = 0.0201  # below 0.02 after one more batch without them
    usage[11] = 0.0201  # this one is in use again
    counts = np.full(30, 10.0, np.float32)
    counts[[4, 9, 20]] = 0.0
    frames = np.random.default_rng(0).standard_normal((30, 8)).astype(np.float32)
    params = {**params, "heads": {**params["heads"], "usage": usage}}
    updated = objective.update(params, {"counts": counts, "frames": frames})
    found = np.asarray(updated["network"]["quantizer"]["codebook"])
    for row in range(30):
        np.testing.assert_array_equal(found[row], frames[row] if row in (4, 9) else codebook[row])
    share = counts / counts.sum() * 30
    expected = np.where(np.isin(np.arange(30), [4, 9]), 1.0, 0.97 * usage + 0.03 * share)
    np.testing.assert_allclose(updated["heads"]["usage"], expected, rtol=1e-5)
    kept = updated["network"]["quantizer"]["in_project"]["kernel"]
    np.testing.assert_array_equal(kept, params["network"]["quantizer"]["in_project"]["kernel"])


def test_micro_batches_together(objective):
    counts = jnp.asarray(np.random.default_rng(0).integers(0, 9, (3, 30)), jnp.float32)
    frames = jnp.asarray(np.random.default_rng(1).standard_normal((3, 30, 8)), jnp.float32)
    merged = objective.merge({"counts": counts, "frames": frames})
    np.testing.assert_array_equal(merged["counts"], counts.sum(0))
    origin = [[np.array_equal(row, frames[part, i]) for part in range(3)] for i, row in enumerate(merged["frames"])]
    assert np.sum(origin, axis=0).tolist() == [10, 10, 10]  # frames as they are, not a mean of them


def test_the_finished_codebook_is_what_training_used(objective):
    """Synthesis looks up raw rows; training projected unit vectors."""
    params = draw_params(objective)
    finished = objective.finish(params)
    np.testing.assert_allclose(np.linalg.norm(finished["quantizer"]["codebook"], axis=-1), 1, rtol=1e-5)
    codec = SemanticCodec(objective.sizes)
    found = codec.apply({"params": finished}, jnp.arange(30)[None], method="embed")
    project = params["network"]["quantizer"]["out_project"]
    rows = unit(params["network"]["quantizer"]["codebook"])
    np.testing.assert_allclose(found[0], rows @ project["kernel"] + project["bias"], atol=1e-5)
