"""Flat arrays, and the order in which training reads utterances."""

import collections

import numpy as np
import pytest

from indextts2_jax.errors import TrainingError
from indextts2_jax.training.dataset import DataSet, FlatArray, Order, generator, write_flat


def test_flat_arrays_come_back(tmp_path):
    parts = [np.arange(2 * n, dtype=np.int16).reshape(n, 2) for n in (3, 1, 0, 4)]
    write_flat(tmp_path, "x", parts)
    array = FlatArray(tmp_path, "x")
    assert len(array) == 4 and array.lengths.tolist() == [3, 1, 0, 4]
    for i, part in enumerate(parts):
        np.testing.assert_array_equal(array[i], part)


def test_damaged_arrays(tmp_path, data):
    with pytest.raises(TrainingError, match="nothing"):
        FlatArray(tmp_path, "nothing")
    write_flat(tmp_path, "x", [np.zeros(3), np.zeros(4)])
    np.save(tmp_path / "x.npy", np.zeros(5))
    with pytest.raises(TrainingError, match="x"):
        FlatArray(tmp_path, "x")
    (tmp_path / "x.npy").write_bytes(b"garbage")
    with pytest.raises(TrainingError, match="x"):
        FlatArray(tmp_path, "x")
    short = DataSet(data.folder, data.rows[:3])
    with pytest.raises(TrainingError, match="12 utterances, the rows 3"):
        short.array("mel")


@pytest.mark.parametrize("content", [None, "", "{no json}\n"])
def test_no_data_set(content, tmp_path):
    if content is not None:
        (tmp_path / "rows.jsonl").write_text(content)
    with pytest.raises(TrainingError, match=str(tmp_path)):
        DataSet.open(tmp_path)


def test_splits_and_speakers(data):
    train, valid = data.indices("train"), data.indices("valid")
    assert sorted([*train, *valid]) == list(range(12)) and valid.tolist() == [3, 7, 11]
    assert [data.speakers[i] for i in data.speaker_ids] == [row["speaker"] for row in data.rows]


LENGTHS = np.random.default_rng(1).integers(10, 400, 203)
CHOSEN = np.flatnonzero(LENGTHS % 7 != 0)


def order(seed=0, batch=6, **options):
    return Order(CHOSEN, LENGTHS, batch, seed, **options)


def test_equal_seeds_equal_order_and_other_seeds_differ():
    first, again, other = ([o.at(step) for step in range(80)] for o in (order(), order(), order(seed=1)))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_any_step_can_be_asked_for_first():
    steps = [order().at(step) for step in range(100)]
    for step in (99, 37, 0):
        np.testing.assert_array_equal(order().at(step), steps[step])


def test_every_utterance_once_an_epoch():
    batches = -(-len(CHOSEN) // 6)
    epochs = []
    for epoch in range(3):
        read = np.concatenate([order().at(epoch * batches + step) for step in range(batches)])
        counts = collections.Counter(read.tolist())
        assert set(counts) == set(CHOSEN.tolist())
        assert sum(counts.values()) - len(counts) == -len(CHOSEN) % 6  # the last batch is filled up
        epochs.append(read)
    assert not np.array_equal(epochs[0], epochs[1])


def test_neighbours_in_length_share_batches_but_batches_are_mixed():
    batches = [LENGTHS[order().at(step)] for step in range(25)]
    spread = np.mean([batch.max() - batch.min() for batch in batches])
    assert spread < 0.25 * (LENGTHS.max() - LENGTHS.min())
    means = np.array([batch.mean() for batch in batches])
    assert not np.all(np.diff(means) >= 0) and not np.all(np.diff(means) <= 0)


def test_weights_repeat_utterances():
    weights = np.where(np.arange(len(CHOSEN)) % 2 == 0, 2.0, 0.5)
    weighted = order(batch=1, weights=weights)
    epochs = 40
    total = int(sum(len(weighted._epoch(epoch)) for epoch in range(epochs)))
    counts = collections.Counter(int(weighted.at(step)[0]) for step in range(total))
    assert {counts[int(u)] for u in CHOSEN[::2]} == {2 * epochs}
    assert abs(np.mean([counts[int(u)] for u in CHOSEN[1::2]]) / epochs - 0.5) < 0.05


def test_fewer_utterances_than_a_batch():
    few = Order(np.array([4, 9]), LENGTHS, 5, 0)
    batch = few.at(3)
    assert len(batch) == 5 and set(batch.tolist()) == {4, 9}


def test_nothing_to_read():
    with pytest.raises(TrainingError, match="no utterances"):
        Order(np.array([], np.int64), LENGTHS, 2, 0)


def test_generators_depend_on_seed_and_purpose():
    draws = [tuple(generator(*key).integers(0, 2**31, 3)) for key in ((0, 1), (0, 1), (1, 1), (0, 2), (0, 1, 5))]
    assert draws[0] == draws[1] and len(set(draws)) == 4
