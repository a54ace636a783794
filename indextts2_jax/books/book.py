"""What a book is, once it has been read: chapters of blocks of text; and what of it is to be spoken."""

import dataclasses
import re
from collections.abc import Sequence
from typing import NamedTuple

from indextts2_jax.errors import ConfigError, require
from indextts2_jax.text.pace import IDEOGRAPH, spelled_seconds

HEADING, TEXT, BREAK = "heading", "text", "break"
"""The kinds of blocks; a break is a change of scene, and has no text."""

NOTES = ("skip", "end", "inline")
TABLES = ("rows", "skip")
CODE = ("skip", "speak")
IMAGES = ("skip", "alt")

_PICTURES = {".jpg": b"\xff\xd8\xff", ".png": b"\x89PNG\r\n\x1a\n"}
"""How pictures begin that players know."""

_WORD = re.compile(r"\w+(?:['’.,-]\w+)*")


@dataclasses.dataclass(frozen=True)
class Choices:
    """What of a book is spoken, where there is a choice."""

    notes: str = "skip"
    """Footnotes: left out with their marks, at the end of their chapter, or inline, where their mark stands."""
    tables: str = "rows"
    """Tables: a sentence a row, with the heads of the columns; or left out."""
    code: str = "skip"
    """Blocks of code: left out, or spoken as text."""
    images: str = "skip"
    """Images: left out, or spoken by their alternative text."""
    front_matter: bool = False
    """Whether cover, title page, contents, copyright page and index are spoken, where the book says what they are."""
    depth: int | None = None
    """Levels of the table of contents, or of headings in Markdown, that make chapters. None: as suits the book."""

    def __post_init__(self) -> None:
        """Raises `ConfigError` for the first value that is none."""
        for name, known in (("notes", NOTES), ("tables", TABLES), ("code", CODE), ("images", IMAGES)):
            value = getattr(self, name)
            require(value in known, name, value, f"one of {', '.join(known)}")
        require(self.depth is None or 1 <= self.depth <= 6, "depth", self.depth, "from 1 to 6")


class Note(NamedTuple):
    """A footnote that is spoken at the end of a chapter: once, however many marks lead to it."""

    number: str
    """Which of the book's it is."""
    text: str


@dataclasses.dataclass(frozen=True)
class Block:
    """A paragraph, a heading, an item of a list, a row of a table; or a break between scenes."""

    kind: str
    text: str = ""
    level: int = 0
    """Of a heading, from 1."""
    anchors: tuple[str, ...] = ()
    """The ids that links to it may have."""
    notes: tuple[Note, ...] = ()
    """Footnotes that belong to it, and are spoken at the end of the chapter."""


@dataclasses.dataclass(frozen=True)
class Chapter:
    """A part of a book that becomes a file, or gets a mark, of its own."""

    number: int
    """From 1, in the order of the book."""
    title: str
    blocks: tuple[Block, ...]

    @property
    def texts(self) -> list[str]:
        """What is spoken, block by block."""
        return [block.text for block in self.blocks if block.text]

    @property
    def words(self) -> int:
        """How many there are; of Chinese and Japanese the characters."""
        return sum(map(count_words, self.texts))

    @property
    def seconds(self) -> float:
        """About how long they take to speak: good for a third more or less."""
        return sum(spelled_seconds([text]) for text in self.texts)


class Cover(NamedTuple):
    """A picture, as the book holds it."""

    data: bytes
    suffix: str
    """.jpg or .png."""


@dataclasses.dataclass(frozen=True)
class Book:
    """A whole book."""

    title: str
    authors: tuple[str, ...]
    language: str
    """As the book says it, "en-GB" for one; empty where it does not."""
    chapters: tuple[Chapter, ...]
    cover: Cover | None = None
    notes: tuple[str, ...] = ()
    """For people: what was left out."""
    whole: bool = True
    """Whether these are all chapters that it has."""

    def chosen(self, wish: str) -> "Book":
        """The book with some of its chapters, of "1,3-5". They keep their numbers. Raises `ConfigError`."""
        numbers = chosen_numbers(wish, len(self.chapters))
        chapters = tuple(one for one in self.chapters if one.number in numbers)
        return dataclasses.replace(self, chapters=chapters, whole=self.whole and len(chapters) == len(self.chapters))


def chosen_numbers(wish: str, count: int) -> set[int]:
    """The numbers from 1 to `count` that "1,3-5,7-" names. Raises `ConfigError`."""
    numbers: set[int] = set()
    for part in wish.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,6})\s*(?:(-)\s*([0-9]{1,6})?\s*)?", part)
        if not match:
            raise ConfigError(f"--chapters is {wish!r:.60}, but it must be numbers of chapters, as in 1,3-5.")
        first, last = int(match[1]), int(match[3] or (count if match[2] else match[1]))
        if not 1 <= first <= last <= count:
            raise ConfigError(f"--chapters has {part.strip()}, but the chapters of this book are 1 to {count}.")
        numbers.update(range(first, last + 1))
    return numbers


def count_words(text: str) -> int:
    """Words of letters and digits; every ideograph is one."""
    return len(IDEOGRAPH.findall(text)) + len(_WORD.findall(IDEOGRAPH.sub(" ", text)))


def first_heading(blocks: Sequence[Block]) -> str:
    """Empty where there is none."""
    return next((block.text for block in blocks if block.kind == HEADING), "")


def by_headings(blocks: Sequence[Block], depth: int | None, title: str) -> list[tuple[str, list[Block]]]:
    """Chapters as the headings have them; none where there are no headings.

    They begin at headings of the first level there is; or of the second, where a single one of the first stands above
    all others, as the title of the whole does; or down to the level that `depth` says. What holds headings alone goes
    with the chapter behind it.

    Args:
      title: of what stands before the first, unless it begins with a deeper one.
    """
    levels = sorted({block.level for block in blocks if block.kind == HEADING})
    if not levels:
        return []
    lowest = levels[min(depth or 1, len(levels)) - 1]
    if depth is None and has_title(blocks) and len(levels) > 1:
        lowest = levels[1]
    parts: list[tuple[str, list[Block]]] = [(blocks[0].text if blocks[0].kind == HEADING else title, [])]
    for block in blocks:
        if block.kind == HEADING and block.level <= lowest:
            above = parts.pop()[1] if all(one.kind == HEADING for one in parts[-1][1]) else []
            parts.append((block.text, [*above, block]))
        else:
            parts[-1][1].append(block)
    return parts


def has_title(blocks: Sequence[Block]) -> bool:
    """Whether the first heading is the only one of its level, and those of all others are deeper."""
    levels = [block.level for block in blocks if block.kind == HEADING]
    return bool(levels) and min(levels) == levels[0] and levels.count(levels[0]) == 1


def numbered(parts: Sequence[tuple[str, Sequence[Block]]]) -> tuple[Chapter, ...]:
    """Chapters of (title, blocks), without those in which nothing is spoken."""
    spoken = [(title, blocks) for title, blocks in parts if any(block.text for block in blocks)]
    return tuple(
        Chapter(number, title or f"Chapter {number}", _with_notes(blocks))
        for number, (title, blocks) in enumerate(spoken, start=1)
    )


def _with_notes(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks without a break at their end, and their notes behind them."""
    last = max(place for place, block in enumerate(blocks) if block.text)
    notes: dict[str, str] = {}
    for note in (note for block in blocks for note in block.notes):
        notes.setdefault(note.number, note.text)
    return (*blocks[: last + 1], *([Block(BREAK)] if notes else []), *(Block(TEXT, text) for text in notes.values()))


def cover_of(data: bytes, name: str) -> tuple[Cover | None, list[str]]:
    """A picture as a cover; or, for people, why it is none."""
    for suffix, signature in _PICTURES.items():
        if data.startswith(signature):
            return Cover(data, suffix), []
    return None, [f"left out: the cover {name}, which is neither JPEG nor PNG"]
