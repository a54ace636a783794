"""What a play or a subtitle file comes to: lines that are spoken, one after another or each at its time."""

import dataclasses
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence

from indextts2_jax.text.reading import check_text
from indextts2_jax.text.script import PAUSE

MAX_LINES = 100_000
"""Of one script: a long novel has a tenth of it."""
UNREADABLE = "unreadable"
"""Stands for the text of a line whose text is a fault: its name and its emotion are looked at all the same."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something that is wrong, and the line of the file that it is in, counted from 1; 0: of the whole."""

    at: int
    what: str


@dataclasses.dataclass(frozen=True)
class Line:
    """Something that one speaker says in one go."""

    number: int
    """From 1, among the lines that are spoken."""
    at: int
    """The line of the file that it begins in, from 1."""
    text: str
    speaker: str = ""
    """As the script writes the name; empty: whoever the cast's `default` is."""
    emotion: str = ""
    """As the script writes it, see `emotions.parse_emotion`; empty: that of the cast."""
    pause_ms: float | None = None
    """Silence before it that the script asks for; None: by the rule."""
    after_direction: bool = False
    """A stage direction or a beat stands before it."""
    cue: tuple[int, int] | None = None
    """Milliseconds from and to which it is spoken, where it is of a subtitle file."""


@dataclasses.dataclass(frozen=True)
class Script:
    """Lines in the order in which they are spoken."""

    lines: tuple[Line, ...]
    faults: tuple[Fault, ...] = ()
    """What must be put right before anything is spoken."""
    notes: tuple[str, ...] = ()
    """What was left out or taken for something else, for people."""
    end_pause_ms: float = 0.0
    """Silence behind the last line that the script asks for."""
    speakers: frozenset[str] = frozenset()
    """Every name in it, `folded`, those included that have no words to say."""
    end_ms: int | None = None
    """Where the last cue ends; None: the script has no times."""


INVISIBLE = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Byte order marks, also where files were put together; marks of direction; spaces of no width; soft hyphens."""


def plain(text: str) -> str:
    """A file's text with line ends of one kind, and nothing in it that cannot be seen."""
    return INVISIBLE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def folded(name: str) -> str:
    """What two spellings of one name have in common: case, width and spaces do not count."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


HEADER = re.compile(
    r"(?P<name>[^:：()（）\[\]{}<>\"“”]{1,60}?)\s*(?:[(（](?P<emotion>[^()（）]*)[)）]\s*)?"
    r"(?::(?=\s|$|[^\x00-\x7f])|：)\s*(?P<text>.*)",
    re.DOTALL,
)
KNOWN_COLON = re.compile(r"\s*[:：](?![\d/])\s*")
"""Behind a name of the cast; 10:30 and http:// have none, whoever is in the cast."""
WITH_EMOTION = re.compile(r"(?P<name>.+?)\s*[(（](?P<emotion>[^()（）]*)[)）]")
LONGEST_HEADER = 200
NAME_CHARACTERS = frozenset(" .'’-_&·")


def is_name(name: str) -> bool:
    """Whether words before a colon look like a name: one word, or up to four that begin with capitals or digits."""
    words = name.split()
    if not 1 <= len(words) <= 4 or not all(letter in NAME_CHARACTERS or _spells(letter) for letter in name):
        return False
    return any(map(str.isalpha, name)) and (len(words) == 1 or not any(word[0].islower() for word in words))


def _spells(letter: str) -> bool:
    """A letter, a digit, or what is written upon letters: accents by themselves, the vowels of Indian scripts."""
    return letter.isalnum() or unicodedata.category(letter).startswith("M")


def header(text: str, known: Collection[str]) -> tuple[str, str, str] | None:
    """(speaker, emotion, rest) of a text that begins with a name and a colon; None where it does not.

    Args:
      known: folded names that count whatever they look like.
    """
    text = " ".join(text.split())
    if known and (found := known_header(text, known)):
        return found
    match = HEADER.fullmatch(text)
    if not match or not is_name(match["name"].strip()):
        return None
    return match["name"].strip(), (match["emotion"] or "").strip(), match["text"].strip()


def known_header(text: str, known: Collection[str]) -> tuple[str, str, str] | None:
    """`header` of the known names alone."""
    for colon in KNOWN_COLON.finditer(text[:LONGEST_HEADER]):
        if found := named(text[: colon.start()], known):
            return *found, text[colon.end() :]
    return None


def named(written: str, known: Collection[str]) -> tuple[str, str] | None:
    """(speaker, emotion) where a known name is written, with an emotion in parentheses behind it or without."""
    if folded(written) in known:
        return written.strip(), ""
    match = WITH_EMOTION.fullmatch(written.strip())
    return (match["name"], match["emotion"].strip()) if match and folded(match["name"]) in known else None


PAIRS = {"(": ")", "（": "）", "[": "]", "【": "】"}
INLINE = re.compile(r"\[(?!pause\s*[\]:：])[^\[\]\n]*\]|【[^【】\n]*】", re.IGNORECASE)
EDGES = re.compile(rf"^(?:\s|{PAUSE.pattern})+|(?:\s|{PAUSE.pattern})+$", re.IGNORECASE)
LONGEST_DIRECTION = 20
"""Lines of a stage direction."""


def is_direction(text: str) -> bool:
    """Whether a whole line is a stage direction: in parentheses or brackets, and no pause."""
    close = PAIRS.get(text[:1])
    if close is None or PAUSE.match(text):
        return False
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == text[0]) - (letter == close)
        if depth == 0:
            return place == len(text) - 1
    return False


def whole_directions(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """(number from 1, line) of each; the lines of a paragraph that are one stage direction together are one line."""
    place = 0
    while place < len(lines):
        size = _direction_size([line.strip() for line in lines[place : place + LONGEST_DIRECTION]])
        yield place + 1, lines[place] if size == 1 else " ".join(line.strip() for line in lines[place : place + size])
        place += size


def _direction_size(lines: Sequence[str]) -> int:
    """How many of them are one direction; 1 where the first is a line by itself."""
    close = PAIRS.get(lines[0][:1])
    if close is None or lines[0].count(lines[0][0]) <= lines[0].count(close):
        return 1
    for size in range(2, len(lines) + 1):
        if not lines[size - 1]:
            return 1
        if is_direction(" ".join(lines[:size])):
            return size
    return 1


def cleaned(text: str) -> tuple[float | None, str, float | None]:
    """(pause before it, what is spoken, pause behind it), in milliseconds; directions in brackets left out.

    What is left may be empty.

    Raises:
      TextError: a pause that is none, half a character, too long a text.
    """
    text = " ".join(INLINE.sub(" ", text).split())
    if not text:
        return None, "", None
    parts = check_text(text)
    spoken = [part for part in parts if part.text]
    if not spoken:
        return sum(part.pause_ms or 0.0 for part in parts), "", None
    after = parts[-1].pause_ms if not parts[-1].text else None
    return parts[0].pause_ms, EDGES.sub("", text), after


def has_words(text: str) -> bool:
    """Whether there is a letter or a digit to speak."""
    return any(map(str.isalnum, PAUSE.sub(" ", text)))
