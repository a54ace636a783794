"""Which word of a text, as it was written, each token stands for.

    "In 1994, …" ─ words ─► In │ 1994, │ …          ─ tokens of each alone ─┐
                 ─ read ──► ▁IN ▁NINETEEN ▁NINETY ▁FOUR , … in segments ────┴─ cheapest edits ─► 0 1 1 1 1 …

What a word alone is read as is nearly what it is read as in its text; where it is not, the tokens between two words
that are found go to the nearer ones.
"""

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from indextts2_jax.array_typing import Int
from indextts2_jax.text.frontend import TextFrontend, is_speakable
from indextts2_jax.text.script import without_pauses

SOLID = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
STOPS = "。，、！？；：…”’」』）》"
WORD = re.compile(rf"[{SOLID}][{STOPS}]*|[^\s{SOLID}]+")

_SPELLED = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_PROBE = "hello"
BEGINNING = "▁"
"""Of a word, in tokens."""

_SPECIAL = re.compile(r"<\|[^|]*\|>")
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")

_AHEAD = 400
"""Letters of the text, beyond twice those of a segment, among which its end is looked for."""


class WrittenWord(NamedTuple):
    """A word between spaces, or a character of a script that has none, with the marks that belong to it."""

    text: str
    spaced: bool
    """Whether a space stands before it."""


def written_words(text: str) -> list[WrittenWord]:
    """The words of a text; pauses in it are none."""
    text = without_pauses(text)
    return [
        WrittenWord(found[0], found.start() > 0 and text[found.start() - 1].isspace()) for found in WORD.finditer(text)
    ]


def words_of_tokens(
    frontend: TextFrontend, text: str, words: Sequence[WrittenWord], segments: Sequence[Sequence[str]]
) -> list[Int[np.ndarray, " _"]]:
    """The word of every token of every segment, not decreasing; all 0 where there is no word.

    Args:
      frontend: that has read the text.
      text: it is the text of the words, and the segments are what was read of it.
    """
    letters, owners, sizes = _letters_of_words(frontend, text, words)
    result, at, begun = [], 0, 0  # letters that have been heard, and words
    for segment in segments:
        heard = list(_letters(segment))
        window = slice(at, at + 2 * len(heard) + _AHEAD)
        matched = _matched(_codes(one for one, _ in heard), letters[window])
        spoken = np.full(len(segment), -1)
        for place in np.flatnonzero(matched >= 0)[::-1]:  # the first letter of a token counts
            spoken[heard[place][1]] = owners[at + matched[place]]
        said = np.zeros(len(segment), bool)
        said[[token for one, token in heard if one != BEGINNING]] = True
        spoken = _filled(spoken, said, begun, sizes)
        if said.any():
            begun = int(spoken[said].max()) + 1
            at = int(np.searchsorted(owners, begun))
        result.append(spoken)
    return result


def _letters_of_words(
    frontend: TextFrontend, text: str, words: Sequence[WrittenWord]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The letters of all words as each is read alone, a mark before those of a word; the word of each letter; and how
    many a word has."""
    alone = frontend.within(without_pauses(text))
    spelled = _heard(frontend.tokenize(_PROBE)) == list(_PROBE)

    @functools.cache
    def read(word: str) -> list[str]:
        if spelled and _SPELLED.fullmatch(word):
            return list(filter(str.isalnum, word.casefold()))
        tokens = alone.tokenize(word)
        return _heard(tokens) if is_speakable(alone, tokens) else []

    made = [read(word.text.strip(_EDGES)) for word in words]
    sizes = [len(own) for own in made]
    letters = [
        [BEGINNING, *own] if own and (word.spaced or not number) else own
        for number, (word, own) in enumerate(zip(words, made, strict=True))
    ]
    owners = np.repeat(np.arange(len(letters)), list(map(len, letters)))
    return _codes(itertools.chain.from_iterable(letters)), owners, np.array(sizes, int)


def _heard(tokens: Sequence[str]) -> list[str]:
    """Their letters and digits."""
    return [one for one, _ in _letters(tokens) if one != BEGINNING]


_EDGES = "\"'“”‘’«»()[]{}.,;:!?…–—*_" + STOPS
"""Marks around a word, of which nothing is said."""


def _letters(tokens: Sequence[str]) -> Iterator[tuple[str, int]]:
    """What tokens have of a text: letters, digits, beginnings of words, each with the token that it begins in."""
    spelled, begin = bytearray(), 0
    for number, token in enumerate((*tokens, "")):
        byte = _BYTE.fullmatch(token)
        value = int(byte[1], 16) if byte else 0
        if spelled and (not byte or value & 0xC0 != 0x80):  # a character has ended
            yield from ((one, begin) for one in spelled.decode(errors="ignore").casefold() if one.isalnum())
            spelled.clear()
        if byte:
            begin = begin if spelled else number
            spelled.append(value)
            continue
        text = _SPECIAL.sub("", token).casefold()
        yield from ((one, number) for one in text if one.isalnum() or one == BEGINNING)


def _codes(letters: Iterable[str]) -> Int[np.ndarray, " _"]:
    return np.fromiter(map(ord, letters), np.int32)


def _matched(own: np.ndarray, letters: np.ndarray) -> Int[np.ndarray, " _"]:
    """The letter [n], of those that may follow it, that each of a segment's letters is, -1 for one that is added.

    The cheapest edits: a letter that is added or left out costs 1, those behind the segment nothing. Of equally cheap
    ones those whose matches come last.
    """
    rows, columns = len(own), len(letters)
    costs = np.zeros((rows + 1, columns + 1), np.int32)
    steps = np.arange(columns + 1, dtype=np.int32)
    costs[0] = steps
    for row in range(1, rows + 1):
        above = costs[row - 1]
        best = above + 1
        best[1:] = np.where(letters == own[row - 1], np.minimum(best[1:], above[:-1]), best[1:])
        costs[row] = np.minimum.accumulate(best - steps) + steps
    matched = np.full(rows, -1)
    row, column = rows, int(np.argmin(costs[-1]))
    while row and column:
        if own[row - 1] == letters[column - 1] and costs[row, column] == costs[row - 1, column - 1]:
            row, column = row - 1, column - 1
            matched[row] = column
        elif costs[row, column] == costs[row - 1, column] + 1:
            row -= 1
        else:
            column -= 1
    return matched


def _filled(spoken: np.ndarray, said: np.ndarray, begun: int, sizes: np.ndarray) -> Int[np.ndarray, " _"]:
    """Finds a word for the tokens that have none (-1): those between two words that are found go to the words between,
    which are read otherwise in their text than alone, by their sizes; where there are none, to the word before.

    Args:
      said: which tokens have letters; the others are marks, and go to the word before.
      begun: the first word that may be in this segment.
      sizes: letters of each word; those with none are not spoken.
    """
    last = len(sizes) - 1
    places = np.flatnonzero(said)
    before, run = begun - 1, []
    for place in [*places, None]:
        if place is not None and spoken[place] < 0:
            run.append(place)
            continue
        behind = int(spoken[place]) if place is not None else min(before + 2, last + 1)
        between = [word for word in range(before + 1, behind) if sizes[word]]
        if between:
            shares = np.cumsum(sizes[between]) / sizes[between].sum()
            spoken[run] = [between[int(np.searchsorted(shares, (n + 0.5) / len(run)))] for n in range(len(run))]
        else:
            spoken[run] = before if before >= begun else min(behind, last)
        before, run = behind, []
    if not len(places):
        return np.full(len(spoken), min(max(begun - 1, 0), max(last, 0)))
    spoken[: places[0]] = spoken[places[0]]
    return np.clip(np.maximum.accumulate(spoken), 0, max(last, 0))
