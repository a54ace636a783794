import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.gpt import beam
from indextts2_jax.gpt.sampling import Candidates
from tests.gpt import plain

STOP = 9
add = jax.jit(beam.add)
worst, best = jax.jit(beam.Hypotheses.worst), jax.jit(beam.Hypotheses.best)
advance = jax.jit(beam.advance, static_argnames=("length_penalty", "stop_token"))


def contents(heap: beam.Hypotheses) -> list[tuple[float, int]]:
    """(score, length) in the order of the heap; the length names the hypothesis."""
    taken = int(heap.found)
    return list(zip(heap.scores[:taken].tolist(), heap.lengths[:taken].tolist(), strict=True))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_heap_with_many_equal_scores(size):
    rng = np.random.default_rng(size)
    for _ in range(4):
        heap, expected = beam.empty(size), plain.Heap(size, 0.0)
        assert float(worst(heap)) == np.float32(1e9)
        for name in range(20):
            score, when = float(rng.integers(-3, 1)), bool(rng.integers(0, 4))
            heap = add(heap, jnp.float32(score), jnp.int32(name), jnp.int32(0), jnp.array(when))
            if when:
                expected.add(name, score, 1)
            assert contents(heap) == expected.items
            if expected.items:
                assert float(worst(heap)) == expected.worst()
                assert contents(heap)[int(best(heap))] == expected.best()


def step(heap, scores, codes, *, done=False, length_penalty=0.0):
    beams = jnp.arange(len(codes)) % heap.scores.shape[0]
    candidates = Candidates(jnp.array(scores), beams, jnp.array(codes))
    return advance(heap, candidates, jnp.int32(4), jnp.array(done), length_penalty=length_penalty, stop_token=STOP)


def test_a_stop_token_below_the_best_beams_is_ignored():
    heap, following, done = step(beam.empty(2), [-1.0, -2.0, -3.0, -4.0], [5, 6, STOP, STOP])
    assert contents(heap) == []
    assert following.codes.tolist() == [5, 6]
    assert not done


def test_stop_tokens_give_way_to_the_next_candidates():
    heap, following, done = step(beam.empty(2), [-1.0, -2.0, -3.0, -4.0], [STOP, 5, 6, 7], length_penalty=1.0)
    assert contents(heap) == [(np.float32(-1.0 / 5), 4)]  # five tokens with the stop, four without
    assert following.codes.tolist() == [5, 6]
    assert following.beams.tolist() == [1, 0]
    assert not done


@pytest.mark.parametrize(("best_candidate", "ends"), [(-1.4, False), (-1.5, True), (-1.6, True)])
def test_ends_when_no_candidate_can_beat_the_worst(best_candidate, ends):
    heap = beam.empty(2)
    for score in (-1.0, -1.5):
        heap = add(heap, jnp.float32(score), jnp.int32(1), jnp.int32(0), jnp.array(True))
    _, _, done = step(heap, [best_candidate, -7.0, -8.0, -9.0], [1, 2, 3, 4])
    assert bool(done) == ends


def test_an_ended_request_is_left_alone():
    heap, _, done = step(beam.empty(2), [-1.0, -2.0, -3.0, -4.0], [STOP, 5, 6, 7], done=True)
    assert contents(heap) == []
    assert done


def test_ends_when_every_beam_is_dead():
    dead = -float("inf")
    heap, _, done = step(beam.empty(2), [-1.0, dead, dead, dead], [STOP, 0, 0, 0])
    assert contents(heap) == [(-1.0, 4)]
    assert done


def test_backtrack():
    codes = np.array([[[1, 2], [3, 4], [5, 6]], [[7, 8], [1, 1], [2, 2]]])
    parents = np.array([[[0, 0], [1, 0], [1, 0]], [[0, 0], [1, 1], [0, 0]]])
    found = beam.backtrack(codes, parents, np.array([3, 1]), np.array([0, 1]), fill=9)
    assert found.tolist() == [[1, 4, 5], [8, 9, 9]]
    assert found.dtype == np.int32
    nothing = beam.backtrack(codes, parents, np.array([0, 0]), np.array([0, 0]), fill=9)
    assert nothing.tolist() == [[9], [9]]
