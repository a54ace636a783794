"""A network that a model may be without: written, checked and loaded with the others where it is there."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.checkpoint import artefact, digests, networks
from indextts2_jax.config import ModelConfig
from indextts2_jax.errors import CheckpointError
from tests.checkpoint.fake_artefact import FILES, assert_is, fake_networks, parameters, save  # noqa: F401
from tests.emotion_text.tiny import RANDOM, converted, random_tensors

MODEL = ModelConfig(qwen=RANDOM)


@functools.cache
def qwen() -> dict:
    return converted(RANDOM, random_tensors())


def save_with(folder, **options):
    options = {"model": MODEL, "params": {**parameters(), "qwen": qwen()}, "qwen_tokenizer": b"{}", **options}
    return save(folder, **options)


def test_which_networks_a_model_has():
    assert networks.networks_of(ModelConfig()) == ["a", "b"]
    assert networks.networks_of(MODEL) == ["a", "b", "qwen"]


def test_round_trip(tmp_path):
    folder = save_with(tmp_path / "x")
    assert {path.name for path in folder.iterdir()} == FILES | {"qwen.safetensors", "qwen_tokenizer.json"}
    loaded = artefact.load_artefact(folder)
    assert (loaded.model, loaded.qwen_tokenizer, loaded.dtype) == (MODEL, b"{}", "float32")
    narrow = jax.tree.map(lambda leaf: np.asarray(leaf).astype(jnp.bfloat16), qwen())
    jax.tree.map(np.testing.assert_array_equal, loaded.params["qwen"], narrow)
    assert {type(leaf) for leaf in jax.tree.leaves(loaded.params["qwen"])} == {np.ndarray}, "not on the device yet"
    jax.tree.map(np.testing.assert_array_equal, {name: loaded.params[name] for name in "ab"}, parameters())
    assert set(artefact.load_artefact(folder, only=("b",)).params) == {"b"}
    again = artefact.load_artefact(save(tmp_path / "again", model=MODEL, params=loaded.params, qwen_tokenizer=b"{}"))
    assert again.model_id == loaded.model_id
    assert loaded.model_id == artefact.load_artefact(save(tmp_path / "plain")).model_id


def test_with_and_without_replace_each_other(tmp_path):
    save_with(tmp_path / "x")
    assert_is(save(tmp_path / "x"), 0)
    save_with(tmp_path / "x")


def test_network_and_tokenizer_come_together(tmp_path):
    for model, tokenizer in ((MODEL, None), (ModelConfig(), b"{}")):
        with pytest.raises(CheckpointError, match="together or not at all"):
            save_with(tmp_path / "x", model=model, qwen_tokenizer=tokenizer)
    with pytest.raises(CheckpointError, match="qwen/embedding/embedding is missing"):
        save_with(tmp_path / "x", params=parameters())
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["qwen.safetensors", "qwen_tokenizer.json"])
def test_damage_is_noticed(tmp_path, name):
    folder = save_with(tmp_path / "x")
    path = folder / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=rf"SHA-256 of {name.replace('.', '[.]')}"):
        artefact.load_artefact(folder)
    path.unlink()
    with pytest.raises(CheckpointError, match=name):
        artefact.load_artefact(folder)


@pytest.mark.parametrize("with_qwen", [True, False])
def test_a_config_that_says_otherwise(tmp_path, with_qwen):
    folder = (save_with if with_qwen else save)(tmp_path / "x")
    config = json.loads((folder / "config.json").read_text())
    other = None if with_qwen else json.loads((save_with(tmp_path / "y") / "config.json").read_text())["model"]["qwen"]
    config["model"]["qwen"] = other
    (folder / "config.json").write_text(json.dumps(config))
    (folder / digests.NAME).unlink()
    digests.write(folder, {path.name: digests.digest_file(path) for path in folder.iterdir()})
    with pytest.raises(CheckpointError, match=r"does not hold what its config\.json says"):
        artefact.load_artefact(folder)


def test_tensors_that_do_not_fit(tmp_path):
    params = {**parameters(), "qwen": {**qwen(), "stray": np.zeros(3, np.float32)}}
    with pytest.raises(CheckpointError, match="qwen/stray is unknown"):
        save_with(tmp_path / "x", params=params)
