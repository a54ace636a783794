"""Which words end a sentence or a clause, among words as they were written.

    Mr. Smith came at 5 p.m. on Friday. He …  ─►  "Friday." and no other

Whether a full stop is that of an abbreviation alone is what the English front-end says: then it does not speak it.
"""

import re
from collections.abc import Sequence

from indextts2_jax.text.english import abbreviations

_CLOSING = "\"'”’」』)）"
_SENTENCE = tuple(".!?…。！？؟۔")
_CLAUSE = tuple(",;:，、；：—–،؛")
_ABBREVIATION = re.compile(r"[\"'“‘(\[]*(?:\w+\W)*?(\w+)\.[\"'”’)]*")
_LONGEST = 20
"""Characters of an abbreviation, and of what is looked at behind it."""
_BEGINNING = re.compile(r"[\"'“‘(\[]*(?:[A-Za-z]\.|\w+)")
_INITIAL = re.compile(r"[A-HJ-Z]")


def ends_clause(word: str) -> bool:
    """Whether a word ends with a comma or the like."""
    return word.rstrip(_CLOSING).endswith(_CLAUSE)


def sentence_ends(words: Sequence[str]) -> list[bool]:
    """Whether a sentence ends with each of the words of a text."""
    befores, nexts = ["", *words], [*words[1:], ""]
    return [
        word.rstrip(_CLOSING).endswith(_SENTENCE) and not _is_abbreviation(before, word, following)
        for before, word, following in zip(befores, words, nexts, strict=False)
    ]


def _may_be_short(word: str) -> bool:
    known = word in abbreviations.TITLES or word.lower() in abbreviations.SHORTENED
    return known or _INITIAL.fullmatch(word) is not None


def _is_abbreviation(before: str, word: str, following: str) -> bool:
    """Whether a word that ends with a full stop is one, and ends no sentence between these."""
    if len(word) > _LONGEST:
        return False
    stop, beginning = _ABBREVIATION.fullmatch(word), _BEGINNING.match(following[:_LONGEST])
    if stop is None or beginning is None:
        return False
    if following[0].islower() and _may_be_short(stop[1]):
        return True
    spoken = abbreviations.speak(f"{before[-_LONGEST:]} {word} {beginning[0]}").removesuffix(beginning[0])
    return not spoken.rstrip().rstrip(_CLOSING).endswith(_SENTENCE)
