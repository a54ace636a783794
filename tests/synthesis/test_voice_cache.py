"""A clip given twice is encoded once: by its samples, in memory, and on the disk where that is wanted."""

import numpy as np
import pytest
import soundfile

from indextts2_jax import IndexTTS2
from indextts2_jax.pipeline import encode
from indextts2_jax.synthesis import voice_cache
from tests.tiny import tiny_config, voice_clip


@pytest.fixture
def encoded(monkeypatch) -> list[int]:
    """Grows by an entry with every clip that is encoded."""
    calls, own = [], encode.encode_voice
    monkeypatch.setattr(encode, "encode_voice", lambda *a, **k: calls.append(1) or own(*a, **k))
    return calls


def model(folder=None) -> IndexTTS2:
    tts = IndexTTS2.from_random(tiny_config())
    tts.voices.folder = folder
    return tts


def test_clips_are_remembered_by_their_samples(encoded, tmp_path):
    tts, path = model(), tmp_path / "a.wav"
    low, high = voice_clip(), voice_clip(pitch=190.0)
    for clip in (low, high):
        soundfile.write(path, *clip, subtype="FLOAT")
    soundfile.write(path, *low, subtype="FLOAT")
    first = tts.encode_voice(path)
    soundfile.write(tmp_path / "b.wav", *low, subtype="FLOAT")
    assert tts.encode_voice(tmp_path / "b.wav") is first and len(encoded) == 1
    soundfile.write(path, *high, subtype="FLOAT")
    assert not np.array_equal(tts.encode_voice(path).style, first.style) and len(encoded) == 2
    assert tts.encode_voice(path, own_emotion=False).emotion_own is None and len(encoded) == 3
    assert not list(tmp_path.glob("*.safetensors"))  # nothing on the disk that nobody asked for


def test_the_next_process_finds_them_on_the_disk(encoded, tmp_path):
    folder = tmp_path / "voices"
    first = model(folder).encode_voice(voice_clip())
    again = model(folder).encode_voice(voice_clip())
    assert len(encoded) == 1
    for name, value in vars(first).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    (kept,) = folder.iterdir()
    kept.write_bytes(b"damaged")
    model(folder).encode_voice(voice_clip())
    assert len(encoded) == 2
    other = model(folder)
    other.voices._model_id = "another"
    other.encode_voice(voice_clip())
    assert len(encoded) == 3 and len(list(folder.iterdir())) == 2


def test_a_folder_that_cannot_be_written_costs_the_time_only(encoded, tmp_path):
    (tmp_path / "file").write_text("")
    for _ in range(2):
        model(tmp_path / "file" / "voices").encode_voice(voice_clip())
    assert len(encoded) == 2


def test_the_folder_is_bounded(encoded, tmp_path, monkeypatch):
    monkeypatch.setattr(voice_cache, "ON_DISK", 2)
    for pitch in (100.0, 150.0, 200.0):
        model(tmp_path).encode_voice(voice_clip(pitch=pitch))
    assert len(encoded) == 3 and len(list(tmp_path.iterdir())) == 2
    model(tmp_path).encode_voice(voice_clip(pitch=200.0))
    assert len(encoded) == 3
