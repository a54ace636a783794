"""What the parity tests of the speech language model share: its converted parameters and the recorded segments."""

import jax
import jax.numpy as jnp

from convert.maps import gpt_speech_lm
from indextts2_jax.array_typing import Params
from indextts2_jax.config import ModelConfig
from indextts2_jax.gpt.speech_lm import SpeechLM
from tests.conftest import Golden, MemorySource, convert_component

OTHER_PARTS = ("conditioning_encoder", "perceiver_encoder", "emo_", "emovec_layer", "speed_emb")

SEGMENTS = [
    ("small_greedy_en", ""),
    ("small_beam3_emo_audio", ""),
    ("small_sample_emo_vector", ""),
    ("small_stop_segments", ""),
    ("small_stop_segments", ".1"),
    ("small_long_flac", ""),
]
"""Golden and the suffix of its arrays."""


def expected_shapes(model: ModelConfig) -> Params:
    ids, lengths = jnp.zeros((1, 8), jnp.int32), jnp.array([8])
    conds = jnp.zeros((1, 34, model.gpt.width))
    init = SpeechLM(model.gpt).init
    return {"speech_lm": jax.eval_shape(init, jax.random.key(0), conds, ids, lengths, ids, lengths)["params"]}


def speech_lm_only(tensors: dict) -> dict:
    """The part of gpt.pth that the table under test is for."""
    return {name: value for name, value in tensors.items() if not name.startswith(OTHER_PARTS)}


def convert_speech_lm(source: MemorySource, model: ModelConfig) -> Params:
    own = MemorySource(speech_lm_only(source.tensors))
    params = convert_component("gpt", gpt_speech_lm.rules(model), own, expected_shapes(model))
    return jax.tree.map(jnp.asarray, params["speech_lm"])


def stop_bias(golden: Golden) -> float:
    """Of the checkpoint that the golden was recorded on."""
    return float(golden.request["checkpoint"].split("stop_bias=")[1])
