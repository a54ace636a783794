"""Paths through attention, and which heads are chosen."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indextts2_jax.pipeline import alignment


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_no_path_that_never_goes_back_gathers_more(rows, columns, seed):
    weights = np.random.default_rng(seed).random((rows, columns))
    found = alignment.path(weights)
    assert all(np.diff(found) >= 0)
    best = max(
        weights[np.arange(rows), list(way)].sum()
        for way in itertools.combinations_with_replacement(range(columns), rows)
    )
    assert weights[np.arange(rows), found].sum() == pytest.approx(best)


def diagonal(rows=40, columns=12, blur=0.0, back=False):
    middle = np.linspace(0, columns - 1, rows)[:: -1 if back else 1]
    weights = np.exp(-np.square(np.arange(columns) - middle[:, None]) / (0.2 + blur))
    return weights / weights.sum(axis=1, keepdims=True)


def test_monotone_heads_are_chosen_and_others_are_not():
    rng = np.random.default_rng(0)
    noise = rng.dirichlet(np.ones(12), (3, 40))
    maps = np.stack([noise[0], diagonal(blur=3), noise[1], diagonal(), diagonal(back=True), noise[2]])
    gains = alignment.monotony(maps)
    assert np.argmax(gains) == 3 and np.argmin(gains) == 4 and all(abs(gains[[0, 2, 5]]) < 0.2)
    assert alignment.choose(maps) == [3]


def test_heads_that_err_apart_are_taken_together():
    rng = np.random.default_rng(1)
    maps = np.stack([0.5 * diagonal() + 0.5 * rng.dirichlet(np.full(12, 0.1), 40) for _ in range(4)])
    assert len(alignment.choose(maps)) >= 1
    backward = diagonal(back=True)[None]
    assert alignment.choose(backward) == []


def test_an_alignment_counts_tokens_without_the_edges():
    weights = diagonal()
    found = alignment.align(weights[None])
    assert found.tokens[0] == -1 and found.tokens[-1] == 10 and found.weights.shape == (40, 10)
