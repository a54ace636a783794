"""The command lines of training: the work, or one line on stderr and exit code 2."""

import subprocess
import sys

import pytest

from indextts2_jax.runtime import command_line
from indextts2_jax.training import loop, prepare, train
from tests.conftest import ROOT
from tests.training.tiny import write_manifest
from tests.training.toy import Toy


def call(module, *arguments):
    return command_line.run(module.work, module.define, module.__doc__, [str(argument) for argument in arguments])


def test_prepare(tmp_path):
    """As a person calls it: a process with processes of its own."""
    clips = tmp_path / "clips"
    clips.mkdir()
    path = write_manifest(clips)
    command = [sys.executable, "-m", "indextts2_jax.training.prepare", f"--output={tmp_path / 'data'}", "--jobs=2"]
    done = subprocess.run([*command, f"--manifest={path}"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "12 utterances, 3 speakers, 0.00 hours" in done.stdout and (tmp_path / "data" / "rows.jsonl").exists()
    path.write_text("no JSON")
    done = subprocess.run([*command, f"--manifest={path}"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and "line 1" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("module", "arguments", "word"),
    [
        (prepare, [], "--manifest"),
        (prepare, ["--manifest=a", "--output=b", "--jobs=0"], "--jobs"),
        (prepare, ["--manifest=a", "--output=b", "--colour=red"], "colour"),
        (prepare, ["--manifest=nowhere.jsonl", "--output=b", "c"], "'c'"),
        (prepare, ["--manifest=nowhere.jsonl", "--output=b"], "nowhere.jsonl"),
        (train, [], "--config"),
        (train, ["--config=configs/nothing.py"], "nothing.py"),
        (train, ["--config=README.md"], "README.md"),
        (train, ["--config=configs/train_demo.py:vocoder"], "vocoder"),
        (train, ["--config=configs/train_demo.py:gpt", "--config.colour=red"], "colour"),
        (train, ["--config=configs/train_demo.py:gpt", "--config.steps=many"], "steps"),
        (train, ["--config=configs/train_demo.py:gpt", "--config.objective.codec=x"], "codec"),
        (train, ["--config=configs/train_demo.py:gpt"], "data"),
        (
            train,
            ["--config=configs/train_demo.py:gpt", "--config.data=a", "--config.output=b", "--stop_at=0"],
            "stop_at",
        ),
    ],
)
def test_bad_flags_are_one_line(module, arguments, word, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert call(module, *arguments) == 2
    out = capsys.readouterr()
    assert out.err.startswith("error: ") and word in out.err and out.err.count("\n") == 1 and not out.out


def test_train(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(loop, "build_objective", Toy)
    monkeypatch.setattr(train.jax.config, "update", lambda *setting: None)  # the cache of the tests stays
    monkeypatch.chdir(ROOT)
    flags = [
        "--config=configs/train_demo.py:s2mel",
        f"--config.data={data.folder}",
        f"--config.output={tmp_path / 'run'}",
    ]
    flags += ["--config.steps=4", "--config.batch_size=2", "--config.objective.codec=runs/x"]
    assert call(train, *flags, "--stop_at=2") == 0
    assert not (tmp_path / "run" / "last.safetensors").exists()
    assert call(train, *flags) == 0
    assert (tmp_path / "run" / "last.safetensors").exists()
    assert "best validation loss" in capsys.readouterr().out
    assert call(train, *flags, "--config.model.s2mel.depth=4") == 2
    assert "another s2mel model" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help(flag, capsys):
    assert call(prepare, flag) == 0
    out = capsys.readouterr().out
    assert "--manifest" in out and "From a manifest to a prepared data set" in out


def test_an_interrupt(monkeypatch, capsys):
    def work(options):
        raise KeyboardInterrupt

    assert command_line.run(work, lambda own, command: None, "", []) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
