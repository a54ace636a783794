"""Settings of a run: what does not make sense is an error that names its key."""

import pytest

from configs import train_demo
from indextts2_jax.config import to_dict
from indextts2_jax.errors import ConfigError
from indextts2_jax.training.config import train_config
from indextts2_jax.training.objectives import NETWORKS, build_objective, default_settings
from tests.training.tiny import tiny_config, tiny_model


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("optimizer.name", "sgd"),
        ("optimizer.schedule", "sawtooth"),
        ("optimizer.learning_rate", 0.0),
        ("optimizer.learning_rate", "fast"),
        ("optimizer.muon_rate", -1.0),
        ("optimizer.warmup_steps", -1),
        ("optimizer.final_fraction", 1.5),
        ("optimizer.b2", 1.0),
        ("optimizer.clip_norm", 0.0),
        ("optimizer.speed", 1.0),
        ("dtype", "int8"),
        ("steps", 0),
        ("accumulate", 0),
        ("accumulate", 3),
        ("batch_size", 0),
        ("ema_decay", 1.0),
        ("seed", -1),
        ("seed", 1.5),
        ("save_every", 0),
        ("evaluate_every", 0),
        ("log_every", 0),
        ("valid_batches", 0),
        ("data", ""),
        ("output", ""),
        ("objective", 5),
        ("colour", "red"),
    ],
)
def test_bad_values_name_their_key(key, value, data):
    values = to_dict(tiny_config("bigvgan", data))
    if key.startswith("optimizer."):
        values["optimizer"][key.removeprefix("optimizer.")] = value
    else:
        values[key] = value
    named = "batch_size" if (key, value) == ("accumulate", 3) else key
    with pytest.raises(ConfigError, match=named) as caught:
        train_config(values)
    assert "\n" not in str(caught.value)


def test_a_model_that_does_not_fit_together(data):
    values = to_dict(tiny_config("bigvgan", data))
    values["model"]["s2mel"]["style_dim"] = 5
    with pytest.raises(ConfigError, match=r"model\.s2mel\.style_dim"):
        train_config(values)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_demo_runs_have_every_setting_and_no_other(network):
    config = train_demo.get_config(network)
    config.data, config.output = "data", "run"
    assert set(config.objective) == set(default_settings(network))
    assert train_config(config.to_dict()).network == network


def _settings(network, data, **objective):
    return build_objective(tiny_config(network, data, objective=objective), data)


@pytest.mark.parametrize(
    ("network", "objective", "word"),
    [
        ("bigvgan", {"hops": [1]}, "objective.hops"),
        ("bigvgan", {"frames": "many"}, "objective.frames"),
        ("bigvgan", {"stft_sizes": [4096, 512]}, "4096"),
        ("bigvgan", {"stft_sizes": [1000, 512]}, "1000"),
        ("gpt", {"tokenizer": "/nowhere/bpe.model"}, "/nowhere/bpe.model"),
        ("gpt", {"phone_weight": 1.0, "phone_layer": 2}, "phone_layer"),
        ("gpt", {"guided_weight": 1.0, "guided_layer": 0}, "guided_weight"),  # of tokens that are no phonemes
        ("gpt", {"tokenizer": ""}, "tokenizer"),
        ("s2mel", {"codec": ""}, "objective.codec"),
    ],
)
def test_settings_of_an_objective(network, objective, word, data):
    with pytest.raises(ConfigError, match=word):
        _settings(network, data, **objective)


def test_a_tokenizer_of_another_model(data):
    config = tiny_config("gpt", data, objective={"tokenizer": str(data.folder.parent / "bpe.model")})
    values = to_dict(config)
    values["model"]["gpt"]["text_vocab"] = 64
    with pytest.raises(ConfigError, match="128 tokens"):
        build_objective(train_config(values), data)


def test_an_unknown_network(data):
    values = to_dict(tiny_config("bigvgan", data, model=tiny_model())) | {"network": "vocoder"}
    with pytest.raises(ConfigError, match="vocoder"):
        build_objective(train_config(values), data)
