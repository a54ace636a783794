"""Where sentences end, and where a full stop is that of an abbreviation."""

import time

import pytest

from indextts2_jax.text.sentences import ends_clause, sentence_ends

TEXTS = [
    "Mr. Smith paid $3.50 to Dr. Jones at 5 p.m. on Friday. | He left.",
    "It ended at 5 p.m. | Then we left at 9 a.m. EST. | Yes.",
    "No. | I won't, says No. 5, e.g. in Fig. 3, i.e. there.",
    "J. R. R. Tolkien wrote it. | A. A. Milne did not. | It was I. | Plan B. | Then C. said so.",
    "The U.S. Army came. | In the U.S. | They left.",
    "Apples etc. and pears, etc. | We left.",
    "He lives on Main St. | We visited St. Paul, Prof. X and Sr. Gomez.",
    "Mr. and Mrs. Green vs. Ms. Brown. | Sammy Davis Jr. sang. | He has a Ph.D. in law.",
    'He said "Hello." | Then "Mr. X" came (etc.) and went.',
    "15 min. of work. | In the sun. | We sat.",
    "Wait... | what? | Yes. | “Go!” | he said.",
    "one. | two. | three.",
    "It cost 5. | The rest 6.",
    "你好。 | 他来了！ | 好",
    "كيف حالك؟ | أنا بخير، شكرا. | نعم.",
    "آپ کیسے ہیں۔ | ٹھیک؛ شکریہ.",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_sentences(text):
    words, expected = [], []
    for word in text.split():
        if word == "|":
            expected[-1] = True
        else:
            words.append(word)
            expected.append(False)
    ends = sentence_ends(words)
    assert ends[:-1] == expected[:-1] and ends[-1:] == [words[-1][-1] in ".!。"][: len(ends)] if words else not ends


def test_clauses():
    assert [ends_clause(word) for word in ("a,", "a;”", "好，", "شكرا،", "نعم؛", "a", ",a", "", "a.")] == [True] * 5 + [
        False
    ] * 4


def test_words_that_nobody_writes_take_no_time():
    began = time.perf_counter()
    assert sentence_ends(["." * 30000 + "x", "(" * 30000, "a." * 30000, "a-" * 30000 + "."]) == [
        False,
        False,
        True,
        True,
    ]
    assert time.perf_counter() - began < 1
