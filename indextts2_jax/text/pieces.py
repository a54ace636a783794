"""Long text in pieces that the normalisation rules can take: the English grammar needs 200 kB for every character.

Up to `WHOLE` characters a text is normalised in one go, as in the reference. What the rules make of a number may hang
on what else they see, so a longer text is cut where that matters least: between lines, else behind sentences, else
behind commas, else between words. The tokens of the pieces are joined again before they are cut into segments.
"""

import re
from collections.abc import Iterator

from indextts2_jax.text.frontend import TextFrontend

WHOLE = 2000
PIECE = 1000

# Where to cut, best first. A full stop behind a short word may belong to an abbreviation.
CUTS = [
    re.compile(r"\n"),
    re.compile(r"[。！？…；]+[”’」』）]*|(?:(?<=\w{4})\.|[!?])[\"'”’)]*\s"),
    re.compile(r"[，、：]|[,;:]\s"),
    re.compile(r"\s"),
]


def tokenize(frontend: TextFrontend, text: str) -> list[str]:
    """`frontend.tokenize` for text of any length, in memory that does not grow with it but for the tokens."""
    if len(text) <= WHOLE:
        return frontend.tokenize(text)
    return [token for piece in cut(text) for token in frontend.tokenize(piece.strip())]


def cut(text: str, most: int = PIECE) -> Iterator[str]:
    """Pieces of at most `most` characters (at least 4), as large as can be; joined they are the text."""
    start = 0
    while len(text) - start > most:
        window = text[start : start + most]
        end = next(filter(None, (_last(pattern, window) for pattern in CUTS)), most)
        yield window[:end]
        start += end
    yield text[start:]


def _last(pattern: re.Pattern[str], window: str) -> int:
    """Behind the last match in the later three quarters of the window, or 0."""
    end = 0
    for match in pattern.finditer(window, len(window) // 4):
        end = match.end()
    return end
