"""The measures of the speech benchmark, on signals and words whose answer is known."""

import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from benchmarks import speech_metrics as metrics
from indextts2_jax.errors import IndexTTSError

EXTRA = "needs the extra `eval`: pip install -e '.[eval]'"


@pytest.fixture
def jiwer():
    return pytest.importorskip("jiwer", reason=EXTRA)


@pytest.fixture
def librosa():
    return pytest.importorskip("librosa", reason=EXTRA)


def pulse_train(pitch: float, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    """Pulses with a voice's tilt, float32 [N]: the harmonics below 4 kHz fall by 6 dB an octave."""
    time = np.arange(int(seconds * metrics.RATE)) / metrics.RATE
    wave = sum(np.cos(2 * np.pi * pitch * k * time) / k for k in range(1, int(4000 / pitch)))
    return (level * wave / np.max(np.abs(wave))).astype(np.float32)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't forget, OK?", "don't forget ok"),
        ("It’s a well-known  'fact'.", "it's a well known fact"),
        ("The students' café\n", "the students cafe"),
        ("Dr. Who -- 'tis I!", "dr who tis i"),
        ("?!", ""),
    ],
)
def test_normalize(text, words):
    assert metrics.normalize(text) == words
    assert metrics.normalize(words) == words


@pytest.mark.parametrize(
    ("reference", "heard", "errors", "words"),
    [
        ("The cat sat.", "the cat sat", 0, 3),
        ("The cat sat.", "the bat sat", 1, 3),
        ("The cat sat down.", "cat sat down", 1, 4),
        ("Don't go.", "do not go", 2, 2),
        ("One two.", "", 2, 2),
        ("Go.", "now go away from here", 4, 1),
    ],
)
def test_word_errors(jiwer, reference, heard, errors, words):
    assert metrics.word_errors(reference, heard) == (errors, words)


def test_corpus_rate_weighs_by_words(jiwer):
    pairs = [("Go.", "no"), ("The cat sat on the warm mat again today.", "the cat sat on the warm mat again today")]
    assert metrics.total(metrics.word_errors(*pair) for pair in pairs).rate == pytest.approx(0.1)
    assert np.isnan(metrics.total([]).rate)


def test_reference_without_words(jiwer):
    with pytest.raises(IndexTTSError, match="no word"):
        metrics.word_errors("...", "hello")


@pytest.mark.parametrize("pitch", [85.0, 120.0, 210.0, 330.0])
def test_pitch_of_pulses_and_tones(librosa, pitch):
    time = np.arange(metrics.RATE) / metrics.RATE
    tone = (0.1 * np.sin(2 * np.pi * pitch * time)).astype(np.float32)
    for audio in (pulse_train(pitch), tone, 0.01 * tone):
        assert metrics.median_pitch([audio]) == pytest.approx(pitch, rel=0.02)


def test_pitch_ignores_silence_and_hiss(librosa):
    rng = np.random.default_rng(0)
    hiss = rng.normal(0, 0.01, metrics.RATE).astype(np.float32)
    silence = np.zeros(2 * metrics.RATE, np.float32)
    audio = np.concatenate([silence, pulse_train(150.0), hiss, silence])
    frames = metrics.voiced_pitch(audio)
    assert 90 <= len(frames) <= 115
    assert np.median(frames) == pytest.approx(150.0, rel=0.02)


def test_no_pitch(librosa):
    for audio in (np.zeros(metrics.RATE, np.float32), np.zeros(10, np.float32), np.zeros(0, np.float32)):
        assert np.isnan(metrics.median_pitch([audio]))
    assert metrics.pitch_deviation(float("nan"), 100.0) == float("inf")
    assert metrics.pitch_deviation(108.0, 100.0) == pytest.approx(0.08)
    assert metrics.pitch_deviation(92.0, 100.0) == pytest.approx(0.08)


@pytest.mark.parametrize(
    ("seconds", "fits"), [(0.0, False), (1.19, False), (1.2, True), (2.0, True), (3.2, True), (3.21, False)]
)
def test_duration_rule(seconds, fits):
    assert metrics.duration_fits(seconds, 2.0) is fits


def test_cosines():
    axes = list(np.eye(3, dtype=np.float32))
    assert metrics.cosines(axes[1], axes) == [0.0, 1.0, 0.0]
    assert metrics.cosines(None, axes) == [0.0, 0.0, 0.0]


def test_melody(librosa):
    """A glide over an octave: a tenth of it is left out at each end."""
    time = np.arange(2 * metrics.RATE) / metrics.RATE
    phase = 2 * np.pi * np.cumsum(120 * 2 ** (time / 2)) / metrics.RATE
    glide = sum(np.sin(k * phase) / k for k in range(1, 10)).astype(np.float32) / 4
    assert metrics.melody(glide) == pytest.approx(0.8 * 12, abs=0.5)
    assert metrics.melody(pulse_train(150.0)) < 0.3
    assert np.isnan(metrics.melody(np.zeros(metrics.RATE, np.float32)))


@pytest.mark.parametrize("rate", [22050, 24000, 44100])
def test_band_powers(rate):
    """A tone is in its band, whatever the rate, and what lies outside does not count."""
    time = np.arange(rate) / rate
    for band in (0, 7, 20):
        tone = 0.3 * np.sin(2 * np.pi * metrics.BANDS[band] * time) + 0.3 * np.sin(2 * np.pi * 50 * time)
        powers = metrics.band_powers(tone.astype(np.float32), rate)
        assert powers.argmax() == band and powers[band] > 0.99 and powers.sum() == pytest.approx(1)
    assert metrics.BANDS[-1] == pytest.approx(10_000, rel=0.02)
    assert not metrics.band_powers(np.zeros(100, np.float32), rate).any()


def test_spectrum_distance():
    """Six decibels in every other band are three from the mean; the level does not matter, nor what is not heard."""
    rng = np.random.default_rng(0)
    clips = rng.random((3, 20)) + 0.5
    clips /= clips.sum(axis=1, keepdims=True)
    assert metrics.spectrum_distance(clips, clips) == 0
    tilted = clips.mean(axis=0, keepdims=True) * np.where(np.arange(20) % 2, 10**0.6, 1.0)
    assert metrics.spectrum_distance(tilted, clips) == pytest.approx(3.0, abs=1e-6)
    quiet = np.concatenate([clips, np.full((3, 1), 1e-9)], axis=1)
    silent = np.concatenate([clips, np.zeros((3, 1))], axis=1)
    assert metrics.spectrum_distance(quiet, silent) == 0


def test_opinion_of_silence():
    assert all(map(np.isnan, metrics.opinion(np.zeros(metrics.RATE, np.float32))))
    assert all(map(np.isnan, metrics.opinion(np.zeros(0, np.float32))))


def test_opinion_of_noise():
    """It is worse than a voice-like sound in quiet."""
    pytest.importorskip("speechmos.dnsmos", reason=EXTRA)
    noise = np.random.default_rng(0).uniform(-1, 1, metrics.RATE).astype(np.float32)
    bad = metrics.opinion(noise)
    assert 1 <= bad.p808 < 3 and 1 <= bad.overall < 2


def test_whisper_says_no_more_than_there_is_time_for():
    """What is no speech may be heard as anything, but not as a sermon; the same is heard alike."""
    for name in metrics.RECOGNISERS["whisper"]:
        pytest.importorskip(name, reason=EXTRA)
    recogniser = metrics.Whisper()
    assert recogniser.hear(np.zeros(0, np.float32)) == ""
    rng = np.random.default_rng(0)
    hiss = (rng.normal(0, 0.1, metrics.RATE) * np.hanning(metrics.RATE)).astype(np.float32)
    heard = [recogniser.hear(hiss) for _ in range(2)]
    assert len(heard[0].split()) <= 24 and heard[0] == heard[1]


@pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed (apt-get install flite)")
def test_recogniser_forgets_the_sentence_before(tmp_path):
    pytest.importorskip("pocketsphinx", reason=EXTRA)
    clips = []
    for i, text in enumerate(["Most of the shops close early on Sunday.", "Nobody told me about the meeting."]):
        path = tmp_path / f"{i}.wav"
        subprocess.run(["flite", "-voice", "rms", "-t", text, "-o", str(path)], check=True)
        clips.append(metrics.load_audio(path))
    recogniser = metrics.Recogniser()
    first = [recogniser.hear(clip) for clip in clips]
    assert {"shops", "early", "sunday"} <= set(first[0].split())
    assert [recogniser.hear(clip) for clip in clips] == first
    assert recogniser.hear(np.zeros(0, np.float32)) == ""


def test_load_audio(tmp_path):
    path = tmp_path / "clip.wav"
    steps = np.arange(-8000, 8000, dtype=np.int16)
    soundfile.write(path, steps, metrics.RATE)
    np.testing.assert_array_equal(metrics.load_audio(path) * 32768, steps)
    soundfile.write(path, np.zeros((22050, 2)), 22050)
    assert metrics.load_audio(path).shape == (metrics.RATE,)
    with pytest.raises(IndexTTSError, match=r"nowhere\.wav"):
        metrics.load_audio(tmp_path / "nowhere.wav")


def test_missing_package():
    with pytest.raises(IndexTTSError, match=r"no_such_package.*eval"):
        metrics.check_packages(["no_such_package"])


def test_missing_pkg_resources(monkeypatch):
    def fail(name):
        raise ModuleNotFoundError("No module named 'pkg_resources'", name="pkg_resources")

    monkeypatch.setattr(metrics, "_import", fail)
    with pytest.raises(IndexTTSError, match=r"webrtcvad.*setuptools<81.*eval"):
        metrics.check_packages(["webrtcvad"])
