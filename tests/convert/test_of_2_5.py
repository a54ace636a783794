"""IndexTTS-2.5: told by its tensors, fetched under its own name, compared with its own files."""

import re
import shutil

import pytest
import yaml

from convert import fetch, known
from convert.published import VOCABULARY, open_published
from indextts2_jax.checkpoint.tensors import Digest
from indextts2_jax.errors import CheckpointError
from indextts2_jax.text.tiktoken.tiny import tiny_vocabulary
from tests.convert.fake_checkpoint import CONFIG
from tests.convert.test_layouts import MARKS_OF_2, MARKS_OF_2_5, mark
from tests.models import PUBLISHED_2_5, SMALL_2_5

TOKENS = 60_509


@pytest.fixture
def later(published):
    """A fake directory of 2.5, but for the vocabulary, which is too large to be faked."""
    config = {**CONFIG, "gpt": {**CONFIG["gpt"], "number_text_tokens": TOKENS}, "version": 2.5}
    (published / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    mark(published, MARKS_OF_2_5)
    shutil.move(published / "hf_cache/semantic_codec_model.safetensors", published / "codec.safetensors")
    (published / "bpe.model").unlink()
    (published / VOCABULARY).write_bytes(tiny_vocabulary())
    return published


def test_what_it_consists_of(later):
    """All is found; only the vocabulary is not that of the model."""
    with pytest.raises(CheckpointError, match=rf"{re.escape(VOCABULARY)} has 1942 tokens.*{TOKENS}"):
        open_published(later)


@pytest.mark.parametrize("version", [2.0, "2.0", "2.5", "new", None])
def test_the_version_does_not_matter(later, version):
    config = yaml.safe_load((later / "config.yaml").read_text())
    (later / "config.yaml").write_text(yaml.safe_dump({**config, "version": version}), encoding="utf-8")
    with pytest.raises(CheckpointError, match="has 1942 tokens"):
        open_published(later)


@pytest.mark.parametrize("name", ["codec.safetensors", VOCABULARY, "s2mel.safetensors"])
def test_what_is_missing_comes_from_its_own_repository(later, name):
    (later / name).unlink()
    stem = name.split(".")[0]
    with pytest.raises(CheckpointError, match=rf"missing: {stem}\.\w+ \(from IndexTeam/IndexTTS-2\.5\)"):
        open_published(later)


def test_the_gpt_of_2_does_not_go_with_its_configuration(later):
    mark(later, MARKS_OF_2)
    with pytest.raises(CheckpointError, match=r"put the config\.yaml of IndexTeam/IndexTTS-2 there"):
        open_published(later)


def test_the_real_files(shared, later):
    for size, model in (("full", PUBLISHED_2_5), ("small", SMALL_2_5)):
        yaml_file = "config.yaml" if size == "full" else "small.yaml"
        shutil.copy(shared / "manifests/v2_5" / yaml_file, later / "config.yaml")
        shutil.copy(shared / "assets/v2_5" / VOCABULARY, later / VOCABULARY)
        for folder, name in (("w2v-bert-2.0", "w2v_bert"), ("bigvgan", "bigvgan")):
            shutil.copy(shared / f"manifests/{name}.{size}.config.json", later / "hf_cache" / folder / "config.json")
        found = open_published(later)
        assert found.model == model and found.version == "2.5"
        assert open_published(later, with_encoder=True).model.semantic_codec.encoder


def test_another_scale_is_refused(later):
    config = yaml.safe_load((later / "config.yaml").read_text())
    config["semantic_codec"]["downsample_scale"] = 1
    (later / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"semantic_codec\.downsample_scale is 1"):
        open_published(later)


def test_what_is_fetched():
    repositories, classifier = fetch.BY_VERSION["2.5"]
    own, *others = repositories
    assert own.name == classifier.name == "IndexTeam/IndexTTS-2.5" and len(own.revision) == 40
    assert {"codec.pth", VOCABULARY} <= set(own.files) and "bpe.model" not in own.files
    assert "amphion/MaskGCT" not in {one.name for one in others} and len(others) == 3
    assert not any("CC BY-NC" in one.licence for one in repositories)


def test_files_are_compared_with_its_own():
    (same,) = known.compare({"gpt": ("gpt.pth", Digest(3259599833, "0" * 64))}, "2.5").same
    assert same == "gpt.pth (its SHA-256 is not known)"
    (line,) = known.compare({"gpt": ("gpt.pth", Digest(3484663079, "0" * 64))}, "2.5").different
    assert "is the size of IndexTTS-2's; its weights do not go with IndexTTS-2.5" in line
