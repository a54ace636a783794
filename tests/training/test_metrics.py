"""The figures of a run."""

import csv

import pytest

from indextts2_jax.errors import TrainingError
from indextts2_jax.training.metrics import Metrics


def test_rows_survive_a_new_start_up_to_the_checkpoint(tmp_path):
    report = Metrics(tmp_path, 0)
    assert report.best() == float("inf")
    for step in (1, 2, 3, 4):
        report.add(step, "train", {"loss": 1 / step})
        report.add(step, "valid", {"loss": 2 / step, "accuracy": 0.5})
    assert report.best() == 0.5
    again = Metrics(tmp_path, 2)
    assert again.best() == 1.0
    again.add(3, "train", {"loss": 7.0})
    with open(tmp_path / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["split"], row["loss"]) for row in rows] == [
        ("1", "train", "1"),
        ("1", "valid", "2"),
        ("2", "train", "0.5"),
        ("2", "valid", "1"),
        ("3", "train", "7"),
    ]
    assert rows[1]["accuracy"] == "0.5" and rows[0]["accuracy"] == ""
    assert Metrics(tmp_path, 0).rows == []  # without a checkpoint all of it is stale


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    report = Metrics(tmp_path, 0)
    report.add(1, "train", {"loss": 2.0})
    report.add(1, "valid", {"loss": 3.0})
    report.plot()
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loss.png", "metrics.csv"]


def test_a_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(TrainingError, match=r"metrics\.csv"):
        Metrics(tmp_path / "nowhere", 0)
