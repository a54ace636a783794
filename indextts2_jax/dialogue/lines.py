"""What a play or a subtitle file comes to: lines that are spoken, one after another or each at its time."""

import dataclasses
import re
import unicodedata
from collections.abc import Iterable

from indextts2_jax.text.reading import check_text
from indextts2_jax.text.script import PAUSE

MAX_LINES = 100_000
"""Of one script: a long novel has a tenth of it."""


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


INVISIBLE = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Byte order marks, also where files were put together; marks of direction; spaces of no width."""


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
NAME_CHARACTERS = frozenset(" .'’-_&·")


def is_name(name: str) -> bool:
    """Whether words before a colon look like a name: one word, or up to four that begin with capitals or digits."""
    words = name.split()
    if not 1 <= len(words) <= 4 or not all(letter.isalnum() or letter in NAME_CHARACTERS for letter in name):
        return False
    return any(map(str.isalpha, name)) and (len(words) == 1 or not any(word[0].islower() for word in words))


def header(text: str, known: Iterable[str]) -> tuple[str, str, str] | None:
    """(speaker, emotion, rest) of a text that begins with a name and a colon; None where it does not.

    Args:
      known: folded names that count whatever they look like.
    """
    match = HEADER.fullmatch(" ".join(text.split()))
    if not match:
        return None
    name = match["name"].strip()
    if folded(name) not in known and not is_name(name):
        return None
    return name, (match["emotion"] or "").strip(), match["text"].strip()


DIRECTION = re.compile(r"\((?:[^()]*)\)|（[^（）]*）|\[(?:[^\[\]]*)\]|【[^【】]*】")
INLINE = re.compile(r"\[(?!pause\b)[^\[\]\n]*\]", re.IGNORECASE)
EDGES = re.compile(rf"^(?:\s|{PAUSE.pattern})+|(?:\s|{PAUSE.pattern})+$", re.IGNORECASE)


def is_direction(text: str) -> bool:
    """Whether a whole line is a stage direction: in parentheses or brackets, and no pause."""
    return bool(DIRECTION.fullmatch(text)) and not PAUSE.fullmatch(text)


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
