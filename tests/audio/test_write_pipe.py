"""Speech through a pipe."""

import io
import os
import threading

import numpy as np
import pytest
import soundfile

from indextts2_jax.audio.write import PipeWriter, to_int16, wav_header
from indextts2_jax.errors import AudioError


def tone(samples: int) -> np.ndarray:
    return (0.5 * np.sin(0.1 * np.arange(samples))).astype(np.float32)


def test_raw_samples():
    pipe = io.BytesIO()
    with PipeWriter(pipe, raw=True) as writer:
        writer.write(tone(100)[:40])
        writer.write(np.zeros(0, np.float32))
        writer.write(tone(100)[40:])
    assert writer.samples == 100 and not pipe.closed
    np.testing.assert_array_equal(np.frombuffer(pipe.getvalue(), "<i2"), to_int16(tone(100)))


def test_a_wav_that_a_player_reads_while_it_is_written():
    """libsndfile reads from the other end of a pipe, where it can neither seek nor see the end."""
    reading, writing = os.pipe()

    def speak() -> None:
        with os.fdopen(writing, "wb") as pipe, PipeWriter(pipe, 16_000) as writer:
            for start in range(0, 5000, 1000):
                writer.write(tone(5000)[start : start + 1000])

    thread = threading.Thread(target=speak)
    thread.start()
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    thread.join()
    assert data.startswith(wav_header(16_000)) and len(wav_header(16_000)) == 44
    with soundfile.SoundFile(io.BytesIO(data)) as sound:
        assert (sound.samplerate, sound.channels, sound.subtype) == (16_000, 1, "PCM_16")
        np.testing.assert_array_equal(sound.read(5000, dtype="int16"), to_int16(tone(5000)))


def test_a_closed_pipe_is_an_error_that_says_when():
    reading, writing = os.pipe()
    os.close(reading)
    message = r"broke after 0\.0 s of speech: the reader closed it"
    with os.fdopen(writing, "wb", buffering=0) as pipe, pytest.raises(AudioError, match=message):
        PipeWriter(pipe, 1000).write(tone(10))


def test_nothing_written_leaves_nothing():
    pipe = io.BytesIO()
    with PipeWriter(pipe):
        pass
    assert pipe.getvalue() == b""
