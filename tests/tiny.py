"""The tiny model with random weights, and a voice for it: what tests of behaviour run on."""

import functools
import pathlib

import numpy as np

from configs import tiny
from indextts2_jax import IndexTTS2
from indextts2_jax.checkpoint import artefact
from indextts2_jax.config import Config, from_dict, replace
from indextts2_jax.text.tiny import train_tiny_tokenizer

RATE = 24000


def tiny_config(**updates) -> Config:
    config = from_dict(Config, tiny.get_config().to_dict())
    return replace(config, **{"decode": {"max_mel_tokens": 30}, "flow": {"steps": 3}, **updates})


@functools.cache
def tiny_synthesizer() -> IndexTTS2:
    return IndexTTS2.from_random(tiny_config())


def voice_clip(seconds: float = 1.5, pitch: float = 120.0) -> tuple[np.ndarray, int]:
    """A buzz with a moving formant: not a voice, but not silence."""
    time = np.arange(int(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20))
    return (0.1 * buzz * (1 + 0.5 * np.sin(2 * np.pi * 3 * time))).astype(np.float32), RATE


@functools.cache
def tiny_voice():
    return tiny_synthesizer().encode_voice(voice_clip())


def tiny_artefact(folder: pathlib.Path, **options) -> pathlib.Path:
    """The tiny model as a folder; `options` as of `checkpoint.save_artefact`."""
    tts = tiny_synthesizer()
    artefact.save_artefact(folder, model=tts.model, params=tts.params, tokenizer=train_tiny_tokenizer(), **options)
    return folder
