"""Cues filled: within limits, borrowing silence, told by how much they are late."""

import fractions

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.dialogue.fitting import Fitted, Room, fit, samples_of

LIMITS = {"pace": 1.0, "shortest": 0.75, "longest": 1.35}


@pytest.mark.parametrize(
    ("speech", "silent", "expected"),
    [
        (1000, 0, Fitted(1000, 1.0, 0)),
        (1200, 0, Fitted(1000, 1000 / 1200, 0)),  # faster
        (1200, 200, Fitted(1100, 0.75, 0)),  # silence keeps its length, so it borrows
        (1600, 0, Fitted(1200, 0.75, 0)),  # all that can be borrowed
        (2000, 0, Fitted(1500, 0.75, 300)),  # late
        (800, 0, Fitted(1000, 1.25, 0)),  # slower
        (600, 0, Fitted(810, 1.35, 0)),  # no slower than that
        (1, 0, Fitted(1, 1.0, 0)),
    ],
)
def test_fits(speech, silent, expected):
    assert fit(Room(0, 1000, 1200), speech, silent, **LIMITS) == expected


def test_no_time_at_all():
    assert fit(Room(0, 0, 500), 1000, 0, **LIMITS) == Fitted(750, 0.75, 250)


def test_a_fast_speaker():
    """His own pace is what limits are of, up to what the model can do."""
    made = fit(Room(0, 1000, 1000), 2000, 0, pace=0.8, shortest=0.75, longest=1.35)
    assert made == Fitted(1200, 0.6, 200)
    assert fit(Room(0, 10, 10), 2000, 0, pace=0.55, shortest=0.75, longest=1.35).factor == 0.5


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 10**5), st.floats(0.5, 2.0))
def test_what_is_asked_of_the_model_is_possible(length, speech, silent, pace):
    made = fit(Room(0, length, length), speech, silent, pace=pace, shortest=0.75, longest=1.35)
    assert 0.5 * speech <= made.samples - silent <= 2 * speech
    assert made.late == max(0, made.samples - length)


def test_times_are_exact():
    assert [samples_of(ms) for ms in (0, 1, 20, 1000, 3_600_000)] == [0, 22, 441, SAMPLING_RATE, 3600 * SAMPLING_RATE]
    for milliseconds in (10, 30, 4250, 359_999_990, 359_999_999):
        assert samples_of(milliseconds) == round(fractions.Fraction(milliseconds * SAMPLING_RATE, 1000))
