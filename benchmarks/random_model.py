"""Random weights and random inputs of any size, made where they are used: benchmarks need no checkpoint and no file.

The weights are scaled so that activations keep their size; what they speak is noise, as long as the limit on codes
allows: the stop token is never drawn.
"""

import functools
import math
import zlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from configs import tiny, tiny_2_5
from indextts2_jax.array_typing import Array, Params
from indextts2_jax.checkpoint import networks
from indextts2_jax.config import Config, LanguagesConfig, ModelConfig, PrecisionConfig, from_dict, replace, to_dict
from indextts2_jax.pipeline.generation import SegmentCodes, Utterance, choose_codes
from indextts2_jax.pipeline.precision import arrange
from indextts2_jax.pipeline.recording import Stopwatch
from indextts2_jax.pipeline.speak import speak_codes
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.vocoder.alias_free import kaiser_sinc_filter

MEL_RATE = 22050 / 256
CODE_RATE = 50  # of a codec whose codes are a frame each
FBANK_RATE = 100
DECODERS = ("gpt", "semantic_codec", "s2mel", "bigvgan")
"""The networks behind an encoded voice."""


SIZES = ("published", "published-2.5", "tiny", "tiny-2.5")
"""Of IndexTTS-2 and, where it is said, of IndexTTS-2.5."""


def model_of(size: str) -> ModelConfig:
    """One of `SIZES`."""
    if size == "published":
        return ModelConfig()
    if size == "published-2.5":
        return _published_2_5()
    model = from_dict(Config, {"tiny": tiny, "tiny-2.5": tiny_2_5}[size].get_config().to_dict()).model
    assert model is not None
    return model


def _published_2_5() -> ModelConfig:
    model = ModelConfig()
    own = {"speaker_conformer": None, "speaker_perceiver": None, "style_dim": model.campplus.embedding_size}
    return replace(
        model,
        semantic_codec={"encoder": False, "decoder": True, "frames_per_code": 2},
        gpt={"text_vocab": 60509, "languages": to_dict(LanguagesConfig()), **own},
        s2mel={"latent_dim": 0},
        text_frontend="tiktoken",
    )


def code_rate(model: ModelConfig) -> float:
    """Codes a second."""
    return CODE_RATE / model.semantic_codec.frames_per_code


@functools.partial(jax.jit, static_argnums=(2,))
def _piece(numbers: Array, at: Array, shape: tuple[int, ...], scale: Array) -> Array:
    """So many of the numbers, from a place on, in that shape."""
    return scale * jax.lax.dynamic_slice(numbers, (at,), (math.prod(shape),)).reshape(shape)


def random_params(model: ModelConfig, names: tuple[str, ...] = tuple(networks.NETWORKS), seed: int = 0) -> Params:
    """float32 parameters of the networks named, made on the default device: nothing is transferred to it.

    Normal numbers are drawn once, twice as many as the largest array has; each array is a piece of them from a place of
    its own. So a shape compiles a copy only, and the published size takes seconds.
    """
    shapes = {name: networks.shapes(name, model) for name in names}
    largest = max(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes))
    numbers = jax.jit(jax.random.normal, static_argnums=1)(jax.random.key(seed), (2 * largest,))

    def leaf(path: tuple[object, ...], shape: jax.ShapeDtypeStruct) -> Array:
        name = jax.tree_util.keystr(path)
        if name.endswith(("['scale']", "['gamma']", "['var']")):
            return jnp.asarray(np.ones(shape.shape, np.float32))
        if name.endswith("_filter']"):
            return jnp.broadcast_to(kaiser_sinc_filter(), shape.shape)
        fan_in = math.prod(shape.shape[:-1]) if name.endswith("['kernel']") else 100
        at = zlib.crc32(f"{seed} {name}".encode()) % largest
        return _piece(numbers, np.int32(at), shape.shape, np.float32(1 / math.sqrt(fan_in)))

    params: Params = jax.tree_util.tree_map_with_path(leaf, shapes)
    if "gpt" in params:
        head = params["gpt"]["speech_lm"]["code_head"]
        stop = np.arange(model.gpt.code_vocab) == model.gpt.stop_mel_token
        head["bias"] = jnp.where(stop, np.float32(-1e4), head["bias"])
    return params


def random_voice(model: ModelConfig, seconds: float, seed: int = 0) -> ReferenceVoice:
    """What a clip of so many seconds would be encoded to."""
    rng, frames = np.random.default_rng(seed), int(seconds * MEL_RATE)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    gpt, s2mel = model.gpt, model.s2mel
    return ReferenceVoice(
        speaker_latents=normal(gpt.speaker_rows, gpt.width),
        emotion_base=normal(gpt.width),
        emotion_own=normal(gpt.width),
        style=normal(s2mel.style_dim),
        prompt_mel=normal(frames, s2mel.mel_bins) - 5.0,
        prompt_condition=normal(frames, s2mel.width),
    )


def random_utterances(model: ModelConfig, count: int, prompt_seconds: float, text_tokens: int) -> list[Utterance]:
    """So many segments of one voice, each with a text and a key of its own."""
    voice, rng = random_voice(model, prompt_seconds), np.random.default_rng(1)
    assert voice.emotion_own is not None
    ids = rng.integers(3, model.gpt.text_vocab, (count, text_tokens)).astype(np.int32)
    return [Utterance(voice, voice.emotion_own, own, jax.random.key(i)) for i, own in enumerate(ids)]


def in_precision(params: Params, gpt: str, others: str) -> Params:
    return arrange(params, PrecisionConfig(gpt=gpt, flow=others, vocoder=others))


def speak_all(
    params: Params, config: Config, model: ModelConfig, utterances: Sequence[Utterance], watch: Stopwatch | None = None
) -> tuple[list[SegmentCodes], list[np.ndarray]]:
    """The codes and the waveforms of all utterances, in one batch where that pays."""
    at_once = len(utterances)
    chosen = choose_codes(params, config, model, utterances, at_once=at_once, watch=watch)
    codes = [own.codes for own in chosen]
    return chosen, speak_codes(params, config, model, utterances, codes, at_once=at_once, watch=watch)
