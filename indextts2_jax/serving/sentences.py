"""Text that arrives in pieces, given on sentence by sentence.

A sentence ends with one of .!?…؟۔ and a space behind it, with a mark of Chinese text, or with a line. A piece may end
in the middle of a word, or of a character, so what stands last is kept until more is known. Where a sentence ends is
told by its first `LONGEST` characters, so that a step takes no longer for all the text that waits.
"""

import re
from collections.abc import Iterator

from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.problems import Problem
from indextts2_jax.text.english.abbreviations import TITLES
from indextts2_jax.text.script import PAUSE

LONGEST = 600
"""Characters after which a text without an end of a sentence is cut at a space."""

_END = re.compile(r"(?<![.!?…؟۔])[.!?…؟۔]++[\"'”’)\]]*+(?=\s)|[。！？；]++[”’」』）]*+|\n")
_TITLES = re.compile(rf"\b(?:{'|'.join(TITLES)}|St|vs|etc|e\.g|i\.e|[A-Z])\.$")
_TITLE = 8
"""Characters that tell whether a full stop is that of a title."""


class Sentences:
    """Collects pieces.

    Args:
      most: characters of one text, which `rest` ends.
    """

    def __init__(self, most: int = Limits.text_characters) -> None:
        self._text, self._silent = "", ""
        self._most, self._came = most, 0

    def __len__(self) -> int:
        return len(self._text)

    def add(self, piece: str) -> Iterator[str]:
        """The sentences that are whole now. Raises `Problem`, and keeps nothing, of a piece that is too much."""
        if self._came + len(piece) > self._most:
            message = f"More than {self._most} characters in one text: end it and begin another."
            raise Problem(400, message, param="text")
        self._came += len(piece)
        self._text = _rejoined(self._text + piece)
        start = 0
        while (end := self._end(start)) is not None:
            yield from self._spoken(self._text[start:end])
            start = end
        self._text = self._text[start:]

    def rest(self) -> Iterator[str]:
        """What is left at the end of the text."""
        text, self._text, self._came = self._text, "", 0
        yield from self._spoken(text)
        self._silent = ""

    def _spoken(self, text: str) -> Iterator[str]:
        """A sentence, with the pauses before it; a rule, an emoji and the like are none: nobody speaks them."""
        if any(map(str.isalnum, PAUSE.sub(" ", text))):
            yield (self._silent + text).strip()
            self._silent = ""
        elif text.strip() and PAUSE.search(text):
            self._silent += text

    def _end(self, start: int) -> int | None:
        """Where the first sentence from `start` on ends."""
        for match in _END.finditer(self._text, start, start + LONGEST + 1):
            if match.end() <= start + LONGEST and not _TITLES.search(
                self._text, max(start, match.end() - _TITLE), match.end()
            ):
                return match.end()
        if len(self._text) > start + LONGEST:
            return self._text.rfind(" ", start + 1, start + LONGEST) + 1 or start + LONGEST
        return None


def _rejoined(text: str) -> str:
    """With whole characters where clients have cut between the two halves of one, as UTF-16 writes it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
