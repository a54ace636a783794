"""The tiny model with the parts of IndexTTS-2.5, and a voice for it."""

import functools
import pathlib

import pytest

from configs import tiny_2_5
from indextts2_jax import IndexTTS2
from indextts2_jax.checkpoint import artefact
from indextts2_jax.config import Config, from_dict, replace
from indextts2_jax.text.tiktoken.tiny import tiny_vocabulary
from tests.tiny import voice_clip


def tiny_config(**updates) -> Config:
    config = from_dict(Config, tiny_2_5.get_config().to_dict())
    return replace(config, **{"decode": {"max_mel_tokens": 20}, "flow": {"steps": 3}, **updates})


@functools.cache
def tiny_synthesizer() -> IndexTTS2:
    pytest.importorskip("tiktoken")
    return IndexTTS2.from_random(tiny_config())


@functools.cache
def tiny_voice():
    return tiny_synthesizer().encode_voice(voice_clip())


def tiny_artefact(folder: pathlib.Path, **options) -> pathlib.Path:
    """The tiny model as a folder; `options` as of `checkpoint.save_artefact`."""
    tts = tiny_synthesizer()
    artefact.save_artefact(folder, model=tts.model, params=tts.params, tokenizer=tiny_vocabulary(), **options)
    return folder
