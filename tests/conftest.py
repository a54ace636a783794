"""Fixtures of the whole suite: numerics switched to strict, and the shared reference material where it is present."""

import filecmp
import hashlib
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the workers of one run share a GPU

import jax
import numpy as np
import pytest
from filelock import FileLock
from flax.traverse_util import unflatten_dict

from tests import annotations

annotations.install()
jax.config.update("jax_default_matmul_precision", "highest")
jax.config.update("jax_numpy_rank_promotion", "raise")

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = pathlib.Path(os.environ.get("INDEXTTS2_SHARED", ROOT.parent / "shared"))
SCRATCH = pathlib.Path(os.environ.get("INDEXTTS2_TEST_CACHE", ROOT / ".pytest_cache" / "indextts2"))
# what one test has compiled the next one need not compile again, nor the next run
jax.config.update("jax_compilation_cache_dir", str(SCRATCH / "xla"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)

MOST_MAPS = 20_000

GOLDENS = (
    "small_greedy_en",
    "small_beam3_emo_audio",
    "small_sample_emo_vector",
    "small_stop_segments",
    "small_long_flac",
)

GOLDENS_2_5 = (
    *GOLDENS,
    "small_duration_08",
    "small_duration_13",
    "small_greedy_es",
    "small_greedy_ja",
    "small_greedy_ar",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    has_gpu = any(device.platform == "gpu" for device in jax.devices())
    run_slow = "slow" in (config.option.markexpr or "")
    for item in items:
        if "gpu" in item.keywords and not has_gpu:
            item.add_marker(pytest.mark.skip(reason="no GPU"))
        if "slow" in item.keywords and not run_slow:
            item.add_marker(pytest.mark.skip(reason="published size, or minutes: run with -m slow"))


@pytest.fixture(autouse=True, scope="module")
def compiled_programs():
    """Lets go of them between modules before the process has as many memory maps as Linux allows (65,530, of which
    each takes several): XLA aborts in the middle of compiling when it gets no more."""
    yield
    maps = pathlib.Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MOST_MAPS:
        jax.clear_caches()


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """The folder with the reference goldens, beside the project; tests that need it skip without it."""
    if not (SHARED / "goldens").is_dir():
        pytest.skip(f"needs the reference material at {SHARED}")
    return SHARED


def load_tool(path: pathlib.Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def make_checkpoint(shared):
    """`make_checkpoint(size="small", stop_bias=0.0, format="official", version="2") -> directory`, made once, kept."""

    def make(size: str = "small", stop_bias: float = 0.0, fmt: str = "official", version: str = "2") -> pathlib.Path:
        folder = SCRATCH / f"{size}-{stop_bias}-{fmt}{'' if version == '2' else f'-{version}'}"
        done = folder / ".complete"
        SCRATCH.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):  # the workers of one run share the folder
            if not done.exists():
                tool = [sys.executable, shared / "tools" / "make_checkpoint.py"]
                options = ["--size", size, "--stop-bias", str(stop_bias), "--format", fmt, "--version", version]
                if stop_bias:  # it is one vector of the GPT; the other files are those of the checkpoint without it
                    options += ["--only", "gpt"]
                subprocess.run([*tool, "--out", folder, *options], check=True)
                if stop_bias:
                    link_the_rest(make(size, 0.0, fmt, version), folder)
                done.touch()
        return folder

    return make


def link_the_rest(source: pathlib.Path, folder: pathlib.Path) -> None:
    """Gives `folder` the files that `source` has and it has not, or has with the same bytes, without copying them."""
    for path in filter(pathlib.Path.is_file, source.rglob("*")):
        own = folder / path.relative_to(source)
        if not own.exists() or filecmp.cmp(path, own, shallow=False):
            own.unlink(missing_ok=True)
            own.hardlink_to(path)


def converted(make_checkpoint, size: str = "small", stop_bias: float = 0.0, version: str = "2") -> pathlib.Path:
    """The artefact that the real converter makes of a random checkpoint; made once for each state of the code."""
    source = make_checkpoint(size, stop_bias, version=version)
    code = sorted(path for name in ("convert", "indextts2_jax") for path in (ROOT / name).rglob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in code)).hexdigest()[:12]
    folder = source.with_name(f"{source.name}-artefact-{digest}")
    with FileLock(f"{source}-artefact.lock"):
        if not folder.exists():
            for old in source.parent.glob(f"{source.name}-artefact-*"):
                shutil.rmtree(old)
            command = [sys.executable, "-m", "convert", f"--source={source}", f"--output={folder}"]
            subprocess.run(command, check=True, cwd=ROOT)
            if stop_bias:  # a gigabyte less
                link_the_rest(converted(make_checkpoint, size, version=version), folder)
    return folder


class Golden(dict):
    """Arrays of one recorded run of the official implementation; `request` is what was asked of it."""

    def __init__(self, folder: pathlib.Path, name: str):
        with np.load(folder / f"{name}.npz") as arrays:
            super().__init__({key: arrays[key] for key in arrays.files})
        self.request = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        self.name = name


@pytest.fixture(scope="session")
def golden(shared):
    """`golden(name)`: the arrays of that run."""
    cache: dict[str, Golden] = {}

    def load(name: str) -> Golden:
        return cache.setdefault(name, Golden(shared / "goldens", name))

    return load


@pytest.fixture(scope="session")
def golden_2_5(shared):
    """The same of IndexTTS-2.5."""
    cache: dict[str, Golden] = {}

    def load(name: str) -> Golden:
        return cache.setdefault(name, Golden(shared / "goldens" / "v2_5", name))

    return load


@pytest.fixture(scope="session")
def small_component(shared):
    """`small_component("gpt") -> (source, manifest)`: the tensors of the small random checkpoint, in memory.

    Goes through no file, so that the parity test of one network needs no other network's gigabytes.
    """
    tool = load_tool(SHARED / "tools" / "make_checkpoint.py")

    def build(
        component: str, size: str = "small", seed: int = 0, stop_bias: float = 0.0, version: str = "2"
    ) -> "MemorySource":
        return MemorySource(tool.build(component, size, seed, stop_bias, version))

    return build


class MemorySource:
    """A `convert.rules.Source` over a dict."""

    def __init__(self, tensors: dict[str, np.ndarray]):
        self.tensors = tensors
        self.shapes = {name: tuple(array.shape) for name, array in tensors.items()}

    def read(self, name: str) -> np.ndarray:
        return self.tensors[name]


def convert_component(network: str, rules, source, expected) -> dict:
    """Source tensors -> parameter pytree, through the real conversion engine."""
    from convert import rules as engine

    plan = engine.plan(network, rules, source.shapes, expected)
    return unflatten_dict(dict(engine.apply(plan, source)), sep="/")


def relative_error(actual, reference) -> float:
    """max |a - r| / max(1, max |r|): the project's one measure of agreement."""
    actual, reference = np.asarray(actual, np.float64), np.asarray(reference, np.float64)
    assert actual.shape == reference.shape, f"{actual.shape} is not the reference's {reference.shape}"
    assert np.isfinite(actual).all(), "not finite"
    return float(np.max(np.abs(actual - reference)) / max(1.0, np.max(np.abs(reference))))


def report(**figures: object) -> None:
    """Appends measured errors to $INDEXTTS2_PARITY_REPORT (JSON lines), from which docs/parity.md is written."""
    if path := os.environ.get("INDEXTTS2_PARITY_REPORT"):
        with open(path, "a", encoding="utf-8") as file:
            print(json.dumps({"test": os.environ.get("PYTEST_CURRENT_TEST", "").split()[0], **figures}), file=file)


def assert_close(actual, reference, tolerance: float) -> None:
    error = relative_error(actual, reference)
    report(error=error, tolerance=tolerance)
    assert error <= tolerance, f"error {error:.2e} exceeds {tolerance:.0e}"
