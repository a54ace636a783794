"""The pool of texts of the demo corpus: how much there is of every kind."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.training.demo import counting, short, templates
from indextts2_jax.training.demo.sentences import keys, word_string, words
from indextts2_jax.training.demo.slots import SLOTS

COVERED_TIMES = 4  # every common word is said at least this often, where there is room
MAX_WORDS = 40
# Number of words -> how many of the harvested sentences have it; mean about 9.
LENGTHS: dict[int, float] = {2: 1.5, 3: 4, 4: 6, 5: 8, 6: 10, 7: 10, 8: 10, 9: 9, 10: 8, 11: 7, 12: 6, 13: 5, 14: 5}
LENGTHS |= {15: 4.5, 16: 4, 17: 3.5, 18: 3, 19: 2.5, 20: 2, 21: 1.5, 22: 1.5, 23: 1, 24: 1, 25: 1}
# Shares of the pool. What is left of it is harvested prose, and strings of the words that are still missing.
TEMPLATES, NUMBERS, MEANINGS, LONG = 0.32, 0.06, 0.03, 0.025
SHORT, INTERJECTIONS, REPEATED, LETTERS, STRINGS = 0.07, 0.025, 0.02, 0.02, 0.045
REPEATS = 12  # of one short text, at most


class Source(NamedTuple):
    """What the pool is made of: prose, meanings of words, the most common words, and what can be read aloud."""

    prose: Sequence[str]
    meanings: Sequence[str]
    common: Sequence[str]
    readable: Callable[[str], bool]


def make_pool(source: Source, size: int, seed: int, banned: Collection[str]) -> list[str]:
    """`size` texts, shuffled; those of three words and more are different from one another.

    Args:
      banned: `sentences.key` of what is left out, alone and as a part of longer texts.

    Raises:
      IndexTTSError: too few sentences.
    """
    rng = random.Random(f"pool {seed}")
    gather = _Gather(source, size, banned)
    made = (
        (TEMPLATES, templates.template_sentences(round(1.05 * TEMPLATES * size) + 8, rng)),
        (NUMBERS, counting.number_sentences(round(1.1 * NUMBERS * size) + 8, rng)),
        (LONG, templates.long_sentences(round(1.1 * LONG * size) + 4, rng)),
        (MEANINGS, rng.sample(source.meanings, len(source.meanings))),
        (SHORT, short.short_texts(round(1.5 * SHORT * size) + 8, source.common, rng)),
        (INTERJECTIONS, short.interjections(round(1.5 * INTERJECTIONS * size) + 8, rng)),
        (REPEATED, short.repeated(round(1.5 * REPEATED * size) + 8, source.common, rng)),
        (LETTERS, short.spelled(round(1.5 * LETTERS * size) + 8, SLOTS["name"], rng)),
    )
    for share, texts in made:
        gather.add(texts, round(share * size))
    gather.harvest(size - round(STRINGS * size), rng)
    gather.strings(rng)
    if len(gather.pool) < size:
        raise IndexTTSError(f"Only {len(gather.pool)} of {size} sentences; take a smaller --scale.")
    pool = gather.pool[:size]
    rng.shuffle(pool)
    return pool


class _Gather:
    """A pool that grows, with what it says so far."""

    def __init__(self, source: Source, size: int, banned: Collection[str]) -> None:
        self._source, self._size, self._banned = source, size, frozenset(banned)
        self._cover = {word.lower() for word in source.common}
        self._times: Counter[str] = Counter()
        self._said: Counter[str] = Counter()
        self.pool: list[str] = []

    def take(self, text: str) -> bool:
        said = words(text)
        same = " ".join(said)
        most = REPEATS if len(said) < 3 else 1
        if self._times[same] >= most or not said or len(said) > MAX_WORDS or self._banned & keys(text):
            return False
        if not self._source.readable(text):
            return False
        self._times[same] += 1
        self.pool.append(text)
        self._said.update(said)
        return True

    def add(self, texts: Iterable[str], number: int) -> None:
        for text in texts:
            if number <= 0:
                return
            number -= self.take(text)

    def lacks(self, word: str) -> int:
        return max(0, COVERED_TIMES - self._said[word]) if word in self._cover else 0

    def harvest(self, goal: int, rng: random.Random) -> None:
        """Prose in the lengths of `LENGTHS`, until the pool has `goal` texts."""
        by_length: dict[int, list[str]] = defaultdict(list)
        for sentence in dict.fromkeys(self._source.prose):
            by_length[len(words(sentence))].append(sentence)
        for group in by_length.values():
            rng.shuffle(group)
        while len(self.pool) < goal:
            lengths = [length for length in LENGTHS if by_length[length]]
            if not lengths:
                return
            group = by_length[rng.choices(lengths, [LENGTHS[length] for length in lengths])[0]]
            # of five dozen sentences of that length, the one with most words that still have to be said
            need = [sum(self.lacks(word) for word in words(sentence)) for sentence in group[-60:]]
            self.take(group.pop(len(group) - len(need) + need.index(max(need))))

    def strings(self, rng: random.Random) -> None:
        """Strings of common words that were said too seldom, until the pool is full."""
        common = self._source.common
        for _ in range(3 * self._size):
            if len(self.pool) >= self._size:
                return
            lacking = sorted((word for word in common if self.lacks(word.lower())), key=lambda w: self._said[w.lower()])
            rest = lacking[: 4 * (self._size - len(self.pool))] or list(common)
            for content in _handfuls(rest, common, rng):
                if len(self.pool) < self._size:
                    self.take(word_string(content, rng))


def _handfuls(rest: list[str], common: Sequence[str], rng: random.Random) -> Iterator[list[str]]:
    rest = rng.sample(rest, len(rest))
    while rest:
        count = rng.randint(3, 6)
        content, rest = rest[:count], rest[count:]
        while len(content) < 3:
            content.append(rng.choice(common))
        yield content
