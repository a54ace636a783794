"""Published files: wrappings, spellings, refused pickles, damage."""

import sys
import types

import numpy as np
import pytest
from safetensors.numpy import save_file

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
    assert source.shapes == {"a.weight": (2, 3), "b.bias": (2,)} and not source.ignored
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
    assert source.ignored == {"optimizer.state.0.exp_avg": "training state beside the weights"}


def test_other_tensors_beside_a_wrapping_stay_unknown(tmp_path):
    tree = {"model": weights(), "extra": {"table": torch.ones(3)}}
    assert "extra.table" in open_component(save(tmp_path / "x.pth", tree)).shapes


def test_training_state_without_a_wrapping_stays_unknown(tmp_path):
    source = open_component(save(tmp_path / "x.pth", {**weights(), "optimizer": {"m": torch.ones(3)}}))
    assert "optimizer.m" in source.shapes and not source.ignored


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


def test_harmless_objects_are_refused_too(tmp_path):
    path = save(tmp_path / "x.pth", {**weights(), "x": types.SimpleNamespace(a=1)})
    with pytest.raises(CheckpointError, match=r"x\.pth is refused"):
        open_component(path)


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
