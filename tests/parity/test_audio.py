"""Audio front end and output against the official implementation's recorded arrays."""

import numpy as np
import pytest

from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio import kaldi_fbank, mel, resample, w2v_features
from indextts2_jax.audio import write as audio_write
from tests.conftest import GOLDENS, assert_close

# The published-size runs differ in weights only, which audio does not depend on.
EVERY_RUN = (*GOLDENS, "full_greedy_en", "full_sample_zh")
ISOLATED, CHAINED = 1e-4, 1e-3
BITS = 1e-6  # resampled audio is equal bit for bit on x86-64; libsoxr rounds otherwise on other processors

pytestmark = pytest.mark.parametrize("name", EVERY_RUN)


@pytest.fixture
def run(golden, name):
    return golden(name)


@pytest.fixture
def speaker(run, shared):
    return resample.speaker_audio(audio_clip.load_clip(shared / "voices" / run.request["voice"]))


@pytest.fixture
def emotion(run, shared):
    # Without an emotion clip the speaker's is encoded again, over the other road to 16 kHz.
    clip = audio_clip.load_clip(
        shared / "voices" / run.request.get("emo", run.request["voice"]), audio_clip.MIN_EMOTION_SECONDS
    )
    return resample.emotion_audio(clip)


def assert_w2v(audio, run, suffix, tolerance):
    features, attended = w2v_features.w2v_features(audio)
    assert_close(features, run["w2v_input_features" + suffix][0], tolerance)
    mask = run["w2v_attention_mask" + suffix][0]
    np.testing.assert_array_equal(np.arange(len(mask)) < attended, mask)


@pytest.mark.parametrize("suffix", ["", ".1"])
def test_w2v_features(run, suffix):
    assert_w2v(run["audio_16k" + suffix][0], run, suffix, ISOLATED)


def test_campplus_fbank(run):
    assert_close(kaldi_fbank.campplus_fbank(run["audio_16k"][0]), run["campplus_fbank"][0], ISOLATED)


def test_speaker_audio_16k(speaker, run):
    assert_close(speaker[1], run["audio_16k"][0], BITS)


def test_emotion_audio_16k(emotion, run):
    assert_close(emotion, run["audio_16k.1"][0], BITS)


def test_ref_mel_from_the_file(speaker, run):
    assert_close(mel.ref_mel(speaker[0]), run["ref_mel"][0].T, ISOLATED)


def test_speaker_features_from_the_file(speaker, run):
    assert_w2v(speaker[1], run, "", CHAINED)
    assert_close(kaldi_fbank.campplus_fbank(speaker[1]), run["campplus_fbank"][0], CHAINED)


def test_emotion_features_from_the_file(emotion, run):
    assert_w2v(emotion, run, ".1", CHAINED)


def test_output(run):
    count = sum(key.startswith("vocoder_wav") for key in run)
    segments = [run["vocoder_wav" + (f".{i}" if i else "")][0, 0] for i in range(count)]
    silence = audio_write.silence(run.request.get("interval_silence", 200))
    wav = audio_write.to_int16(np.concatenate([piece for wav in segments for piece in (silence, wav)][1:]))
    np.testing.assert_array_equal(wav[:, None], run["wav_int16"])
