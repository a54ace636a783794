"""An even pace in numbers, without a model."""

import numpy as np
import pytest

from indextts2_jax.config import EVEN_FASTEST, EVEN_SLOWEST
from indextts2_jax.synthesis.pace import EASE_SECONDS, Pace, beginning, factor, measure, together


def test_pauses_are_no_speech():
    weights = np.zeros((60, 6))
    weights[:10, 0] = weights[10:30, 1] = weights[30:45, 2] = weights[45:55, 3] = weights[55:, 5] = 1.0
    assert measure(weights, [(0, 1), (2, 3)], [0.3, 0.2], 50) == pytest.approx((0.5, 30 / 50))


@pytest.mark.parametrize(
    ("seconds", "count"), [([12.0, 3.0], 1), ([4.0, 4.0, 4.0, 4.0], 3), ([1.0, 1.0], 2), ([10.0, 1.0], 1)]
)
def test_the_beginning_is_ten_seconds(seconds, count):
    assert beginning(seconds) == count


def test_what_was_not_spoken_has_no_pace():
    assert together([]) is None and together([Pace(0.0, 0.0)]) is None
    assert together([Pace(1.0, 2.0), Pace(3.0, 2.0)]) == (4.0, 4.0)


@pytest.mark.parametrize("common", [0.7, 1.0, 1.4])
def test_long_segments_get_the_common_pace_and_short_ones_come_nearer(common):
    reference = Pace(10.0, 10.0 * common)
    for slow in (0.85, 1.0, 1.15):
        own = Pace(20.0, 20.0 * common * slow)
        assert own.spoken * factor(own, reference) / own.expected == pytest.approx(common, rel=0.01)
        word = Pace(EASE_SECONDS, EASE_SECONDS * common * slow)
        assert factor(word, reference) == pytest.approx(2 / (1 + slow))


def test_there_are_limits():
    assert factor(Pace(10.0, 30.0), Pace(10.0, 10.0)) == EVEN_FASTEST
    assert factor(Pace(10.0, 3.0), Pace(10.0, 10.0)) == EVEN_SLOWEST
