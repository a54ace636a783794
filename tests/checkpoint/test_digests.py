"""What a load hashes: everything once, then one file at a time, and everything again after a change."""

import os
import pathlib
import shutil

import pytest

from indextts2_jax.checkpoint import artefact, digests
from indextts2_jax.errors import CheckpointError
from tests.checkpoint.fake_artefact import FILES, assert_is, fake_networks, save  # noqa: F401


@pytest.fixture
def counted(monkeypatch):
    """Names of the weight files that were hashed."""
    hashed = []
    monkeypatch.setattr(digests, "_RACY_NS", 0)
    original = digests.digest_file

    def digest(path):
        hashed.append(path.name)
        return original(path)

    monkeypatch.setattr(digests, "digest_file", digest)

    def since_last_time():
        names = sorted(name for name in hashed if name.endswith(".safetensors"))
        hashed.clear()
        return names

    return since_last_time


def test_weights_are_hashed_once_and_again_after_a_change(tmp_path, counted, monkeypatch):
    folder, both = save(tmp_path / "x"), ["a.safetensors", "b.safetensors"]
    artefact.load_artefact(folder)
    assert counted() == both
    artefact.load_artefact(folder)
    assert len(counted()) == 1
    artefact.load_artefact(folder, verify=True)
    assert counted() == both
    artefact.verify_artefact(folder)
    assert counted() == both
    with monkeypatch.context() as other:
        other.setattr(artefact, "program_id", lambda: "of another release")
        artefact.load_artefact(folder)
        assert counted() == both
    artefact.load_artefact(folder, verify=True)
    counted()
    shutil.copytree(folder, tmp_path / "copy")
    artefact.load_artefact(tmp_path / "copy")
    assert counted() == both
    path = folder / "a.safetensors"
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(CheckpointError, match=r"damaged: the SHA-256 of a\.safetensors"):
        artefact.load_artefact(folder)


@pytest.mark.parametrize("name", ["a.safetensors", "b.safetensors"])
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_bits_that_rot_are_found_once_in_a_while(tmp_path, counted, name, place):
    """Sizes and times are as the note has them; found once, the file is refused for good."""
    folder = save(tmp_path / "x")
    path = folder / name
    data = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(data[:8], "little")
    data[header + int(place * (len(data) - header - 1))] ^= 4
    path.write_bytes(data)
    digests.remember(folder, digests.read(folder, FILES - {digests.NAME}), artefact.program_id())
    found = []
    for _ in range(100):
        try:
            artefact.load_artefact(folder)
        except CheckpointError as error:
            found.append(str(error))
    assert f"the SHA-256 of {name} is not the one in manifest.json" in found[0]
    assert len(found) > 50 and len(set(found)) == 1
    with pytest.raises(CheckpointError):
        artefact.load_artefact(folder)


def test_every_file_has_its_turn(tmp_path, counted):
    folder = save(tmp_path / "x")
    artefact.load_artefact(folder)
    counted()
    for _ in range(100):
        artefact.load_artefact(folder)
    hashed = counted()
    assert len(hashed) == 100 and set(hashed) == {"a.safetensors", "b.safetensors"}


def test_a_file_just_written_is_not_remembered(tmp_path, counted, monkeypatch):
    monkeypatch.setattr(digests, "_RACY_NS", 10**12)
    folder = save(tmp_path / "x")
    for _ in range(2):
        artefact.load_artefact(folder)
        assert len(counted()) == 2


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff"])
def test_a_damaged_note_only_costs_time(tmp_path, counted, content):
    folder = save(tmp_path / "x")
    artefact.load_artefact(folder)
    (note,) = (pathlib.Path(os.environ["INDEXTTS2_CACHE"]) / "verified").iterdir()
    note.write_bytes(content)
    assert_is(folder, 0)


def test_an_unwritable_cache_only_costs_time(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("INDEXTTS2_CACHE", str(tmp_path / "file"))
    folder = save(tmp_path / "x")
    assert_is(folder, 0)
    assert_is(folder, 0)
