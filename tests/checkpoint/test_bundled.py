"""What "demo" means, the settings that an artefact brings along, and what importing the package does not import."""

import json
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest

from configs.demo import demo_settings, get_config
from indextts2_jax import IndexTTS2
from indextts2_jax.checkpoint import artefact as artefacts
from indextts2_jax.checkpoint import bundled, digests
from indextts2_jax.config import Config, GptConfig, ModelConfig, fitted, from_dict, replace
from indextts2_jax.errors import AudioError, CheckpointError, ConfigError
from tests.tiny import tiny_artefact, tiny_synthesizer

SETTINGS = replace(demo_settings(), decode={"max_mel_tokens": 7}, interval_silence_ms=50)


@pytest.fixture(scope="module")
def artefact(tmp_path_factory) -> pathlib.Path:
    return tiny_artefact(tmp_path_factory.mktemp("artefact") / "tiny", dtype="float16", defaults=SETTINGS)


@pytest.fixture
def edited(artefact, tmp_path):
    """The artefact with another `defaults`, sealed anew as only a forger does."""

    def edit(defaults) -> pathlib.Path:
        folder = tmp_path / "edited"
        folder.mkdir()
        for path in artefact.iterdir():
            if path.name != digests.NAME:
                (folder / path.name).write_bytes(path.read_bytes())
        config = json.loads((folder / "config.json").read_text())
        config["defaults"] = defaults
        (folder / "config.json").write_text(json.dumps(config))
        digests.write(folder, {path.name: digests.digest_file(path) for path in folder.iterdir()})
        return folder

    return edit


# --- the name -------------------------------------------------------------------------------------------------


def test_the_name_is_the_bundled_model_and_every_path_is_a_path(monkeypatch, tmp_path, artefact, caplog):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bundled, "MODEL", artefact)
    bundled._warn_hidden.cache_clear()
    (tmp_path / "demo").mkdir()
    assert bundled.resolve("demo") == artefact
    assert not caplog.records
    (tmp_path / "demo" / "manifest.json").touch()
    assert bundled.resolve("demo") == artefact
    assert '"./demo"' in caplog.text
    for path in ("./demo", "demo/", pathlib.Path("demo"), str(tmp_path / "demo"), "Demo"):
        assert bundled.resolve(path) == pathlib.Path(path)
        assert not bundled.is_demo(path)


def test_a_folder_of_that_name_can_be_loaded(monkeypatch, tmp_path, artefact):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bundled, "MODEL", tmp_path / "nowhere")
    (tmp_path / "demo").symlink_to(artefact)
    assert artefacts.read_header(bundled.resolve("./demo")).defaults is not None


def test_an_installation_without_the_model(monkeypatch, tmp_path):
    monkeypatch.setattr(bundled, "MODEL", tmp_path / "nowhere")
    monkeypatch.setattr(bundled, "VOICE", tmp_path / "nowhere.flac")
    with pytest.raises(CheckpointError, match="demo model is not part of this installation") as caught:
        IndexTTS2.from_pretrained("demo")
    assert "\n" not in str(caught.value)
    with pytest.raises(AudioError, match="reference clip is not part of this installation"):
        bundled.voice_clip()


def test_the_bundled_clip_is_a_reference_clip():
    from indextts2_jax.audio import clip as audio_clip

    clip = audio_clip.load_clip(bundled.voice_clip())
    assert clip.sampling_rate == 16000 and 3 < len(clip.audio) / 16000 < 6
    assert 0.4 < np.max(np.abs(clip.audio)) < 0.9


# --- loading --------------------------------------------------------------------------------------------------


def dtypes(tts: IndexTTS2) -> set[str]:
    return {str(leaf.dtype) for leaf in jax.tree.leaves(tts.params)}


def test_the_demo_brings_its_settings_and_computes_in_float32(monkeypatch, artefact):
    monkeypatch.setattr(bundled, "MODEL", artefact)
    tts = IndexTTS2.from_pretrained("demo")
    assert tts.config == replace(SETTINGS, checkpoint="")
    assert dtypes(tts) == {"float32"}
    half = tiny_synthesizer().params["bigvgan"]["conv_pre"]["kernel"].astype(np.float16)
    np.testing.assert_array_equal(tts.params["bigvgan"]["conv_pre"]["kernel"], half.astype(np.float32))
    own = replace(Config(), decode={"max_mel_tokens": 9})
    assert IndexTTS2.from_pretrained("demo", config=own).config == own
    changed = IndexTTS2.from_pretrained("demo", config={"decode": {"num_beams": 1}, "polish": {"end_fade_ms": 9}})
    assert changed.config == replace(tts.config, decode={"num_beams": 1}, polish={"end_fade_ms": 9})


def test_float16_is_for_storing_where_a_cpu_computes(artefact):
    widened = jax.default_backend() == "cpu"
    assert dtypes(IndexTTS2.from_pretrained(artefact)) == ({"float32"} if widened else {"float16"})
    assert dtypes(IndexTTS2.from_pretrained(artefact, dtype="float16")) == {"float16"}
    with pytest.raises(ConfigError, match="dtype is 'int8'"):
        IndexTTS2.from_pretrained(artefact, dtype="int8")


def test_an_artefact_without_settings_has_the_published_ones(tmp_path):
    folder = tiny_artefact(tmp_path / "plain")
    assert "defaults" not in json.loads((folder / "config.json").read_text())
    assert artefacts.load_artefact(folder).defaults is None
    assert IndexTTS2.from_pretrained(folder).config == fitted(Config(), tiny_synthesizer().model)


# --- the settings of an artefact ------------------------------------------------------------------------------


def test_settings_come_back_as_they_were_written(artefact):
    stored = json.loads((artefact / "config.json").read_text())["defaults"]
    assert set(stored) == {"text", "decode", "flow", "emotion", "redraw", "polish", "interval_silence_ms"}
    expected = replace(SETTINGS, checkpoint="")
    assert artefacts.read_header(artefact).defaults == artefacts.load_artefact(artefact).defaults == expected


def test_settings_may_be_given_in_part(edited):
    header = artefacts.read_header(edited({"decode": {"num_beams": 1}}))
    assert header.defaults == replace(Config(), decode={"num_beams": 1})


def test_settings_beyond_the_model_are_not_written(tmp_path):
    empty = {"dtype": "float32", "tokenizer": b"", "source": {}, "tensors": []}
    small = ModelConfig(gpt=GptConfig(max_mel_tokens=100))
    with pytest.raises(ConfigError, match=r"decode\.max_mel_tokens is 1500, but it must be at most 100"):
        artefacts.write_artefact(tmp_path / "x", model=small, defaults=Config(), **empty)
    small = ModelConfig(gpt=GptConfig(max_text_tokens=100))
    with pytest.raises(ConfigError, match=r"text\.max_text_tokens_per_segment is 120, but it must be at most 100"):
        artefacts.write_artefact(tmp_path / "x", model=small, defaults=Config(), **empty)
    assert not (tmp_path / "x").exists()


BAD = {
    "not a group": ([1], "must be a group"),
    "null": (None, "must be a group"),
    "unknown group": ({"decoding": {}}, "decoding is no setting"),
    "a model": ({"model": {}}, "model is no setting"),
    "a checkpoint": ({"checkpoint": "demo"}, "checkpoint is no setting"),
    "unknown key": ({"decode": {"beams": 1}}, "decode.beams"),
    "wrong type": ({"flow": {"steps": "many"}}, "flow.steps"),
    "out of range": ({"decode": {"num_beams": 0}}, "decode.num_beams"),
    "beyond the model": ({"text": {"max_text_tokens_per_segment": 601}}, "max_text_tokens_per_segment"),
}


@pytest.mark.parametrize("case", BAD)
def test_settings_that_make_no_sense(case, edited):
    defaults, word = BAD[case]
    folder = edited(defaults)
    for load in (artefacts.read_header, artefacts.load_artefact, IndexTTS2.from_pretrained):
        with pytest.raises(CheckpointError, match="defaults: ") as caught:
            load(folder)
        assert word in str(caught.value) and str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_the_configuration_file_says_the_same():
    assert from_dict(Config, get_config().to_dict()) == demo_settings()
    assert demo_settings().checkpoint == bundled.NAME and demo_settings().model is None


# --- imports --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import indextts2_jax, indextts2_jax.checkpoint.bundled", ("jax", "flax", "torch", "indextts2_jax.training")),
        ("from indextts2_jax import IndexTTS2", ("torch", "tensorflow", "optax", "indextts2_jax.training")),
    ],
)
def test_what_is_not_imported(statement, absent):
    code = f"{statement}; import sys; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == "[]"
