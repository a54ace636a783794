"""Fine-tuning of a tiny GPT: adapters and all weights, what is held in memory and on the disk, and going on."""

import dataclasses
import functools
import math
import pathlib
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.traverse_util import flatten_dict

from indextts2_jax.checkpoint import artefact
from indextts2_jax.config import ModelConfig
from indextts2_jax.errors import CheckpointError, ConfigError, TrainingError
from indextts2_jax.gpt.speech_lm import SpeechLM
from indextts2_jax.training import loop, lora
from indextts2_jax.training.config import TrainConfig, train_config
from indextts2_jax.training.objectives import build_objective
from indextts2_jax.training.objectives import gpt as gpt_objective
from indextts2_jax.training.optimizer import build_optimizer
from indextts2_jax.training.partition import fill, fingerprint, select
from indextts2_jax.training.start import initial_model, initial_tokenizer, with_model
from indextts2_jax.training.state import Checkpoints, read_network
from indextts2_jax.training.step import build_step, moving, trained
from tests.training import tiny_finetune
from tests.training.tiny import on_device, tiny_model

RANK = 4


def one_device() -> jax.sharding.Mesh:
    return jax.sharding.Mesh(np.array(jax.devices()[:1]), ("data",))


ADAPTED = ("attention_in", "attention_out", "mlp_in", "mlp_out")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_finetune.data_set(tmp_path_factory.mktemp("data") / "mine")


@pytest.fixture(scope="module")
def lora_run(base, data, tmp_path_factory):
    """The configuration and the report of a finished run."""
    config = tiny_finetune.config("lora", base, data, tmp_path_factory.mktemp("runs") / "lora")
    return config, loop.run(config, show_bar=False)


def losses(report, split):
    return [float(row["loss"]) for row in report.rows if row["split"] == split]


def adapter_count(gpt) -> int:
    width, sides = gpt.width, {"attention_in": 3, "attention_out": 1, "mlp_in": 4}
    return gpt.layers * RANK * (sum(width + width * n for n in sides.values()) + 4 * width + width)


# --- training -------------------------------------------------------------------------------------------------


def test_adapters_learn_and_leave_the_base_alone(lora_run, base):
    config, report = lora_run
    assert losses(report, "train")[-1] < 0.6 * losses(report, "train")[0]
    assert losses(report, "valid")[-1] < losses(report, "valid")[0]
    artefact.verify_artefact(base)  # its files were memory-mapped all the time
    before = flatten_dict(artefact.load_artefact(base, only=("gpt",)).params["gpt"], sep="/")
    after = flatten_dict(read_network(pathlib.Path(config.output) / "last.safetensors"), sep="/")
    assert sorted(after) == sorted(before)
    changed = {path for path in before if not np.array_equal(before[path], after[path])}
    assert changed == {
        f"speech_lm/transformer/layer_{layer}/{name}/kernel"
        for layer in range(config.model.gpt.layers)
        for name in ADAPTED
    }


def test_full_fine_tuning_learns(base, data, tmp_path):
    report = loop.run(tiny_finetune.config("full", base, data, tmp_path / "run"), show_bar=False)
    assert losses(report, "train")[-1] < 0.8 * losses(report, "train")[0]
    artefact.verify_artefact(base)
    assert not (tmp_path / "run" / "base.txt").exists()  # nothing is constant


def test_optimiser_average_and_checkpoint_hold_adapters_only(lora_run):
    config, _ = lora_run
    adapters = adapter_count(config.model.gpt)
    objective = build_objective(config, loop.DataSet.open(config.data))
    optimizer = build_optimizer(config.optimizer, config.steps, objective.frozen)
    state = loop._initial(config, objective, optimizer)
    assert lora.count(state.average) == lora.count(state.params["heads"]) == adapters
    moments = [leaf for leaf in jax.tree.leaves(state.optimizer) if leaf.ndim == 2]  # not the counters
    assert lora.count(moments) == 2 * adapters
    assert lora.count(loop._saved(state, objective).params) == adapters
    assert jax.tree.structure(loop.averaged(state)) == jax.tree.structure(state.params)
    found = Checkpoints(pathlib.Path(config.output)).restore(loop._saved(state, objective))
    assert found is not None and int(found.step) == config.steps
    assert lora.count(found.params) == adapters

    before = jax.tree.map(np.array, state.params["network"])
    batch = objective.batch(objective.order("train").at(0), np.random.default_rng(0), True)
    step = build_step(config, objective, optimizer, one_device())
    after, _ = step(state, {name: array[None] for name, array in batch.items()}, 0)
    jax.tree.map(np.testing.assert_array_equal, before, after.params["network"])


def test_no_gradient_of_the_size_of_a_frozen_matrix_is_computed(lora_run):
    config, _ = lora_run
    objective = build_objective(config, loop.DataSet.open(config.data))
    batch = on_device(objective.batch(objective.order("train").at(0), np.random.default_rng(0), True))
    params = jax.eval_shape(objective.init, jax.random.key(0))

    def loss(trained, params):
        return objective.loss(fill(trained, params), batch, jax.random.key(0), True)[0]

    def products(trained, params):
        text = str(jax.make_jaxpr(jax.grad(loss))(trained, params))
        return [line for line in text.splitlines() if "dot_general" in line]

    width = config.model.gpt.width
    sized = [f"[{width},{4 * width}]", f"[{4 * width},{width}]"]
    trained = select(params, lambda path: not objective.frozen(path))
    assert not [line for line in products(trained, params) if any(size in line.split("=")[0] for size in sized)]
    assert [line for line in products(params, params) if any(size in line.split("=")[0] for size in sized)]


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not(base, data, lora_run, tmp_path):
    config, _ = lora_run
    config = dataclasses.replace(config, output=str(tmp_path / "run"))
    loop.run(config, stop_at=13, show_bar=False)
    loop.run(config, show_bar=False)
    first, second = (
        read_network(pathlib.Path(folder) / "last.safetensors") for folder in (lora_run[0].output, config.output)
    )
    jax.tree.map(np.testing.assert_array_equal, first, second)
    # other weights of the same model, and other adapters, do not go on
    with pytest.raises(TrainingError, match="was begun with other weights"):
        loop.run(dataclasses.replace(config, init=lora_run[0].output), show_bar=False)
    with pytest.raises(TrainingError, match="does not fit this configuration"):
        loop.run(dataclasses.replace(config, lora_rank=2), show_bar=False)


# --- the adapters ---------------------------------------------------------------------------------------------


def small(base, dtype):
    gpt = tiny_model().gpt
    rng = np.random.default_rng(0)
    conds = jnp.asarray(rng.normal(size=(2, gpt.speaker_perceiver.latents + 2, gpt.width)), jnp.float32)
    text, codes = (jnp.asarray(rng.integers(2, 30, (2, size)), jnp.int32) for size in (5, 9))
    inputs = (conds, text, jnp.array([5, 3]), codes, jnp.array([9, 7]))
    network = artefact.load_artefact(base, only=("gpt",)).params["gpt"]["speech_lm"]
    adapters = lora.Adapters(SpeechLM(gpt, dtype), RANK, 8.0)
    return gpt, inputs, network, adapters


def test_the_merged_network_is_the_adapted_one(base):
    gpt, inputs, network, adapters = small(base, jnp.float32)
    params = adapters.init(jax.random.key(1))
    assert lora.count(params) == adapter_count(gpt)

    @functools.partial(jax.jit, static_argnums=0)
    def logits(module, params):
        hidden = module.apply({"params": params}, *inputs, method="hidden_states")
        return module.apply({"params": params}, hidden, method="logits")

    plain = logits(SpeechLM(gpt), network)
    np.testing.assert_array_equal(logits(adapters.module, adapters.joined(network, params)), plain)  # B is zero
    params = jax.tree.map(lambda leaf: leaf + 0.05 * jax.random.normal(jax.random.key(2), leaf.shape), params)
    adapted = logits(adapters.module, adapters.joined(network, params))
    merged = logits(SpeechLM(gpt), adapters.merge(network, params))
    assert np.abs(adapted - plain).max() > 0.05
    assert np.abs(merged - adapted).max() < 1e-5 * max(1.0, float(np.abs(adapted).max()))


def test_the_computation_keeps_its_type(base):
    _, inputs, network, adapters = small(base, jnp.bfloat16)
    joined = adapters.joined(network, adapters.init(jax.random.key(1)))

    def states(params):
        return adapters.module.apply({"params": params}, *inputs, method="hidden_states", mutable=["attention"])

    assert {leaf.dtype.name for leaf in jax.tree.leaves(jax.eval_shape(states, joined))} == {"bfloat16"}


def test_computing_attention_twice_changes_nothing(base):
    gpt, inputs, network, adapters = small(base, jnp.float32)
    params = jax.tree.map(lambda leaf: leaf + 0.05, adapters.init(jax.random.key(1)))
    found = []
    for recompute in (True, False):
        module = lora.Adapters(SpeechLM(gpt, recompute=recompute), RANK, 8.0).module

        def loss(params, module=module):
            variables = {"params": adapters.joined(network, params)}
            hidden, kept = module.apply(variables, *inputs, method="hidden_states", mutable=["attention"])
            return jnp.sum(jnp.sin(hidden)) + jnp.sum(kept["attention"]["transformer"]["layer_0"]["inside"][0][2])

        assert recompute == ("remat" in str(jax.make_jaxpr(loss)(params)))
        found.append(jax.jit(jax.value_and_grad(loss))(params))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), *found)


def test_published_size(data, monkeypatch):
    """Nothing is computed: shapes of one step on two utterances."""
    gpt = ModelConfig().gpt
    monkeypatch.setattr(gpt_objective, "build_frontend", lambda *_: types.SimpleNamespace(vocab_size=gpt.text_vocab))
    settings = {"tokenizer": __file__, "text_weight": 0.0}
    config = TrainConfig(data=str(data), init="x", lora_rank=RANK, dtype="bfloat16", batch_size=2, objective=settings)
    objective = build_objective(config, loop.DataSet.open(data))
    optimizer = build_optimizer(config.optimizer, config.steps, objective.frozen)

    def initial(key):
        params = objective.init(key)
        memory = optimizer.init(trained(params, objective))
        return loop.TrainState(jnp.zeros((), jnp.int32), params, memory, moving(params, objective))

    state = jax.eval_shape(initial, jax.random.key(0))
    batch = {"codes": (256,), "code_lengths": (), "text": (102,), "text_lengths": (), "keep": ()}
    batch |= {"speaker_clip": (192, 1024), "speaker_lengths": (), "emotion_clip": (192, 1024), "emotion_lengths": ()}
    kinds = {"speaker_clip": jnp.float32, "emotion_clip": jnp.float32, "keep": jnp.float32}
    shapes = {n: jax.ShapeDtypeStruct((1, 2, *s), kinds.get(n, jnp.int32)) for n, s in batch.items()}
    step = build_step(config, objective, optimizer, one_device())
    after, metrics = jax.eval_shape(lambda state, shapes: step(state, shapes, 0), state, shapes)
    assert jax.tree.map(lambda leaf: leaf.shape, after) == jax.tree.map(lambda leaf: leaf.shape, state)
    assert metrics["loss"].shape == ()
    assert 850e6 < lora.count(state.params["network"]) < 890e6
    assert lora.count(state.average) == adapter_count(gpt)
    assert sum(math.prod(leaf.shape) * 4 for leaf in jax.tree.leaves(state.optimizer)) < 8 * adapter_count(gpt) + 100


# --- the parts of a tree --------------------------------------------------------------------------------------


def test_parts_of_a_tree():
    params = {"network": {"a": jnp.ones(3), "b": jnp.zeros((2, 2))}, "heads": {}}
    part = select(params, lambda path: path == "network/b")
    assert lora.count(part) == 4 and fill(part, params) == params
    assert fingerprint(part) != fingerprint(select(params, lambda path: path == "network/a"))
    assert fingerprint(select(params, lambda path: False)) == ""


def test_an_optimiser_remembers_the_trained_part_as_it_would_the_whole():
    """Checkpoints of runs with frozen parameters stay readable."""
    params = {"network": {"a": {"kernel": jnp.ones((32, 32))}, "mean": jnp.ones(3)}, "heads": {"b": jnp.ones(2)}}
    for name in ("adamw", "muon"):
        optimizer = build_optimizer(
            dataclasses.replace(TrainConfig().optimizer, name=name), 10, lambda path: path.endswith("mean")
        )
        whole, part = optimizer.init(params), optimizer.init(select(params, lambda path: not path.endswith("mean")))
        assert jax.tree.structure(whole) == jax.tree.structure(part)
        assert optax.tree.size(whole) == optax.tree.size(part)


# --- settings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("updates", "message"),
    [
        ({"lora_rank": -1}, "lora_rank is -1"),
        ({"lora_alpha": 0.0}, "lora_alpha is 0.0"),
        ({"network": "bigvgan"}, "lora_rank is 4, but it must be 0, or above 0 where the network is gpt"),
        ({"init": "", "model": {"text_frontend": "bpe"}}, "init names what is to be adapted"),
        ({"init": ""}, "model is empty, so init must be"),
        ({"init": "/none"}, "neither an artefact nor a run"),
    ],
)
def test_settings_that_cannot_be(base, data, tmp_path, updates, message):
    with pytest.raises(ConfigError, match=message) as raised:
        tiny_finetune.config("lora", base, data, tmp_path / "run", **updates)
    assert "\n" not in str(raised.value)


def test_a_rank_that_is_no_low_rank(base, data, tmp_path):
    config = tiny_finetune.config("lora", base, data, tmp_path / "run", lora_rank=tiny_model().gpt.width)
    with pytest.raises(ConfigError, match="from 1 to below the model's width 16"):
        build_objective(config, loop.DataSet.open(data))


def test_weights_of_another_model(base, data, tmp_path):
    config = tiny_finetune.config("lora", base, data, tmp_path / "run")
    wider = dataclasses.replace(config.model, gpt=dataclasses.replace(config.model.gpt, max_mel_tokens=99))
    with pytest.raises(TrainingError, match="holds another gpt than"):
        loop.run(dataclasses.replace(config, model=wider), show_bar=False)
    (base / "config.json").rename(base / "config.json.away")
    try:
        with pytest.raises(CheckpointError, match="it has no config"):
            tiny_finetune.config("lora", base, data, tmp_path / "run")
    finally:
        (base / "config.json.away").rename(base / "config.json")


def test_model_and_tokenizer_are_those_of_the_artefact_or_of_the_run(lora_run, base):
    config, _ = lora_run
    assert config.model == initial_model(str(base)) == initial_model(config.output) == tiny_model()
    assert initial_tokenizer(str(base)) == initial_tokenizer(config.output) == base / "tokenizer.model"
    with pytest.raises(ConfigError, match="tokenizer is empty"):
        initial_tokenizer("")


def test_without_qwix(monkeypatch):
    monkeypatch.setitem(sys.modules, "qwix", None)
    with pytest.raises(ConfigError, match="Qwix is missing"):
        lora.Adapters(SpeechLM(tiny_model().gpt), 2, 4.0)


def test_a_configuration_needs_no_model_key():
    assert train_config({"data": "x", "output": "y"}).model == ModelConfig()
    assert with_model({"data": "x"}) == {"data": "x"}


def test_only_the_start_of_a_run_fills_in_a_model(base):
    values = {"data": "x", "output": "y", "init": str(base)}
    for empty in (None, {}):
        with pytest.raises(ConfigError, match="model is empty"):
            train_config(values | {"model": empty})
        assert train_config(with_model(values | {"model": empty})).model == tiny_model()
