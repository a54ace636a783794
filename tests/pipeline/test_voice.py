"""Saved voices: what is damaged, or fits no model, is refused before anything is computed with it."""

import dataclasses
import os

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from indextts2_jax.errors import CheckpointError
from indextts2_jax.pipeline.voice import MAX_FRAMES, VOICE_FORMAT, ReferenceVoice, check_voice
from tests.tiny import tiny_config, tiny_voice


@pytest.fixture
def saved(tmp_path):
    tiny_voice().save(tmp_path / "voice.safetensors")
    return tmp_path / "voice.safetensors"


def contents(path):
    with safe_open(path, framework="numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def rewritten(path, changes):
    """The file with other arrays, as somebody might make one without our program."""
    arrays, metadata = contents(path)
    arrays |= changes
    metadata = {key: metadata[key] for key in ("format", "model_id", "source_sha256")}
    save_file(
        {name: np.ascontiguousarray(array) for name, array in arrays.items() if array is not None}, path, metadata
    )


def test_it_comes_back_as_it_was(saved, caplog):
    voice, loaded = tiny_voice(), ReferenceVoice.load(saved)
    for field in dataclasses.fields(voice):
        np.testing.assert_array_equal(getattr(loaded, field.name), getattr(voice, field.name))
    check_voice(loaded, tiny_config().model)
    assert not caplog.records


def test_of_an_earlier_version_it_loads_with_a_note(saved, caplog):
    rewritten(saved, {})
    np.testing.assert_array_equal(ReferenceVoice.load(saved).style, tiny_voice().style)
    (record,) = caplog.records
    assert "without a checksum" in record.getMessage()


@pytest.mark.parametrize("seed", range(60))
def test_a_flipped_bit_is_found(seed, saved):
    data = bytearray(saved.read_bytes())
    position = np.random.default_rng(seed).integers(8, len(data))
    data[position] ^= 1 << seed % 8
    saved.write_bytes(data)
    try:
        voice = ReferenceVoice.load(saved)
    except CheckpointError as error:
        assert "\n" not in str(error)
    else:  # of the spaces that fill the header, for one
        np.testing.assert_array_equal(voice.prompt_mel, tiny_voice().prompt_mel)


EMPTY = np.zeros(0, np.float32)
MISFITS = {
    "no latents": {"speaker_latents": np.zeros((0, 16), np.float32)},
    "latents without a width": {"speaker_latents": np.zeros((2, 0), np.float32)},
    "no prompt": {"prompt_mel": np.zeros((0, 80), np.float32), "prompt_condition": np.zeros((0, 16), np.float32)},
    "a prompt without bins": {"prompt_mel": np.zeros((5, 0), np.float32)},
    "an empty style": {"style": EMPTY},
    "an empty emotion": {"emotion_base": EMPTY, "emotion_own": EMPTY},
    "one number of emotion": {"emotion_base": np.ones(1, np.float32)},
    "another emotion of its own": {"emotion_own": np.ones(3, np.float32)},
    "a prompt of two lengths": {"prompt_mel": np.ones((7, 80), np.float32)},
    "a prompt of minutes": {
        "prompt_mel": np.ones((30_000, 80), np.float32),
        "prompt_condition": np.ones((30_000, 16), np.float32),
    },
    "too many axes": {"style": np.ones((1, 16), np.float32)},
    "too few axes": {"prompt_mel": np.ones(80, np.float32)},
    "whole numbers": {"style": np.ones(16, np.int32)},
    "double precision": {"style": np.ones(16, np.float64)},
    "infinite": {"style": np.full(16, np.inf, np.float32)},
    "another name": {"stile": np.ones(16, np.float32)},
}


@pytest.mark.parametrize("name", MISFITS)
def test_arrays_that_do_not_fit_together(name, saved):
    rewritten(saved, MISFITS[name])
    with pytest.raises(CheckpointError) as error:
        ReferenceVoice.load(saved)
    assert str(saved) in str(error.value) and "\n" not in str(error.value)


def resized(**changes):
    voice = tiny_voice()
    width = changes.pop("width", voice.emotion_base.shape[0])
    arrays = {
        "speaker_latents": np.ones((changes.pop("latents", voice.speaker_latents.shape[0]), width), np.float32),
        "emotion_base": np.ones(width, np.float32),
        "emotion_own": np.ones(width, np.float32),
        "style": np.ones(changes.pop("style", voice.style.shape[0]), np.float32),
        "prompt_mel": np.ones((9, changes.pop("bins", voice.prompt_mel.shape[1])), np.float32),
        "prompt_condition": np.ones((9, changes.pop("conditions", voice.prompt_condition.shape[1])), np.float32),
    }
    assert not changes
    return dataclasses.replace(voice, **arrays)


def test_sizes_are_those_of_the_model():
    check_voice(resized(), tiny_config().model)
    for change in ("width", "latents", "style", "bins", "conditions"):
        with pytest.raises(CheckpointError, match="none of this model"):
            check_voice(resized(**{change: 3}), tiny_config().model)


def test_files_that_are_no_voices(tmp_path):
    huge = tmp_path / "huge.safetensors"
    with open(huge, "wb") as file:
        os.truncate(file.fileno(), 65 << 20)
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "empty.safetensors").touch()
    save_file({"style": np.ones(3, np.float32)}, tmp_path / "other.safetensors", {"format": VOICE_FORMAT})
    names = ("huge", "folder", "empty", "other", "none", "\ud800", "v" * 5000, "a\0b")
    for name in names:
        with pytest.raises(CheckpointError):
            ReferenceVoice.load(tmp_path / f"{name}.safetensors")
    assert MAX_FRAMES == 1291
