"""The folders that people really have: each is found for every network, and a choice is never silent."""

import json
import os
import re
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from convert import __main__ as cli
from convert import versions
from convert.published import open_published
from indextts2_jax.checkpoint import artefact
from indextts2_jax.errors import CheckpointError
from tests import nobody
from tests.convert.fake_checkpoint import AUXILIARY, OWN, components, write_component, write_published
from tests.convert.test_published import HUB, INSIDE, edit, move_to, present

OWNER = {key: name.split("--")[1] for key, name in HUB.items()}
NAME = {key: name.split("--")[2] for key, name in HUB.items()}
AROUND = {"w2v_bert": "w2v-bert", "semantic_codec": "maskgct", "campplus": "campplus", "bigvgan": "bigvgan"}

PLACES = {
    "the repository's name": lambda root, c: root / NAME[c],
    "owner and name": lambda root, c: root / OWNER[c] / NAME[c],
    "one level down": lambda root, c: root / AROUND[c] / NAME[c],
    "hub": lambda root, c: root / HUB[c] / "snapshots/abc123",
    "hub without snapshots": lambda root, c: root / HUB[c],
    "ModelScope": lambda root, c: root / OWNER[c] / NAME[c].replace(".", "___"),
}
ROOTS = {"hf_cache": "hf_cache", "beside config.yaml": ".", "beside the folder": "..", "its hf_cache": "../hf_cache"}


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("component", HUB)
def test_every_place_of_every_network(published, component, place, root):
    before = open_published(published)
    base = PLACES[place]((published / ROOTS[root]).resolve(), component)
    move_to(published, component, base)
    after = open_published(published)
    assert after.model == before.model and not after.notes
    assert after.components[component][0].path.resolve().is_relative_to(base)


@pytest.mark.parametrize("root", ROOTS)
def test_all_at_once_is_converted(tmp_path, published, root):
    for component in HUB:
        move_to(published, component, (published / ROOTS[root] / NAME[component]).resolve())
    assert cli.main([f"--source={published}", f"--output={tmp_path}/out"]) == 0
    assert artefact.load_artefact(tmp_path / "out").params["bigvgan"]


@pytest.mark.parametrize("source", ["snapshot", "repository", "cache"])
def test_the_hubs_own_cache_as_the_source(tmp_path, published, source):
    """Everything where `huggingface_hub` puts it: one folder of repositories."""
    cache = tmp_path / "hub"
    for component in HUB:
        move_to(published, component, cache / HUB[component] / "snapshots/abc123")
    home = cache / "models--IndexTeam--IndexTTS-2" / "snapshots/def456"
    shutil.move(published, home)
    found = open_published({"snapshot": home, "repository": home.parent.parent, "cache": cache}[source])
    assert found.components["gpt"][0].path == home / "gpt.safetensors"
    assert all(found.components[key][0].path.resolve().is_relative_to(cache) for key in HUB)
    assert len(found.notes) == (source != "snapshot")


@pytest.mark.parametrize(
    "below", ["IndexTTS-2", "IndexTeam/IndexTTS-2", "checkpoints", "models--IndexTeam--IndexTTS-2"]
)
def test_the_folder_around_it(tmp_path, published, below):
    (tmp_path / "models" / below).parent.mkdir(parents=True)
    shutil.move(published, tmp_path / "models" / below)
    (note,) = open_published(tmp_path / "models").notes
    assert "has no config.yaml" in note and below in note


def test_the_classifier_beside_the_folder(tmp_path, published):
    (tmp_path / "qwen0.6bemo4-merge").mkdir()
    (tmp_path / "qwen0.6bemo4-merge/model.safetensors").write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"qwen0\.6bemo4-merge/config\.json"):
        open_published(published)


# --- two files for one part -----------------------------------------------------------------------------------


def copy_to(published, component, base):
    """As `move_to`, with what is there left there; the usual place."""
    usual = present(published, AUXILIARY[component])
    for name in INSIDE[component]:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(usual if name.endswith(".safetensors") else usual.with_name("config.json"), base / name)
    return usual


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("component", HUB)
def test_two_candidates_are_both_named(published, component, root):
    base = published / ROOTS[root] / OWNER[component] / NAME[component]
    usual = copy_to(published, component, base)
    found = open_published(published)
    (note,) = found.notes
    assert found.components[component][0].path == usual
    assert re.search(rf"^{component}: 2 files could be meant\. Taken is hf_cache/.*Remove what is not meant", note)
    assert usual.relative_to(published).as_posix() in note and f"{OWNER[component]}/{NAME[component]}/" in note


@pytest.mark.parametrize("part", OWN)
def test_a_pickle_beside_safetensors_is_named(tmp_path, published, capsys, part):
    pytest.importorskip("torch")
    pickle, tensors = published / OWN[part], (published / OWN[part]).with_suffix(".safetensors")
    write_component(pickle, part, components(seed=1)[part])
    assert cli.main([f"--source={published}", f"--output={tmp_path}/out"]) == 0
    out = capsys.readouterr().out
    assert re.search(rf"WARNING: {part}: 2 files .*Taken is {tensors.name}, and not {pickle.name}\. Remove", out)


def test_one_file_under_two_names_is_one(published):
    os.link(published / "gpt.safetensors", published / "gpt.pth")
    shutil.copytree(published / "hf_cache/bigvgan", published / "hf_cache" / NAME["bigvgan"], copy_function=os.link)
    (published / "w2v-bert-2.0").symlink_to(published / "hf_cache/w2v-bert-2.0")
    assert not open_published(published).notes


DAMAGED = {
    "empty": lambda data: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "pointer": lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    "a page": lambda data: b"<html>404</html>",
}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("component", HUB)
def test_what_is_not_whole_vetoes_nothing(published, component, damage):
    """Neither in the place that comes first nor in the one that comes last."""
    base = published / "hf_cache" / HUB[component] / "snapshots/abc123"
    usual = copy_to(published, component, base)
    whole = usual.read_bytes()
    hub = next(base.rglob("*.safetensors"))
    for broken, good in ((usual, hub), (hub, usual)):
        good.write_bytes(whole)
        broken.write_bytes(DAMAGED[damage](whole))
        found = open_published(published)
        assert found.components[component][0].path == good
        assert any(note.startswith(component) and "and not" in note and " (it is " in note for note in found.notes)


@pytest.mark.parametrize("part", ["feat1", "feat2"])
def test_any_byte_of_a_pickles_index_may_be_wrong(published, part):
    """The good file is taken, or the damaged one where nobody can see it yet; nothing else is raised."""
    pytest.importorskip("torch")
    pickle = published / OWN[part]
    write_component(pickle, part, components()[part])
    whole = pickle.read_bytes()
    for place in range(len(whole) - 22, len(whole)):
        pickle.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        found = open_published(published)
        assert found.components["emotion"][part == "feat2"].path.suffix == ".safetensors"
        assert any(note.startswith(part) for note in found.notes)


@pytest.mark.parametrize("component", HUB)
def test_two_revisions_without_a_main_do_not_veto_a_flat_file(published, component):
    usual = present(published, AUXILIARY[component])
    flat = usual.read_bytes(), [path.read_bytes() for path in usual.parent.glob("config.json")]
    cache = published / "hf_cache" / HUB[component] / "snapshots"
    move_to(published, component, cache / "old")
    shutil.copytree(cache / "old", cache / "new")
    with pytest.raises(CheckpointError, match=f"{HUB[component]} holds 2 revisions and does not say which"):
        open_published(published)
    usual.parent.mkdir(parents=True, exist_ok=True)
    usual.write_bytes(flat[0])
    for config in flat[1]:
        usual.with_name("config.json").write_bytes(config)
    found = open_published(published)
    assert found.components[component][0].path == usual
    (note,) = (note for note in found.notes if note.startswith(component))
    assert "snapshots/old" in note and "snapshots/new" in note and "3 files" in note


@pytest.mark.parametrize("component", HUB)
def test_a_main_revision_without_the_file(published, component):
    """A download that broke off: what an older revision has is taken, and said; links that lead nowhere are nothing."""
    repository = published / "hf_cache" / HUB[component]
    move_to(published, component, repository / "snapshots/old")
    (repository / "snapshots/new").mkdir()
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text("new")
    name = INSIDE[component][0]
    (repository / "snapshots/new" / name).parent.mkdir(exist_ok=True)
    (repository / "snapshots/new" / name).symlink_to("../../blobs/0000")
    assert "snapshots/old" in open_published(published).components[component][0].path.as_posix()


def test_an_older_revision_beside_main_is_not_mentioned(published):
    repository = published / "hf_cache" / HUB["bigvgan"]
    move_to(published, "bigvgan", repository / "snapshots/old")
    shutil.copytree(repository / "snapshots/old", repository / "snapshots/new")
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text("new")
    assert not open_published(published).notes


@pytest.mark.parametrize("component", ["w2v_bert", "bigvgan"])
def test_the_candidate_with_its_configuration_is_preferred(published, component):
    usual = present(published, AUXILIARY[component])
    weights = usual.read_bytes()
    base = published / HUB[component] / "snapshots/abc123"
    move_to(published, component, base)
    usual.parent.mkdir(parents=True, exist_ok=True)
    usual.write_bytes(weights)
    found = open_published(published)
    assert found.components[component][0].path.is_relative_to(base)
    assert any("no config.json beside it" in note for note in found.notes)
    next(base.glob("*.safetensors")).unlink()
    found = open_published(published)
    assert found.components[component][0].path == usual
    assert any("has no config.json beside it" in note and "abc123/config.json is taken" in note for note in found.notes)


# --- which version --------------------------------------------------------------------------------------------

MARKS_OF_2 = {"speed_emb.weight": (2, 4), "emo_layer.weight": (4, 4)}
MARKS_OF_2_5 = {"spk_emb_proj.weight": (4, 3), "lang_embedding.weight": (107, 4), "emo_layer.weight": (4, 4)}


def mark(published, marks, name="gpt.safetensors"):
    tensors = {key: np.ones(shape, np.float32) for key, shape in marks.items()}
    save_file({**components()["gpt"], **tensors}, published / name)


@pytest.mark.parametrize("size", ["full", "small"])
def test_the_published_names_tell_the_version(shared, size):
    for folder, version in ((".", "2"), ("v2_5", "2.5")):
        tensors = json.loads((shared / "manifests" / folder / f"gpt.{size}.json").read_text())["tensors"]
        shapes = {name: tuple(shape) for name, (shape, _) in tensors.items()}
        assert versions.of_tensors(shapes)[0] == version


@pytest.mark.parametrize(
    "stray", ["codec.pth", "multilingual_zh_ja_yue_char_del.tiktoken", "vocab.tiktoken", "codec.pt"]
)
@pytest.mark.parametrize("marks", [{}, MARKS_OF_2])
def test_stray_files_say_nothing(published, stray, marks):
    (published / stray).write_bytes(b"of 2.5")
    mark(published, marks)
    assert not open_published(published).notes


@pytest.mark.parametrize("names", [["spk_emb_proj.weight"], ["lang_embedding.weight"], list(MARKS_OF_2_5)])
@pytest.mark.parametrize("complete", [True, False])
def test_the_tensors_of_2_5_do_not_go_with_a_configuration_of_2(published, names, complete):
    """Whatever version it claims, and before files are missed that 2.5 never had."""
    mark(published, {name: MARKS_OF_2_5[name] for name in names})
    if not complete:
        for path in ("bpe.model", AUXILIARY["semantic_codec"]):
            present(published, path).unlink()
    with pytest.raises(
        CheckpointError,
        match=r"gpt\.safetensors is of IndexTTS-2\.5 \(it has .*: put the config\.yaml of IndexTeam/IndexTTS-2\.5",
    ):
        open_published(published)


@pytest.mark.parametrize("wrapping", [lambda t: t, lambda t: {"model": t, "rng_state": [1]}, lambda t: {"net": t}])
def test_2_5_in_a_pickle(published, wrapping):
    torch = pytest.importorskip("torch")
    (published / "gpt.safetensors").unlink()
    torch.save(wrapping({name: torch.ones(shape) for name, shape in MARKS_OF_2_5.items()}), published / "gpt.pth")
    with pytest.raises(CheckpointError, match=r"gpt\.pth is of IndexTTS-2\.5"):
        open_published(published)


def test_a_large_text_table_is_of_2_5(published):
    save_file({"text_embedding.weight": np.zeros((60510, 1), np.float32)}, published / "gpt.safetensors")
    with pytest.raises(CheckpointError, match=r"IndexTTS-2\.5 \(it has text_embedding\.weight \[60510, 1\]\)"):
        open_published(published)


def test_a_gpt_of_2_5_beside_one_of_2_is_left_aside(published):
    torch = pytest.importorskip("torch")
    mark(published, MARKS_OF_2_5)
    torch.save({name: torch.ones(shape) for name, shape in MARKS_OF_2.items()}, published / "gpt.pth")
    found = open_published(published)
    assert found.components["gpt"][0].path.name == "gpt.pth"
    assert any("gpt.safetensors is of IndexTTS-2.5" in note and "left aside" in note for note in found.notes)


@pytest.mark.parametrize("version", ["2.5", 2.5, "new", 10**400, [2], None])
def test_the_tensors_count_more_than_the_version(published, version):
    mark(published, MARKS_OF_2)
    edit(published, "version", version)
    (note,) = open_published(published).notes
    assert "gpt.safetensors is of IndexTTS-2 (it has speed_emb.weight)" in note and note.isprintable()


def test_a_configuration_of_2_5_beside_the_gpt_of_2(published):
    mark(published, MARKS_OF_2)
    edit(published, "gpt.number_text_tokens", 60509)
    with pytest.raises(CheckpointError, match=r"put the config\.yaml of IndexTeam/IndexTTS-2 there"):
        open_published(published)


# --- permissions ----------------------------------------------------------------------------------------------


CLOSED = [".", "hf_cache", "hf_cache/w2v-bert-2.0", "config.yaml", "gpt.safetensors", "bpe.model"]


@pytest.mark.parametrize("closed", [*CLOSED, "hf_cache/bigvgan/config.json", "feat2.safetensors", "above"])
def test_what_may_not_be_read_is_one_line(tmp_path, published, capsys, closed):
    open_published(published)
    with nobody.closed(tmp_path if closed == "above" else published / closed, tmp_path):
        code = cli.main([f"--source={published}", "--output=/nowhere/to/write"])
    err = capsys.readouterr().err
    assert code == 2 and err.count("\n") == 1 and "Traceback" not in err, err
    assert "ermission denied" in err or "unreadable" in err, err


def test_an_official_folder_is_read_whole(tmp_path, fake_networks):
    pytest.importorskip("torch")
    source = write_published(tmp_path / "official", "official")
    (source / "codec.pth").write_bytes(b"of 2.5")
    assert cli.main([f"--source={source}", f"--output={tmp_path}/out"]) == 0
    loaded = artefact.load_artefact(tmp_path / "out").params["gpt"]["emb"]
    np.testing.assert_array_equal(loaded, components()["gpt"]["emb.weight"])
    assert load_file(tmp_path / "out/gpt.safetensors")
