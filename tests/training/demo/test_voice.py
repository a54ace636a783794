"""The program that makes the bundled reference clip."""

import shutil

import numpy as np
import pytest
import soundfile

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.runtime import command_line
from indextts2_jax.training.demo import voice


def run(*arguments: str) -> int:
    return command_line.run(voice._work, voice._define, voice.__doc__, arguments)


@pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed")
def test_clip(tmp_path):
    for name in ("a.flac", "b.flac"):
        assert run(f"--output={tmp_path / name}") == 0
    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()
    info = soundfile.info(tmp_path / "a.flac")
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("FLAC", "PCM_16", 16000, 1)
    audio, _ = soundfile.read(tmp_path / "a.flac")
    assert 3 < info.duration < 6 and np.max(np.abs(audio)) == pytest.approx(voice.PEAK, abs=1e-4)


def test_without_flite(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(IndexTTSError, match="flite is not installed"):
        voice.make_clip("rms")
    assert run(f"--output={tmp_path / 'a.flac'}") == 2
    assert capsys.readouterr().err == "error: flite is not installed. On Debian: apt-get install flite\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [(), ("--output=x.flac", "--voice=nobody"), ("--output=x.flac", "stray")])
def test_bad_command_line(arguments, capsys):
    assert run(*arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")
