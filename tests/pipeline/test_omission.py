"""What the speech model thinks of codes with and without a word: exact on the tiny model, true on the bundled one."""

import dataclasses

import jax
import numpy as np
import pytest

from indextts2_jax import IndexTTS2
from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import replace
from indextts2_jax.pipeline import generation, omission, stages
from indextts2_jax.pipeline.generation import SegmentCodes, Utterance
from indextts2_jax.pipeline.omission import ROWS
from indextts2_jax.synthesis import retry
from indextts2_jax.text.frontend import words
from tests.tiny import tiny_config, tiny_synthesizer, tiny_voice

TEXT = np.arange(20, 44, dtype=np.int32)


def utterance(ids: np.ndarray = TEXT) -> Utterance:
    voice = tiny_voice()
    return Utterance(voice, voice.emotion_base, ids, jax.random.key(3))


def likelihoods(ids: np.ndarray, codes: np.ndarray) -> np.ndarray:
    tts = tiny_synthesizer()
    text, padded = (np.pad(x, (0, 64 - len(x)))[None].astype(np.int32) for x in (ids, codes))
    lengths = [np.array([len(x)], np.int32) for x in (ids, codes)]
    conds = generation.decoder_conditions(tts.params, tts.model, [utterance()])
    inputs = (conds, text, lengths[0], padded, lengths[1])
    return np.asarray(stages.code_likelihood(tts.params, *inputs, model=tts.model))[0]


def test_it_is_what_generation_chooses_by():
    """Greedy decoding takes the likeliest code: every other one is less likely, at its place."""
    tts, greedy = tiny_synthesizer(), replace(tiny_config(), decode={"do_sample": False, "num_beams": 1})
    greedy = replace(greedy, decode={"repetition_penalty": 1.0})
    (chosen,) = generation.choose_codes(tts.params, greedy, tts.model, [utterance()])
    own = likelihoods(TEXT, chosen.codes)
    assert np.all(own[: len(chosen.codes)] < 0) and not own[len(chosen.codes) :].any()
    for place in range(0, len(chosen.codes), 3):
        for other in (7, 23):
            codes = chosen.codes.copy()
            codes[place] = other if codes[place] != other else other + 1
            changed = likelihoods(TEXT, codes)
            np.testing.assert_allclose(changed[:place], own[:place], atol=1e-4)
            assert changed[place] < own[place]


@pytest.mark.parametrize("size", [1, 2, ROWS - 1, ROWS, 12])
def test_gains(size):
    tts, codes = tiny_synthesizer(), np.arange(20, 41, dtype=np.int32)
    spans = [(2 * k, 2 * k + 2) for k in range(size)]
    made = omission.look_for(tts.params, tts.model, utterance(), SegmentCodes(codes, True), spans)
    stopped = np.append(codes, tts.model.gpt.stop_mel_token)
    whole = likelihoods(TEXT, stopped)
    for (begin, end), gain in zip(spans, made.gains, strict=True):
        without = likelihoods(np.delete(TEXT, slice(begin, end)), stopped)
        assert gain == pytest.approx(float(whole.sum() - without.sum()), abs=1e-3)
    assert made.stop == pytest.approx(float(whole[len(codes)]), abs=1e-4)


def test_markers_in_the_text_are_not_read_and_codes_without_a_stop_have_none():
    tts, codes = tiny_synthesizer(), SegmentCodes(np.arange(20, 41, dtype=np.int32), False)
    marked = np.insert(TEXT, 4, [tts.model.gpt.start_text_token, tts.model.gpt.stop_text_token]).astype(np.int32)
    plain = omission.look_for(tts.params, tts.model, utterance(), codes, [(0, 4), (4, 8)])
    made = omission.look_for(tts.params, tts.model, utterance(marked), codes, [(0, 4), (6, 10)])
    assert made == plain and made.stop == 0.0


def test_words_of_a_long_text_are_left_out_together(monkeypatch):
    monkeypatch.setattr(omission, "MOST_PARTS", 4)
    tts, codes = tiny_synthesizer(), SegmentCodes(np.arange(20, 41, dtype=np.int32), True)
    spans = [(k, k + 1) for k in range(11)]
    gains = omission.look_for(tts.params, tts.model, utterance(), codes, spans).gains
    assert len(gains) == 11 and [len(set(gains[k : k + 3])) for k in (0, 3, 6, 9)] == [1] * 4 and len(set(gains)) == 4


# --- the bundled model --------------------------------------------------------------------------------------------

SAID = "The little dog ran across the road and into the garden."
CASES = {
    "the end": "The little dog ran across the road.",
    "the beginning": "And into the garden.",
    "the middle": "The little dog ran into the garden.",
    "a word": "The dog ran across the road and into the garden.",
}


@pytest.mark.skipif(not bundled.MODEL.is_dir(), reason=f"the demo model is not there: {bundled.MODEL}")
def test_it_tells_what_was_left_out():
    tts = IndexTTS2.from_pretrained("demo")
    voice = tts.encode_voice(bundled.voice_clip())
    tokens = tts.frontend.tokenize(SAID)

    def reading(text: str) -> SegmentCodes:
        ids = np.array(tts.frontend.encode(tts.frontend.tokenize(text)), np.int32)
        one = Utterance(voice, voice.emotion_base, ids, jax.random.key(0))
        return generation.choose_codes(tts.params, tts.config, tts.model, [one])[0]

    full = Utterance(voice, voice.emotion_base, np.array(tts.frontend.encode(tokens), np.int32), jax.random.key(0))

    def faults(chosen: SegmentCodes) -> str:
        evidence = omission.look_for(tts.params, tts.model, full, chosen, words(tokens))
        made = retry.code_faults(chosen, tts.frontend.seconds(tokens), replace(tts.config).redraw, evidence)
        return " ".join(fault.reason for fault in made)

    whole = reading(SAID)
    assert faults(whole) == ""
    for what, text in CASES.items():
        assert "leave out word" in faults(reading(text)), what
    assert "leave out words 10 to 11 of 11" in faults(reading("The little dog ran across the road and into."))
    cut = dataclasses.replace(whole, codes=whole.codes[: 9 * len(whole.codes) // 10])
    assert "break off" in faults(cut)
