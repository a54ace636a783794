"""Finding the published files and reading their configuration."""

import copy
import json
import shutil
import sys

import pytest
import yaml

from convert.published import open_published
from indextts2_jax.errors import CheckpointError
from tests.convert.fake_checkpoint import AUXILIARY, CONFIG, OWN, VOCABULARY, write_published
from tests.models import PUBLISHED, SMALL


def edit(folder, key, value, file="config.yaml"):
    """Sets a dotted key of a configuration file; `...` removes it."""
    path = folder / file
    data = yaml.safe_load(path.read_text())
    *parents, leaf = key.split(".")
    node = data
    for part in parents:
        node = node.setdefault(part, {})
    node.pop(leaf, None)
    if value is not ...:
        node[leaf] = value
    path.write_text(yaml.safe_dump(data) if file.endswith("yaml") else json.dumps(data))


def test_the_published_sizes(published):
    import dataclasses

    found = open_published(published)
    assert found.model == dataclasses.replace(PUBLISHED, gpt=dataclasses.replace(PUBLISHED.gpt, text_vocab=VOCABULARY))
    assert found.tokenizer == (published / "bpe.model").read_bytes()
    assert [p.path.name for p in found.components["w2v_bert"]] == [
        "model.safetensors",
        "wav2vec2bert_stats.safetensors",
    ]


def test_the_real_configuration_files(shared, published):
    """The publisher's own config.yaml and the small one, with the auxiliary ones beside them."""
    shutil.copy(shared / "assets/bpe.model", published / "bpe.model")
    for size, model in (("full", PUBLISHED), ("small", SMALL)):
        shutil.copy(
            shared / "assets/config.yaml" if size == "full" else shared / "manifests/small.yaml",
            published / "config.yaml",
        )
        for folder, name in (("w2v-bert-2.0", "w2v_bert"), ("bigvgan", "bigvgan")):
            shutil.copy(
                shared / f"manifests/{name}.{size}.config.json", published / "hf_cache" / folder / "config.json"
            )
        assert open_published(published).model == model


def test_2_5_is_recognised_by_its_keys(shared, published):
    shutil.copy(shared / "manifests/v2_5/config.yaml", published / "config.yaml")
    for version in ("2.5", "2.0", 2.0):
        edit(published, "version", version)
        with pytest.raises(CheckpointError, match=r"missing: codec\.pth \(from IndexTeam/IndexTTS-2\.5\), multiling"):
            open_published(published)


@pytest.mark.parametrize("version", [2.0, "2.0", 2, "2", ...])
def test_spellings_of_version_2(published, version):
    edit(published, "version", version)
    open_published(published)


@pytest.mark.parametrize("version", [1.5, "1.5", "new", None, [2]])
def test_other_versions(published, version):
    edit(published, "version", version)
    with pytest.raises(CheckpointError, match="only IndexTTS-2 can be converted"):
        open_published(published)


FILES = [
    *OWN.values(),
    *AUXILIARY.values(),
    "config.yaml",
    "bpe.model",
    "hf_cache/w2v-bert-2.0/config.json",
    "hf_cache/bigvgan/config.json",
]


def present(folder, name):
    path = folder / name
    return path if path.exists() else path.with_suffix(".safetensors")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(published, name):
    present(published, name).unlink()
    with pytest.raises(CheckpointError) as caught:
        open_published(published)
    assert f"missing: {name} (from " in str(caught.value)


def test_all_missing_files_are_named_at_once(published):
    for name in FILES:
        present(published, name).unlink()
    with pytest.raises(CheckpointError) as caught:
        open_published(published)
    assert all(name in str(caught.value) for name in FILES) and "\n" not in str(caught.value)
    assert "facebook/w2v-bert-2.0" in str(caught.value)


HUB = {
    "w2v_bert": "models--facebook--w2v-bert-2.0",
    "semantic_codec": "models--amphion--MaskGCT",
    "campplus": "models--funasr--campplus",
    "bigvgan": "models--nvidia--bigvgan_v2_22khz_80band_256x",
}
INSIDE = {
    "w2v_bert": ["model.safetensors", "config.json"],
    "semantic_codec": ["semantic_codec/model.safetensors"],
    "campplus": ["campplus_cn_common.safetensors"],
    "bigvgan": ["bigvgan_generator.safetensors", "config.json"],
}


def move_to(published, component, base):
    usual = present(published, AUXILIARY[component])
    for name in INSIDE[component]:
        target = base / name
        target.parent.mkdir(parents=True, exist_ok=True)
        source = usual if name.endswith(".safetensors") else usual.parent / "config.json"
        shutil.move(source, target)


LAYOUTS = {
    "hub in hf_cache": lambda folder, c: folder / "hf_cache" / HUB[c] / "snapshots/abc123",
    "hub beside": lambda folder, c: folder / HUB[c] / "snapshots/abc123",
    "repository": lambda folder, c: folder / "hf_cache" / HUB[c].split("--")[2],
    "owner and repository": lambda folder, c: folder / HUB[c].split("--")[1] / HUB[c].split("--")[2],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("component", HUB)
def test_layouts_of_the_auxiliary_models(published, component, layout):
    before = open_published(published)
    base = LAYOUTS[layout](published, component)
    move_to(published, component, base)
    after = open_published(published)
    assert after.model == before.model
    assert after.components[component][0].path.is_relative_to(base)


def test_several_revisions(published):
    repository = published / "hf_cache" / HUB["bigvgan"]
    move_to(published, "bigvgan", repository / "snapshots/old")
    shutil.copytree(repository / "snapshots/old", repository / "snapshots/new")
    with pytest.raises(CheckpointError, match="holds 2 revisions"):
        open_published(published)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text("new\n")
    assert "snapshots/new" in open_published(published).components["bigvgan"][0].path.as_posix()


def test_safetensors_are_preferred_to_a_pickle(published):
    (published / "gpt.pth").write_bytes(b"a pickle that nobody needs to open")
    assert open_published(published).components["gpt"][0].path.name == "gpt.safetensors"


def test_paths_in_the_configuration_are_taken_by_their_last_part(published):
    edit(published, "gpt_checkpoint", "/mnt/cluster/user/run 7/gpt.pth")
    edit(published, "s2mel_checkpoint", "C:\\runs\\s2mel.pth")
    edit(published, "spk_matrix", "../../etc/feat1.pt")
    found = open_published(published)
    assert found.components["gpt"][0].path == published / "gpt.safetensors"
    edit(published, "gpt_checkpoint", "other.pth")
    with pytest.raises(CheckpointError, match=r"missing: other\.pth"):
        open_published(published)


NOT_IMPLEMENTED = {
    "s2mel.dit_type": "UNet",
    "s2mel.length_regulator.vector_quantize": True,
    "s2mel.length_regulator.f0_condition": True,
    "s2mel.length_regulator.is_discrete": True,
    "s2mel.DiT.f0_condition": True,
    "s2mel.DiT.is_causal": True,
    "s2mel.DiT.final_layer_type": "mlp",
    "s2mel.DiT.uvit_skip_connection": ...,
    "s2mel.DiT.time_as_token": True,
    "s2mel.DiT.zero_prompt_speech_token": True,
    "s2mel.DiT.content_dim": 256,
    "s2mel.wavenet.hidden_dim": 256,
    "s2mel.wavenet.dilation_rate": 2,
    "s2mel.length_regulator.in_channels": 512,
    "s2mel.length_regulator.sampling_ratios": 4,
    "s2mel.preprocess_params.sr": 24000,
    "s2mel.preprocess_params.spect_params.fmax": 8000,
    "s2mel.preprocess_params.spect_params.n_mels": 100,
    "s2mel.DiT.depth": ...,
    "gpt.condition_type": ...,
    "gpt.condition_module.input_layer": "linear",
    "gpt.layers": "24",
    "gpt.heads": 0,
    "gpt.model_dim": -1280,
    "gpt.condition_module": None,
    "gpt.train_solo_embeddings": True,
    "semantic_codec.downsample_scale": 2,
    "semantic_codec.vocos_num_layers": True,
    "emo_num": [],
    "vocoder.type": "hifigan",
}


@pytest.mark.parametrize("key", NOT_IMPLEMENTED)
def test_what_is_not_implemented_is_refused(published, key):
    edit(published, key, NOT_IMPLEMENTED[key])
    with pytest.raises(CheckpointError) as caught:
        open_published(published)
    assert f"config.yaml: {key}" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("w2v-bert-2.0", "hidden_act", "gelu"),
        ("w2v-bert-2.0", "position_embeddings_type", "rotary"),
        ("w2v-bert-2.0", "num_hidden_layers", 16),
        ("w2v-bert-2.0", "layer_norm_eps", 1e-6),
        ("bigvgan", "resblock", "2"),
        ("bigvgan", "activation", "snake"),
        ("bigvgan", "snake_logscale", False),
        ("bigvgan", "use_bias_at_final", ...),
        ("bigvgan", "num_mels", 100),
        ("bigvgan", "upsample_rates", [4, 4, 2, 2, 2]),
        ("bigvgan", "resblock_dilation_sizes", [1, 3, 5]),
    ],
)
def test_what_is_not_implemented_in_the_auxiliary_models(published, file, key, value):
    edit(published, key, value, f"hf_cache/{file}/config.json")
    with pytest.raises(CheckpointError, match=r"config\.json: "):
        open_published(published)


def test_all_contradictions_are_named_at_once(published):
    for key in ("s2mel.dit_type", "gpt.layers", "vocoder.type"):
        edit(published, key, "x")
    with pytest.raises(CheckpointError, match=r"s2mel\.dit_type.*vocoder\.type.*gpt\.layers"):
        open_published(published)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.yaml", b"gpt: [1, 2", r"config\.yaml is not readable YAML \(line 1\)"),
        ("config.yaml", b"\xff\xfe\x00", r"config\.yaml is not readable YAML"),
        ("config.yaml", b"!!python/object/apply:os.system ['true']", r"config\.yaml is not readable YAML"),
        ("config.yaml", b"- 1", r"config\.yaml is not the configuration"),
        ("config.yaml", b"", r"config\.yaml is not the configuration"),
        ("config.yaml", b"a" * (2 << 20), r"config\.yaml is too large"),
        ("hf_cache/bigvgan/config.json", b"{", r"config\.json is not readable JSON"),
        ("hf_cache/bigvgan/config.json", b"[]", r"config\.json is not the configuration"),
        ("bpe.model", b"", r"bpe\.model has 0 pieces"),
        ("bpe.model", b"not a model", r"bpe\.model is damaged or not a SentencePiece model"),
    ],
)
def test_unreadable_small_files(published, name, content, message):
    (published / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        open_published(published)


def test_a_tokenizer_of_another_model(published):
    edit(published, "gpt.number_text_tokens", 12000)
    with pytest.raises(CheckpointError, match=rf"bpe\.model has {VOCABULARY} pieces.*12000"):
        open_published(published)


def test_not_a_published_directory(tmp_path, published):
    with pytest.raises(CheckpointError, match="no such folder"):
        open_published(tmp_path / "nowhere")
    (published / "manifest.json").touch()
    with pytest.raises(CheckpointError, match="converted checkpoint already"):
        open_published(published)


def test_without_pyyaml_it_says_what_to_install(published, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(CheckpointError, match=r"PyYAML: pip install 'indextts2_jax\[convert\]'"):
        open_published(published)


def test_the_official_flavour_is_found_too(tmp_path, fake_networks):
    pytest.importorskip("torch")
    found = open_published(write_published(tmp_path / "official", "official"))
    assert found.components["gpt"][0].path.name == "gpt.pth"
    assert copy.deepcopy(CONFIG)["version"] == 2.0
