"""The policy of drawing again, without a model: what is suspect, which draw is taken, what is reported."""

import jax
import numpy as np
import pytest

from indextts2_jax.config.synthesis import RedrawConfig, check_drawn_once
from indextts2_jax.errors import ConfigError
from indextts2_jax.pipeline.generation import SegmentCodes
from indextts2_jax.pipeline.omission import Evidence
from indextts2_jax.synthesis import retry
from indextts2_jax.synthesis.retry import Attempt, Attempts, Fault, attempt_key, audio_faults, report

CONFIG = RedrawConfig()


def code_faults(codes: int, stopped: bool, expected: float, config: RedrawConfig) -> tuple[Fault, ...]:
    return retry.code_faults(SegmentCodes(np.zeros(codes, np.int32), stopped), expected, config)


def reasons(faults: tuple[Fault, ...]) -> str:
    return " ".join(fault.reason for fault in faults)


@pytest.mark.parametrize(
    ("codes", "stopped", "expected", "word"),
    [
        (150, True, 3.0, ""),
        (100, True, 3.0, ""),
        (300, True, 3.0, ""),
        (40, True, 3.0, "lasts 0.8 s where about 3.2 s"),
        (500, True, 3.0, "lasts 10.0 s"),
        (13, True, 0.2, ""),  # one short word
        (60, True, 0.2, ""),
        (100, False, 3.0, "limit of 100 codes"),
        (0, True, 3.0, "before its first code"),
    ],
)
def test_codes(codes, stopped, expected, word):
    faults = code_faults(codes, stopped, expected, CONFIG)
    assert bool(faults) == bool(word) and word in reasons(faults)


def test_missing_words_are_worse_than_words_too_many():
    cases = [(0, True), (5, True), (1500, False), (500, True), (150, True)]
    weights = [sum(fault.weight for fault in code_faults(*case, 3.0, CONFIG)) for case in cases]
    assert weights == sorted(set(weights), reverse=True)


def test_the_bounds_are_settings():
    assert not code_faults(500, True, 3.0, RedrawConfig(longest=5.0))
    assert code_faults(150, True, 3.0, RedrawConfig(shortest=1.0))


def test_waveforms():
    time = np.arange(22_050) / 22_050
    tone = np.sin(2 * np.pi * 200 * time).astype(np.float32)
    assert audio_faults(0.5 * tone) == () == audio_faults(tone[:0])
    assert "silent" in reasons(audio_faults(0.002 * tone)) and "silent" in reasons(audio_faults(0 * tone))
    assert reasons(audio_faults(np.clip(3 * tone, -1, 1))) == "is clipped"
    touched = 0.5 * tone
    touched[100:105] = 1.0
    assert audio_faults(touched) == ()


def draws(*weights: int, limit: int = 10):
    """Attempt k has the fault of weight weights[k], 0 for none."""
    attempts = Attempts(limit)
    while attempts.wanting:
        number = len(attempts.made)
        faults = (Fault(weights[number], f"reason {number}"),) if weights[number] else ()
        attempts.made.append(Attempt(SegmentCodes(np.full(3, number), True), faults))
    assert attempts.best is attempts.made[attempts.number]
    return attempts.number, len(attempts.made), report(3, 17, attempts)


def test_a_good_draw_ends_it():
    assert draws(0) == (0, 1, [])
    number, count, lines = draws(2, 3, 0, 0)
    assert (number, count) == (2, 3)
    assert lines == ["Segment 3 (17 text tokens) was drawn 3 times; before the last it reason 0; reason 1."]


def test_the_least_bad_is_taken_at_the_limit():
    number, count, lines = draws(4, 2, 3, 2, limit=4)
    assert (number, count) == (1, 4)  # of two equal ones the first
    assert lines == ["Segment 3 (17 text tokens) reason 1, the best of 4 draws."]
    assert draws(4, 0, limit=1) == (0, 1, ["Segment 3 (17 text tokens) reason 0."])


def test_what_is_taken_stays_though_it_sounds_bad():
    attempts = Attempts(2)
    attempts.made += [Attempt(SegmentCodes(np.zeros(3, np.int32), True), (Fault(2, "is odd"),)) for _ in range(2)]
    attempts.hear(0, np.zeros(100, np.float32), taken=True)
    assert attempts.number == 0 and attempts.best.weight == 5 and attempts.made[1].audio is None


def test_keys():
    key = jax.random.key(5)
    data = [jax.random.key_data(attempt_key(key, number)).tolist() for number in range(4)]
    assert data[0] == jax.random.key_data(key).tolist()
    assert data[2] == jax.random.key_data(jax.random.fold_in(key, 3)).tolist()
    stages = [jax.random.key_data(jax.random.fold_in(key, purpose)).tolist() for purpose in (0, 1)]
    assert len({str(item) for item in data + stages}) == 6


def test_what_is_drawn_once_takes_the_models_own_settings_but_no_demand_for_redraws():
    own = RedrawConfig(attempts=2)
    check_drawn_once(own, own)
    check_drawn_once(RedrawConfig(), own)
    with pytest.raises(ConfigError, match=r"redraw\.attempts"):
        check_drawn_once(RedrawConfig(attempts=1), own)


@pytest.mark.parametrize(
    ("gains", "stop", "said"),
    [
        ([30.0, 8.0, 2.1], -1.0, ""),
        ([30.0, 1.9, 25.0], -1.0, "leave out word 2 of 3"),
        ([-80.0], -1.0, "leave out word 1 of 1"),
        ([0.0, 0.0, 30.0, 0.0, -2.0, 1.0, 9.0, 0.0], -1.0, "leave out words 1 to 2, 4 to 6, 8 of 8"),
        ([30.0, 30.0], -9.0, "break off"),
        ([], -1.0, ""),
    ],
)
def test_what_the_model_thinks_of_its_codes(gains, stop, said):
    codes = SegmentCodes(np.zeros(150, np.int32), True)
    faults = retry.code_faults(codes, 3.0, CONFIG, Evidence(gains, stop))
    assert bool(faults) == bool(said) and said in reasons(faults)


@pytest.mark.parametrize(
    ("missing", "repeated", "said"),
    [
        ([], [], []),
        ([2], [], ["seems to pass over <2>"]),
        ([], [0, 1], ["seems to say <0 1> again"]),
        ([3], [4], ["seems to pass over <3>", "seems to say <4> again"]),
    ],
)
def test_words_passed_over_and_said_again_are_named(missing, repeated, said):
    faults = retry.word_faults(lambda numbers: f"<{' '.join(map(str, numbers))}>", missing, repeated)
    assert [fault.reason for fault in faults] == said
    worst = sum(fault.weight for fault in retry.word_faults(str, [*missing, 8], [*repeated, 9]))
    assert sum(fault.weight for fault in faults) < worst < retry.EMPTY


def test_the_more_words_are_missing_the_worse():
    codes = SegmentCodes(np.zeros(150, np.int32), True)
    weights = [retry.code_faults(codes, 3.0, CONFIG, Evidence([0.0] * n + [9.0] * 5, 0.0))[0].weight for n in (1, 2, 5)]
    assert weights == sorted(set(weights)) and weights[-1] < retry.EMPTY
