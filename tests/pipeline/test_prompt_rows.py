"""How many rows the GPT reads at once: a number that XLA finds tiles for, whatever the text."""

import jax
import numpy as np
import pytest

from indextts2_jax.gpt import decode
from indextts2_jax.nn.buckets import bucket_size
from indextts2_jax.pipeline import generation
from tests.tiny import tiny_config, tiny_synthesizer, tiny_voice


@pytest.mark.parametrize("length", [1, 20, 50, 60, 70])
def test_the_prompt_fills_a_bucket(length, monkeypatch):
    tts, voice, seen = tiny_synthesizer(), tiny_voice(), []
    begin = decode.begin

    def spy(config, rules, size, params, conds, ids, *rest):
        seen.append(conds.shape[1] + ids.shape[1] + 3)
        return begin(config, rules, size, params, conds, ids, *rest)

    monkeypatch.setattr(decode, "begin", spy)
    one = generation.Utterance(voice, voice.emotion_base, np.full(length, 20, np.int32), jax.random.key(0))
    generation.choose_codes(tts.params, tiny_config(), tts.model, [one, one], at_once=2)
    assert len(seen) == 1 and seen[0] == bucket_size(seen[0]) and seen[0] % 64 == 0
