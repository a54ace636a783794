"""Adversarial training of the vocoder: two sides in one step, each moved by its own terms alone."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from indextts2_jax.errors import ConfigError
from indextts2_jax.training import loop
from indextts2_jax.training.metrics import Metrics
from indextts2_jax.training.objectives import bigvgan, discriminators
from tests.training.tiny import draw_params, first_batch, noise, on_device, tiny_config, tiny_objective

ADVERSARIAL = {
    "adversarial_weight": 0.5,
    "feature_weight": 0.5,
    "adversarial_ramp": 0,
    "discriminator_channels": 4,
    "discriminator_sizes": [512, 256],
    "discriminator_periods": [2, 3],
}


@pytest.fixture(scope="module")
def objective(data):
    return tiny_objective("bigvgan", data, objective=ADVERSARIAL)


def gradients(objective, params, batch):
    return jax.jit(jax.grad(lambda p: objective.loss(p, batch, jax.random.key(0), True)[0]))(params)


def equal(tree, other):
    return all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True))


def test_folding_loses_nothing():
    x = jnp.arange(2 * 3 * 9 * 2).reshape(2, 3, 9, 2).astype(jnp.float32)
    folded = discriminators.fold(x, 4)
    assert folded.shape == (2, 3, 2, 8)
    np.testing.assert_array_equal(folded[1, 2, 1], x[1, 2, 4:8].reshape(-1))


def test_periods_see_every_pth_sample(monkeypatch):
    seen = []
    monkeypatch.setattr(discriminators.Stack, "__call__", lambda self, x: seen.append(x) or [x])
    audio = jnp.arange(2 * 11).reshape(2, 11).astype(jnp.float32)
    discriminators.Discriminators(2, (3,)).apply({}, [], audio)
    np.testing.assert_array_equal(seen[0][4, :, 0], audio[1, 1:9:3])
    assert seen[0].shape == (6, 3, 1)


def test_quiet_spectra_count():
    loud = jnp.array([[[[3.0, 4.0]]]])
    np.testing.assert_allclose(discriminators.compress(loud)[0, 0, 0], 5.0**-0.7 * loud[0, 0, 0], rtol=1e-4)
    quiet = discriminators.compress(0.01 * loud)
    assert np.linalg.norm(quiet) > 0.1 * np.linalg.norm(discriminators.compress(loud))
    slope = jax.grad(lambda x: discriminators.compress(x).sum())(jnp.zeros((1, 1, 1, 2)))
    assert np.isfinite(slope).all() and np.max(np.abs(slope)) < 100


def test_least_squares():
    def judged(score, feature=1.0):
        return [[jnp.full((2, 3), feature), jnp.full((2, 1), score)]] * 2

    loss = discriminators.discriminator_loss
    assert float(loss(judged(1.0), judged(0.0))) == 0 and float(loss(judged(0.5), judged(0.5))) == 0.5
    assert float(loss(judged(0.0), judged(1.0))) == 2
    assert float(discriminators.generator_loss(judged(1.0))) == 0 < float(discriminators.generator_loss(judged(0.0)))
    assert float(discriminators.feature_loss(judged(0.0, 2.0), judged(1.0, 2.0))) == 0
    np.testing.assert_allclose(discriminators.feature_loss(judged(0.0, 2.0), judged(0.0, 3.0)), 0.5, rtol=1e-3)
    np.testing.assert_allclose(discriminators.feature_loss(judged(0.0, 20.0), judged(0.0, 30.0)), 0.5, rtol=1e-3)


def test_off_by_default(data):
    plain = tiny_objective("bigvgan", data)
    assert plain.judges is None and plain.init(jax.random.key(0))["heads"] == {}


def test_each_side_has_its_own_gradients(objective, data):
    """The vocoder's do not depend on the discriminators' loss, nor theirs on the weights of the vocoder's terms."""
    params, batch = draw_params(objective), on_device(first_batch(objective))
    params["heads"]["steps"] = np.float32(0)
    both = gradients(objective, params, batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bigvgan, "discriminator_loss", lambda real, made: jnp.zeros(()))
        vocoder = gradients(objective, params, batch)
    np.testing.assert_allclose(*(ravel(tree["network"]) for tree in (vocoder, both)), rtol=1e-4, atol=1e-6)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(vocoder["heads"]))
    assert all(np.any(leaf) for leaf in jax.tree.leaves(both["heads"]["discriminators"]))
    weaker = tiny_objective(
        "bigvgan",
        data,
        objective=ADVERSARIAL | {"adversarial_weight": 0.1, "feature_weight": 0.0, "mel_weight": 9.0},
    )
    other = gradients(weaker, params, batch)
    np.testing.assert_allclose(*(ravel(tree["heads"]) for tree in (other, both)), rtol=1e-4, atol=1e-7)
    assert not np.allclose(ravel(other["network"]), ravel(both["network"]), rtol=0.1)


def ravel(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def test_both_sides_are_the_two_losses(objective):
    """What one value gives is what two losses by two optimisers would: each term differentiated by itself."""
    params, batch = draw_params(objective), on_device(first_batch(objective))
    params["heads"]["steps"] = np.float32(0)
    judges, target = params["heads"]["discriminators"], batch["audio"]
    lengths = jnp.full((4,), 8)

    def judge(params, audio):
        return objective.judges.apply({"params": params}, objective._spectra(audio), audio)

    def spoken(network):
        return objective.network.apply({"params": network}, batch["mel"], lengths)

    @jax.jit
    def apart(network, judges):
        def vocoder(network):
            real, made = judge(judges, target), judge(judges, spoken(network))
            return 0.5 * discriminators.generator_loss(made) + 0.5 * discriminators.feature_loss(real, made)

        def other(judges):
            return discriminators.discriminator_loss(judge(judges, target), judge(judges, spoken(network)))

        return jax.grad(vocoder)(network), jax.grad(other)(judges)

    wanted = apart(params["network"], judges)
    found = gradients(objective, params, batch)
    with_nothing_heard = dataclasses.replace(objective.settings, adversarial_weight=0.0, feature_weight=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objective, "settings", with_nothing_heard)
        rest = gradients(objective, params, batch)
    difference = ravel(found["network"]) - ravel(rest["network"])
    np.testing.assert_allclose(difference, ravel(wanted[0]), rtol=2e-3, atol=2e-4 * np.abs(difference).max())
    np.testing.assert_allclose(ravel(found["heads"]["discriminators"]), ravel(wanted[1]), rtol=2e-3, atol=1e-6)


def test_validation_leaves_them_out(objective, data):
    params, batch = jax.tree.map(jnp.asarray, draw_params(objective)), on_device(first_batch(objective))
    value, metrics, _ = objective.loss(params, batch, jax.random.key(0), False)
    assert set(metrics) == {"mel", "stft"}
    plain = tiny_objective("bigvgan", data).loss(params, batch, jax.random.key(0), False)
    assert float(value) == float(plain.value)


def test_they_begin_at_a_step_and_are_heard_more_and_more(data):
    """Before it nothing of either side moves by them; the ramp ends at the full weight."""
    late = tiny_objective("bigvgan", data, objective=ADVERSARIAL | {"adversarial_from": 2, "adversarial_ramp": 4})
    params, batch = draw_params(late), on_device(first_batch(late))
    losses = {one: jax.jit(lambda params, one=one: one.loss(params, batch, jax.random.key(0), True)[:2])
              for one in map(late.at, range(8))}  # fmt: skip
    assert len(losses) == 2
    rest, heard = [], []
    for step in range(8):
        params["heads"]["steps"] = np.float32(step)
        value, metrics = losses[late.at(step)](params)
        rest.append(float(metrics["discriminators"]))
        settled = float(metrics["mel"] + metrics["stft"] + metrics["discriminators"])
        heard.append(float(value) - settled)
    whole = 0.5 * float(metrics["adversarial"] + metrics["features"])
    np.testing.assert_allclose(heard, whole * np.array([0, 0, 0.25, 0.5, 0.75, 1, 1, 1]), atol=1e-4)
    assert rest[:2] == [0, 0] and min(rest[2:]) > 0
    params["heads"]["steps"] = np.float32(1)
    early = gradients(late.at(1), params, batch)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(early["heads"]))
    plain = gradients(tiny_objective("bigvgan", data), params, batch)
    np.testing.assert_allclose(ravel(early["network"]), ravel(plain["network"]), rtol=1e-4, atol=1e-6)


def test_steps_are_counted(objective):
    params = draw_params(objective)
    params["heads"]["steps"] = np.float32(7)
    moved = objective.update(params, None)
    assert float(moved["heads"]["steps"]) == 8 and objective.frozen("heads/steps")
    assert equal(moved["heads"]["discriminators"], params["heads"]["discriminators"])


def test_they_learn_to_tell_apart(objective):
    """With the vocoder held: its noise and the recordings are told apart within a few steps."""
    params, batch = draw_params(objective), on_device(first_batch(objective))
    optimizer = optax.adam(3e-3)

    def loss(heads):
        value, metrics, _ = objective.loss({**params, "heads": heads}, batch, jax.random.key(0), True)
        return value, metrics["discriminators"]

    @jax.jit
    def step(heads, memory):
        found, told = jax.grad(loss, has_aux=True)(heads)
        updates, memory = optimizer.update(found, memory)
        return optax.apply_updates(heads, updates), memory, told

    heads, told = params["heads"], []
    memory = optimizer.init(heads)
    for _ in range(30):
        heads, memory, value = step(heads, memory)
        told.append(float(value))
    assert np.isfinite(told).all() and told[-1] < 0.3 < told[0]


def run_of(data, folder, **changes):
    optimizer = {"other_rate": 0.5}
    return tiny_config("bigvgan", data, folder, objective=ADVERSARIAL | changes, optimizer=optimizer)


def test_a_run_is_resumed_with_both_sides(data, tmp_path):
    whole = loop.run(run_of(data, tmp_path / "whole", adversarial_from=2), show_bar=False)
    parts = run_of(data, tmp_path / "parts", adversarial_from=2)
    loop.run(parts, stop_at=3, show_bar=False)
    again = loop.run(parts, show_bar=False)

    def losses(report: Metrics):
        return [{k: str(v) for k, v in row.items() if k != "utterances_per_s"} for row in report.rows]

    assert losses(again) == losses(whole)
    assert len(whole.rows) == 7 and "discriminators" not in whole.rows[-1]
    trained = [row for row in whole.rows if row["split"] == "train"]
    assert [float(row["discriminators"]) > 0 for row in trained] == [False, False, True, True, True, True]
    name = "last.safetensors"
    assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("adversarial_weight", -1.0),
        ("feature_weight", -0.1),
        ("adversarial_from", -1),
        ("adversarial_ramp", -1),
        ("discriminator_channels", 0),
        ("discriminator_sizes", [4096]),
        ("discriminator_sizes", [510]),
        ("discriminator_sizes", [16]),
        ("discriminator_periods", [0]),
        ("discriminator_periods", [33]),
    ],
)
def test_settings_that_cannot_be(data, setting, value):
    with pytest.raises(ConfigError, match=setting):
        tiny_objective("bigvgan", data, objective=ADVERSARIAL | {setting: value})


def test_none_at_all(data):
    with pytest.raises(ConfigError, match="discriminator_periods"):
        settings = ADVERSARIAL | {"discriminator_periods": [], "discriminator_sizes": []}
        tiny_objective("bigvgan", data, objective=settings)


def test_the_real_sizes_fit(data):
    """The settings as they are by default, on the crops of the demo model."""
    settings = {"adversarial_weight": 0.1, "frames": 64, "discriminator_sizes": [2048, 1024, 512]}
    objective = tiny_objective("bigvgan", data, objective=settings)
    shapes = jax.eval_shape(objective.init, jax.random.key(0))["heads"]["discriminators"]
    assert set(shapes) == {"spectrum_0", "spectrum_1", "spectrum_2", "period_2", "period_3", "period_5"}
    audio = noise(0, 64 * 256 / 22050 + 0.01)[None, : 64 * 256]
    made = jax.eval_shape(
        lambda params, audio: objective.judges.apply({"params": params}, objective._spectra(audio), audio),
        shapes,
        audio,
    )
    assert [len(features) for features in made] == [4] * 6 and all(min(f[-1].shape) > 0 for f in made)
