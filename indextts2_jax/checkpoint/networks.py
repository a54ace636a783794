"""All networks by name: their parameter shapes (for conversion and loading) and a random initialisation.

The one place that knows how the artefact's parameter tree is put together:
{"w2v_bert", "semantic_codec", "campplus", "gpt": {"conditioning", "speech_lm"},
 "s2mel": {"latent_projection", "length_regulator", "dit"}, "bigvgan", "emotion"}, and "qwen" where a model has it;
"latent_projection" too.
"""

import math
import zlib
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Float32, Key, Lengths, Params
from indextts2_jax.config import ModelConfig

Initialiser = Callable[[Key[Array, ""]], Params]


def _init(module: nn.Module, *inputs: Any) -> Initialiser:
    return lambda key: module.init(key, *inputs)["params"]


def _lengths(size: int) -> Lengths:
    return jnp.full((1,), size, jnp.int32)


def _w2v_bert(model: ModelConfig) -> Initialiser:
    from indextts2_jax.semantic.w2v_bert import W2vBert

    return _init(W2vBert(model.w2v_bert), jnp.zeros((1, 8, model.w2v_bert.input_dim)), _lengths(8))


def _semantic_codec(model: ModelConfig) -> Initialiser:
    from indextts2_jax.semantic.semantic_codec import SemanticCodec

    module = SemanticCodec(model.semantic_codec)
    return _init(module, jnp.zeros((1, 8, model.semantic_codec.hidden_size)), _lengths(8))


def _campplus(model: ModelConfig) -> Initialiser:
    from indextts2_jax.speaker.campplus import Campplus

    return _init(Campplus(model.campplus), jnp.zeros((1, 16, model.campplus.feat_dim)), _lengths(16))


def _gpt(model: ModelConfig) -> Initialiser:
    from indextts2_jax.gpt.conditioning import Conditioning
    from indextts2_jax.gpt.speech_lm import SpeechLM

    gpt = model.gpt
    semantic = jnp.zeros((1, 16, gpt.emotion_conformer.input_dim))
    conds = jnp.zeros((1, gpt.condition_rows, gpt.width))
    ids = jnp.zeros((1, 8), jnp.int32)
    conditioning = _init(Conditioning(gpt), semantic, _lengths(16))
    speech_lm = _init(SpeechLM(gpt), conds, ids, _lengths(8), ids, _lengths(8))

    def init(key: Key[Array, ""]) -> Params:
        first, second = jax.random.split(key)
        return {"conditioning": conditioning(first), "speech_lm": speech_lm(second)}

    return init


def _s2mel(model: ModelConfig) -> Initialiser:
    from indextts2_jax.s2mel.dit import DiT
    from indextts2_jax.s2mel.length_regulator import LatentProjection, LengthRegulator

    s2mel = model.s2mel
    frames = jnp.zeros((1, 8, s2mel.mel_bins))
    index = jnp.zeros((1, 8), jnp.int32)
    parts = {}
    if s2mel.latent_dim:
        parts["latent_projection"] = _init(LatentProjection(s2mel), jnp.zeros((1, 8, s2mel.latent_dim)))
    parts |= {
        "length_regulator": _init(LengthRegulator(s2mel), jnp.zeros((1, 8, s2mel.semantic_dim)), index, _lengths(8)),
        "dit": _init(
            DiT(s2mel),
            frames,
            frames,
            jnp.zeros((1,)),
            jnp.zeros((1, s2mel.style_dim)),
            jnp.zeros((1, 8, s2mel.width)),
            _lengths(8),
        ),
    }

    def init(key: Key[Array, ""]) -> Params:
        keys = jax.random.split(key, len(parts))
        return {name: part(k) for (name, part), k in zip(parts.items(), keys, strict=True)}

    return init


def _bigvgan(model: ModelConfig) -> Initialiser:
    from indextts2_jax.vocoder.bigvgan import BigVgan

    return _init(BigVgan(model.bigvgan), jnp.zeros((1, 8, model.bigvgan.mel_bins)), _lengths(8))


def _emotion(model: ModelConfig) -> Initialiser:
    rows, emotion = sum(model.emotion.rows), model.emotion

    def init(key: Key[Array, ""]) -> Params:
        first, second = jax.random.split(key)
        return {
            "speaker_matrix": jax.random.normal(first, (rows, emotion.style_dim)),
            "emotion_matrix": jax.random.normal(second, (rows, emotion.width)) * 0.02,
        }

    return init


def _qwen(model: ModelConfig) -> Initialiser:
    from indextts2_jax.emotion_text.qwen import Qwen, empty_cache

    assert model.qwen is not None
    ids, start = jnp.zeros((1, 8), jnp.int32), jnp.zeros((1,), jnp.int32)
    return _init(Qwen(model.qwen), ids, start, empty_cache(model.qwen, 1, 8))


NETWORKS: dict[str, Callable[[ModelConfig], Initialiser]] = {
    "w2v_bert": _w2v_bert,
    "semantic_codec": _semantic_codec,
    "campplus": _campplus,
    "gpt": _gpt,
    "s2mel": _s2mel,
    "bigvgan": _bigvgan,
    "emotion": _emotion,
}
"""What every model has."""

OPTIONAL: dict[str, Callable[[ModelConfig], Initialiser]] = {"qwen": _qwen}
"""What a model may have: the keys are fields of `ModelConfig`, None without it."""


def networks_of(model: ModelConfig) -> list[str]:
    """The names of a model's networks."""
    return [*NETWORKS, *(name for name in OPTIONAL if getattr(model, name) is not None)]


def shapes(network: str, model: ModelConfig) -> dict[str, Any]:
    """Nested dict of `jax.ShapeDtypeStruct` of one network; computes nothing."""
    return jax.eval_shape({**NETWORKS, **OPTIONAL}[network](model), jax.random.key(0))


def init_random(model: ModelConfig, seed: int) -> Params:
    """Random parameters of every network. The audio they make is noise: for tests and first looks.

    Drawn from the shapes alone, by the leaf's name: compiling the modules' own initialisers takes a minute even for a
    tiny model. Each leaf depends on the seed and its path only.
    """
    return {
        name: jax.tree_util.tree_map_with_path(
            lambda path, leaf, name=name: _draw(seed, f"{name}{jax.tree_util.keystr(path)}", leaf), shapes(name, model)
        )
        for name in networks_of(model)
    }


def _draw(seed: int, path: str, leaf: jax.ShapeDtypeStruct) -> Float32[Array, "..."]:
    if path.endswith(("['scale']", "['gamma']", "['var']")):
        return jnp.ones(leaf.shape, jnp.float32)
    if path.endswith(("['bias']", "['mean']", "['alpha']", "['beta']")):
        return jnp.zeros(leaf.shape, jnp.float32)
    if path.endswith("_filter']"):
        from indextts2_jax.vocoder.alias_free import kaiser_sinc_filter

        return jnp.broadcast_to(kaiser_sinc_filter(), leaf.shape)
    rng = np.random.Generator(np.random.Philox(key=[seed, zlib.crc32(path.encode())]))
    fan_in = math.prod(leaf.shape[:-1]) if path.endswith("['kernel']") else 1
    return jnp.asarray(rng.standard_normal(leaf.shape, np.float32) / np.float32(math.sqrt(fan_in)))
