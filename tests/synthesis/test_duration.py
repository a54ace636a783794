"""A given duration, shared out: to the sample, in proportion, or a clear refusal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indextts2_jax.errors import ConfigError
from indextts2_jax.synthesis.duration import fit_duration, share_frames

HOP, RATE = 256, 22_050


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 2500), min_size=1, max_size=20), st.floats(0.5, 2.0), st.integers(0, 100_000))
def test_the_sum_is_exact(natural, factor, silence):
    if sum(natural) < 50:
        natural = [*natural, 50]
    seconds = (sum(natural) * HOP * factor + silence) / RATE
    try:
        frames, rest = fit_duration(natural, silence, seconds, HOP, RATE)
    except ConfigError:
        assert factor < 0.501 or factor > 1.999  # rounded to a sample outside
        return
    assert sum(frames) * HOP + rest + silence == round(seconds * RATE)
    assert 0 <= rest < HOP
    assert [count > 0 for count in frames] == [count > 0 for count in natural]
    for own, got in zip(natural, frames, strict=True):
        assert abs(got - own * sum(frames) / sum(natural)) <= 1 + 20 * (min(natural) < 3)


def test_the_same_again_is_the_same():
    natural = [172, 0, 86, 1, 300]
    assert share_frames(natural, sum(natural)) == natural


def test_short_segments_keep_a_frame():
    assert share_frames([1, 1, 1, 1, 100], 52) == [1, 1, 1, 1, 48]


@pytest.mark.parametrize("seconds", [0.1, 1.39, 5.2, 3600.0])
def test_out_of_range(seconds):
    with pytest.raises(
        ConfigError, match=r"takes 2\.6. s by itself, 0\.20 s of them silences: give from 1\.4. to 5\."
    ) as error:
        fit_duration([100, 110], 4410, seconds, HOP, RATE)
    least, most = (float(word) for word in str(error.value).split(" from ")[1].split(" s.")[0].split(" to "))
    for inside in (least, most):
        frames, rest = fit_duration([100, 110], 4410, inside, HOP, RATE)
        assert sum(frames) * HOP + rest + 4410 == round(inside * RATE)
