"""The memory of what was made: bounded, by the order of asking, safe between threads."""

import concurrent.futures
import threading

import pytest

from indextts2_jax.runtime.lru import LRU


def test_the_last_ones_are_kept():
    memory: LRU[int] = LRU(2)
    made = []

    def make(value: int) -> int:
        made.append(value)
        return value

    for key in (1, 2, 1, 3, 1, 2):
        assert memory.get(key, lambda key=key: make(key)) == key
    assert made == [1, 2, 3, 2] and len(memory) == 2
    with pytest.raises(ZeroDivisionError):
        memory.get(9, lambda: 1 // 0)
    assert len(memory) == 2


def test_size_0_keeps_nothing():
    memory: LRU[int] = LRU(0)
    assert [memory.get(1, lambda value=value: value) for value in (5, 6)] == [5, 6] and len(memory) == 0


def test_none_is_a_value():
    memory: LRU[None] = LRU(1)
    memory.get(1, lambda: None)
    assert memory.get(1, lambda: pytest.fail("made again")) is None


def test_eight_threads_make_each_key_once():
    memory: LRU[object] = LRU(4)
    made, together = [], threading.Barrier(8)

    def ask(number: int) -> list[object]:
        together.wait()
        return [memory.get(key, lambda key=key: made.append(key) or object()) for key in (0, 1, 2, 3)]

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(8)))
    assert sorted(made) == [0, 1, 2, 3] and all(values == found[0] for values in found)


def test_a_small_memory_under_eight_threads():
    """Keys fall out while others are asked for."""
    memory: LRU[int] = LRU(2)

    def ask(number: int) -> None:
        for turn in range(2000):
            key = (number + turn) % 5
            assert memory.get(key, lambda key=key: key) == key

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(8)))
    assert len(memory) == 2


def test_different_keys_are_made_at_the_same_time():
    memory: LRU[int] = LRU(8)
    together = threading.Barrier(8, timeout=60)
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda key: memory.get(key, together.wait), range(8)))) == 8


def test_one_who_waits_for_a_failure_makes_it_anew():
    memory: LRU[str] = LRU(2)
    begun, fail = threading.Event(), threading.Event()

    def failing() -> str:
        begun.set()
        fail.wait(60)
        raise ZeroDivisionError

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        first = threads.submit(memory.get, 1, failing)
        begun.wait(60)
        second = threads.submit(memory.get, 1, lambda: "made")
        fail.set()
        assert isinstance(first.exception(), ZeroDivisionError) and second.result() == "made"
    assert memory.get(1, failing) == "made"
