"""Settings of precision and of the speaker's clip as its own emotion."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import PrecisionConfig, replace
from indextts2_jax.errors import ConfigError
from indextts2_jax.nn.packed_weights import Int8, Transposed
from indextts2_jax.pipeline import precision
from indextts2_jax.pipeline.recording import StageRecorder
from tests.tiny import tiny_config, tiny_synthesizer, voice_clip


def tree():
    dense = {"kernel": jnp.arange(6.0).reshape(2, 3), "bias": jnp.zeros(3)}
    one = {"layer": dense}
    speech_lm = {"transformer": one, "code_head": dense}
    return {
        "w2v_bert": one,
        "gpt": {"conditioning": one, "speech_lm": speech_lm},
        "s2mel": {"dit": one, "length_regulator": one},
        "bigvgan": one,
    }


@pytest.mark.parametrize("wide", [False, True])
def test_the_default_changes_no_number(wide, monkeypatch):
    monkeypatch.setattr(precision, "wide_vectors", lambda: wide)
    before = tree()
    after = precision.arrange(before, PrecisionConfig())
    kernel = after["gpt"]["speech_lm"]["code_head"]["kernel"]
    assert isinstance(kernel, Transposed) == (jax.default_backend() == "cpu" and not wide)
    np.testing.assert_array_equal(np.asarray(kernel), before["gpt"]["speech_lm"]["code_head"]["kernel"])
    if not isinstance(kernel, Transposed):
        assert all(a is b for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True))  # no copies
    again = precision.arrange(after, PrecisionConfig())
    np.testing.assert_array_equal(np.asarray(again["gpt"]["speech_lm"]["code_head"]["kernel"]), np.asarray(kernel))


def test_on_a_gpu_the_default_is_half(monkeypatch):
    """For the three networks that take the time; a choice is kept, and so is what picks codebook entries."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    made = precision.arrange(tree(), PrecisionConfig(flow="stored"))
    assert made["gpt"]["speech_lm"]["code_head"]["kernel"].dtype == jnp.float16
    assert made["bigvgan"]["layer"]["kernel"].dtype == jnp.float16
    assert made["s2mel"]["dit"]["layer"]["kernel"].dtype == jnp.float32
    assert {x.dtype for x in jax.tree.leaves(made["gpt"]["conditioning"])} == {np.dtype("float32")}
    assert made["s2mel"]["length_regulator"]["layer"]["kernel"].dtype == jnp.float32


def test_int8_takes_the_blocks_only():
    made = precision.arrange(tree(), PrecisionConfig(gpt="int8", vocoder="float16"))
    speech_lm = made["gpt"]["speech_lm"]
    assert isinstance(speech_lm["transformer"]["layer"]["kernel"], Int8)
    assert not isinstance(speech_lm["code_head"]["kernel"], Int8)
    assert made["bigvgan"]["layer"]["kernel"].dtype == jnp.float16
    assert made["s2mel"]["dit"]["layer"]["kernel"].dtype == jnp.float32


@pytest.mark.parametrize("key", ["gpt", "flow", "vocoder"])
def test_unknown_numbers_are_refused(key):
    with pytest.raises(ConfigError, match=f"precision.{key} is 'float8'"):
        replace(tiny_config(), precision={key: "float8"})
    for segments in (0, 65):
        with pytest.raises(ConfigError, match="segments_at_once"):
            replace(tiny_config(), segments_at_once=segments)


def test_the_own_clip_is_encoded_twice_or_once():
    tts = tiny_synthesizer()
    voices = {}
    for twice in (True, False):
        tts.config = tiny_config(emotion={"encode_own_clip_twice": twice})
        recorder = StageRecorder()
        voices[twice] = tts.encode_voice(voice_clip(), record=recorder)
        assert ("semantic_emb.1" in recorder.arrays) == twice
    tts.config = tiny_config()
    np.testing.assert_array_equal(voices[False].emotion_own, voices[False].emotion_base)
    assert not np.array_equal(voices[True].emotion_own, voices[True].emotion_base)
    assert np.corrcoef(voices[True].emotion_own, voices[False].emotion_own)[0, 1] > 0.98  # the same clip after all
