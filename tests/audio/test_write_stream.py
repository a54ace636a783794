"""AudioWriter: the bytes of `write_audio`, piece by piece; whole files or none; memory that does not grow."""

import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from indextts2_jax.audio import write as audio_write
from indextts2_jax.errors import AudioError
from tests.annotations import unchecked

NOISE = np.random.default_rng(0).uniform(-1.1, 1.1, 50_001).astype(np.float32)


@pytest.mark.parametrize("name", ["out.wav", "out.flac", "deeper/still/out.wav"])
def test_the_bytes_are_those_of_write_audio(name, tmp_path):
    audio_write.write_audio(tmp_path / "at_once" / name, NOISE)
    with audio_write.AudioWriter(tmp_path / name) as file:
        for start in range(0, len(NOISE), 777):
            file.write(NOISE[start : start + 777])
            file.write(NOISE[:0])
    assert file.samples == len(NOISE)
    assert (tmp_path / name).read_bytes() == (tmp_path / "at_once" / name).read_bytes()
    assert [path.name for path in (tmp_path / name).parent.iterdir() if path.is_file()] == [name.split("/")[-1]]


@pytest.mark.parametrize("name", ["out.wav", "out.flac"])
def test_an_error_inside_leaves_the_old_file(name, tmp_path):
    (tmp_path / name).write_bytes(b"old")
    for error in (KeyError, KeyboardInterrupt):
        with pytest.raises(error), audio_write.AudioWriter(tmp_path / name) as file:
            file.write(NOISE)
            raise error
    assert (tmp_path / name).read_bytes() == b"old" and os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(
    "audio", [NOISE[:0], np.zeros((5, 1), np.float32), np.array([np.nan], np.float32), np.zeros(5, np.int64)]
)
def test_what_cannot_be_written(audio, tmp_path):
    with unchecked(), pytest.raises(AudioError), audio_write.AudioWriter(tmp_path / "out.wav") as file:
        file.write(audio)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("name", ["out.mp3", "out", "file/out.wav", "/proc/none/out.wav", "a\0b.wav"])
def test_places_that_cannot_be_written(name, tmp_path):
    (tmp_path / "file").write_bytes(b"keep")
    with pytest.raises(AudioError) as caught, audio_write.AudioWriter(tmp_path / name) as file:
        file.write(NOISE)
    assert "\n" not in str(caught.value) and os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["out.wav", "out.flac"])
@pytest.mark.parametrize("limit", [0, 20, 4096, 60_000])
def test_a_full_disk(name, limit, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(AudioError, match="File too large"), audio_write.AudioWriter(tmp_path / name) as file:
            for start in range(0, len(NOISE), 777):
                file.write(NOISE[start : start + 777])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_at_the_end(step, tmp_path, monkeypatch):
    (tmp_path / "out.wav").write_bytes(b"old")

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audio_write.os, step, fail)
    with pytest.raises(AudioError, match="No space"), audio_write.AudioWriter(tmp_path / "out.wav") as file:
        file.write(NOISE)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["out.wav"] and (tmp_path / "out.wav").read_bytes() == b"old"


def test_a_wav_that_would_be_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(audio_write, "MAX_WAV_SAMPLES", 60_000)
    with pytest.raises(AudioError, match="flac"), audio_write.AudioWriter(tmp_path / "out.wav") as file:
        file.write(NOISE)
        file.write(NOISE)
    with audio_write.AudioWriter(tmp_path / "out.flac") as file:
        file.write(NOISE)
        file.write(NOISE)
    assert os.listdir(tmp_path) == ["out.flac"]


def test_writing_outside_the_block_is_a_mistake(tmp_path):
    with pytest.raises(ValueError, match="with block"):
        audio_write.AudioWriter(tmp_path / "out.wav").write(NOISE)


MEMORY = """
import resource, sys
import numpy as np
from indextts2_jax.audio.write import AudioWriter
piece = np.zeros(1 << 16, np.float32)
with AudioWriter(sys.argv[1]) as file:
    file.write(piece)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(400):
        file.write(piece)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_does_not_grow(tmp_path):
    """20 minutes of speech, 105 MB as float32."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path / "out.wav")], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 20


@pytest.mark.parametrize("name", ["a.flac", "a.wav"])
def test_tags(tmp_path, name):
    tags = {"title": "Schön", "artist": "", "tracknumber": "3", "mood": "x"}
    with audio_write.AudioWriter(tmp_path / name, tags=tags) as file:
        file.write(np.ones(10, np.int16))
    with soundfile.SoundFile(tmp_path / name) as read:
        assert (read.title, read.artist, read.frames) == ("Schön", "", 10)
        assert read.tracknumber == "3" or name == "a.wav"
