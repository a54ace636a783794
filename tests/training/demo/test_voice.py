"""The program that makes a reference clip."""

import numpy as np
import pytest
import soundfile

from indextts2_jax.errors import AudioError, IndexTTSError
from indextts2_jax.runtime import command_line
from indextts2_jax.training.demo import voice

from .fake_teacher import FakeTeacher


def run(*arguments: str) -> int:
    return command_line.run(voice.work, voice.define, voice.__doc__, arguments)


def test_clip(tmp_path, monkeypatch):
    monkeypatch.setattr(voice.teacher, "Teacher", FakeTeacher)
    for name in ("a.flac", "b.flac"):
        assert run(f"--output={tmp_path / name}", f"--teacher={tmp_path}") == 0
    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()
    info = soundfile.info(tmp_path / "a.flac")
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("FLAC", "PCM_16", 22050, 1)
    audio, _ = soundfile.read(tmp_path / "a.flac")
    assert np.max(np.abs(audio)) == pytest.approx(voice.PEAK, abs=1e-4)


def test_silence_is_refused(monkeypatch, tmp_path):
    silent = FakeTeacher(tmp_path)
    monkeypatch.setattr(silent, "speak", lambda *given: (np.zeros(2400, np.float32), np.array([4])))
    with pytest.raises(AudioError, match="silence"):
        voice.make_clip(silent, {"af_heart": 1.0})


def test_mixtures():
    assert voice.parse("af_heart") == {"af_heart": 1.0}
    assert voice.parse("af_heart:0.6,am_michael:0.4") == {"af_heart": 0.6, "am_michael": 0.4}
    for text in ("", "nobody", "af_heart:x", "af_heart:-1"):
        with pytest.raises(IndexTTSError, match="--voice="):
            voice.parse(text)


def test_without_the_teacher(tmp_path, capsys):
    assert run(f"--output={tmp_path / 'a.flac'}", f"--teacher={tmp_path / 'none'}") == 2
    assert "fetch_teacher" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [(), ("--output=x.flac", "--teacher=x", "--voice=nobody"), ("--output=x", "y")])
def test_bad_command_line(arguments, capsys):
    assert run(*arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")
