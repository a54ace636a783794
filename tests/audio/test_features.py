"""Filter banks, filter-bank energies and the mel: shapes, known answers, and independence of container and threads."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio import kaldi_fbank, mel, resample, w2v_features
from indextts2_jax.audio.filterbanks import kaldi_bank, slaney_bank
from tests.audio.clips import encode, voice


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(count).normal(0, 0.1, count).astype(np.float32)


def features(clip: audio_clip.Clip) -> list[np.ndarray]:
    audio_22k, audio_16k = resample.speaker_audio(clip)
    return [
        mel.ref_mel(audio_22k),
        kaldi_fbank.campplus_fbank(audio_16k),
        w2v_features.w2v_features(audio_16k).features,
    ]


def test_banks():
    kaldi, slaney = kaldi_bank(), slaney_bank()
    assert kaldi.shape == (80, 257)
    assert slaney.shape == (80, 513)
    hertz = np.arange(257) * 31.25
    assert (kaldi[0].argmax(), kaldi[-1].argmax()) == (1, 248)
    assert not kaldi[:, [0, 256]].any()  # neither the constant nor 8 kHz
    # Two neighbouring triangles of height 1 add up to 1 between the first and the last centre.
    np.testing.assert_allclose(kaldi.sum(axis=0)[(hertz > 60) & (hertz < 7600)], 1.0, atol=1e-12)
    # Slaney's have equal area: the sum over bins of 21.5 Hz is 1 per Hz where a triangle spans many bins.
    np.testing.assert_allclose(slaney[60:].sum(axis=1) * 22_050 / 1024, 1.0, rtol=0.01)
    assert slaney.max() == pytest.approx(0.0241469, rel=1e-5)  # librosa.filters.mel(sr=22050, n_fft=1024, n_mels=80)
    for bank in (kaldi, slaney):
        with pytest.raises(ValueError, match="read-only"):
            bank[0, 0] = 1


@pytest.mark.parametrize("count", [400, 559, 560, 16_000, 16_001])
def test_fbank_frames(count):
    frames = 1 + (count - 400) // 160
    fbank = kaldi_fbank.campplus_fbank(noise(count))
    assert fbank.shape == (frames, 80)
    assert fbank.dtype == np.float32
    np.testing.assert_allclose(fbank.mean(axis=0), 0.0, atol=1e-5)


def test_fbank_of_silence_is_the_floor():
    np.testing.assert_allclose(kaldi_fbank.log_energies(np.zeros(800, np.float32), 1.0), np.log(2.0**-23), rtol=1e-12)


def test_fbank_finds_a_tone():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    energies = kaldi_fbank.log_energies(tone, 1.0)
    assert set(energies.argmax(axis=1)) == {int(kaldi_bank()[:, 32].argmax())}  # 1000 Hz is bin 32 of 31.25 Hz
    above = energies > np.log(2.0**-23)
    np.testing.assert_allclose(kaldi_fbank.log_energies(tone, 2.0)[above], energies[above] + np.log(4.0), atol=1e-6)


@pytest.mark.parametrize(("count", "frames", "attended"), [(560, 1, 1), (720, 2, 1), (880, 2, 2), (16_000, 49, 49)])
def test_w2v_frames(count, frames, attended):
    out = w2v_features.w2v_features(noise(count))
    assert out.features.shape == (frames, 160)
    assert out.features.dtype == np.float32
    assert out.attended == attended
    if frames > attended:
        np.testing.assert_array_equal(out.features[-1, 80:], 1.0)


def test_w2v_features_are_normalised_and_stacked():
    audio = noise(16_400)
    rows = w2v_features.w2v_features(audio).features.reshape(-1, 80)[: 1 + (16_400 - 400) // 160]
    np.testing.assert_allclose(rows.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(rows.std(axis=0, ddof=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(w2v_features.w2v_features(audio / 4).features.reshape(-1, 80)[:101], rows, atol=1e-5)


@pytest.mark.parametrize("count", [385, 1023, 1024, 1279, 22_050])
def test_mel_frames(count):
    out = mel.ref_mel(noise(count))
    assert out.shape == (count // 256, 80)
    assert out.dtype == np.float32


def test_mel_of_silence_and_of_a_tone():
    silent = mel.ref_mel(np.zeros(2048, np.float32))
    np.testing.assert_array_equal(silent, np.float32(np.log(1e-5)))
    wave = np.sin(2 * np.pi * 20 * np.arange(22_528) / 1024).astype(np.float32)  # exactly bin 20
    spectrum = np.zeros(513)
    spectrum[[19, 20, 21]] = [128, 256, 128]  # of a Hann window of 1024
    np.testing.assert_allclose(
        mel.ref_mel(wave)[5:-5], np.tile(np.log(np.maximum(slaney_bank() @ spectrum, 1e-5)), (78, 1)), atol=0.05
    )


@pytest.mark.parametrize(
    ("rate", "channels", "container", "subtype", "tolerance"),
    [
        (48_000, 2, "WAV", "FLOAT", 1e-6),
        (48_000, 1, "WAV", "DOUBLE", 1e-6),
        (48_000, 8, "WAV", "PCM_32", 1e-3),
        (48_000, 1, "FLAC", "PCM_24", 2e-2),
        (44_100, 1, "WAV", "FLOAT", 5e-2),
        (24_000, 2, "WAV", "FLOAT", 5e-2),
        (96_000, 2, "WAV", "PCM_24", 5e-2),
        (48_000, 1, "WAV", "PCM_16", 0.3),
    ],
)
def test_one_voice_in_many_files(rate, channels, container, subtype, tolerance, tmp_path):
    """The same voice gives nearly the same mel where it has energy, below 3 kHz (bins 0 to 44), whatever holds it."""
    path = tmp_path / "clip"
    expected = mel.ref_mel(resample.speaker_audio(audio_clip.clip_from_array(voice(), 48_000))[0])
    path.write_bytes(encode(voice(1.0, rate, channels), rate, container, subtype))
    actual = mel.ref_mel(resample.speaker_audio(audio_clip.load_clip(path))[0])
    inside = (slice(4, -4), slice(0, 44))
    assert np.abs(actual[inside] - expected[inside]).max() < tolerance


def digest() -> str:
    clip = audio_clip.clip_from_array(np.random.default_rng(3).normal(0, 0.2, 44_100 * 5).astype(np.float32), 44_100)
    arrays = [*features(clip), resample.emotion_audio(clip)]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def test_threads_do_not_matter():
    code = "import sys; from tests.audio.test_features import digest; print(digest())"
    for threads in ("1", "2", "8"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, threads)}
        out = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert out.stdout.strip() == digest()


def test_nothing_here_imports_jax():
    code = "import sys; from indextts2_jax.audio import clip, kaldi_fbank, mel, resample, w2v_features, write; "
    subprocess.run([sys.executable, "-c", code + "assert 'jax' not in sys.modules"], check=True)
