"""What the official program was given when own_golden was recorded, and what ours is given when it is compared.

Everything comes from seeds by numpy: clips, text ids, the noise of sampling and of the flow, the inputs of single
stages. Nothing here needs torch or JAX, so that recording and comparing share it.
"""

import dataclasses
import functools
import pathlib
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri

from tests.parity.reduced_checkpoint import CONFIG, Shape, uniform

SEED = 7
CODES = CONFIG["gpt"]["start_mel_token"]
"""Codes 0 .. CODES - 1 can be spoken."""

# --- requests -------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Run:
    """One request: its text, how codes are chosen, and where the emotion comes from."""

    text: str
    """Token ids; a bar ends a segment."""
    decode: dict[str, Any]
    """Fields of `DecodeConfig`, where they are not the published defaults."""
    emotion_clip: bool = False
    emotion_alpha: float = 1.0
    emotion_vector: tuple[float, ...] | None = None
    noise_seed: int = 0
    """Of the draws of codes."""


def _text(seed: int, *lengths: int) -> str:
    """Segments of so many token ids, none of them start or stop."""
    rng = 2 + np.random.Philox(key=seed).random_raw(sum(lengths)) % (CONFIG["gpt"]["number_text_tokens"] - 2)
    ids = iter(map(str, rng))
    return " | ".join(" ".join(next(ids) for _ in range(length)) for length in lengths)


RUNS = {
    "greedy": Run(_text(8, 14), {"do_sample": False, "num_beams": 1, "max_mel_tokens": 36}),
    "beam_search": Run(
        _text(1, 23),
        {"do_sample": False, "num_beams": 3, "max_mel_tokens": 36},
        emotion_clip=True,
        emotion_alpha=0.65,
    ),
    "beam_sampling": Run(
        _text(8, 18, 9),
        {"max_mel_tokens": 30},
        emotion_alpha=0.83,
        emotion_vector=(0.15, 0.0, 0.3, 0.0, 0.0, 0.2, 0.1, 0.0),
        noise_seed=12,
    ),
}

MODES: dict[str, dict[str, Any]] = {
    "greedy, no penalty": {"do_sample": False, "num_beams": 1, "repetition_penalty": 1.0},
    "beam search, length penalty": {"do_sample": False, "num_beams": 2, "length_penalty": 1.0},
    "sampling": {"do_sample": True, "num_beams": 1},
    "beam sampling, wide": {"top_k": 50, "top_p": 0.95, "temperature": 1.5, "repetition_penalty": 2.0},
}
"""Further ways to choose codes, compared by the codes alone."""
MODE_CODES = 30
MODE_NOISE = 2


class IdFrontend:
    """A text front-end (`indextts2_jax.text.frontend`): the tokens are ids as they are, a bar ends a segment."""

    vocab_size = CONFIG["gpt"]["number_text_tokens"]

    def prepare(self, text: str) -> str:
        return text

    def reading(self, english: str) -> "IdFrontend":
        return self

    def normalize(self, text: str) -> str:
        return text

    def tokenize(self, text: str) -> list[str]:
        return text.split()

    def within(self, text: str) -> "IdFrontend":
        return self

    def encode(self, tokens: Sequence[str]) -> list[int]:
        return [int(token) for token in tokens if token != "|"]

    def segments(self, tokens: Sequence[str], max_tokens: int, quick_tokens: int = 0) -> list[list[str]]:
        return [segment.split() for segment in " ".join(tokens).split("|")]

    def unknown(self, tokens: Sequence[str]) -> list[str]:
        return []

    def seconds(self, tokens: Sequence[str]) -> float:
        return 0.2 * len(tokens)


# --- noise ----------------------------------------------------------------------------------------------------


@functools.cache
def normal(name: str, shape: Shape) -> np.ndarray:
    """Standard normal float32 numbers [shape]: the name is the seed."""
    return ndtri((uniform(SEED, name, shape).astype(np.float64) + 1.0) / 2.0 + 2.0**-26).astype(np.float32)


def flow_noise(run: str, segment: int, frames: int) -> np.ndarray:
    """Where the flow of a segment starts from [1, 80, frames], prompt frames included."""
    return normal(f"{run}/{segment}", (1, 80, frames))


def gumbel(noise_seed: int, step: int, count: int) -> np.ndarray:
    """Gumbel noise float64 [count] of one decoding step: the convention of `recording.Replay`."""
    draws = np.random.Generator(np.random.Philox(key=[noise_seed, step])).random(count)
    return -np.log(-np.log(np.clip(draws, 1e-12, 1 - 1e-12)))


# --- clips ----------------------------------------------------------------------------------------------------


def babble(seed: int, seconds: float, rate: int, pitch: float) -> np.ndarray:
    """Vowels that glide into each other, hissing sounds and pauses: int16 [N], nothing that anyone ever said."""
    time = np.arange(int(seconds * rate)) / rate
    turns = uniform(seed, "turns", (8,)).astype(np.float64)
    frequency = pitch * (1 + 0.15 * np.sin(2 * np.pi * (0.7 * time + turns[0])))
    phase = 2 * np.pi * np.cumsum(frequency) / rate
    formants = [
        (centre * (1 + 0.3 * np.sin(2 * np.pi * (speed * time + turn))), width, weight)
        for centre, width, weight, speed, turn in (
            (550.0, 120.0, 1.0, 1.3, turns[1]),
            (1500.0, 200.0, 0.5, 0.9, turns[2]),
            (2700.0, 300.0, 0.2, 1.7, turns[3]),
        )
    ]
    voiced = np.zeros_like(time)
    for harmonic in range(1, int(5000 / pitch)):
        strength = sum(w / (1 + ((harmonic * frequency - centre) / width) ** 2) for centre, width, w in formants)
        voiced += strength * np.sin(harmonic * phase)
    syllable = np.clip(1.6 * np.sin(2 * np.pi * (2.1 * time + turns[4])) + 0.3, 0.0, 1.0)
    hiss = np.clip(np.sin(2 * np.pi * (1.1 * time + turns[5])) - 0.7, 0.0, 1.0)
    noise = uniform(seed, "hiss", time.shape).astype(np.float64)
    audio = 0.12 * syllable * voiced + (0.4 * hiss + 0.004) * noise
    return np.round(32767 * np.clip(audio, -0.99, 0.99)).astype(np.int16)


def write_clips(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """Writes the speaker's clip (48 kHz, stereo) and the emotion clip (24 kHz, mono) as 16-bit WAV."""
    import soundfile

    left, right = babble(1, 2.43, 48_000, 118.0), babble(2, 2.43, 48_000, 118.0)
    voice, emotion = folder / "voice.wav", folder / "emotion.wav"
    soundfile.write(voice, np.stack([left, right // 3], axis=1), 48_000, subtype="PCM_16")
    soundfile.write(emotion, babble(3, 1.9, 24_000, 205.0), 24_000, subtype="PCM_16")
    return voice, emotion


# --- single stages --------------------------------------------------------------------------------------------


def _integers(name: str, length: int, low: int, high: int) -> np.ndarray:
    raw = np.random.Philox(key=[SEED, zlib.crc32(name.encode())]).random_raw(length)
    return (low + (raw % (high - low)).astype(np.int32))[None]


@dataclasses.dataclass(frozen=True)
class StageInputs:
    """Inputs of single stages, unlike anything that a stage before them makes; torch's axes, one row each."""

    waveform_16k: np.ndarray
    """[N] in [-1, 1]."""
    waveform_22k: np.ndarray
    features: np.ndarray
    """[1, 91, 160]; the last frame is half padding and not attended to."""
    semantic: np.ndarray
    """[1, 101, 1024]."""
    fbank: np.ndarray
    """[1, 230, 80]."""
    text_ids: np.ndarray
    """[1, 17]."""
    codes: np.ndarray
    """[1, 45]."""
    latents: np.ndarray
    """[1, 45, 1280]."""
    frames: int
    """What the length regulator makes of `semantic`."""
    prompt: np.ndarray
    """log mel [1, 80, 201]."""
    style: np.ndarray
    """[1, 192]."""
    mu: np.ndarray
    """[1, 261, 128]."""
    noise: np.ndarray
    """[1, 80, 261]."""
    mel: np.ndarray
    """log mel [1, 80, 60], to be vocoded."""


def stage_inputs() -> StageInputs:
    prompt, frames = 201, 261
    return StageInputs(
        waveform_16k=babble(4, 1.31, 16_000, 160.0).astype(np.float32) / 32768,
        waveform_22k=babble(5, 1.31, 22_050, 160.0).astype(np.float32) / 32768,
        features=normal("features", (1, 91, 160)),
        semantic=normal("semantic", (1, 101, 1024)),
        fbank=2.5 * normal("fbank", (1, 230, 80)),
        text_ids=_integers("text", 17, 2, IdFrontend.vocab_size),
        codes=_integers("codes", 45, 0, CODES),
        latents=normal("latents", (1, 45, 1280)),
        frames=174,
        prompt=2 * normal("prompt", (1, 80, prompt)) - 5,
        style=0.4 * normal("style", (1, 192)),
        mu=0.6 * normal("mu", (1, frames, 128)),
        noise=normal("noise", (1, 80, frames)),
        mel=2 * normal("mel", (1, 80, 60)) - 5,
    )


VELOCITY_TIME = 0.36


def velocity_rows(given: StageInputs) -> list[np.ndarray]:
    """Of one call of the flow's estimator: x, prompt, style and mu, each with a conditional and a null row."""
    prompt = np.zeros_like(given.noise)
    prompt[:, :, : given.prompt.shape[2]] = given.prompt
    null = [np.concatenate([array, np.zeros_like(array)]) for array in (prompt, given.style, given.mu)]
    return [np.concatenate([given.noise, given.noise]), *null]
