"""What was made last is kept, and made once."""

import pytest

from indextts2_jax.runtime.lru import Recent


def test_the_memory_is_bounded():
    recent: Recent[int] = Recent(2)
    made = []

    def make(value: int) -> int:
        made.append(value)
        return value

    for key in (1, 2, 1, 3, 1, 2):
        assert recent.get(key, lambda key=key: make(key)) == key
    assert made == [1, 2, 3, 2] and len(recent) == 2
    nothing: Recent[int] = Recent(0)
    assert nothing.get(1, lambda: 5) == 5 and len(nothing) == 0
    with pytest.raises(ZeroDivisionError):
        recent.get(9, lambda: 1 // 0)
    assert len(recent) == 2
