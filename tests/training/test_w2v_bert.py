"""The semantic encoder's objective: what padding may do, augmentation, and the statistics at the end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.errors import TrainingError
from indextts2_jax.semantic.w2v_bert import W2vBert
from indextts2_jax.training.dataset import DataSet
from tests.training.tiny import draw_params, first_batch, tiny_objective


def test_padding_does_not_count(data):
    objective = tiny_objective("w2v_bert", data)
    params, batch = draw_params(objective), first_batch(objective, training=False)
    padding = np.arange(48) >= batch["lengths"][:, None]
    assert padding.any() and not padding.all(axis=1).any()
    other = {**batch, "features": np.where(padding[..., None], 7.0, batch["features"]).astype(np.float32)}
    other["phones"] = np.where(padding, 3, batch["phones"]).astype(np.int32)
    loss = jax.jit(lambda batch: objective.loss(params, batch, jax.random.key(0), False)[:2])
    value, metrics = loss(batch)
    other_value, other_metrics = loss(other)
    np.testing.assert_allclose(value, other_value, rtol=1e-5)
    for name in metrics:
        np.testing.assert_allclose(metrics[name], other_metrics[name], rtol=1e-5, err_msg=name)


def test_batch(data):
    objective = tiny_objective("w2v_bert", data, objective={"frames": 20})
    plain, loud = first_batch(objective, training=False), first_batch(objective, training=True)
    features = data.array("features")[0].astype(np.float32)
    rows = [
        start
        for start in range(len(features) - 19)
        if np.array_equal(features[start : start + 20], plain["features"][0])
    ]
    assert len(rows) == 1 and plain["lengths"].tolist() == [20] * 4
    np.testing.assert_array_equal(plain["phones"][0], objective.labels[0][rows[0] : rows[0] + 20])
    gain = loud["features"] / np.where(plain["features"] == 0, np.nan, plain["features"])
    np.testing.assert_allclose(np.nanmin(gain, axis=1), np.nanmax(gain, axis=1), rtol=1e-4)  # one curve a clip
    np.testing.assert_allclose(gain[:, 0, :80], gain[:, 0, 80:], rtol=1e-4)  # equal for both frames of a row
    assert 0.8 <= np.nanmin(gain) < 0.97 and 1.03 < np.nanmax(gain) <= 1.2


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_finished_network_is_normalised(dtype, data):
    """Whatever the statistics that the run began with: it may go on from a finished network."""
    objective = tiny_objective("w2v_bert", data, dtype=dtype, batch_size=3)
    params = draw_params(objective)
    rng = np.random.default_rng(0)
    params["network"]["mean"] = rng.standard_normal(16).astype(np.float32)
    params["network"]["var"] = rng.uniform(0.2, 3.0, 16).astype(np.float32)
    finished = objective.finish(params)
    module = W2vBert(objective.config.model.w2v_bert)
    apply = jax.jit(lambda x, n: module.apply({"params": finished}, x, n))
    batch = objective.batch(
        data.indices("train"), np.random.default_rng(0), False
    )  # those of `finish`, one after another
    hidden = np.asarray(apply(jnp.asarray(batch["features"]), jnp.asarray(batch["lengths"])))
    frames = np.concatenate([row[:n] for row, n in zip(hidden, batch["lengths"], strict=True)])
    tolerance = 1e-3 if dtype == "float32" else 0.1
    np.testing.assert_allclose(frames.mean(0), 0, atol=tolerance)
    np.testing.assert_allclose(frames.std(0), 1, atol=tolerance)


def test_speech_without_phones(data):
    rows = [{key: value for key, value in row.items() if key != "phones"} for row in data.rows]
    with pytest.raises(TrainingError, match="no phones"):
        tiny_objective("w2v_bert", DataSet(data.folder, rows))
