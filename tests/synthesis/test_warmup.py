"""After a warm-up nothing is compiled any more."""

import jax
import jax.monitoring
import numpy as np
import pytest

from indextts2_jax.config import replace
from indextts2_jax.errors import ConfigError
from indextts2_jax.gpt import decode
from indextts2_jax.gpt.rehearsal import rehearse
from indextts2_jax.nn.buckets import bucket_size
from indextts2_jax.pipeline import generation
from indextts2_jax.pipeline.warmup import _ranges, rungs
from indextts2_jax.synthesis.warmup import warm_up
from tests.tiny import tiny_synthesizer, tiny_voice, voice_clip


class Compiled:
    """How often XLA has compiled in this process."""

    def __init__(self):
        self.count = 0
        jax.monitoring.register_event_duration_secs_listener(self.listen)

    def listen(self, event, duration_secs, **_):
        self.count += event == "/jax/core/compile/backend_compile_duration"


@pytest.mark.parametrize("longest", [1, 64, 65, 128, 500, 4000])
def test_rungs_are_what_lengths_are_padded_to(longest):
    assert rungs(longest) == sorted({bucket_size(length) for length in range(1, longest + 1)})


def test_ranges():
    assert _ranges([64, 128, 192]) == [(1, 64), (65, 128), (129, 192)]


def test_a_search_grows_without_compiling():
    tts = tiny_synthesizer()
    rules = replace(tts.config, decode={"max_mel_tokens": 120, "num_beams": 3}).decode
    ids = np.arange(3, 12, dtype=np.int32)
    utterance = generation.Utterance(tiny_voice(), tiny_voice().emotion_own, ids, jax.random.key(0))
    inputs = generation.decoder_inputs(tts.params, tts.model, [utterance])
    keys = generation.decoder_keys(tts.params, [utterance])
    weights = tts.params["gpt"]["speech_lm"]
    head = weights["code_head"]
    never = np.where(np.arange(len(head["bias"])) == tts.model.gpt.stop_mel_token, np.float32(-1e4), head["bias"])
    weights = {**weights, "code_head": {**head, "bias": never}}
    rehearse(weights, tts.model.gpt, rules, *inputs, keys, codes=120)
    compiled = Compiled()
    made = decode.generate(weights, tts.model.gpt, rules, *inputs, keys=keys)
    assert made.lengths[0] == 120 and compiled.count == 0


def test_nothing_is_compiled_when_it_is_spoken(monkeypatch):
    tts = tiny_synthesizer()
    changes = {"decode": {"max_mel_tokens": 30}, "text": {"max_text_tokens_per_segment": 40}, "flow": {"steps": 2}}
    monkeypatch.setattr(tts, "config", replace(tts.config, **changes))
    told = []
    warm_up(tts, [voice_clip()], longest_seconds=3, progress=told.append)
    assert [one.done for one in told] == [*range(1, told[0].of + 1)]
    assert {one.name.split(":")[0] for one in told} == {
        "clips", "decoder", "second pass", "flow matching", "vocoder", "a sentence"
    }  # fmt: skip
    compiled = Compiled()
    for text in ("Hi.", "Hello there, how are you?", "A much longer one. " * 9):
        assert tts.synthesize(text, voice_clip(), seed=3).samples > 0
    assert compiled.count == 0
    tts.synthesize("Hello.", voice_clip(), config={"flow": {"steps": 29}})  # as no other test does
    assert compiled.count > 0, "it can count"


@pytest.mark.parametrize("how", [{"longest_seconds": 0.0}, {"longest_seconds": float("nan")}, {"at_once": 0}])
def test_what_makes_no_sense_is_refused(how):
    with pytest.raises(ConfigError):
        warm_up(tiny_synthesizer(), [tiny_voice()], **how)
    with pytest.raises(ConfigError, match="voice"):
        warm_up(tiny_synthesizer(), [])
