"""How a text that comes in pieces is cut into sentences."""

import time

import pytest

from indextts2_jax.serving.problems import Problem
from indextts2_jax.serving.sentences import LONGEST, Sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? ", ["One.", "Two!", "Three?"]),
        ("Dr. Who met J. Smith. He left.", ["Dr. Who met J. Smith.", "He left."]),
        ("Ask Messrs. Smith and Capt. Jones. Now", ["Ask Messrs. Smith and Capt. Jones.", "Now"]),
        ("It costs 3.50 today. Fine", ["It costs 3.50 today.", "Fine"]),
        ('"Stop!" he said. Then: …', ['"Stop!"', "he said.", "Then: …"]),
        ("你好。今天天气很好！真的", ["你好。", "今天天气很好！", "真的"]),
        ("A line\nanother\n\n", ["A line", "another"]),
        ("   ", []),
        ("مرحبا؟ نعم۔ لا", ["مرحبا؟", "نعم۔", "لا"]),
        ("One.\n---\n***\n🙂\nTwo. … Three", ["One.", "Two.", "Three"]),
        ("One.\n[pause:1s]\nTwo.\n[pause:1s]", ["One.", "[pause:1s]\nTwo."]),
        ("I \ud83d\ude42 it. \ud83d", ["I 🙂 it."]),
    ],
)
def test_cutting(text, sentences):
    for size in (1, 3, 1000):
        cut, found = Sentences(), []
        for start in range(0, len(text), size):
            found += cut.add(text[start : start + size])
        assert found + list(cut.rest()) == sentences


def test_a_text_without_sentences_is_cut_all_the_same():
    cut = Sentences()
    found = list(cut.add("word " * 1000))
    assert all(len(part) <= LONGEST for part in found) and len(found) > 5 and len(cut) <= LONGEST
    assert " ".join([*found, *cut.rest()]).split() == ["word"] * 1000


@pytest.mark.parametrize("part", ["Mr. ", "A. ", ".", '."', '."""', "-\n", "Mr. Smith "])
@pytest.mark.parametrize("size", [100, 10_000])
def test_no_text_takes_long_to_cut(part, size):
    text = (part * 10_000)[:10_000]
    cut, start = Sentences(), time.thread_time()
    for place in range(0, len(text), size):
        list(cut.add(text[place : place + size]))
    assert time.thread_time() - start < 2.0  # of the CPU; it was 7 s and more


def test_a_text_has_a_limit():
    cut = Sentences(10)
    assert list(cut.add("12345. 78")) == ["12345."]
    with pytest.raises(Problem, match="More than 10 characters"):
        list(cut.add("90"))
    assert list(cut.rest()) == ["78"] and list(cut.add("1234567. 9")) == ["1234567."]
