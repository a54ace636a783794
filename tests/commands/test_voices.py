"""Voice files, several clips as one voice, and the memory of clips encoded."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

from indextts2_jax import IndexTTS2, ReferenceVoice
from indextts2_jax.audio.write import write_audio
from indextts2_jax.commands import voices
from indextts2_jax.errors import CheckpointError
from tests.tiny import RATE, tiny_artefact, tiny_synthesizer, tiny_voice, voice_clip


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for name, pitch in (("low", 110.0), ("high", 190.0)):
        write_audio(folder / f"{name}.wav", voice_clip(1.5, pitch)[0], RATE)
    return folder


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    return tiny_artefact(tmp_path_factory.mktemp("model") / "tiny")


def run(capsys, *arguments):
    code = voices.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_encode_show_list_and_speak(clips, artefact, tmp_path, capsys):
    output = tmp_path / "low.safetensors"
    code, out, _ = run(capsys, "encode", f"--checkpoint={artefact}", f"--output={output}", "--json", clips / "low.wav")
    told = json.loads(out)
    tts = IndexTTS2.from_pretrained(artefact)
    expected = tts.encode_voice(clips / "low.wav")
    loaded = ReferenceVoice.load(output)
    assert code == 0 and told["model_id"] == expected.model_id == loaded.model_id != ""
    assert told["source_sha256"] == expected.source_sha256 and told["bytes"] == output.stat().st_size
    assert told["prompt_seconds"] == pytest.approx(1.5, abs=0.03) and told["own_emotion"]
    np.testing.assert_array_equal(loaded.prompt_mel, expected.prompt_mel)

    code, out, _ = run(capsys, "show", output)
    assert code == 0 and "low.safetensors: prompt of 1.5" in out and told["source_sha256"][:12] in out
    (tmp_path / "weights.safetensors").write_bytes(b"no voice")
    code, out, err = run(capsys, "list", tmp_path, "--json")
    assert code == 0 and json.loads(out) == told and "left out" in err and "weights.safetensors" in err


def test_a_voice_is_refused_by_another_model():
    stranger = dataclasses.replace(tiny_voice(), model_id="0123456789abcdef")
    with pytest.raises(CheckpointError, match="another model"):
        tiny_synthesizer().synthesize("Hello.", stranger)


def test_several_clips_are_one_voice(clips, artefact, tmp_path, capsys):
    output = tmp_path / "both.safetensors"
    names = [clips / "low.wav", clips / "high.wav"]
    assert run(capsys, "encode", f"--checkpoint={artefact}", f"--output={output}", *names)[0] == 0
    tts, both = IndexTTS2.from_pretrained(artefact), ReferenceVoice.load(output)
    low, high = (tts.encode_voice(name) for name in names)
    for name in ("speaker_latents", "emotion_base", "emotion_own", "style"):
        mean = (getattr(low, name).astype(np.float64) + getattr(high, name)) / 2
        np.testing.assert_allclose(getattr(both, name), mean, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(both.prompt_mel, np.concatenate([low.prompt_mel, high.prompt_mel]))
    assert len(both.prompt_condition) == len(both.prompt_mel)
    assert both.source_sha256 not in (low.source_sha256, high.source_sha256)
    assert len(tts.synthesize("Hello there.", both).audio)


def test_prompts_stay_within_fifteen_seconds():
    voice = tiny_voice()

    def long(seconds: float) -> ReferenceVoice:
        frames = int(seconds * 22_050 / 256)
        shape = (frames, voice.prompt_mel.shape[1]), (frames, voice.prompt_condition.shape[1])
        return dataclasses.replace(
            voice, prompt_mel=np.zeros(shape[0], np.float32), prompt_condition=np.zeros(shape[1], np.float32)
        )

    merged = voices.merge([long(8), long(9), long(6)])
    assert len(merged.prompt_mel) == len(long(8).prompt_mel) + len(long(6).prompt_mel)
    assert voices.merge([voice]) is voice
    without = dataclasses.replace(voice, emotion_own=None)
    assert voices.merge([voice, without]).emotion_own is None
    with pytest.raises(CheckpointError, match="different models"):
        voices.merge([voice, dataclasses.replace(voice, model_id="another")])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say one of encode, mix, show, list"),
        (["play"], "not 'play'"),
        (["encode"], "encode needs --checkpoint"),
        (["encode", "--checkpoint=demo", "--output=a.wav", "clip.wav"], "ends in .safetensors"),
        (["encode", "--checkpoint=demo", "--output=/nowhere/a.safetensors", "clip.wav"], "no folder /nowhere"),
        (["encode", "--checkpoint=demo", "--output=a.safetensors", "missing.wav"], "missing.wav"),
        (["show"], "at least one voice file"),
        (["show", "missing.safetensors"], "No voice file at missing.safetensors"),
        (["show", "--colour=red"], "colour"),
        (["list", "/nowhere"], "no folder /nowhere"),
        (["list", "a", "b"], "one folder"),
    ],
)
def test_bad_commands_are_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert code == 2 and message in err and err.count("\n") == 1 and not out
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_listed_or_holds_none_is_told(tmp_path, capsys, monkeypatch):
    code, out, err = run(capsys, "list", tmp_path)
    assert (code, out) == (0, "") and err == f"note: there is no voice in {tmp_path}.\n"

    def locked(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(pathlib.Path, "iterdir", locked)
    code, out, err = run(capsys, "list", tmp_path)
    assert code == 2 and err == f"error: The system refuses {tmp_path}: Permission denied.\n"


def test_help(capsys):
    assert "indextts2 voices encode" in run(capsys, "--help")[1]
    assert "--checkpoint" in run(capsys, "encode", "--help")[1]
