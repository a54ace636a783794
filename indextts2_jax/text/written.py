"""Which word of a text, as it was written, each token stands for.

    "In 1994, …" ─ words ─► In │ 1994, │ …          ─ tokens of each alone ─┐
                 ─ read ──► ▁IN ▁NINETEEN ▁NINETY ▁FOUR , … in segments ────┴─ cheapest edits ─► 0 1 1 1 1 …

What a word alone is read as is nearly what it is read as in its text; where it is not, the tokens between two words
that are found go to the nearer ones.
"""

import bisect
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from indextts2_jax.array_typing import Int
from indextts2_jax.text.frontend import TextFrontend, is_speakable
from indextts2_jax.text.script import without_pauses

SOLID = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
STOPS = "。，、！？；：…”’」』）》】"
OPENING = "“‘「『（《【"
WORD = re.compile(rf"[{OPENING}]*[{SOLID}][{STOPS}]*|[^\s{SOLID}]+?(?=\s|$|[{OPENING}]*[{SOLID}])")

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
    """The words of a text; pauses in it are none, and what has no letter or digit belongs to the word before."""
    text = without_pauses(text)
    spans: list[tuple[int, int]] = []
    for found in WORD.finditer(text):
        if spans and not (_has_letters(found[0]) and _has_letters(text[slice(*spans[-1])])):
            spans[-1] = spans[-1][0], found.end()
        else:
            spans.append(found.span())
    return [
        WrittenWord(" ".join(text[begin:end].split()), begin > 0 and text[begin - 1].isspace()) for begin, end in spans
    ]


def _has_letters(text: str) -> bool:
    return any(map(str.isalnum, text))


def words_of_tokens(
    frontend: TextFrontend, text: str, words: Sequence[WrittenWord], segments: Iterable[Sequence[str]]
) -> Iterator[Int[np.ndarray, " _"]]:
    """The word of every token of one segment after the other, not decreasing; all 0 where there is no word.

    Of the text no more is read than the segments so far need, and a little.

    Args:
      frontend: that has read the text.
      text: it is the text of the words, and the segments are what was read of it.
    """
    alone = _WordsAlone(frontend, text, words)
    at, begun = 0, 0  # letters that have been heard, and words
    for segment in segments:
        heard = list(_letters(segment))
        end = at + 2 * len(heard) + _AHEAD
        alone.read(end)
        matched = _matched(_codes(one for one, _ in heard), _codes(alone.letters[at:end]))
        spoken = np.full(len(segment), -1)
        for place in np.flatnonzero(matched >= 0)[::-1]:  # the first letter of a token counts
            spoken[heard[place][1]] = alone.owners[at + matched[place]]
        said = np.zeros(len(segment), bool)
        said[[token for one, token in heard if one != BEGINNING]] = True
        spoken = _filled(spoken, said, begun, alone.sizes, len(words))
        if said.any():
            begun = int(spoken[said].max()) + 1
            at = bisect.bisect_left(alone.owners, begun)
        yield spoken


class _WordsAlone:
    """The words of a text as each is read alone, as far as they have been asked for."""

    def __init__(self, frontend: TextFrontend, text: str, words: Sequence[WrittenWord]) -> None:
        self.letters: list[str] = []
        """Of the words in order, a mark before those of each that a space stands before."""
        self.owners: list[int] = []
        """The word of each letter."""
        self.sizes: list[int] = []
        """How many letters each word has."""
        self._last = -1  # letters before the last word
        self._words = words
        self._frontend = frontend.within(without_pauses(text))
        self._spelled = _heard(frontend.tokenize(_PROBE)) == list(_PROBE)
        self._of_word = functools.cache(self._read_word)

    def read(self, letters: int) -> None:
        """Reads on until a word begins behind so many letters."""
        while len(self.sizes) < len(self._words) and self._last < letters:
            word, number = self._words[len(self.sizes)], len(self.sizes)
            own = self._of_word(word.text.strip(_EDGES))
            marked = [BEGINNING, *own] if own and (word.spaced or not number) else own
            self._last = len(self.letters)
            self.letters += marked
            self.owners += [number] * len(marked)
            self.sizes.append(len(own))

    def _read_word(self, word: str) -> list[str]:
        if self._spelled and _SPELLED.fullmatch(word):
            return list(filter(str.isalnum, word.casefold()))
        tokens = self._frontend.tokenize(word)
        return _heard(tokens) if is_speakable(self._frontend, tokens) else []


def _heard(tokens: Sequence[str]) -> list[str]:
    """Their letters and digits."""
    return [one for one, _ in _letters(tokens) if one != BEGINNING]


_EDGES = " \"'“”‘’«»()[]{}.,;:!?¿¡…–—*_؟۔،؛" + STOPS + OPENING
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


def _filled(
    spoken: np.ndarray, said: np.ndarray, begun: int, sizes: Sequence[int], words: int
) -> Int[np.ndarray, " _"]:
    """Finds a word for the tokens that have none (-1): those between two words that are found go to the words between,
    which are read otherwise in their text than alone, by their sizes; where there are none, to the word before.

    Args:
      said: which tokens have letters; the others are marks, and go to the word before.
      begun: the first word that may be in this segment.
      sizes: letters of each word as far as they are known; those with none are not spoken.
      words: of the whole text.
    """
    last = words - 1
    places = np.flatnonzero(said)
    before, run = begun - 1, []
    for place in [*places, None]:
        if place is not None and spoken[place] < 0:
            run.append(place)
            continue
        behind = int(spoken[place]) if place is not None else min(before + 2, last + 1)
        between = [word for word in range(before + 1, behind) if sizes[word]]
        if between:
            shares = np.cumsum([sizes[word] for word in between]) / sum(sizes[word] for word in between)
            spoken[run] = [between[int(np.searchsorted(shares, (n + 0.5) / len(run)))] for n in range(len(run))]
        else:
            spoken[run] = before if before >= begun else min(behind, last)
        before, run = behind, []
    if not len(places):
        return np.full(len(spoken), min(max(begun - 1, 0), max(last, 0)))
    spoken[: places[0]] = spoken[places[0]]
    return np.clip(np.maximum.accumulate(spoken), 0, max(last, 0))
