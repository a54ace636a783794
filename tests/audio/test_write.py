"""Writing: samples as the reference's, complete files or none, and errors before the work rather than after it."""

import errno
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio import write as audio_write
from indextts2_jax.errors import AudioError
from tests.annotations import unchecked
from tests.audio.clips import voice

SPEECH = voice(0.5, audio_write.SAMPLING_RATE)[:, 0].astype(np.float32)


@pytest.mark.parametrize("name", ["out.wav", "out.WAV", "out.flac", "deeper/and/deeper/out.wav"])
def test_round_trip(name, tmp_path):
    audio_write.write_audio(tmp_path / name, SPEECH)
    samples, rate = soundfile.read(tmp_path / name, dtype="int16")
    info = soundfile.info(tmp_path / name)
    assert (rate, info.channels, info.subtype) == (22_050, 1, "PCM_16")
    assert info.format == ("FLAC" if name.endswith("flac") else "WAV")
    assert np.abs(samples / 32768 - SPEECH).max() <= 2 / 32768
    loaded = audio_clip.load_clip(tmp_path / name)
    np.testing.assert_allclose(loaded.audio, SPEECH, atol=1e-4)


def test_integers_are_written_as_they_are(tmp_path):
    samples = np.array([-32768, -32767, -1, 0, 1, 32767] * 2000, np.int16)
    audio_write.write_audio(tmp_path / "out.wav", samples, 16_000)
    read, rate = soundfile.read(tmp_path / "out.wav", dtype="int16")
    assert rate == 16_000
    np.testing.assert_array_equal(read, samples)


def test_in_memory_values_are_cut_off():
    wav = np.array([0.0, 0.99996, -0.99996, 1.0, -1.0, 2.0, -2.0, 1.9 / 32767, -1.9 / 32767], np.float32)
    np.testing.assert_array_equal(audio_write.to_int16(wav), [0, 32765, -32765, 32767, -32767, 32767, -32767, 1, -1])


def test_a_file_holds_what_the_reference_returns_in_memory(tmp_path):
    wav = np.random.default_rng(0).uniform(-1.1, 1.1, 20_000).astype(np.float32)
    audio_write.write_audio(tmp_path / "out.wav", wav)
    np.testing.assert_array_equal(soundfile.read(tmp_path / "out.wav", dtype="int16")[0], audio_write.to_int16(wav))


def test_silence():
    assert [len(audio_write.silence(ms)) for ms in (0, 1, 200, 333, 800.0)] == [0, 22, 4410, 7342, 17_640]
    assert audio_write.silence(3).dtype == np.float32 and not audio_write.silence(3).any()


@pytest.mark.parametrize(
    ("audio", "expected"),
    [
        (np.zeros((10, 1), np.float32), r"shape \(10, 1\)"),
        (np.zeros(0, np.float32), r"shape \(0,\)"),
        (np.float32(1), r"shape \(\)"),
        (np.zeros(10, np.int32), "type int32"),
        (np.zeros(10, complex), "type complex128"),
        (np.array([0.0, np.nan], np.float32), "NaN"),
        (np.array([0.0, np.inf], np.float32), "NaN"),
    ],
)
def test_what_cannot_be_written(audio, expected, tmp_path):
    with unchecked(), pytest.raises(AudioError, match=expected):
        audio_write.write_audio(tmp_path / "out.wav", audio)
    assert not list(tmp_path.iterdir())


def test_nan_has_no_int16():
    with pytest.raises(AudioError, match="NaN"):
        audio_write.to_int16(np.array([np.nan], np.float32))


@pytest.mark.parametrize("write", [audio_write.check_writable, lambda path: audio_write.write_audio(path, SPEECH)])
@pytest.mark.parametrize(
    "name",
    ["out.mp3", "out", "", "out.wav.txt", ".wav", "folder.wav", "file/out.wav", "file/deeper/out.wav", "a\0b.wav"]
    + ["n" * 252 + ".wav"]
    + ["/proc/out.wav", "/proc/none/out.wav"],
)
def test_places_that_cannot_be_written(write, name, tmp_path):
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "file").write_bytes(b"keep")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(AudioError) as caught:
        write(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_bytes() == b"keep"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    for write in (audio_write.check_writable, lambda path: audio_write.write_audio(path, SPEECH)):
        with pytest.raises(AudioError, match="Permission denied"):
            write(tmp_path / "out.wav")
    tmp_path.chmod(0o700)


def test_check_leaves_nothing_behind(tmp_path):
    (tmp_path / "old.wav").write_bytes(b"old")
    for name in ("new.wav", "old.wav", "not/yet/there.flac", "n" * 251 + ".wav"):
        audio_write.check_writable(tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["old.wav"]
    assert (tmp_path / "old.wav").read_bytes() == b"old"


def test_the_longest_name(tmp_path):
    audio_write.write_audio(tmp_path / ("n" * 251 + ".wav"), SPEECH)


def test_mode_follows_the_umask(tmp_path):
    before = os.umask(0o022)
    try:
        audio_write.write_audio(tmp_path / "out.wav", SPEECH)
    finally:
        os.umask(before)
    assert (tmp_path / "out.wav").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("step", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_failure_at_any_step_leaves_the_old_file(step, code, tmp_path, monkeypatch):
    target = tmp_path / "out.wav"
    target.write_bytes(b"old")

    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    class FailingFile:
        def __init__(self, *arguments):
            self.file = open(*arguments)  # noqa: SIM115

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        write = fail

    if step in ("fsync", "replace"):
        monkeypatch.setattr(os, step, fail)
    else:
        monkeypatch.setattr(audio_write, "open", fail if step == "open" else FailingFile, raising=False)
    with pytest.raises(AudioError, match=os.strerror(code)):
        audio_write.write_audio(target, SPEECH)
    monkeypatch.undo()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]
    audio_write.write_audio(target, SPEECH)
    audio_clip.load_clip(target)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_killed_before_the_rename(step, tmp_path):
    target = tmp_path / "out.wav"
    target.write_bytes(b"old")
    code = f"""
import os, signal, sys
import numpy as np
from indextts2_jax.audio.write import write_audio
os.{step} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
write_audio(sys.argv[1], np.zeros(1000, np.float32))
"""
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code, str(target)], env=environment)
    assert done.returncode == -signal.SIGKILL
    assert target.read_bytes() == b"old"
    audio_write.write_audio(target, SPEECH)
    audio_clip.load_clip(target)
    assert os.listdir(tmp_path) == ["out.wav"]  # what the dead process left behind is gone


def test_a_link_is_replaced_not_followed(tmp_path):
    other = tmp_path / "other.wav"
    other.write_bytes(b"old")
    (tmp_path / "out.wav").symlink_to(other)
    audio_write.write_audio(tmp_path / "out.wav", SPEECH)
    assert other.read_bytes() == b"old"
    assert not pathlib.Path(tmp_path / "out.wav").is_symlink()
