"""The artefact: round trips, every kind of damage, what is checked when, what may be replaced."""

import json
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.checkpoint import artefact, digests
from indextts2_jax.checkpoint.tensors import map_tensors
from indextts2_jax.config import ModelConfig
from indextts2_jax.errors import CheckpointError, ConfigError
from tests import nobody
from tests.checkpoint.fake_artefact import FILES, assert_is, fake_networks, parameters, save  # noqa: F401


def test_round_trip(tmp_path):
    save(tmp_path / "x", source={"gpt.pth": "somewhere"})
    loaded = artefact.load_artefact(tmp_path / "x")
    jax.tree.map(np.testing.assert_array_equal, loaded.params, parameters())
    assert (loaded.model, loaded.tokenizer, loaded.dtype) == (ModelConfig(), b"pieces", "float32")
    assert {entry.name for entry in (tmp_path / "x").iterdir()} == FILES
    assert os.listdir(tmp_path) == ["x"]
    assert json.loads((tmp_path / "x/config.json").read_text())["source"] == {"gpt.pth": "somewhere"}


def test_other_programs_read_the_tensors(tmp_path):
    from safetensors.numpy import load_file

    arrays = load_file(save(tmp_path / "x") / "a.safetensors")
    np.testing.assert_array_equal(arrays["dense/kernel"], parameters()["a"]["dense"]["kernel"])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_stored_and_loaded_in_another_precision(tmp_path, dtype):
    narrow = jax.tree.map(lambda x: x.astype(getattr(jnp, dtype)), parameters())
    save(tmp_path / "narrow", dtype=dtype)
    stored = artefact.load_artefact(tmp_path / "narrow")
    assert stored.dtype == dtype and stored.params["b"]["odd"].dtype == dtype
    jax.tree.map(np.testing.assert_array_equal, stored.params, narrow)
    save(tmp_path / "wide")
    loaded = artefact.load_artefact(tmp_path / "wide", dtype=dtype)
    jax.tree.map(np.testing.assert_array_equal, loaded.params, narrow)
    back = artefact.load_artefact(tmp_path / "narrow", dtype="float32")
    assert back.params["b"]["odd"].dtype == np.float32


def test_model_id_is_that_of_the_weights(tmp_path):
    ids = [
        artefact.load_artefact(save(tmp_path / str(i), seed=s, source=o)).model_id
        for i, (s, o) in enumerate([(0, {}), (0, {"from": "elsewhere"}), (1, {})])
    ]
    assert ids[0] == ids[1] != ids[2]


def test_aligned_tensors_are_borrowed_from_the_file(tmp_path):
    """On the CPU the parameters lie in the page cache: no copy, and none on top of it when they are used."""
    if jax.default_backend() != "cpu":
        pytest.skip("only the CPU borrows host memory")
    path = save(tmp_path / "x") / "a.safetensors"
    kernel = artefact.load_artefact(tmp_path / "x").params["a"]["dense"]["kernel"]
    if not pathlib.Path("/proc/self/maps").exists():
        pytest.skip("needs Linux to see what is mapped")
    start, end = kernel.unsafe_buffer_pointer(), kernel.unsafe_buffer_pointer() + kernel.nbytes
    with open("/proc/self/maps", encoding="utf-8") as maps:
        spans = [line.split()[0].split("-") for line in maps if str(path) in line]
    assert any(int(low, 16) <= start and end <= int(high, 16) for low, high in spans)


# --- damage ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FILES))
def test_flipped_bits_are_noticed(tmp_path, name):
    """Or changes nothing: white space in the manifest."""
    folder = save(tmp_path / "x")
    path = folder / name
    whole = path.read_bytes()
    bits = len(whole) * 8
    for position in range(0, bits, bits // 300 | 1):  # an odd step, so that every bit of a byte has its turn
        damaged = bytearray(whole)
        damaged[position // 8] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            loaded = artefact.load_artefact(folder)
        except CheckpointError as error:
            assert "\n" not in str(error)
            continue
        assert name == "manifest.json"
        jax.tree.map(np.testing.assert_array_equal, loaded.params, parameters())


def test_every_flipped_bit_of_a_header_is_an_error_or_another_tensor(tmp_path):
    """Without the manifest: nothing but our error, and never the same tensors with other numbers."""
    path = save(tmp_path / "x") / "a.safetensors"
    whole, original = path.read_bytes(), map_tensors(path)
    original = {name: array.copy() for name, array in original.items()}
    for position in range((8 + int.from_bytes(whole[:8], "little")) * 8):
        damaged = bytearray(whole)
        damaged[position // 8] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            found = map_tensors(path)
        except CheckpointError:
            continue
        for name in set(found) & set(original):
            same = (found[name].shape, found[name].dtype) == (original[name].shape, original[name].dtype)
            assert not same or np.array_equal(found[name], original[name])


@pytest.mark.parametrize("name", sorted(FILES))
def test_truncation_and_extension_are_noticed(tmp_path, name):
    folder = save(tmp_path / "x")
    path = folder / name
    whole = path.read_bytes()
    sizes = [*range(0, len(whole), 3), len(whole) - 1]
    variants = [whole[:size] for size in sizes] + [whole + b"\0", whole + bytes(4096), whole[:-64] + bytes(63)]
    for data in variants:
        if name == "manifest.json" and data.strip() == whole.strip():
            continue
        path.write_bytes(data)
        with pytest.raises(CheckpointError) as caught:
            artefact.load_artefact(folder)
        assert str(folder) in str(caught.value)
    if name.endswith(".safetensors"):
        path.write_bytes(whole[:-1])
        with pytest.raises(CheckpointError, match=rf"{name} has {len(whole) - 1} bytes instead of {len(whole)}"):
            artefact.load_artefact(folder)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_named(tmp_path, name):
    folder = save(tmp_path / "x")
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        artefact.load_artefact(folder)


def reseal(folder):
    """Makes the manifest agree with the files, as only somebody who forges an artefact does."""
    (folder / digests.NAME).unlink()
    digests.write(folder, {path.name: digests.digest_file(path) for path in folder.iterdir()})


def edit_config(folder, change):
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))
    reseal(folder)


FORGED = {
    "another version": (lambda c: c.update(version=2), "version 2, this program reads version 1"),
    "no version": (lambda c: c.pop("version"), "version None"),
    "another format": (lambda c: c.update(format="else"), "not part of an artefact"),
    "dtype": (lambda c: c.update(dtype="int8"), "dtype is 'int8'"),
    "no model": (lambda c: c.pop("model"), "model is None"),
    "unknown key": (lambda c: c["model"]["gpt"].update(colour=1), "model.gpt.colour"),
    "wrong type": (lambda c: c["model"]["gpt"].update(layers="many"), "model.gpt.layers"),
    "negative": (lambda c: c["model"]["gpt"].update(width=-1), "model.gpt.width"),
    "absurd": (lambda c: c["model"]["campplus"].update(block_layers=[10**9]), "model.campplus.block_layers"),
    "nested": (lambda c: c["model"]["bigvgan"].update(resblock_dilations=[[-1]]), "resblock_dilations"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_config_that_makes_no_sense(tmp_path, case):
    change, message = FORGED[case]
    folder = save(tmp_path / "x")
    edit_config(folder, change)
    with pytest.raises(CheckpointError, match=message):
        artefact.load_artefact(folder)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"nonsense", b"[" * 100_000, b"\xff\xfe", b"1" * 5000, b" " * (2 << 20)]
)
@pytest.mark.parametrize("name", ["config.json", "manifest.json"])
def test_json_that_is_none(tmp_path, name, content):
    folder = save(tmp_path / "x")
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=name):
        artefact.load_artefact(folder)


def test_tensors_that_do_not_fit_are_all_named(tmp_path):
    from safetensors.numpy import save_file

    folder = save(tmp_path / "x")
    arrays = {"dense/kernel": np.zeros((16, 8), np.float32), "dense/stray": np.zeros(1, np.float32)}
    save_file(arrays, folder / "a.safetensors")
    save_file({"odd": np.zeros((3, 5), np.float16), "deep/w/x": np.zeros(64, np.float32)}, folder / "b.safetensors")
    reseal(folder)
    with pytest.raises(CheckpointError) as caught:
        artefact.load_artefact(folder)
    for part in (
        "a/dense/kernel is float32 [16, 8] instead of float32 [8, 16]",
        "a/dense/bias is missing",
        "a/dense/stray is unknown",
        "b/odd is float16 [3, 5] instead of float32 [3, 5]",
    ):
        assert part in str(caught.value)


def test_not_an_artefact(tmp_path):
    with pytest.raises(CheckpointError, match="There is no artefact"):
        artefact.load_artefact(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"it has no config\.json; make one with indextts2 convert"):
        artefact.load_artefact(tmp_path)
    with pytest.raises(ConfigError, match="dtype is 'int8'"):
        artefact.load_artefact(save(tmp_path / "x"), dtype="int8")


@pytest.mark.parametrize("closed", [".", "..", "a.safetensors", "config.json", "manifest.json", "tokenizer.model"])
def test_what_may_not_be_read_is_one_line(tmp_path, closed):
    folder = save(tmp_path / "around/x")
    artefact.load_artefact(folder)
    with nobody.closed((folder / closed).resolve(), tmp_path):
        for function in (artefact.load_artefact, artefact.verify_artefact, artefact.read_header):
            if function is artefact.read_header and closed not in (".", "..", "config.json"):
                continue  # looks at nothing else
            with pytest.raises(CheckpointError, match=r"ermission denied") as caught:
                function(folder)
            assert "\n" not in str(caught.value)


def test_where_nothing_may_be_written_is_one_line(tmp_path):
    folder = save(tmp_path / "around/x")
    with nobody.closed(folder.parent, tmp_path), pytest.raises(CheckpointError, match="ermission denied"):
        save(folder)
    assert_is(folder, 0)


# --- what may be saved, and where -----------------------------------------------------------------------------


def test_parameters_of_another_model_are_not_saved(tmp_path):
    params = parameters()
    del params["a"]["dense"]["bias"]
    params["b"]["odd"] = params["b"]["odd"].T
    params["b"]["stray"] = np.zeros(2)
    with pytest.raises(CheckpointError, match=r"a/dense/bias is missing.*b/stray is unknown.*b/odd is .*\[5, 3\]"):
        save(tmp_path / "x", params=params)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (np.nan, "float32", "a/dense/bias holds NaN"),
        (np.inf, "bfloat16", "a/dense/bias holds NaN or infinite"),
        (1e6, "float16", "a/dense/bias holds numbers too large for float16"),
    ],
)
def test_numbers_that_cannot_be_stored(tmp_path, value, dtype, message):
    save(tmp_path / "x")
    params = parameters(1)
    params["a"]["dense"]["bias"][3] = value
    with pytest.raises(CheckpointError, match=message):
        save(tmp_path / "x", params=params, dtype=dtype)
    assert_is(tmp_path / "x", 0)
    assert os.listdir(tmp_path) == ["x"]


def test_other_folders_are_not_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("words")
    with pytest.raises(CheckpointError, match=r"holds other files \(thesis.txt\)"):
        save(tmp_path / "mine")
    save(tmp_path / "x")
    (tmp_path / "x/notes.txt").write_text("words")
    with pytest.raises(CheckpointError, match=r"notes\.txt"):
        save(tmp_path / "x")
    (tmp_path / "file").write_text("words")
    with pytest.raises(CheckpointError, match="is a file"):
        save(tmp_path / "file")
    assert (tmp_path / "mine/thesis.txt").exists() and (tmp_path / "x/notes.txt").exists()


def test_empty_folders_links_and_former_artefacts_are_replaced(tmp_path):
    (tmp_path / "empty").mkdir()
    assert_is(save(tmp_path / "empty"), 0)
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    save(tmp_path / "link", seed=1)
    assert (tmp_path / "link").is_symlink()
    assert_is(tmp_path / "empty", 1)
    assert_is(save(tmp_path / "made/on/the/way"), 0)


def test_a_loaded_artefact_outlives_its_replacement(tmp_path):
    folder = save(tmp_path / "x")
    loaded = artefact.load_artefact(folder)
    save(folder, seed=1)
    jax.tree.map(np.testing.assert_array_equal, loaded.params, parameters(0))
    assert_is(folder, 1)
