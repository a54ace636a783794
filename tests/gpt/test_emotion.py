"""Emotion arithmetic: worked examples, and every refusal."""

import math

import numpy as np
import pytest

from indextts2_jax.errors import EmotionError
from indextts2_jax.gpt import emotion
from tests.annotations import unchecked

CALM = (0.0,) * 7 + (0.5,)


def test_check_vector_gives_plain_floats():
    vector = emotion.check_vector(np.array([0, 0, 0.5, 0, 0, 0, 0, 1.2]))
    assert vector == (0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 1.2)
    assert all(type(value) is float for value in vector)
    assert emotion.check_vector([0, 1, 0, 0, 0, 0, 0, 1]) == (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    "values",
    [[], [0.1] * 7, [0.1] * 9, "00000000", b"00000000", 0.5, None, {0.5}, np.zeros((8, 2)), np.array(0.5)],
)
def test_check_vector_wants_eight(values):
    with unchecked(), pytest.raises(EmotionError, match="must be a list of 8 numbers: happy, angry"):
        emotion.check_vector(values)


@pytest.mark.parametrize("value", [-0.001, 1.3, math.nan, math.inf, -math.inf, "0.1", None, True, 1j, [0.1], 10**400])
def test_check_vector_names_the_emotion(value):
    with unchecked(), pytest.raises(EmotionError, match="'afraid' is"):
        emotion.check_vector([0, 0, 0, value, 0, 0, 0, 0])


def test_by_name():
    assert emotion.check_vector({"sad": 0.2, "happy": 0.6}) == (0.6, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert emotion.parse_weights(" Happy : .6, sad:0.2 ") == (0.6, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0)
    everything = ",".join(f"{name}:{index / 10}" for index, name in enumerate(emotion.EMOTIONS))
    assert emotion.parse_weights(everything) == tuple(index / 10 for index in range(8))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("joyful:0.5", "'joyful' is no emotion"),
        ("happy:0.5,happy:0.5", "'happy' is given twice"),
        ("happy:0.5,HAPPY:0.5", "'HAPPY' is given twice"),
        ("happy:1.3", "'happy' is 1.3"),
        ("happy:-0.1", "'happy' is -0.1"),
        ("happy", "'happy' is not of the form"),
        ("happy:", "'happy:' is not of the form"),
        ("happy:much", "'happy:much' is not of the form"),
        ("happy:0.5,", "'' is not of the form"),
        (":0.5", "':0.5' is not of the form"),
        ("", "'' is not of the form"),
    ],
)
def test_wrong_names_and_weights_list_the_emotions(text, fault):
    with pytest.raises(EmotionError, match=f"^.*{fault}.*happy, angry, sad.*calm.*$"):
        emotion.parse_weights(text)


def test_weights_by_name_are_checked():
    for values, fault in (({}, "No emotion is named"), ({"joy": 1.0}, "'joy' is no"), ({1: 1.0}, "1 is no")):
        with unchecked(), pytest.raises(EmotionError, match=f"{fault}.*happy, angry"):
            emotion.check_vector(values)
    for text in ("happy:nan", "happy:inf"):
        with pytest.raises(EmotionError, match="finite"):
            emotion.parse_weights(text)


def test_one_source_of_emotion():
    emotion.check_one_source({"a": None, "b": 0.0, "c": None})
    with pytest.raises(EmotionError, match="a and c; leave only one"):
        emotion.check_one_source({"a": "", "b": None, "c": 1})


@pytest.mark.parametrize("alpha", [0, 0.65, 1, np.float32(0.5)])
def test_check_alpha_takes(alpha):
    assert emotion.check_alpha(alpha) == alpha and type(emotion.check_alpha(alpha)) is float


@pytest.mark.parametrize("alpha", [-0.1, 1.01, math.nan, math.inf, "1", None, True, 10**400])
def test_check_alpha_refuses(alpha):
    with unchecked(), pytest.raises(EmotionError, match="The emotion weight is"):
        emotion.check_alpha(alpha)


def test_scale_vector_cuts_after_four_decimals():
    vector = (0.33333, 0.99999) + (0.0,) * 5 + (1.0,)
    assert emotion.scale_vector(vector, 0.5) == (0.1666, 0.4999) + (0.0,) * 5 + (0.5,)
    assert emotion.scale_vector(vector, 1.0) == vector  # untouched: no cutting
    assert emotion.scale_vector(vector, 7.0) == vector
    assert emotion.scale_vector(vector, -1.0) == (0.0,) * 8


def test_normalize_vector_weakens_then_caps():
    assert emotion.normalize_vector(CALM) == (0.0,) * 7 + (0.28125,)
    ones = emotion.normalize_vector((1.0,) * 8)
    assert sum(ones) == pytest.approx(0.8)
    assert ones[2] / ones[7] == pytest.approx(1 / 0.5625)
    assert emotion.normalize_vector((0.0, 0.0, 0.8) + (0.0,) * 5) == (0.0, 0.0, 0.8) + (0.0,) * 5


def test_blend():
    base, other = np.array([[1.0, 2.0]], np.float32), np.array([[3.0, -2.0]], np.float32)
    np.testing.assert_array_equal(emotion.blend(base, other, 0.0), base)
    np.testing.assert_array_equal(emotion.blend(base, other, 1.0), other)
    blended = emotion.blend(base, other, 0.25)
    np.testing.assert_array_equal(blended, [[1.5, 1.0]])
    assert blended.dtype == np.float32


def test_matrix_rows_compares_directions_within_each_group():
    speakers = np.array([[9.0, 9.0], [0.1, 0.0], [0.0, 5.0], [0.0, 1.0], [-1.0, 0.1], [3.0, 0.0]], np.float32)
    east, north = np.array([2.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)
    assert emotion.matrix_rows(east, speakers, (2, 3, 1)).tolist() == [1, 2, 5]
    assert emotion.matrix_rows(np.stack([east, north]), speakers, (2, 3, 1)).tolist() == [[1, 2, 5], [0, 2, 5]]


def test_mix_matrix_fills_up_with_the_clips_own_emotion():
    matrix = np.array([[1.0, 0.0], [0.0, 1.0], [4.0, 4.0]], np.float32)
    own = np.array([10.0, 20.0], np.float32)
    mixed = emotion.mix_matrix((0.5, 0.25), matrix, np.array([2, 1]), own)
    np.testing.assert_allclose(mixed, [2.0 + 2.5, 2.0 + 0.25 + 5.0])
    assert mixed.dtype == np.float32
    over = emotion.mix_matrix((1.0, 1.0), matrix, np.array([0, 1]), own[None])
    np.testing.assert_allclose(over, [[1.0 - 10.0, 1.0 - 20.0]])
