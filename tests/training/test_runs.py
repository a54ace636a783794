"""Real networks through the real loop: half precision, micro-batches, Muon, and a network to start from."""

import jax
import numpy as np
import pytest

from indextts2_jax.checkpoint import networks
from indextts2_jax.errors import TrainingError
from indextts2_jax.training import loop
from indextts2_jax.training.runs import load_run
from indextts2_jax.training.state import load_network, read_network, write_network
from tests.training.tiny import random_params, tiny_config, tiny_model

RUNS = {
    "semantic_codec": {"accumulate": 2},
    "w2v_bert": {"dtype": "bfloat16"},
    "gpt": {"dtype": "bfloat16", "optimizer": {"name": "muon"}},
}


@pytest.mark.parametrize("network", RUNS)
def test_a_run_from_a_given_network(network, data, tmp_path):
    start = tmp_path / "start.safetensors"
    write_network(start, random_params()[network])
    config = tiny_config(network, data, tmp_path / "run", init=str(start), steps=2, save_every=1, **RUNS[network])
    if network == "semantic_codec":
        loop.run(config, stop_at=1, show_bar=False)
    report = loop.run(config, show_bar=False)
    losses = [float(row["loss"]) for row in report.rows if row["split"] == "train"]
    assert len(losses) == 2 and np.isfinite(losses).all()
    found, trained = load_run(tmp_path / "run")
    assert found == config
    expected = networks.shapes(network, tiny_model())
    assert jax.tree.map(np.shape, trained) == jax.tree.map(lambda leaf: leaf.shape, expected)
    distance = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), trained, random_params()[network])
    moved = jax.tree.leaves(distance)
    # from where it began, not from other random numbers; the statistics of w2v-bert are new
    assert np.median(moved) < 0.05 and np.count_nonzero(moved) > 0.8 * len(moved)


def test_where_a_network_is_loaded_from(tmp_path, data):
    params = random_params()["semantic_codec"]
    run = tmp_path / "run"
    run.mkdir()
    write_network(run / "best.safetensors", params)
    assert _bias(load_network(str(run), "semantic_codec")) == _bias(params)
    later = {**params, "quantizer": jax.tree.map(lambda leaf: leaf + 1, params["quantizer"])}
    write_network(run / "last.safetensors", later)
    assert _bias(load_network(str(run), "semantic_codec")) == _bias(later)
    assert _bias(load_network(str(run / "best.safetensors"), "semantic_codec")) == _bias(params)
    with pytest.raises(TrainingError, match="nowhere"):
        load_network(str(tmp_path / "nowhere"), "semantic_codec")
    config = tiny_config("bigvgan", data, tmp_path / "other", init=str(run))
    with pytest.raises(TrainingError, match="holds another bigvgan"):
        loop.run(config, show_bar=False)


def _bias(params):
    return np.asarray(params["quantizer"]["in_project"]["bias"]).tolist()


def test_networks_are_written_whole(tmp_path):
    path = tmp_path / "x.safetensors"
    write_network(path, {"a": {"b": np.arange(3.0)}, "c": np.zeros((), np.float32)})
    found = read_network(path)
    assert found["a"]["b"].tolist() == [0, 1, 2] and found["c"].shape == ()
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.safetensors"]
    with pytest.raises(TrainingError, match=r"Cannot write .*y\.safetensors"):
        write_network(tmp_path / "nowhere" / "y.safetensors", {"c": np.zeros(3)})
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(TrainingError, match=r"x\.safetensors"):
        read_network(path)
