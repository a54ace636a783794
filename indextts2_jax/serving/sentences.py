"""Text that arrives in pieces, given on sentence by sentence.

A sentence ends with one of .!?… and a space behind it, with a mark of Chinese text, or with a line. A piece may end in
the middle of a word, so what stands last is kept until more is known.
"""

import re
from collections.abc import Iterator

LONGEST = 600
"""Characters after which a text without an end of a sentence is cut at a space."""

_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？；]+[”’」』）]*|\n")
_TITLES = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|[A-Z])\.$")


class Sentences:
    """Collects pieces."""

    def __init__(self) -> None:
        self._text = ""

    def __len__(self) -> int:
        return len(self._text)

    def add(self, piece: str) -> Iterator[str]:
        """The sentences that are whole now."""
        self._text += piece
        while (end := self._first_end()) is not None:
            sentence, self._text = self._text[:end], self._text[end:]
            if sentence.strip():
                yield sentence.strip()

    def rest(self) -> Iterator[str]:
        """What is left at the end of the text."""
        text, self._text = self._text, ""
        if text.strip():
            yield text.strip()

    def _first_end(self) -> int | None:
        for match in _END.finditer(self._text):
            if not _TITLES.search(self._text[: match.end()]):
                return match.end()
        if len(self._text) > LONGEST:
            return self._text.rfind(" ", 1, LONGEST) + 1 or LONGEST
        return None
