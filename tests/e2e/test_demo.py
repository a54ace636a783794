"""The bundled model speaks: a recogniser hears the words, it stops by itself, in the voice of the clip, at its pace."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import soxr

from benchmarks import speech_metrics as metrics
from configs.demo import demo_settings
from indextts2_jax import IndexTTS2, Speech
from indextts2_jax.checkpoint import artefact, bundled
from indextts2_jax.config import replace

ROOT = pathlib.Path(__file__).resolve().parents[2]
SENTENCES = (
    "The children are playing in the garden behind the house.",
    "Please bring me a glass of cold water.",
    "We will meet you at the station on Monday morning.",
    "My brother bought a new car last week.",
    "It was raining when we came home from the office.",
    "She wants to learn how to play the piano.",
    "Can you tell me the way to the nearest bank?",
    "The old man walked slowly across the bridge.",
)  # none is in the training corpus
WORD_ERRORS = 0.35
SECONDS_PER_WORD = (0.25, 0.9)
PITCH_TOLERANCE = 0.1

pytestmark = pytest.mark.skipif(not bundled.MODEL.is_dir(), reason=f"the demo model is not there: {bundled.MODEL}")


def at_16k(audio: np.ndarray, rate: int) -> np.ndarray:
    return audio if rate == metrics.RATE else soxr.resample(audio, rate, metrics.RATE, quality="HQ")


def word_error_rate(clips) -> float:
    """Of the sentences' words, all together."""
    recogniser = metrics.Recogniser()
    pairs = zip(SENTENCES, clips, strict=True)
    return metrics.total(metrics.word_errors(text, recogniser.hear(clip)) for text, clip in pairs).rate


def median_pitch(clips) -> float:
    """In Hz from 60 to 400, by autocorrelation, over the frames of 50 ms that are loud and periodic."""
    size, shortest, longest = 800, metrics.RATE // 400, metrics.RATE // 60
    pitches = []
    for clip in clips:
        frames = np.lib.stride_tricks.sliding_window_view(clip, size)[::160]
        energy = (frames**2).mean(axis=1)
        for frame in frames[energy > 0.04 * np.percentile(energy, 95)]:
            spectrum = np.fft.rfft((frame - frame.mean()) * np.hanning(size), 2 * size)
            window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(size), 2 * size)) ** 2)
            similarity = np.fft.irfft(np.abs(spectrum) ** 2)[: longest + 1] / window[: longest + 1]
            lags = similarity[shortest:] / similarity[0]
            if lags.max() > 0.5:
                # the shortest of the lags that are about as good as the best: not an octave below
                peaks = np.flatnonzero((lags[1:-1] >= lags[:-2]) & (lags[1:-1] >= lags[2:])) + 1
                good = peaks[lags[peaks] > 0.85 * lags.max()]
                pitches.extend(metrics.RATE / (good[:1] + shortest))
    return float(np.median(pitches))


def spoken() -> list[Speech]:
    tts = IndexTTS2.from_pretrained("demo")
    voice = tts.encode_voice(bundled.voice_clip())
    return [tts.synthesize(text, voice) for text in SENTENCES]


def test_a_recogniser_hears_the_words_in_the_voice_of_the_clip():
    for package in ("pocketsphinx", "jiwer"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install -e '.[test]'")
    speeches = spoken()
    notes = [note for speech in speeches for note in speech.warnings]
    assert all("; before the last it" in note for note in notes), notes  # each is good, at the latest when drawn again
    for text, speech in zip(SENTENCES, speeches, strict=True):
        low, high = (len(text.split()) * seconds for seconds in SECONDS_PER_WORD)
        assert low <= speech.duration <= high, f"{text} takes {speech.duration:.2f} s"

    clips = [at_16k(speech.audio, speech.sampling_rate) for speech in speeches]
    assert word_error_rate(clips) <= WORD_ERRORS
    wanted = median_pitch([metrics.load_audio(bundled.voice_clip())])
    assert median_pitch(clips) == pytest.approx(wanted, rel=PITCH_TOLERANCE)

    # what is no speech of these sentences fails: noise as long and as loud, and the same speech in another order
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, np.std(clip), len(clip)).astype(np.float32) for clip in clips]
    assert word_error_rate(noise) > 2 * WORD_ERRORS
    pieces = [np.array_split(clip, max(2, len(clip) // 1600)) for clip in clips]  # of 0.1 s
    shuffled = [np.concatenate([parts[i] for i in rng.permutation(len(parts))]) for parts in pieces]
    assert word_error_rate(shuffled) > 2 * WORD_ERRORS


def test_the_artefact_has_the_settings_of_the_configuration_file():
    assert artefact.read_header(bundled.MODEL).defaults == replace(demo_settings(), checkpoint="")


def test_it_is_small():
    assert sum(path.stat().st_size for path in bundled.MODEL.iterdir()) <= 20e6


def test_the_command_line_needs_a_text_only(tmp_path):
    out = tmp_path / "out.wav"
    command = [sys.executable, "run_inference.py", "--config=configs/demo.py", f"--text={SENTENCES[0]}"]
    done = subprocess.run([*command, f"--output={out}"], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert soundfile.info(out).samplerate == 22050 and "warning" not in done.stderr
