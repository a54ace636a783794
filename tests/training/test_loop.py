"""The training loop: whatever happens to a run, it ends where it would have ended."""

import csv
import dataclasses
import os
import pathlib
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

from indextts2_jax.errors import TrainingError
from indextts2_jax.training import loop, runs, state
from tests.training.tiny import tiny_config, tiny_model
from tests.training.toy import Toy

SLOW = {"learning_rate": 1e-3}  # Adam makes whole steps of gradients that are rounding
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def _toy(monkeypatch):
    monkeypatch.setattr(loop, "build_objective", Toy)


def train(data, output, stop_at=None, **updates):
    """Six steps, a checkpoint after three; the network's name is of no account."""
    return loop.run(config_of(data, output, **updates), stop_at=stop_at, show_bar=False)


def config_of(data, output, **updates):
    optimizer = {"learning_rate": 0.3} | updates.pop("optimizer", {})
    return tiny_config("bigvgan", data, output, optimizer=optimizer, **updates)


def figures(folder):
    """The rows of metrics.csv without the speed."""
    with open(folder / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if name != "utterances_per_s"} for row in rows]


def losses(folder, split="train"):
    return [float(row["loss"]) for row in figures(folder) if row["split"] == split]


def checkpoints(folder):
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def assert_same_run(first, second):
    assert figures(first) == figures(second)
    for name in ("last.safetensors", "best.safetensors"):
        one, other = load_file(first / name), load_file(second / name)
        assert one.keys() == other.keys()
        for path, leaf in one.items():
            np.testing.assert_array_equal(leaf, other[path], err_msg=path)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run that nothing happens to."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "build_objective", Toy)
        train(data, folder)
    return folder


def test_a_run_leaves_its_figures_and_its_networks(whole, data):
    rows = figures(whole)
    assert [(row["step"], row["split"]) for row in rows] == [*((str(n), "train") for n in range(1, 7)), ("6", "valid")]
    assert all(np.isfinite(float(row[name])) for row in rows for name in ("loss", "distance"))
    assert losses(whole)[-1] < 0.75 * losses(whole)[0]
    names = {path.name for path in whole.iterdir()}
    assert {"metrics.csv", "config.json", "checkpoints", "last.safetensors", "best.safetensors"} <= names
    assert checkpoints(whole) == ["3", "6"]
    assert not [name for name in names if name.startswith(".")]
    config, network = runs.load_run(whole)
    assert config == config_of(data, whole)
    assert network["dense"]["kernel"].shape == (80, 80)


def test_the_plot(whole):
    pytest.importorskip("matplotlib")
    assert (whole / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_frozen_parameters_stay_and_statistics_move(whole, data):
    last = load_file(whole / "last.safetensors")
    np.testing.assert_array_equal(last["window"], jnp.linspace(0.05, 0.15, 80))
    assert np.abs(last["mean"]).max() > 0 and np.abs(last["dense/bias"]).max() > 0


def test_stopped_and_resumed_is_the_same_run(whole, data, tmp_path):
    folder = tmp_path / "run"
    train(data, folder, stop_at=3)
    assert checkpoints(folder) == ["3"] and not (folder / "last.safetensors").exists()
    train(data, folder)
    assert_same_run(whole, folder)


def test_stopped_where_no_checkpoint_was_due(whole, data, tmp_path):
    folder = tmp_path / "run"
    train(data, folder, stop_at=2)
    train(data, folder, stop_at=5)
    train(data, folder)
    assert_same_run(whole, folder)


def test_a_finished_run_stays_as_it_is(whole, data, tmp_path):
    folder = tmp_path / "run"
    for _ in range(2):
        train(data, folder)
    assert_same_run(whole, folder)


class Killed(BaseException):
    pass


def test_killed_while_a_checkpoint_is_written(whole, data, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    train(data, folder, stop_at=3)

    def save(self, step, **kwargs):
        half = pathlib.Path(self.directory) / f"{step}.orbax-checkpoint-tmp-0"
        half.mkdir()
        (half / "half").write_bytes(b"some of it")
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(state.ocp.CheckpointManager, "save", save)
        train(data, folder)
    assert checkpoints(folder) == ["3", "6.orbax-checkpoint-tmp-0"] and len(losses(folder)) == 6
    train(data, folder)
    assert checkpoints(folder) == ["3", "6"]
    assert_same_run(whole, folder)


def test_killed_before_the_first_checkpoint(whole, data, tmp_path, monkeypatch):
    folder = tmp_path / "run"

    def save(self, state):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(state.Checkpoints, "save", save)
        train(data, folder)
    train(data, folder)
    assert_same_run(whole, folder)


def test_the_seed_matters(whole, data, tmp_path):
    train(data, tmp_path / "run", seed=1)
    assert losses(tmp_path / "run") != losses(whole)


def test_accumulation_changes_nothing_but_rounding(data, tmp_path):
    """Without noise a mean over rows is the mean of the means of its halves."""
    for parts in (1, 2, 4):
        train(data, tmp_path / str(parts), accumulate=parts, objective={"noise": 0.0}, optimizer=SLOW)
    for parts in ("2", "4"):
        for split in ("train", "valid"):
            np.testing.assert_allclose(losses(tmp_path / parts, split), losses(tmp_path / "1", split), rtol=1e-5)
        one, other = (load_file(tmp_path / name / "last.safetensors") for name in ("1", parts))
        for path, leaf in one.items():
            np.testing.assert_allclose(other[path], leaf, atol=1e-5, err_msg=path)


def test_averaged_parameters(data, tmp_path):
    """decay = min(ema_decay, (1 + n) / (10 + n)) after step n."""
    found = {}
    for steps in (1, 2):
        for decay in (0.0, 0.2):
            folder = tmp_path / f"{steps}-{decay}"
            train(data, folder, steps=steps, ema_decay=decay, optimizer={"schedule": "constant"})
            found[steps, decay] = load_file(folder / "last.safetensors")["dense/bias"]
    first, second = found[1, 0.0], found[2, 0.0]
    assert np.abs(second - first).max() > 1e-4
    after_one = (1 - 2 / 11) * first  # it began at zero
    np.testing.assert_allclose(found[1, 0.2], after_one, atol=1e-6)
    np.testing.assert_allclose(found[2, 0.2], 0.2 * after_one + 0.8 * second, atol=1e-6)


def test_half_precision(whole, data, tmp_path):
    train(data, tmp_path / "run", dtype="bfloat16")
    np.testing.assert_allclose(losses(tmp_path / "run"), losses(whole), rtol=0.05)
    assert losses(tmp_path / "run") != losses(whole)
    assert load_file(tmp_path / "run" / "last.safetensors")["dense/kernel"].dtype == np.float32


@pytest.mark.parametrize("updates", [{"log_every": 1, "save_every": 100}, {"log_every": 100, "save_every": 2}])
def test_a_loss_that_is_not_finite(updates, data, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(TrainingError, match=r"of step 2 is (inf|nan)"):
        train(data, folder, optimizer={"learning_rate": 1e30}, **updates)
    assert checkpoints(folder) == []  # nothing that a later start would go on with


def test_the_best_network_is_that_of_the_lowest_validation_loss(data, tmp_path):
    folder = tmp_path / "run"
    train(data, folder, steps=3, evaluate_every=1, ema_decay=0.0)
    best = int(np.argmin(losses(folder, "valid"))) + 1
    assert len(losses(folder, "valid")) == 3
    train(data, tmp_path / "short", steps=3, evaluate_every=1, ema_decay=0.0, stop_at=best)
    one, other = (load_file(path / "best.safetensors") for path in (folder, tmp_path / "short"))
    np.testing.assert_array_equal(one["dense/kernel"], other["dense/kernel"])


def test_a_folder_of_another_run_is_refused(whole, data, tmp_path):
    before = (whole / "config.json").read_bytes()
    model = tiny_model()
    other = dataclasses.replace(model, bigvgan=dataclasses.replace(model.bigvgan, initial_channels=32))
    with pytest.raises(TrainingError, match="another bigvgan model"):
        train(data, whole, model=other)
    config = tiny_config("campplus", data, whole)
    with pytest.raises(TrainingError, match="another"):
        loop.run(config, show_bar=False)
    assert (whole / "config.json").read_bytes() == before


def test_a_checkpoint_of_another_optimiser_is_refused(data, tmp_path):
    train(data, tmp_path / "run", stop_at=3)
    with pytest.raises(TrainingError, match="does not fit") as caught:
        train(data, tmp_path / "run", optimizer={"name": "muon"})
    assert "\n" not in str(caught.value)


def test_bad_places(data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="file"):
        train(data, tmp_path / "file" / "run")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    with pytest.raises(TrainingError, match="no training run"):
        train(data, tmp_path / "run")


def test_data_that_is_not_there(tmp_path, data):
    missing = tiny_config("bigvgan", data, tmp_path / "run", data=str(tmp_path / "nowhere"))
    with pytest.raises(TrainingError, match="nowhere"):
        loop.run(missing, show_bar=False)


def test_what_fails_beside_the_loop_is_raised_in_it(data, tmp_path, monkeypatch):
    def batch(self, utterances, rng, training):
        raise TrainingError("Row 7 is too long.")

    monkeypatch.setattr(Toy, "batch", batch)
    with pytest.raises(TrainingError, match="Row 7"):
        train(data, tmp_path / "run")


ON_DEVICES = """
import pathlib, sys
import jax
from indextts2_jax.errors import ConfigError
from indextts2_jax.training import loop
from indextts2_jax.training.dataset import DataSet
from tests.training.test_loop import SLOW, train
from tests.training.toy import Toy

loop.build_objective = Toy
data, output = DataSet.open(sys.argv[1]), pathlib.Path(sys.argv[2])
assert jax.device_count() == 8
train(data, output, batch_size=16, accumulate=2, optimizer=SLOW)
try:
    train(data, output.with_name("other"), batch_size=12)
except ConfigError as error:
    print(error)
"""


def test_eight_devices_do_what_one_does(data, tmp_path):
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", ON_DEVICES, str(data.folder), str(tmp_path / "eight")]
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert found.returncode == 0, found.stderr
    assert "8 devices" in found.stdout and "12" in found.stdout
    train(data, tmp_path / "one", batch_size=16, accumulate=2, optimizer=SLOW)
    for split in ("train", "valid"):
        np.testing.assert_allclose(losses(tmp_path / "eight", split), losses(tmp_path / "one", split), rtol=1e-5)
    one, other = (load_file(tmp_path / name / "last.safetensors") for name in ("one", "eight"))
    for path, leaf in one.items():
        np.testing.assert_allclose(other[path], leaf, atol=1e-5, err_msg=path)
