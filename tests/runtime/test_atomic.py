"""Whole or not at all: kills, failing and full disks, several writers."""

import errno
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from indextts2_jax.checkpoint import artefact
from indextts2_jax.errors import CheckpointError
from indextts2_jax.runtime import atomic
from tests.checkpoint.fake_artefact import assert_is, fake_networks, save  # noqa: F401


def seed_of(folder):
    """Which artefact is there: it must be whole."""
    artefact.verify_artefact(folder)
    return json.loads((folder / "config.json").read_text())["source"]["seed"]


@pytest.mark.parametrize("call", ["os.fsync", "os.rename", "os.mkdir", "os.open", "os.listdir", "builtins.open"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_a_failing_disk_at_every_call(tmp_path, monkeypatch, call, code):
    """The N-th call fails, N = 1, 2, ... until the operation succeeds: the former artefact or the new one, whole."""
    folder = tmp_path / "x"
    save(folder, source={"seed": 0})
    module, name = call.split(".")
    original = getattr(sys.modules[module], name)
    for n in itertools.count(1):
        assert n < 100
        calls = itertools.count(1)

        def failing(*args, calls=calls, n=n, **kwargs):
            if next(calls) == n:
                raise OSError(code, os.strerror(code))
            return original(*args, **kwargs)

        former = seed_of(folder)
        monkeypatch.setattr(sys.modules[module], name, failing)
        try:
            save(folder, seed=n, source={"seed": n})
        except CheckpointError as error:
            assert os.strerror(code) in str(error) and "\n" not in str(error)
        finally:
            monkeypatch.setattr(sys.modules[module], name, original)
        finished = next(calls) <= n
        assert seed_of(folder) in ((n,) if finished else (former, n))
        if finished:
            break
    save(folder)
    assert os.listdir(tmp_path) == ["x"]


def test_no_locks_no_trouble(tmp_path, monkeypatch):
    """Network file systems may refuse locks."""

    def refuse(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", refuse)
    save(tmp_path / "x")
    assert_is(save(tmp_path / "x", seed=1), 1)
    assert os.listdir(tmp_path) == ["x"]
    with atomic.replaced_folder(tmp_path / "x") as live:  # nobody can tell whether it is
        save(tmp_path / "x", seed=2)
        assert live.exists()


def test_a_second_writer_leaves_the_first_alone(tmp_path):
    with atomic.replaced_folder(tmp_path / "x") as first:
        (first / "one").touch()
        with atomic.replaced_folder(tmp_path / "x") as second:
            assert first.exists()
            (second / "two").touch()
        assert (tmp_path / "x/two").exists() and first.exists()
    assert (tmp_path / "x/one").exists() and not (tmp_path / "x/two").exists()
    assert os.listdir(tmp_path) == ["x"]


def test_an_interrupt_between_the_renames_puts_the_former_back(tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    (tmp_path / "x/former").touch()
    original, calls = os.rename, itertools.count(1)

    def interrupted(*args):
        original(*args)
        if next(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), atomic.replaced_folder(tmp_path / "x"):
        pass
    assert (tmp_path / "x/former").exists() and os.listdir(tmp_path) == ["x"]


KILLED = """
import itertools, json, os, pathlib, signal, sys
import jax, numpy as np
from indextts2_jax.checkpoint import artefact, networks
from indextts2_jax.config import ModelConfig

networks.NETWORKS = {"a": None, "b": None}
networks.shapes = lambda network, model: {"w": jax.ShapeDtypeStruct((64,), np.float32)}
folder = pathlib.Path(sys.argv[1]) / "x"
original = {name: getattr(os, name) for name in ("fsync", "rename", "mkdir", "open")}


def save(seed):
    params = {name: {"w": np.full(64, seed, np.float32)} for name in networks.NETWORKS}
    artefact.save_artefact(
        folder, model=ModelConfig(), params=params, tokenizer=b"x", source={"seed": seed})


def present():
    if not folder.exists():
        return None
    artefact.verify_artefact(folder)
    return json.loads((folder / "config.json").read_text())["source"]["seed"]


def kill_at(name, n, after):
    calls = itertools.count(1)
    def patched(*args, **kwargs):
        last = next(calls) == n
        if last and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original[name](*args, **kwargs)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(os, name, patched)


kills = gaps = 0
for name in original:
    for after in (False, True):
        for n in itertools.count(1):
            former, seed = present(), kills + 1
            child = os.fork()
            if child == 0:
                kill_at(name, n, after)
                save(seed)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            killed = os.WIFSIGNALED(status)
            assert killed or os.WEXITSTATUS(status) == 0
            kills, gaps = kills + killed, gaps + (present() is None)
            assert present() in ((former, seed, None) if killed else (seed,)), (name, n, after)
            if not killed:
                assert os.listdir(sys.argv[1]) == ["x"], os.listdir(sys.argv[1])
                break
            if present() is None and former is not None:
                assert name == "rename"
children = []
for seed in range(1000, 1008):
    child = os.fork()
    if child == 0:
        save(seed)
        os._exit(0)
    children.append(child)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
assert present() >= 1000 and os.listdir(sys.argv[1]) == ["x"]
print(kills, gaps)
"""


def test_killed_at_every_call(tmp_path):
    """SIGKILL before and after the N-th system call of each kind; one clean run afterwards leaves no trace of it.
    Then eight writers at once: one artefact, whole."""
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[2]), "JAX_PLATFORMS": "cpu"}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, tmp_path], env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    kills, _ = map(int, run.stdout.split())
    assert kills >= 30


def test_full_disk(tmp_path):
    """The system's own limit on file sizes, at many sizes: an error in words, the former artefact untouched."""
    resource = pytest.importorskip("resource")
    folder = save(tmp_path / "x")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for size in range(0, 1200, 60):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
            with pytest.raises(CheckpointError, match="Cannot write the artefact"):
                save(folder, seed=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert_is(folder, 0)
    assert os.listdir(tmp_path) == ["x"]
