"""Phones of a synthesiser against the phonemes of a dictionary."""

import numpy as np
import pytest

from indextts2_jax.errors import TrainingError
from indextts2_jax.training.alignment import align, plain, token_frames
from indextts2_jax.training.dataset import DataSet
from indextts2_jax.training.phones import PhoneLabels, frame_labels

THE_CAT = ["▁DH", "AH0", "▁K", "AE1", "T", "."]


@pytest.mark.parametrize(
    ("tokens", "phones", "expected"),
    [
        (THE_CAT, "dh iy k ae t", [0, 1, 2, 3, 4]),  # "the" is read otherwise; no pause for the full stop
        (THE_CAT, "dh ax k ae t pau", [0, 1, 2, 3, 4, 5]),
        (THE_CAT, "pau dh ax k ae t pau", [0, 0, 1, 2, 3, 4, 5]),  # the pause before belongs to the first
        (["▁K", "AE1", "T", ",", "▁D", "AO1", "G", "."], "k ae t pau d ao g pau", list(range(8))),
        (["▁K", "AE1", "T", ",", "▁D", "AO1", "G", "."], "k ae t d ao g pau", [0, 1, 2, 4, 5, 6, 7]),
        (["▁K", "AE1", "T", "S", "."], "k ae s pau", [0, 1, 3, 4]),  # a token that is not spoken
        (["▁K", "AE1", "."], "k y ae pau", [0, 0, 1, 2]),  # a phone that is not written goes with the one before
        (["▁IH0", "T"], "eh d", [0, 1]),
    ],
)
def test_align(tokens, phones, expected):
    assert align(tokens, phones.split()).tolist() == expected


def test_phones_may_be_those_of_the_dictionary():
    """As the corpus of the demo model has them: with stress, in capitals."""
    tokens = ["▁DH", "AH0", "▁K", "AE1", "T", ",", "▁AH0", "▁D", "AO1", "G", "."]
    phones = ["pau", "DH", "AH0", "K", "AE1", "T", "pau", "AH0", "D", "AO1", "G", "pau"]
    lower = ["pau", "dh", "ax", "k", "ae", "t", "pau", "ax", "d", "ao", "g", "pau"]
    found = align(tokens, phones)
    np.testing.assert_array_equal(found, align(tokens, lower))
    np.testing.assert_array_equal(found, [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])


def test_align_never_goes_back():
    rng = np.random.default_rng(0)
    tokens = ["▁DH", "AH0", "K", "AE1", "T", ".", ",", "▁IH1", "Z", "S", "ER0"]
    phones = ["dh", "ax", "k", "ae", "t", "pau", "ih", "z", "s", "er", "axr"]
    for _ in range(50):
        some = [tokens[i] for i in rng.integers(0, len(tokens), rng.integers(1, 12))]
        said = [phones[i] for i in rng.integers(0, len(phones), rng.integers(1, 15))]
        found = align(some, said)
        assert len(found) == len(said) and np.all(np.diff(found) >= 0)
        assert found.min() >= 0 and found.max() < len(some)


def test_plain():
    assert [plain(token) for token in ("▁DH", "AH0", "AH1", "AE2", ".", "?")] == ["dh", "ax", "ah", "ae", "pau", "pau"]


def test_frame_labels():
    # frame i is centred at 17.5 ms + 20 ms * i: the frames at 17.5, 37.5, 57.5, 77.5, 97.5, 117.5 ms
    phones = [("a", 0.03), ("b", 0.06), ("c", 0.0975)]
    found = frame_labels(phones, 7, {"a": 5, "b": 6, "c": 7})
    assert found.dtype == np.int32 and found.tolist() == [5, 6, 6, 7, 7, 7, 7]  # the last one goes on
    assert frame_labels([("a", 0.0), ("b", 0.03)], 2, {"a": 0, "b": 1}).tolist() == [1, 1]  # no frame in an empty phone


def test_token_frames():
    phones = [("pau", 0.03), ("k", 0.05), ("ae", 0.11), ("t", 0.13), ("pau", 0.2)]
    found = token_frames(["▁K", "AE1", "T", "."], phones, 9)
    assert found.tolist() == [0, 0, 1, 1, 1, 2, 3, 3, 3]


def test_labels_of_a_data_set(data):
    labels = PhoneLabels(data)
    assert labels.inventory == sorted({phone for row in data.rows for phone, _ in row["phones"]})
    for index in (0, 5):
        found, frames = labels[index], data.array("features").lengths[index]
        assert len(found) == frames
        names = [labels.inventory[label] for label in found]
        runs = [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
        assert runs == [phone for phone, _ in data.rows[index]["phones"]]


def test_a_data_set_without_phones(data):
    rows = [{key: value for key, value in row.items() if key != "phones" or i != 4} for i, row in enumerate(data.rows)]
    with pytest.raises(TrainingError, match="row 5"):
        PhoneLabels(DataSet(data.folder, rows))
