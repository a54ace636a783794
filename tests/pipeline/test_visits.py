"""Words that speech passes over or comes back to, in attention of which it is known."""

import numpy as np
import pytest

from indextts2_jax.pipeline import visits

WORDS = [(0, 3), (3, 5), (6, 9), (9, 10)]
"""Of ten tokens; token 5 is a mark."""
SECONDS = [0.27, 0.18, 0.27, 0.09]
RATE, TOKENS = 50, 10


def attention(order, codes=4, share=1.0, blur=0.0):
    """So many codes on each token of `order`, [start] before, [stop] behind; `share` of it there, the rest anywhere."""
    rows = [0, 0, *np.repeat(np.array(order) + 1, codes), TOKENS + 1]
    weights = np.full((len(rows), TOKENS + 2), (1 - share) / (TOKENS + 2))
    weights[np.arange(len(rows)), rows] += share * (1 - blur)
    for beside in (-1, 1):
        weights[np.arange(len(rows)), np.clip(np.array(rows) + beside, 0, TOKENS + 1)] += share * blur / 2
    return weights


def seen(order, **how):
    found = visits.count(attention(order, **how), WORDS, SECONDS, RATE)
    return found.missing, found.repeated


HOW = [{}, {"share": 0.5}, {"blur": 0.3}, {"codes": 2}, {"codes": 9, "share": 0.6, "blur": 0.2}]


@pytest.mark.parametrize("how", HOW)
def test_what_is_read_well_is_not_suspect(how):
    assert seen(range(TOKENS), **how) == ([], [])


@pytest.mark.parametrize("how", [{}, {"codes": 2}, {"share": 0.9}])
def test_words_that_are_passed_over(how):
    assert seen([0, 1, 2, 5, 6, 7, 8, 9], **how)[0] == [1]
    assert seen([0, 1, 2, 3, 4, 5], **how)[0] == [2, 3]
    assert seen([3, 4, 5, 6, 7, 8, 9], **how)[0] == [0]


@pytest.mark.parametrize("how", HOW)
def test_words_that_are_said_again(how):
    assert seen([0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 8, 9], **how)[1] == [1]
    assert seen([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9], **how)[1] == [0, 1]
    assert seen([*range(TOKENS), 6, 7, 8, 9], **how)[1] == [2, 3]
    assert seen([0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 6, 7, 8, 9], **how)[1] == [0, 2]


def test_a_glance_back_and_a_pause_are_nothing():
    weights = attention([0, 1, 2, 3, 4, *[5] * 8, 6, 7, 8, 9])
    weights[20] = np.roll(weights[20], -4)  # a single code
    found = visits.count(weights, WORDS, SECONDS, RATE)
    assert (found.missing, found.repeated) == ([], [])


def test_a_text_without_words():
    assert visits.count(attention([]), [], [], RATE) == visits.Visits([], [])
