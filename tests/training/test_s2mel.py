"""The flow's objective: its loss by hand, and what may enter it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import finetune_s2mel
from indextts2_jax.checkpoint.artefact import load_artefact
from indextts2_jax.errors import TrainingError
from indextts2_jax.s2mel.length_regulator import resize_index, target_length
from indextts2_jax.training import loop
from indextts2_jax.training.config import train_config
from indextts2_jax.training.merge import merge
from indextts2_jax.training.objectives import s2mel
from indextts2_jax.training.objectives.s2mel import SIGMA_MIN, _join
from indextts2_jax.training.start import with_model
from indextts2_jax.training.state import read_network, write_network
from tests.training.tiny import draw_params, first_batch, on_device, random_params, tiny_objective


@pytest.fixture(scope="module")
def objective(data):
    return tiny_objective("s2mel", data)


@pytest.fixture(scope="module")
def params(objective):
    return draw_params(objective)


@pytest.fixture(scope="module")
def loss(objective):
    return jax.jit(lambda params, batch, key: objective.loss(params, batch, key, True))


def in_target(batch):
    places, first = np.arange(batch["mel"].shape[1]), batch["prompt_frames"][:, None]
    return (places >= first) & (places < first + batch["frames"][:, None])


def noise_of(key, batch):
    return np.asarray(jax.random.normal(jax.random.split(key)[0], batch["mel"].shape))


def test_the_loss_of_a_network_that_says_zero(objective, params, loss):
    """|mel - (1 - sigma) noise|^2 over the frames of the targets, and over those only."""
    silent = jax.tree.map(lambda leaf: leaf, params)
    silent["network"]["dit"]["out"] = jax.tree.map(np.zeros_like, params["network"]["dit"]["out"])
    batch, key = first_batch(objective), jax.random.key(4)
    batch["keep"] = np.array([1, 0, 1, 1], np.float32)
    value, metrics, _ = loss(silent, batch, key)
    error = ((batch["mel"] - (1 - SIGMA_MIN) * noise_of(key, batch)) ** 2).mean(-1)
    target = in_target(batch)
    assert target.any(axis=1).all() and not target.all(axis=1).any()
    np.testing.assert_allclose(value, error[target].mean(), rtol=1e-5)
    np.testing.assert_allclose(metrics["conditional"], error[[0, 2, 3]][target[[0, 2, 3]]].mean(), rtol=1e-5)


def seen(monkeypatch, objective, params, batch, key, answer):
    """The loss with a velocity network that is `answer(x, t)`, and what that network got."""
    got = {}
    real = s2mel.apply

    def apply(module, weights, *inputs, **options):
        if module is not objective.dit:
            return real(module, weights, *inputs, **options)
        got.update(zip(("x", "prompt", "t", "style", "mu", "lengths"), inputs, strict=True))
        return answer(got["x"], got["t"][:, None, None])

    with monkeypatch.context() as patch:
        patch.setattr(s2mel, "apply", apply)
        return objective.loss(params, on_device(batch), key, True).value, got


def test_the_path_leads_from_noise_to_the_mel(objective, params, monkeypatch):
    batch, key = first_batch(objective) | {"keep": np.ones(4, np.float32)}, jax.random.key(5)
    target, noise = in_target(batch)[..., None], noise_of(key, batch)
    value, got = seen(monkeypatch, objective, params, batch, key, lambda x, t: (batch["mel"] - x) / (1 - t))
    assert value < 1e-4  # that is the velocity that arrives at t = 1
    t = np.asarray(got["t"])[:, None, None]
    # one time in every quarter of [0, 1]
    np.testing.assert_array_equal(np.sort(np.floor(t.reshape(-1) * 4)), np.arange(4))
    at_end = got["x"] + (1 - t) * (batch["mel"] - (1 - SIGMA_MIN) * noise)
    np.testing.assert_allclose(np.where(target, at_end, 0), np.where(target, batch["mel"], 0), atol=1e-4)
    assert not np.where(target, 0, got["x"]).any()  # neither in the prompt nor in the padding
    in_prompt = np.arange(batch["mel"].shape[1]) < batch["prompt_frames"][:, None]
    np.testing.assert_array_equal(got["prompt"], np.where(in_prompt[..., None], batch["mel"], 0))
    np.testing.assert_array_equal(got["lengths"], batch["prompt_frames"] + batch["frames"])
    mu = np.asarray(got["mu"])
    covered = np.arange(mu.shape[1]) < np.asarray(got["lengths"])[:, None]
    assert np.abs(mu).max(-1)[covered].min() > 0 and not mu[~covered].any()


def test_dropped_rows_have_no_condition(objective, params, monkeypatch):
    batch, key = first_batch(objective), jax.random.key(5)
    batch["keep"] = np.array([1, 0, 0, 1], np.float32)
    _, got = seen(monkeypatch, objective, params, batch, key, lambda x, t: x)
    for name in ("prompt", "style", "mu"):
        kept = np.abs(np.asarray(got[name])).reshape(4, -1).max(1) > 0
        assert kept.tolist() == [True, False, False, True], name
    assert all(np.any(row) for row in np.asarray(got["x"]))


def test_how_often_conditions_are_dropped(data):
    objective = tiny_objective("s2mel", data, objective={"drop_condition": 0.25})
    rng = np.random.default_rng(0)
    keep = [objective.batch(data.indices("train"), rng, True)["keep"].mean() for _ in range(60)]
    assert abs(np.mean(keep) - 0.75) < 0.06
    assert objective.batch(data.indices("train"), rng, False)["keep"].all()


def test_the_mel_of_the_prompt_does_not_enter_the_loss_as_a_target(objective, params, monkeypatch):
    batch, key = first_batch(objective), jax.random.key(6)
    other = {**batch, "mel": np.where(in_target(batch)[..., None], batch["mel"], 5.0).astype(np.float32)}
    values = [seen(monkeypatch, objective, params, b, key, lambda x, t: x)[0] for b in (batch, other)]
    np.testing.assert_allclose(*values, rtol=1e-6)


def pad(batch):
    """Nine frames and four codes more, none of them valid."""
    longer = dict(batch)
    for name, size in (("prompt_codes", 4), ("codes", 4), ("prompt_index", 5), ("index", 4)):
        longer[name] = np.pad(batch[name], ((0, 0), (0, size)), constant_values=1)
    longer["mel"] = np.pad(batch["mel"], ((0, 0), (0, 9), (0, 0)), constant_values=3.0)
    return longer


def test_padding_does_not_count(objective, params, loss):
    """Of one row: the noise of the first frames is the same then, whatever the size."""
    batch = {name: array[:1] for name, array in first_batch(objective).items()}
    np.testing.assert_allclose(
        loss(params, batch, jax.random.key(2)).value, loss(params, pad(batch), jax.random.key(2)).value, rtol=2e-5
    )


def test_join():
    first = np.arange(1, 9, dtype=np.float32).reshape(2, 4, 1)
    second = np.arange(11, 17, dtype=np.float32).reshape(2, 3, 1)
    found = np.asarray(_join(jnp.asarray(first), jnp.asarray(second), jnp.array([2, 4])))[..., 0]
    np.testing.assert_array_equal(found, [[1, 2, 11, 12, 13, 0, 0], [5, 6, 7, 8, 14, 15, 16]])


def test_rows_hold_the_same_stretch_of_codes_and_mel(objective, data):
    codes, mel = data.array("codes/codes"), data.array("mel")
    utterances = data.indices("train")
    batch = objective.batch(utterances, np.random.default_rng(3), False)
    assert batch["codes"].shape == (9, 16) and batch["mel"].shape[1] == target_length(16) + target_length(12)
    for row, utterance in enumerate(utterances):
        prompt, count = int(batch["prompt_frames"][row]), int(batch["frames"][row])
        assert (prompt, count) == (target_length(12), target_length(16))
        whole = codes[utterance].astype(np.int32)
        starts = [s for s in range(len(whole) - 15) if np.array_equal(whole[s : s + 16], batch["codes"][row])]
        first = [target_length(s) for s in starts]
        part = batch["mel"][row, prompt : prompt + count]
        assert any(np.array_equal(part, mel[utterance][f : f + count].astype(np.float32)) for f in first)
        np.testing.assert_array_equal(batch["index"][row], resize_index(16, count))
        same = np.flatnonzero(data.speaker_ids == data.speaker_ids[utterance])
        styles = [u for u in same if np.array_equal(data.array("style/style")[u][0], batch["style"][row])]
        assert len(styles) == 1 and styles[0] != utterance  # the prompt is another utterance of the speaker
        prompt_codes = codes[styles[0]].astype(np.int32)
        windows = np.lib.stride_tricks.sliding_window_view(prompt_codes, 12)
        assert (windows == batch["prompt_codes"][row]).all(1).any()


def test_some_codes_are_replaced_in_training(data):
    objective = tiny_objective("s2mel", data, objective={"corrupt": 0.5, "codes": 30})
    utterances = data.indices("train")
    plain = tiny_objective("s2mel", data, objective={"corrupt": 0.0, "codes": 30})
    shares = []
    for seed in range(20):
        wrong, right = (o.batch(utterances, np.random.default_rng(seed), True)["codes"][:1] for o in (objective, plain))
        shares.append((wrong != right).mean())
        assert wrong.max() < 30
    assert abs(np.mean(shares) - 0.5 * 29 / 30) < 0.1


def test_without_latents_their_projection_is_zero(objective, params):
    assert {path for path in ("network/latent_projection/layer_0/kernel",) if objective.frozen(path)}
    assert not objective.frozen("network/dit/out/kernel")
    assert np.any(params["network"]["latent_projection"]["layer_0"]["kernel"])  # as of a network to start from
    finished = objective.finish(params)["latent_projection"]
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(finished))
    initial = jax.eval_shape(objective.init, jax.random.key(0))["network"]
    assert jax.tree.structure(initial) == jax.tree.structure(params["network"])


def test_a_codec_of_another_model(data, tmp_path):
    codec = random_params()["semantic_codec"]
    quantizer = {**codec["quantizer"], "codebook": codec["quantizer"]["codebook"][:7]}
    write_network(tmp_path / "codec.safetensors", {**codec, "quantizer": quantizer})
    with pytest.raises(TrainingError, match=r"codec\.safetensors"):
        tiny_objective("s2mel", data, objective={"codec": str(tmp_path / "codec.safetensors")})
    with pytest.raises(TrainingError, match="nowhere"):
        tiny_objective("s2mel", data, objective={"codec": str(tmp_path / "nowhere")})


def test_fine_tuning_of_an_artefact(base, data, tmp_path):
    """The codec is the artefact's; the loss of a voice falls, and the merged artefact has the network of the run."""
    values = finetune_s2mel.get_config().to_dict()
    small = {"steps": 12, "batch_size": 4, "accumulate": 2, "log_every": 1, "evaluate_every": 12, "valid_batches": 2}
    values |= {"init": str(base), "data": str(data.folder), "output": str(tmp_path / "run"), **small, "ema_decay": 0.0}
    values["objective"] |= {"codes": 16, "prompt_codes": 12}
    values["optimizer"] |= {"learning_rate": 1e-2, "warmup_steps": 2}
    report = loop.run(train_config(with_model(values)), show_bar=False)
    losses = [float(row["loss"]) for row in report.rows if row["split"] == "train"]
    assert len(losses) == 12 and np.mean(losses[-3:]) < 0.8 * losses[0]
    merge(base, tmp_path / "run", tmp_path / "merged")
    found, before = load_artefact(tmp_path / "merged").params, load_artefact(base).params
    run = read_network(tmp_path / "run" / "last.safetensors")
    jax.tree.map(np.testing.assert_array_equal, found["s2mel"], run)
    jax.tree.map(np.testing.assert_array_equal, found["gpt"], before["gpt"])
