"""`python -m convert` from end to end: what it writes, prints, refuses, and leaves behind when it is killed."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from convert import __main__ as cli
from convert import write
from convert.layouts import fold_weight_norm
from indextts2_jax.checkpoint import artefact, networks
from tests.conftest import converted
from tests.convert import fake_checkpoint
from tests.convert.fake_checkpoint import components, write_published

ROOT = pathlib.Path(__file__).parent.parent.parent


def convert(source, output, *more):
    return cli.main([f"--source={source}", f"--output={output}", *more])


def refused(capsys, code, *patterns):
    """Exit code 2 and one line on stderr."""
    out, err = capsys.readouterr()
    assert code == 2, (out, err)
    assert err.count("\n") == 1 and "Traceback" not in err, err
    for pattern in patterns:
        assert re.search(pattern, err), err


@pytest.mark.parametrize("fmt", ["official", "safetensors"])
def test_converts_everything(tmp_path, fake_networks, capsys, fmt):
    if fmt == "official":
        pytest.importorskip("torch")
    source = write_published(tmp_path / "source", fmt)
    assert convert(source, tmp_path / "out", "--verify") == 0
    params, arrays = artefact.load_artefact(tmp_path / "out").params, components()
    stack = np.stack([arrays["w2v_bert"][f"encoder.layers.{i}.w.weight"].T for i in range(2)])
    np.testing.assert_array_equal(params["w2v_bert"]["layers"]["kernel"], stack)
    np.testing.assert_array_equal(params["w2v_bert"]["var"], arrays["stats"]["var"])
    np.testing.assert_array_equal(params["gpt"]["h"]["kernel"][2], arrays["gpt"]["gpt.h.2.w"])
    ups = fold_weight_norm(arrays["bigvgan"]["ups.0.weight_v"], arrays["bigvgan"]["ups.0.weight_g"])
    np.testing.assert_array_equal(params["bigvgan"]["ups"]["kernel"], ups.transpose(2, 1, 0))
    np.testing.assert_array_equal(params["emotion"]["emotion_matrix"], arrays["feat2"]["feat2"])
    assert sorted(os.listdir(tmp_path)) == ["out", "source"]
    out = capsys.readouterr().out
    assert re.search(r"w2v_bert +4 +1 +40 +160 ", out) and "campplus: 1 x a counter of training" in out
    beside = "s2mel: optimizer (4 tensors, 656 bytes), beside net\n  s2mel: epoch (int), beside net\n"
    assert (beside in out) == (fmt == "official")
    assert re.search(r"total +19 ", out) and "is intact: 10 files" in out


def test_both_formats_give_the_same_bytes(tmp_path, fake_networks):
    pytest.importorskip("torch")
    for fmt in ("official", "safetensors"):
        assert convert(write_published(tmp_path / fmt, fmt), tmp_path / f"out-{fmt}") == 0
    assert_equal_weights(tmp_path / "out-official", tmp_path / "out-safetensors")


def assert_equal_weights(first, second):
    for name in [f"{network}.safetensors" for network in networks.NETWORKS] + ["tokenizer.model"]:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    assert artefact.load_artefact(first).model_id == artefact.load_artefact(second).model_id


def test_the_sources_are_recorded(tmp_path, published):
    assert convert(published, tmp_path / "out") == 0
    source = json.loads((tmp_path / "out/config.json").read_text())["source"]
    assert set(source["gpt.safetensors"]) == {"size", "sha256"} and "bigvgan/config.json" in source
    assert len(source) == 13 and str(tmp_path) not in json.dumps(source)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_dtypes(tmp_path, published, dtype):
    assert convert(published, tmp_path / "out", f"--dtype={dtype}") == 0
    loaded = artefact.load_artefact(tmp_path / "out")
    assert loaded.dtype == dtype and {leaf.dtype.name for leaf in jax.tree.leaves(loaded.params)} == {dtype}


# --- wrong weights --------------------------------------------------------------------------------------------


def rewrite(folder, component, change):
    tensors = components()[component]
    change(tensors)
    name = {**fake_checkpoint.OWN, **fake_checkpoint.AUXILIARY}[component]
    fake_checkpoint.write_component((folder / name).with_suffix(".safetensors"), component, tensors)


TENSORS = [(component, name) for component, tensors in components().items() for name in tensors]
DROPPED = {"conv.counter", "encoder.layers.2.w.weight"}


@pytest.mark.parametrize(("component", "name"), TENSORS)
def test_every_tensor_lost_renamed_transposed_retyped_or_spoiled(tmp_path, published, capsys, component, name):
    def rename(tensors):
        tensors["stray." + name] = tensors.pop(name)

    def spoil(tensors):
        tensors[name].flat[0] = np.nan

    def widen(tensors):
        tensors[name] = np.concatenate([tensors[name], tensors[name]], axis=-1)

    faults = {"lost": lambda tensors: tensors.pop(name), "renamed": rename, "wider": widen}
    faults |= {"retyped": lambda tensors: tensors.update({name: tensors[name].astype(np.int32)}), "spoiled": spoil}
    for fault, change in faults.items():
        if name in DROPPED and fault != "renamed":
            continue
        if component.startswith("feat") and fault == "renamed":
            continue  # a file of one tensor needs no name
        rewrite(published, component, change)
        code = convert(published, tmp_path / "out")
        shown = name.removesuffix("_g").removesuffix("_v").rsplit(".", 1)[0] if "weight" in name else name
        refused(capsys, code, re.escape(shown.removeprefix("stats.")))
        assert not (tmp_path / "out").exists() and os.listdir(tmp_path) == ["published"]


def test_all_networks_report_at_once(tmp_path, published, capsys):
    rewrite(published, "gpt", lambda tensors: tensors.pop("emb.weight"))
    rewrite(published, "bigvgan", lambda tensors: tensors.update(stray=np.zeros(1, np.float32)))
    assert convert(published, tmp_path / "out") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 2 and "missing tensor emb.weight" in err and "unknown tensor stray" in err


def test_the_gpt_of_2_5_is_recognised(tmp_path, published, capsys):
    rewrite(published, "gpt", lambda t: t.update({"spk_emb_proj.weight": np.zeros((3, 2), np.float32)}))
    refused(capsys, convert(published, tmp_path / "out"), r"gpt\.safetensors is of IndexTTS-2\.5")


def test_numbers_too_large_for_float16(tmp_path, published, capsys):
    rewrite(published, "gpt", lambda tensors: tensors["emb.weight"].__setitem__((0, 0), 1e6))
    refused(capsys, convert(published, tmp_path / "out", "--dtype=float16"), "gpt/emb holds numbers too large")
    assert convert(published, tmp_path / "out", "--dtype=bfloat16") == 0


def test_a_zero_direction_has_no_norm(tmp_path, published, capsys):
    rewrite(published, "bigvgan", lambda tensors: tensors["ups.0.weight_v"].__setitem__(0, 0.0))
    refused(capsys, convert(published, tmp_path / "out"), "bigvgan/ups/kernel")


def test_without_torch(tmp_path, fake_networks, capsys, monkeypatch):
    """One line although five files need it; safetensors need none."""
    pytest.importorskip("torch")
    official, plain = (write_published(tmp_path / fmt, fmt) for fmt in ("official", "safetensors"))
    monkeypatch.setitem(sys.modules, "torch", None)
    refused(capsys, convert(official, tmp_path / "out"), r"needs torch: pip install 'indextts2_jax\[convert\]'")
    assert convert(plain, tmp_path / "out") == 0


def test_a_malicious_pickle(tmp_path, published, capsys):
    torch = pytest.importorskip("torch")
    from tests.convert.test_read import Malicious

    (published / "gpt.safetensors").unlink()
    torch.save({"x": Malicious(f"touch {tmp_path}/executed")}, published / "gpt.pth")
    refused(capsys, convert(published, tmp_path / "out"), r"gpt\.pth is refused")
    assert not (tmp_path / "executed").exists()


# --- the command line -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--output is missing"),
        (["--output=x"], "--source is missing"),
        (["--source=x"], "--output is missing"),
        (["--source=x", "--output=y", "--dtype=int8"], "dtype"),
        (["--source=x", "--output=y", "--colour=red"], "colour"),
        (["--source=x", "--output=y", "z"], "Unexpected argument 'z'"),
        (["--source=nowhere", "--output=y"], "no such folder"),
        (["--output=nowhere", "--verify"], "There is no artefact at nowhere"),
    ],
)
def test_wrong_arguments(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    refused(capsys, cli.main(arguments), message)
    assert not os.listdir(tmp_path)


def test_help(capsys):
    assert cli.main(["--help"]) == 0
    assert "--[no]verify" in capsys.readouterr().out


def test_verify_finds_a_flipped_bit(tmp_path, published, capsys):
    convert(published, tmp_path / "out")
    assert cli.main([f"--output={tmp_path}/out", "--verify"]) == 0
    path = tmp_path / "out/gpt.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    capsys.readouterr()
    refused(capsys, cli.main([f"--output={tmp_path}/out", "--verify"]), r"damaged: the SHA-256 of gpt\.safetensors")


def test_output_that_is_something_else(tmp_path, published, capsys):
    refused(capsys, convert(published, published), "holds other files")
    (tmp_path / "file").touch()
    refused(capsys, convert(published, tmp_path / "file"), "is a file")
    refused(capsys, convert(published, tmp_path / "file/below"), "Cannot use|Cannot write")


def test_too_little_room(tmp_path, published, capsys, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_500_000))
    refused(capsys, convert(published, tmp_path / "deep/er/out"), r"needs 0\.1 GB, but .* has 0\.0 GB left")
    assert os.listdir(tmp_path) == ["published"]


def test_an_unwritable_folder(tmp_path, published, capsys):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write anywhere")
    refused(capsys, convert(published, folder / "out"), "Permission denied")


def test_a_source_that_vanishes_midway(tmp_path, published, capsys, monkeypatch):
    convert(published, tmp_path / "out")
    monkeypatch.setattr(
        write, "digest_file", lambda path: (_ for _ in ()).throw(OSError(5, "Input/output error", path))
    )
    refused(capsys, convert(published, tmp_path / "out"), "Input/output error")
    assert cli.main([f"--output={tmp_path}/out", "--verify"]) == 0


SLOW = """
import signal, sys, time
from convert import __main__ as cli, write
from indextts2_jax.checkpoint import networks
from tests.conftest import converted
from tests.convert import fake_checkpoint

networks.NETWORKS = fake_checkpoint.initialisers()
write.rules_of = lambda network, model: fake_checkpoint.RULES[network]
cast = write.cast
def slow(*args):
    print("building", flush=True)
    time.sleep(0.2)
    return cast(*args)
write.cast = slow
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_in_the_middle(tmp_path, published, number):
    """The former artefact stays; only SIGKILL leaves a temporary folder, which the next conversion removes."""
    assert convert(published, tmp_path / "out") == 0
    before = artefact.load_artefact(tmp_path / "out").model_id
    rewrite(published, "gpt", lambda tensors: tensors["emb.weight"].__setitem__((0, 0), 2.5))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", SLOW, f"--source={published}", f"--output={tmp_path}/out"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            if line.startswith("building"):
                break
        time.sleep(0.3)
        run.send_signal(number)
        run.wait(60)
        err = run.stderr.read()
    assert run.returncode == (-9 if number == signal.SIGKILL else 128 + number) and "Traceback" not in err
    assert artefact.load_artefact(tmp_path / "out").model_id == before
    assert (len(os.listdir(tmp_path)) == 3) == (number == signal.SIGKILL)
    assert convert(published, tmp_path / "out") == 0
    assert artefact.load_artefact(tmp_path / "out").model_id != before
    assert sorted(os.listdir(tmp_path)) == ["out", "published"]


def test_run_as_a_module(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "convert", "--source=nowhere", "--output=out"]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "error: There is no published checkpoint at nowhere: no such folder.\n"


# --- the real tables ------------------------------------------------------------------------------------------


def test_the_small_checkpoint_in_both_formats(make_checkpoint, tmp_path, monkeypatch, capsys):
    """The publisher's file layout and the real tables, from pickles and from safetensors: bitwise the same weights."""
    pytest.importorskip("torch")
    monkeypatch.setenv("INDEXTTS2_CACHE", str(tmp_path / "cache"))
    source, output = make_checkpoint(fmt="safetensors"), tmp_path / "artefact"
    try:
        assert convert(source, output) == 0, capsys.readouterr().err
        assert_equal_weights(converted(make_checkpoint), output)
    finally:  # each is over a gigabyte
        shutil.rmtree(source)
        shutil.rmtree(output, ignore_errors=True)
