"""A text as written -> stretches that are read one by one: what lies between pauses, and paragraphs where they count.

    "One. [pause:800ms] Two." ──► "One." │ 800 ms │ "Two."

A departure from the reference, which has no pauses and would read the brackets aloud.
"""

import re
from collections.abc import Iterator, Set
from typing import NamedTuple

from indextts2_jax.errors import TextError
from indextts2_jax.text.characters import READING
from indextts2_jax.text.frontend import MultilingualFrontend, TextFrontend

MAX_PAUSE_SECONDS = 60.0
MAX_PAUSES_SECONDS = 3600.0
"""Of all pauses of a text together."""

DEFAULT_PAUSE_MS = 500.0
"""Of a bare `[pause]`."""

PAUSE = re.compile(r"\[pause(?:[:：]([^\[\]\n]*)(\]?)|\])", re.IGNORECASE)
LENGTH = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(ms|s)\s*", re.IGNORECASE)

# A blank line, or a line break before an indented line
PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*|\n(?=\u3000|\t|  )")


class Stretch(NamedTuple):
    """Text to be read by itself, stripped."""

    text: str
    """Empty where the text ends with a pause."""
    pause_ms: float | None
    """Silence before it that the text asks for."""
    new_paragraph: bool
    """Whether a paragraph ends before it; False for the first."""


def stretches(text: str, paragraphs: bool) -> list[Stretch]:
    """Cuts `text` at its pauses and, where `paragraphs` count, at paragraphs. Adjacent pauses add up.

    Paragraphs are separated by blank lines or begin with an indented line; in a text that has neither, every line is
    one, so that files of lines broken at a fixed width need blank lines.

    Raises:
      TextError: a pause that is none, as in `[pause:long]`, or out of range.
    """
    boundary = PARAGRAPH if PARAGRAPH.search(text.strip()) else re.compile("\n")
    result: list[Stretch] = []
    pause: float | None = None
    for part, following in _parts(text):
        for paragraph in boundary.split(part) if paragraphs else [part]:
            if paragraph.strip():
                result.append(Stretch(paragraph.strip(), pause, paragraphs and bool(result)))
                pause = None
        if following is not None:
            pause = (pause or 0.0) + following
    if pause is not None:
        result.append(Stretch("", pause, False))
    if sum(stretch.pause_ms or 0.0 for stretch in result) > 1000 * MAX_PAUSES_SECONDS:
        raise TextError(f"The pauses in the text last more than {MAX_PAUSES_SECONDS:.0f} seconds together.")
    return result


def has_pauses(text: str) -> bool:
    """Whether there is a pause in the text, or something that begins like one."""
    return PAUSE.search(text) is not None


def without_pauses(text: str) -> str:
    """The text with a space in place of every pause."""
    return PAUSE.sub(" ", text)


def _parts(text: str) -> Iterator[tuple[str, float | None]]:
    """(text, milliseconds of the pause behind it)."""
    start = 0
    for match in PAUSE.finditer(text):
        yield text[start : match.start()], _milliseconds(match)
        start = match.end()
    yield text[start:], None


def _milliseconds(match: re.Match[str]) -> float:
    if match[1] is None:
        return DEFAULT_PAUSE_MS
    shown = match[0] if len(match[0]) <= 40 else match[0][:40] + "…"
    length = LENGTH.fullmatch(match[1])
    if not length or not match[2]:
        raise TextError(f"{shown!r} in the text is no pause: write [pause:800ms], [pause:1.5s] or [pause].")
    milliseconds = float(length[1]) * (1000.0 if length[2].lower() == "s" else 1.0)
    if milliseconds > 1000 * MAX_PAUSE_SECONDS:
        raise TextError(f"{shown!r} in the text is too long: a pause may last {MAX_PAUSE_SECONDS:.0f} seconds.")
    return milliseconds


WHOLE = 2000
PIECE = 1000

# Where to cut, best first. A full stop behind a short word may belong to an abbreviation.
CUTS = [
    re.compile(r"\n"),
    re.compile(r"[。！？…；]+[”’」』）]*|(?:(?<=\w{4})\.|[!?؟۔])[\"'”’)]*\s"),
    re.compile(r"[，、：]|[,;:،؛]\s"),
    re.compile(r"\s"),
]


def tokenize(frontend: TextFrontend, text: str) -> list[str]:
    """`frontend.tokenize` for text of any length, in memory that does not grow with it but for the tokens.

    All of it is read in one language, where the front-end knows several.
    """
    frontend = _of_one_language(frontend, text)
    return [token for piece in _pieces(text) for token in frontend.tokenize(piece)]


def normalize(frontend: TextFrontend, text: str) -> str:
    """`frontend.normalize` likewise."""
    frontend = _of_one_language(frontend, text)
    return " ".join(filter(None, map(frontend.normalize, _pieces(text))))


def _of_one_language(frontend: TextFrontend, text: str) -> TextFrontend:
    """The front-end for all pieces of a text."""
    if len(text) <= WHOLE or not isinstance(frontend, MultilingualFrontend):
        return frontend
    return frontend.speaking(frontend.language(text))


def _pieces(text: str) -> list[str]:
    return [text] if len(text) <= WHOLE else [piece.strip() for piece in cut(text)]


def cut(text: str, most: int = PIECE) -> Iterator[str]:
    """Pieces of at most `most` characters (at least 4), as large as can be; joined they are the text.

    No <word|reading> is cut that is not longer than a piece.
    """
    inside = {place for tag in READING.finditer(text) for place in range(tag.start() + 1, tag.end())}
    start = 0
    while len(text) - start > most:
        window = text[start : start + most]
        longest = next((end for end in range(most, 0, -1) if start + end not in inside), most)
        end = next(filter(None, (_last(pattern, window, start, inside) for pattern in CUTS)), longest)
        yield window[:end]
        start += end
    yield text[start:]


def _last(pattern: re.Pattern[str], window: str, start: int, inside: Set[int]) -> int:
    """Behind the last match in the later three quarters of the window, or 0.

    Args:
      start: of the window.
      inside: where nothing may be cut, counted from the beginning of the text.
    """
    end = 0
    for match in pattern.finditer(window, len(window) // 4):
        end = end if start + match.end() in inside else match.end()
    return end
