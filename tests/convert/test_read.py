"""Published files: wrappings, spellings, refused pickles, damage."""

import argparse
import collections
import datetime
import decimal
import fractions
import pathlib
import random
import re
import subprocess
import sys
import types
import uuid
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from convert import pickles
from convert.read import JoinedSource, open_component
from indextts2_jax.errors import CheckpointError

torch = pytest.importorskip("torch")


def save(path, tree, **options):
    torch.save(tree, path, **options)
    return path


def weights():
    return {"a.weight": torch.arange(6.0).reshape(2, 3), "b.bias": torch.ones(2)}


WRAPPED = {
    "bare": lambda w: w,
    "model": lambda w: {"model": w},
    "net": lambda w: {"net": w},
    "generator": lambda w: {"generator": w},
    "state_dict in model": lambda w: {"state_dict": {"model": w}},
    "module": lambda w: {"module": w},
    "module. in names": lambda w: {f"module.{name}": tensor for name, tensor in w.items()},
    "model. in names": lambda w: {f"model.{name}": tensor for name, tensor in w.items()},
    "both": lambda w: {"model": {f"module.{name}": tensor for name, tensor in w.items()}},
    "nested": lambda w: {"net": {"a": {"module.weight": w["a.weight"]}, "b": {"bias": w["b.bias"]}}},
}


@pytest.mark.parametrize("wrapping", WRAPPED)
@pytest.mark.parametrize("zipped", [True, False])
def test_every_wrapping_gives_the_same_tensors(tmp_path, wrapping, zipped):
    path = save(tmp_path / "x.pth", WRAPPED[wrapping](weights()), _use_new_zipfile_serialization=zipped)
    source = open_component(path)
    assert source.shapes == {"a.weight": (2, 3), "b.bias": (2,)} and not source.beside
    np.testing.assert_array_equal(source.read("a.weight"), np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "generator.module."])
def test_safetensors_and_their_wrapping(tmp_path, prefix):
    arrays = {prefix + "a.weight": np.ones((2, 3), np.float32), prefix + "b.bias": np.zeros(2, np.float32)}
    save_file(arrays, tmp_path / "x.safetensors")
    assert open_component(tmp_path / "x.safetensors").shapes == {"a.weight": (2, 3), "b.bias": (2,)}


def test_training_state_is_set_aside_and_named(tmp_path):
    tree = {"model": weights(), "optimizer": {"state": [{"exp_avg": torch.ones(3)}]}, "epoch": 3, "lr": 1e-4}
    source = open_component(save(tmp_path / "x.pth", tree))
    assert set(source.shapes) == {"a.weight", "b.bias"}
    assert [(one.name, one.wrapping, one.tensors, one.bytes, one.kind) for one in source.beside] == [
        ("optimizer", "model", 1, 12, "dict of 1"),
        ("epoch", "model", 0, 0, "int"),
        ("lr", "model", 0, 0, "float"),
    ]


BESIDE = {
    "rng_state": lambda: torch.get_rng_state(),
    "cuda_rng_states": lambda: [torch.get_rng_state()] * 2,
    "python_rng": lambda: random.getstate(),
    "numpy_rng": lambda: np.random.get_state(),  # noqa: NPY002
    "numpy_rng_dict": lambda: np.random.get_state(legacy=False),  # noqa: NPY002
    "default_rng": lambda: np.random.default_rng(0),
    "random_state": lambda: np.random.RandomState(0),
    "philox": lambda: np.random.Generator(np.random.Philox(1)),
    "python_random": lambda: random.Random(1),
    "saved_at": lambda: datetime.datetime(2026, 8, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=8))),
    "times": lambda: [datetime.date(2026, 8, 12), datetime.time(3), datetime.timedelta(1), datetime.UTC],
    "losses": lambda: [np.float64(1.5), np.float32(2), np.int64(3), np.bool_(True), np.str_("x"), 1.5, None, 1j],
    "curve": lambda: np.arange(5.0),
    "no curve": lambda: np.zeros(0),
    "days": lambda: np.array(["2026-08-12"], "datetime64[D]"),
    "best": lambda: np.datetime64("2026-08-12"),
    "records": lambda: np.zeros(2, [("step", "i4"), ("loss", "f4")]),
    "dtype": lambda: [np.dtype("f2"), torch.float16, torch.Size([3])],
    "numbers": lambda: (1 << 200, decimal.Decimal("0.1"), fractions.Fraction(1, 3), {1, 2}, frozenset([3]), b"", b"x"),
    "ordered": lambda: collections.OrderedDict(a=1),
    "counter": lambda: collections.Counter("abba"),
    "ema": lambda: weights(),
    "extra": lambda: {"table": torch.ones(3)},
    "model_config": lambda: {"layers": 3, "names": ["a", "b"]},
    "parameter": lambda: torch.nn.Parameter(torch.ones(2)),
    "sparse": lambda: torch.eye(3).to_sparse(),
    "odd\nname\x1b[31m": lambda: 1,
    "": lambda: torch.ones(2),
    7: lambda: torch.ones(2),
}


@pytest.mark.parametrize("key", BESIDE, ids=repr)
@pytest.mark.parametrize("wrapping", ["model", "net", "generator", "state_dict", "module"])
@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_whatever_stands_beside_a_wrapping_is_left_and_named(tmp_path, wrapping, key):
    tree = {key: BESIDE[key](), wrapping: weights()}
    source = open_component(save(tmp_path / "x.pth", tree))
    assert source.shapes == {"a.weight": (2, 3), "b.bias": (2,)}
    (one,) = source.beside
    assert one.wrapping == wrapping and one.name.isprintable() and one.kind.isprintable()
    assert one.tensors or not one.bytes


ARRAYS = ("curve", "no curve", "days", "records")
HOLDING_TENSORS = ("rng_state", "cuda_rng_states", "ema", "extra", "parameter", "sparse", "", 7)


@pytest.mark.parametrize("key", [key for key in BESIDE if key not in (*ARRAYS, *HOLDING_TENSORS)], ids=repr)
def test_what_is_no_tensor_is_left_beside_flat_weights(tmp_path, key):
    source = open_component(save(tmp_path / "x.pth", {**weights(), key: BESIDE[key]()}))
    assert set(source.shapes) == {"a.weight", "b.bias"} and len(source.beside) == 1


@pytest.mark.parametrize("key", ARRAYS)
def test_arrays_among_the_weights_are_not_lost(tmp_path, key):
    for tree in ({**weights(), key: BESIDE[key]()}, {"model": {**weights(), key: BESIDE[key]()}}):
        with pytest.raises(CheckpointError, match=f"'{key}' is a NumPy array; save tensors"):
            open_component(save(tmp_path / "x.pth", tree))


def test_a_key_named_like_a_wrapping_may_be_anything(tmp_path):
    tree = {"model": weights(), "generator": np.random.default_rng(0), "net": "s2mel", "module": None, "state_dict": []}
    assert set(open_component(save(tmp_path / "x.pth", tree)).shapes) == {"a.weight", "b.bias"}


@pytest.mark.parametrize("other", ["model", "generator", "state_dict", "module"])
def test_of_several_wrappings_the_publishers_counts(tmp_path, other):
    tree = {other: {"c": torch.ones(9)}, "net": weights()}
    source = open_component(save(tmp_path / "x.pth", tree), wrapping="net")
    assert set(source.shapes) == {"a.weight", "b.bias"}
    assert [(one.name, one.bytes) for one in source.beside] == [(other, 36)]
    with pytest.raises(CheckpointError, match=rf"several sets of weights \(.*{other}.*\); leave one"):
        open_component(tmp_path / "x.pth")


def test_a_wrapping_without_tensors_is_none(tmp_path):
    tree = {"net": {"layers": 3, "name": "s2mel"}, "state_dict": weights()}
    assert set(open_component(save(tmp_path / "x.pth", tree), wrapping="net").shapes) == {"a.weight", "b.bias"}


def test_lists_within_lists_take_no_time(tmp_path):
    """Forty lists of twice the one before: a million million numbers, were each counted."""
    bomb: list = [torch.ones(1)]
    for _ in range(40):
        bomb = [bomb, bomb]
    source = open_component(save(tmp_path / "x.pth", {"model": weights(), "log": bomb}))
    assert [(one.name, one.tensors) for one in source.beside] == [("log", 1)]
    with pytest.raises(CheckpointError, match="nested too deeply"):
        open_component(save(tmp_path / "y.pth", {"model": {**weights(), "log": bomb}}))


def test_names_that_are_none(tmp_path):
    for name in ("a\nb", "x" * 1000, "\x1b[2J"):
        with pytest.raises(CheckpointError, match=r"a tensor is named .*, which is no name") as caught:
            open_component(save(tmp_path / "x.pth", {name: torch.ones(1)}))
        assert str(caught.value).isprintable() and len(str(caught.value)) < 400


def test_a_file_that_is_packed_is_not_unpacked(tmp_path):
    """Torch would unpack its index, whatever that may become."""
    stored = save(tmp_path / "x.pth", {**weights(), "log": "a" * 10_000_000})
    with zipfile.ZipFile(stored) as old, zipfile.ZipFile(tmp_path / "y.pth", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(CheckpointError, match=r"y\.pth is a compressed archive"):
        open_component(tmp_path / "y.pth")


def test_a_pointer_of_git_lfs_is_called_one(tmp_path):
    for suffix in ("pth", "safetensors"):
        path = tmp_path / f"x.{suffix}"
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3484663079\n")
        with pytest.raises(CheckpointError, match="pointer of Git LFS, not the file; run git lfs pull"):
            open_component(path)


def test_training_state_without_a_wrapping_stays_unknown(tmp_path):
    source = open_component(save(tmp_path / "x.pth", {**weights(), "optimizer": {"m": torch.ones(3)}}))
    assert "optimizer.m" in source.shapes and {one.name for one in source.beside} == set()


def test_prefix_is_put_before_names_that_lack_it(tmp_path):
    nested = save(tmp_path / "s2mel.pth", {"net": {"cfm": {"w": torch.ones(2)}, "gpt_layer": {"0.w": torch.ones(3)}}})
    save_file(
        {"models.cfm.w": np.ones(2, np.float32), "models.gpt_layer.0.w": np.ones(3, np.float32)},
        tmp_path / "s2mel.safetensors",
    )
    expected = {"models.cfm.w": (2,), "models.gpt_layer.0.w": (3,)}
    assert open_component(nested, prefix="models.").shapes == expected
    assert open_component(tmp_path / "s2mel.safetensors", prefix="models.").shapes == expected


def test_new_weight_norm_spelling(tmp_path):
    conv = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(4, 6, 3))
    old = torch.nn.utils.weight_norm(torch.nn.Conv1d(4, 6, 3))
    old.weight_g.data[:] = conv.parametrizations.weight.original0
    old.weight_v.data[:] = conv.parametrizations.weight.original1
    new_source = open_component(save(tmp_path / "new.pth", {"model": {"c": conv.state_dict()}}))
    old_source = open_component(save(tmp_path / "old.pth", {"model": {"c": old.state_dict()}}))
    assert new_source.shapes == old_source.shapes and "c.weight_g" in new_source.shapes
    for name in ("c.weight_g", "c.weight_v"):
        np.testing.assert_array_equal(new_source.read(name), old_source.read(name))


def test_a_bare_tensor_takes_the_given_name(tmp_path):
    source = open_component(save(tmp_path / "feat1.pt", torch.ones(3, 2)), bare="feat1")
    assert source.shapes == {"feat1": (3, 2)}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_floats_become_float32(tmp_path, dtype):
    tensor = torch.tensor([1.0, -2.5, 0.125]).to(getattr(torch, dtype))
    from safetensors.torch import save_file as save_torch

    save_torch({"x": tensor}, tmp_path / "x.safetensors")
    for path in (save(tmp_path / "x.pth", {"x": tensor}), tmp_path / "x.safetensors"):
        array = open_component(path).read("x")
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, [1.0, -2.5, 0.125])


@pytest.mark.parametrize("fmt", ["pth", "safetensors"])
def test_whole_numbers_are_no_parameters(tmp_path, fmt):
    path = tmp_path / f"x.{fmt}"
    if fmt == "pth":
        save(path, {"n": torch.ones(2, dtype=torch.int64), "w": torch.ones(1)})
    else:
        save_file({"n": np.ones(2, np.int64), "w": np.ones(1, np.float32)}, path)
    source = open_component(path)
    assert source.shapes["n"] == (2,)
    with pytest.raises(CheckpointError, match="tensor n holds int64"):
        source.read("n")


class Malicious:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        import os

        return (os.system, (self.command,))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused(tmp_path, zipped):
    marker = tmp_path / "executed"
    tree = {**weights(), "x": Malicious(f"touch {marker}")}
    path = save(tmp_path / "evil.pth", tree, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"evil\.pth is refused.*(posix|nt)\.system"):
        open_component(path)
    assert not marker.exists()


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


NAMED = {
    "types.SimpleNamespace": lambda: types.SimpleNamespace(a=1),
    "argparse.Namespace": lambda: argparse.Namespace(a=1),
    "collections.defaultdict": lambda: collections.defaultdict(list),
    "pathlib.": lambda: pathlib.Path("x"),
    "uuid.UUID": lambda: uuid.UUID(int=1),
    "eval": lambda: Calls(eval, "1"),
    "getattr": lambda: Calls(getattr, "x", "upper"),
    "__import__": lambda: Calls(__import__, "os"),
    "numpy.load": lambda: Calls(np.load, "/etc/passwd", None, True),
    "numpy.frombuffer": lambda: Calls(np.frombuffer, b"12345678"),
    "datetime.tzinfo": lambda: Calls(datetime.tzinfo),
    "Popen": lambda: Calls(subprocess.Popen, "x"),
    "torch.serialization.load": lambda: Calls(torch.load, "x"),
    "numpy.ma.core": lambda: np.ma.array([1]),
}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("zipped", [True, False])
def test_everything_else_is_refused_by_name(tmp_path, name, zipped):
    tree = {"model": weights(), "extra": NAMED[name]()}
    path = save(tmp_path / "x.pth", tree, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=rf"x\.pth is refused.*\(.*{re.escape(name)}") as caught:
        open_component(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_other_protocols_are_one_line(tmp_path, protocol, recwarn):
    path = save(tmp_path / "x.pth", {"model": weights(), "b": b"bytes"}, pickle_protocol=protocol)
    recwarn.clear()
    with pytest.raises(CheckpointError, match="another pickle protocol than 2"):
        open_component(path)
    assert not recwarn.list


class Dtype:
    """A dtype of eight plain bytes that claims to hold references: a pointer made of numbers."""

    def __reduce__(self):
        return (np.dtype, ("V8", False, True), (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0))


def test_numpys_own_functions_are_never_called(tmp_path):
    forged = Calls(np._core.multiarray.scalar, Dtype(), b"\x41" * 8)
    path = save(tmp_path / "x.pth", {"model": weights(), "extra": [forged, np.arange(3)]})
    source = open_component(path)
    assert [(one.name, one.kind) for one in source.beside] == [("extra", "list of 2")]
    assert {type_.__mro__[1] for type_, _ in pickles.ALLOWED} == {pickles.Inert}
    assert not {*pickles.ALLOWED} & {*torch.serialization.get_safe_globals()}, "nothing stays allowed"


@pytest.mark.parametrize("suffix", ["pth", "pt", "bin", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04", b"<html>404</html>", b"\x00" * 100, b"\x80\x02}q\x00."])
def test_garbage_is_one_clear_error(tmp_path, suffix, content):
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"x\.{suffix}") as caught:
        open_component(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fmt", ["zip", "legacy", "safetensors"])
def test_every_truncation_is_refused(tmp_path, fmt):
    path = tmp_path / ("x.safetensors" if fmt == "safetensors" else "x.pth")
    if fmt == "safetensors":
        save_file({name: tensor.numpy() for name, tensor in weights().items()}, path)
    else:
        save(path, weights(), _use_new_zipfile_serialization=fmt == "zip")
    whole = path.read_bytes()
    for size in [*range(0, len(whole), 7), len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match=r"x\."):
            open_component(path)


def test_names_that_collide(tmp_path):
    path = save(tmp_path / "x.pth", {"model": {"module.a": torch.ones(1), "a": torch.ones(1)}})
    with pytest.raises(CheckpointError, match="two tensors are named a"):
        open_component(path)
    parts = [open_component(save(tmp_path / f"{n}.pth", {"w": torch.ones(1)})) for n in "xy"]
    with pytest.raises(CheckpointError, match=r"x\.pth and .*y\.pth hold tensors of the same name"):
        JoinedSource(parts)


def test_a_dict_within_itself(tmp_path):
    loop: dict = {"w": torch.ones(1)}
    loop["again"] = loop
    with pytest.raises(CheckpointError, match="nested too deeply"):
        open_component(save(tmp_path / "x.pth", loop))


def test_no_tensors_and_unknown_endings(tmp_path):
    with pytest.raises(CheckpointError, match="holds no tensors"):
        open_component(save(tmp_path / "x.pth", {"epoch": 3}))
    with pytest.raises(CheckpointError, match=r"x\.ckpt"):
        open_component(tmp_path / "x.ckpt")


def test_without_torch_pickles_say_what_to_install(tmp_path, monkeypatch):
    path = save(tmp_path / "gpt.pth", weights())
    save_file({"a": np.ones(1, np.float32)}, tmp_path / "y.safetensors")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        CheckpointError, match=r"\.pth, \.pt, \.bin files needs torch: pip install 'indextts2_jax\[convert\]'"
    ):
        open_component(path)
    assert open_component(tmp_path / "y.safetensors").read("a") == 1


@pytest.mark.parametrize("version", ["2.9.1", "1.13.0+cpu", "2.5.1"])
def test_a_torch_with_known_holes_is_not_used(tmp_path, monkeypatch, version):
    path = save(tmp_path / "gpt.pth", weights())
    monkeypatch.setattr(torch, "__version__", version)
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("loaded"))
    with pytest.raises(CheckpointError, match=r"2\.10 or newer"):
        open_component(path)


def test_sparse_tensors_are_not_supported(tmp_path):
    path = save(tmp_path / "x.pth", {"w": torch.eye(3).to_sparse(), "v": torch.ones(1)})
    with pytest.raises(CheckpointError, match="tensor w"):
        open_component(path).read("w")
