"""Worked examples of upstream's rules."""

import json

import pytest

from indextts2_jax.emotion_text.answer import LABELS, weights_of
from indextts2_jax.errors import EmotionError
from indextts2_jax.gpt.emotion import EMOTIONS, check_vector

CALM = {"calm": 1.0}


def named(answer: str, text: str = "some words") -> dict[str, float]:
    vector = weights_of(answer, text)
    assert check_vector(vector) == vector  # what follows takes all that comes out
    return {name: weight for name, weight in zip(EMOTIONS, vector, strict=True) if weight}


def test_the_order_is_that_of_an_emotion_vector():
    assert tuple(LABELS.values()) == EMOTIONS
    answer = json.dumps({label: index / 10 for index, label in enumerate(LABELS)}, ensure_ascii=False)
    assert weights_of(answer, "") == tuple(index / 10 for index in range(8))


ANSWERS = {
    "json": ('{"高兴": 0.6, "悲伤": 0.25}', {"happy": 0.6, "sad": 0.25}),
    "white space": ('\n {"高兴": 0.6}\n', {"happy": 0.6}),
    "clamped": ('{"高兴": 1.7, "愤怒": -0.2, "惊讶": 1.2}', {"happy": 1.2, "surprised": 1.2}),
    "calm where all are zero": ('{"高兴": 0.0, "愤怒": -1}', CALM),
    "calm where nothing is known": ('{"joy": 0.9}', CALM),
    "English labels are no keys": ('{"happy": 0.9}', CALM),
    "numbers as text": ('{"高兴": "0.4"}', {"happy": 0.4}),
    "true is one": ('{"高兴": true}', {"happy": 1.0}),
    "infinity and NaN are clamped": ('{"高兴": Infinity, "愤怒": NaN}', {"happy": 1.2, "angry": 1.2}),
    "single quotes": ("{'高兴': 0.6}", CALM),  # the quote becomes part of the name
    "no braces": ('"高兴": 0.6, "愤怒" : 0.1', {"happy": 0.6, "angry": 0.1}),
    "no quotes": ("高兴:0.6 愤怒:0.1", {"happy": 0.6, "angry": 0.1}),
    "cut off": ('{"高兴": 0.6, "愤怒": 0.1, "悲', {"happy": 0.6, "angry": 0.1}),
    "minus is not a number there": ("高兴: -0.6, 愤怒: 0.1", {"angry": 0.1}),
    "words": ("I feel nothing", CALM),
    "empty": ("", CALM),
    "nested too deeply": ("[" * 5_000, CALM),
    "list": ("[0.5, 0.5]", CALM),
    "number": ("0.5", CALM),
    "label": ('"高兴"', {"happy": 1.0}),
    "English label": ('" Happy "', {"happy": 1.0}),
    "label without quotes is no JSON": ("高兴", CALM),
    "emotion": ('{"emotion": "happy"}', {"happy": 1.0}),
    "emotion_label": ('{"emotion_label": "ANGRY"}', {"angry": 1.0}),
    "label key": ('{"label": "惊讶"}', {"surprised": 1.0}),
    "情感": ('{"情感": "sad"}', {"sad": 1.0}),
    "情绪": ('{"情绪": "恐惧"}', {"afraid": 1.0}),
    "the first label key that names an emotion": ('{"emotion": "joy", "label": "sad", "情绪": "calm"}', {"sad": 1.0}),
    "weights go before a label": ('{"emotion": "happy", "悲伤": 0.3}', {"sad": 0.3}),
    "label as its own weight": ('{"高兴": "高兴"}', {"happy": 1.0}),
    "label as another's weight": ('{"高兴": "sad", "愤怒": 0.2}', {"sad": 1.0, "angry": 0.2}),
    "label as another's weight, which it replaces": ('{"自然": "happy", "高兴": 0.2}', {"happy": 1.0}),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_answers(case):
    answer, weights = ANSWERS[case]
    assert named(answer) == weights


@pytest.mark.parametrize(
    "text", ["他很低落", "Melancholy!", "so melancholic", "DEPRESSION", "depressed", "a gloomy day"]
)
def test_melancholic_words_exchange_sad_and_melancholic(text):
    assert named('{"悲伤": 0.7, "低落": 0.1, "高兴": 0.2}', text) == {"melancholic": 0.7, "sad": 0.1, "happy": 0.2}
    assert named('{"悲伤": 0.7}', text) == {"melancholic": 0.7}
    assert named('"悲伤": 0.7 and so on', text) == {"melancholic": 0.7}


def test_the_exchange_comes_before_clamping_and_before_labels():
    assert named('{"悲伤": 1.9}', "gloomy") == {"melancholic": 1.2}
    assert named('{"悲伤": "sad"}', "gloomy") == {"sad": 1.0}  # as upstream: the label moves, and names sad
    assert named('{"emotion": "sad"}', "gloomy") == CALM  # as upstream: the exchanged zeros count as weights
    assert named('"悲伤"', "gloomy") == {"sad": 1.0}  # upstream fails here


@pytest.mark.parametrize(
    "answer",
    ['{"高兴": null}', '{"高兴": [1]}', '{"高兴": "much"}', "高兴: 1.2.3", "高兴: .", '{"高兴": 1%s}' % ("0" * 400)],
)
def test_weights_that_are_no_numbers(answer):
    with pytest.raises(EmotionError, match=r"^The emotion classifier's answer has a weight that is no number: [^\n]*$"):
        weights_of(answer, "")
