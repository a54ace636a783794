"""About how long text takes to speak: an ordinary pace, pauses of punctuation included. Good for a factor of two."""

import re
from collections.abc import Iterable

SECONDS_PER_IDEOGRAPH = 0.22
SECONDS_PER_LETTER = 0.08  # 150 English words a minute
SECONDS_PER_DIGIT = 0.25
SECONDS_PER_PHONEME = 0.09
SECONDS_PER_MARK = 0.12  # the shorter pauses and the longer ones, on average

IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0002ffff]")
LATIN_WORD = re.compile(r"[^\W\d_]+")


def spelled_seconds(tokens: Iterable[str]) -> float:
    """Seconds that pieces of written words take."""
    seconds = 0.0
    for character in "".join(tokens).replace("▁", ""):
        if IDEOGRAPH.match(character):
            seconds += SECONDS_PER_IDEOGRAPH
        elif character.isalpha():
            seconds += SECONDS_PER_LETTER
        elif character.isdigit():
            seconds += SECONDS_PER_DIGIT
        elif not character.isspace():
            seconds += SECONDS_PER_MARK
    return seconds


def is_english(text: str) -> bool:
    """Whether there are more words in letters than ideographs, of which most are a word each."""
    ideographs = len(IDEOGRAPH.findall(text))
    return len(LATIN_WORD.findall(IDEOGRAPH.sub(" ", text))) > ideographs
