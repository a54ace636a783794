"""The speaker encoder's objective: the margin, and batch normalisation as PyTorch trains it."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.errors import TrainingError
from indextts2_jax.speaker.campplus import BatchNorm
from indextts2_jax.training.dataset import DataSet
from indextts2_jax.training.objectives.campplus import batch_statistics, margin_logits
from tests.training.tiny import draw_params, tiny_objective

RNG = np.random.default_rng(0)
STYLE, ROWS = RNG.standard_normal((6, 8)).astype(np.float32), RNG.standard_normal((4, 8)).astype(np.float32)
SPEAKERS = np.array([0, 1, 2, 3, 0, 1])


def logits(margin):
    return np.asarray(margin_logits(jnp.asarray(STYLE), jnp.asarray(ROWS), jnp.asarray(SPEAKERS), margin, 30.0))


def cosines():
    return (STYLE @ ROWS.T) / np.linalg.norm(STYLE, axis=-1)[:, None] / np.linalg.norm(ROWS, axis=-1)


def test_without_a_margin_it_is_the_cosine():
    np.testing.assert_allclose(logits(0.0), 30 * cosines(), rtol=1e-4, atol=1e-4)


def test_a_margin_enlarges_the_angle_to_the_right_speaker_only():
    found = logits(0.2)
    right = np.arange(4) == SPEAKERS[:, None]
    np.testing.assert_allclose(found[~right], 30 * cosines()[~right], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[right], 30 * np.cos(np.arccos(cosines()[right]) + 0.2), rtol=1e-4, atol=1e-4)
    assert (found[right] < 30 * cosines()[right]).all()


def test_the_margin_never_rewards_the_opposite_direction():
    """cos(angle + margin) turns up again beyond 180 degrees; the logits must keep falling with the angle."""
    angle = np.linspace(0.01, np.pi - 0.01, 300)
    style = jnp.asarray(np.stack([np.cos(angle), np.sin(angle)], -1), jnp.float32)
    found = margin_logits(style, jnp.array([[1.0, 0.0]]), jnp.zeros(300, jnp.int32), 0.5, 1.0)[:, 0]
    assert (np.diff(found) < 0).all()
    gradient = jax.grad(lambda s: margin_logits(s, jnp.eye(2), jnp.array([0]), 0.2, 30.0).sum())(
        jnp.array([[2.0, 0.0]])
    )
    assert np.isfinite(gradient).all()  # at the angle 0


@pytest.mark.parametrize("affine", [True, False])
def test_batch_statistics_are_those_of_torch(affine):
    torch = pytest.importorskip("torch")
    x = (RNG.standard_normal((5, 7, 6)) * 3 + 2).astype(np.float32)
    theirs = torch.nn.BatchNorm1d(6, momentum=0.1, affine=affine)
    params = {"mean": RNG.standard_normal(6).astype(np.float32), "var": RNG.uniform(0.5, 2, 6).astype(np.float32)}
    theirs.running_mean[:] = torch.from_numpy(params["mean"])
    theirs.running_var[:] = torch.from_numpy(params["var"])
    if affine:
        params |= {
            "scale": RNG.standard_normal(6).astype(np.float32),
            "bias": RNG.standard_normal(6).astype(np.float32),
        }
        theirs.weight.data, theirs.bias.data = torch.from_numpy(params["scale"]), torch.from_numpy(params["bias"])
    expected = theirs(torch.from_numpy(x).transpose(1, 2)).transpose(1, 2).detach().numpy()

    found = {}
    with nn.intercept_methods(batch_statistics(found)):
        y = BatchNorm(affine=affine).apply({"params": params}, jnp.asarray(x))
    np.testing.assert_allclose(y, expected, atol=1e-5)
    ((mean, var),) = found.values()
    np.testing.assert_allclose(0.9 * params["mean"] + 0.1 * mean, theirs.running_mean, rtol=1e-5)
    np.testing.assert_allclose(0.9 * params["var"] + 0.1 * var, theirs.running_var, rtol=1e-5)
    plain = BatchNorm(affine=affine).apply({"params": params}, jnp.asarray(x))  # outside, the stored ones count
    assert np.abs(plain - y).max() > 0.1


def test_statistics_are_moved_where_they_belong(data):
    objective = tiny_objective("campplus", data, objective={"momentum": 0.75})
    params = draw_params(objective)
    stored = [path for path in flat(params) if objective.frozen(path)]
    norms = sorted({path.rsplit("/", 1)[0].removeprefix("network/") for path in stored})
    assert len(norms) > 10 and {path.rsplit("/", 1)[1] for path in stored} == {"mean", "var"}
    carried = {}
    for number, norm in enumerate(norms):
        size = len(flat(params)[f"network/{norm}/mean"])
        carried[norm] = (np.full(size, number + 1.0), np.full(size, number + 2.0))
    updated = flat(objective.update(params, carried))
    for path, before in flat(params).items():
        norm, _, kind = path.removeprefix("network/").rpartition("/")
        if path in stored:
            number = norms.index(norm) + (1.0 if kind == "mean" else 2.0)
            np.testing.assert_allclose(updated[path], 0.75 * before + 0.25 * number, rtol=1e-6)
        else:
            np.testing.assert_array_equal(updated[path], before)
    assert flat(params)[stored[0]].max() <= 1.0  # the old tree is as it was


def flat(tree):
    return {"/".join(str(part.key) for part in path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def test_crops_are_centred_and_short_clips_repeated(data):
    objective = tiny_objective("campplus", data, objective={"frames": 150})
    batch = objective.batch(np.array([0, 11]), np.random.default_rng(0), True)
    assert batch["fbank"].shape == (2, 150, 80)
    np.testing.assert_allclose(batch["fbank"].mean(axis=1), 0, atol=1e-3)
    clip = data.array("fbank")[0].astype(np.float32)
    assert len(clip) < 75
    twice = np.concatenate([clip, clip, clip])[:150]
    np.testing.assert_allclose(batch["fbank"][0], twice - twice.mean(0), atol=1e-5)
    assert batch["speakers"].tolist() == [data.speaker_ids[0], data.speaker_ids[11]]


def test_rare_speakers_are_read_more_often(data):
    names = ["ann"] * 9 + ["bob"] * 2 + ["cyd"]
    rows = [{**row, "speaker": name, "split": "train"} for row, name in zip(data.rows, names, strict=True)]
    order = tiny_objective("campplus", DataSet(data.folder, rows)).order("train")
    read = np.concatenate([order.at(step) for step in range(400)])
    counts = np.bincount(read, minlength=12)
    assert counts[11] > 2 * counts[:9].mean() and counts[9:11].mean() > 1.5 * counts[:9].mean() and counts.min() > 50


def test_one_speaker_is_too_few(data):
    with pytest.raises(TrainingError, match="one speaker"):
        tiny_objective("campplus", DataSet(data.folder, [{**row, "speaker": "ann"} for row in data.rows]))
