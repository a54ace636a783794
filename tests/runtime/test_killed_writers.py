"""Everything that writes a file of its own, killed while it does: the next writer removes what was left."""

import os
import pathlib
import subprocess
import sys

import pytest

KILLED = """
import os, pathlib, signal, sys
import jax, numpy as np
from indextts2_jax.audio.write import AudioWriter, write_audio
from indextts2_jax.checkpoint import artefact, digests, networks
from indextts2_jax.config import ModelConfig
from indextts2_jax.pipeline.recording import StageRecorder
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.training import dataset, runs, start, state
from indextts2_jax.training.config import TrainConfig
from indextts2_jax.training.metrics import Metrics

root = pathlib.Path(sys.argv[1])
os.environ["INDEXTTS2_CACHE"] = str(root / "cache")
digests._RACY_NS = 0
networks.NETWORKS = {"a": None}
networks.shapes = lambda network, model: {"w": jax.ShapeDtypeStruct((64,), np.float32)}
SPEECH = np.zeros(5000, np.float32)


def spoken(path):
    with AudioWriter(path) as file:
        for _ in range(3):
            file.write(SPEECH)


def recorded(path):
    recorder = StageRecorder()
    recorder("x", SPEECH)
    recorder.save(path)


def voice(path):
    rows, row = np.zeros((4, 4), np.float32), np.zeros(4, np.float32)
    ReferenceVoice(rows, row, None, row, rows, rows).save(path)


def plotted(path):
    from matplotlib import figure
    from indextts2_jax.commands import plot
    plot._save(figure.Figure(), path)


def remembered(path):
    path.write_text("x") if not path.exists() else None
    digests.remember(path.parent, {path.name: digests.digest_file(path)}, "program")


def configured(folder):
    runs.write_config(TrainConfig(network="bigvgan", data="data", output=str(folder)))


def begun(folder):
    folder.mkdir(exist_ok=True)
    objective = type("Objective", (), {"constant": lambda path: True})
    config = TrainConfig(network="bigvgan", data="data", output=str(folder))
    (folder / start.BASE).unlink(missing_ok=True)
    start.check_base(config, objective, {"x": SPEECH})


def reported(folder):
    folder.mkdir(exist_ok=True)
    Metrics(folder, 0)


def drawn(folder):
    reported(folder)
    Metrics(folder, 0).plot()


def saved(folder):
    artefact.save_artefact(folder, model=ModelConfig(), params={"a": {"w": np.zeros(64, np.float32)}}, tokenizer=b"x",
        source={})


def derived(folder):
    folder.mkdir(exist_ok=True)
    dataset.DataSet(folder, []).derive("codes", {"codes": [SPEECH]}, {})


KINDS = {  # what writes, its target, the folder in which it works
    "write_audio": (lambda path: write_audio(path, SPEECH), "a.wav", "."),
    "AudioWriter": (spoken, "b.flac", "."),
    "StageRecorder": (recorded, "arrays.bin", "."),
    "ReferenceVoice": (voice, "anna.safetensors", "."),
    "plot": (plotted, "plot.svg", "."),
    "digests": (remembered, "noted", "cache/verified"),
    "network": (lambda path: state.write_network(path, {"x": SPEECH}), "last.safetensors", "."),
    "config": (configured, "run1", "run1"),
    "base": (begun, "run2", "run2"),
    "report": (reported, "run3", "run3"),
    "loss": (drawn, "run4", "run4"),
    "artefact": (saved, "model", "."),
    "derive": (derived, "data", "data"),
}


def kill(*args):
    os.kill(os.getpid(), signal.SIGKILL)


def lefts(folder):
    return [entry for entry in folder.iterdir() if entry.name.endswith(".indextts2")]


kills = 0
for kind, (write, target, place) in KINDS.items():
    for call in ("fsync", "replace", "rename"):
        child = os.fork()
        if child == 0:
            setattr(os, call, kill)
            write(root / target)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        assert killed or (call != "fsync" and status == 0), (kind, status)
        kills += killed
        assert len(lefts(root / place)) == killed, kind
        write(root / target)
        assert not lefts(root / place), kind
print(len(KINDS), kills)
"""


def test_killed_while_it_writes(tmp_path):
    pytest.importorskip("matplotlib")
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[2]), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-W", "ignore", "-c", KILLED, tmp_path]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    kinds, kills = map(int, run.stdout.split())
    assert kills == 2 * kinds  # before the bytes are on the disk, and before the name is there
