"""What the teacher is given to say, and which of its symbols belong to which phoneme.

    Come here, she said. ─ PhonemeFrontend ─► spoken: ▁K AH1 M ▁HH IY1 R , ▁SH IY0 ▁S EH1 D .
                                             ─ weak forms, marks as written ─ spell ─► symbols: kˈʌm hˈiɹ, ʃi sˈɛd.

"Spoken" is a list of CMUdict phonemes (▁ before the first of a word) and of marks: , . ? ! ; : — … “ ”. Function words
are weak as in running speech: "to" is T AH0, before a vowel T UW0, and loses its stress, which CMUdict gives it.
"""

import re
from collections.abc import Sequence

from indextts2_jax.errors import TextError
from indextts2_jax.text.phonemes.frontend import WORD, PhonemeFrontend
from indextts2_jax.training.demo.wordlists import listed, phrases

PAUSE = "pau"
MARKS = frozenset(",.?!;:—…“”")
ENDS = frozenset(".?!…")
SOUNDS = dict(
    pair.split()
    for pair in phrases("""AA ɑ, AE æ, AH ʌ, AO ɔ, AW W, AY I, EH ɛ, ER ɜɹ, EY A, IH ɪ, IY i, OW O, OY Y, UH ʊ, UW u,
    B b, CH ʧ, D d, DH ð, F f, G ɡ, HH h, JH ʤ, K k, L l, M m, N n, NG ŋ, P p, R ɹ, S s, SH ʃ, T t, TH θ, V v, W w,
    Y j, Z z, ZH ʒ""")
)
UNSTRESSED = {"AH": "ə", "ER": "əɹ"}
STRESS = {"0": "", "1": "ˈ", "2": "ˌ"}

# Without stress where a word follows
FUNCTION_WORDS = frozenset(
    listed("""a an the and but or nor of to for from at in on by with as than into if you he she it we they
        me him her us them my your his its their i'm i'll i'd i've you're you'll you'd you've he's he'll he'd she's
        she'll she'd it's it'll we're we'll we'd we've they're they'll they'd they've am is are was were be been has
        have had can could will would shall should must""")
)
ALWAYS_WEAK = frozenset(listed("it me him her us them the"))  # at the end of a phrase too
BEHIND_THAT = frozenset(
    listed("""i you he she it we they the a an my your his her its our their there this these those some all
        i'm i'll i'd i've you're he's she's it's we're they're nobody everybody everyone""")
)  # "that" is a conjunction before these
QUESTION_WORDS = frozenset(listed("what where when why who how which whose"))
WEAK_FORMS = {"was": "W AH0 Z", "an": "AH0 N", "than": "DH AH0 N"}
HALF_STRESSED = frozenset(["i", "i'm", "i'll", "i'd", "i've"])  # wholly unstressed it is swallowed at the start

_PART = re.compile(r"'*[A-Za-z][A-Za-z']*|\.{3}|--| - |[,.?!;:\"“”…—–]")
_WRITTEN = {"...": "…", "--": "—", " - ": "—", "–": "—"}


def split(text: str) -> list[str]:
    """Words and marks of a text as it is written; straight quotation marks become “ and ”."""
    parts: list[str] = []
    for match in _PART.finditer(text):
        part = _WRITTEN.get(match[0], match[0])
        if part == '"':
            part = "“" if match.start() == 0 or text[match.start() - 1] in " -—" else "”"
        parts.append(part)
    while parts and parts[-1] not in ENDS | {"”"} and parts[-1] in MARKS:
        parts.pop()
    if parts and not ENDS.intersection(parts[-2:]):
        parts.append(".")
    return parts


def read(frontend: PhonemeFrontend, text: str) -> list[str]:
    """The spoken form of a text without digits and abbreviations. Raises `TextError` where it cannot be read."""
    parts = split(text)
    said = _words(frontend.tokenize(text))
    if len(said) != sum(part not in MARKS for part in parts) or not said:
        raise TextError(f"The words of this text cannot be told apart: {text}")
    if frontend.unknown([token for word in said for token in word]):
        raise TextError(f"This text has words that cannot be read: {text}")
    words = iter(said)
    spoken: list[list[str]] = [[part] if part in MARKS else next(words) for part in parts]
    written = ["." if part in MARKS else part.lower() for part in parts]
    for place, word in enumerate(written):
        if word != ".":
            before = written[place - 1] if place else "."
            after = written[place + 1] if place + 1 < len(written) else "."
            follows = spoken[place + 1][0] if after != "." else ""
            spoken[place] = weaken(word, spoken[place], before, after, follows)
    return [token for tokens in spoken for token in tokens]


def weaken(word: str, said: list[str], before: str, after: str, follows: str) -> list[str]:
    """A word's phonemes in running speech.

    Args:
      word: in lower case, and so `before` and `after`, its neighbours; "." for a mark or nothing.
      said: its phonemes, the first with ▁.
      follows: the first phoneme of the next word, or "".
    """
    vowel = follows[-1:].isdigit()
    alone = before == after == "."
    if word == "the":
        return [WORD + "DH", "IY0" if vowel else "AH0"]
    if alone or not _is_weak(word, before, after) or (word == "a" and said != [WORD + "AH0"]):
        return said
    if word == "to":
        return [WORD + "T", "UW0" if vowel or after == "." else "AH0"]
    if word in WEAK_FORMS:
        return (WORD + WEAK_FORMS[word]).split()
    stress = "2" if word in HALF_STRESSED else "0"
    return [token[:-1] + stress if token[-1].isdigit() else token for token in said]


def _is_weak(word: str, before: str, after: str) -> bool:
    if word == "that":
        return before != "." and after in BEHIND_THAT
    if word in ("do", "does", "did"):
        return after != "." and (before == "." or before in QUESTION_WORDS)
    return word in ALWAYS_WEAK or word == "to" or (word in FUNCTION_WORDS | HALF_STRESSED and after != ".")


def _words(tokens: Sequence[str]) -> list[list[str]]:
    words: list[list[str]] = []
    for token in tokens:
        if token.startswith(WORD):
            words.append([token])
        elif token[0].isalpha() and words:
            words[-1].append(token)
    return words


def spell(spoken: Sequence[str]) -> list[tuple[str, str]]:
    """(symbols, whose) in order: whose is a phoneme, `PAUSE` for marks and the spaces beside them, "" for other spaces.

    Joined, the symbols are what the teacher is given. Raises `TextError` for what is neither a phoneme nor a mark.
    """
    pieces: list[tuple[str, str]] = []
    for before, token in zip(["", *spoken], spoken, strict=False):
        if before and (token.startswith(WORD) or token in "—“") and before != "“":
            pieces.append((" ", PAUSE if before in MARKS or token in MARKS else ""))
        pieces.append((token, PAUSE) if token in MARKS else _sound(token.removeprefix(WORD)))
    return pieces


def _sound(phoneme: str) -> tuple[str, str]:
    bare, stress = (phoneme[:-1], phoneme[-1]) if phoneme[-1:].isdigit() else (phoneme, "")
    try:
        sound = UNSTRESSED.get(bare, SOUNDS[bare]) if stress == "0" else SOUNDS[bare]
        return (STRESS[stress] if stress else "") + sound, phoneme
    except KeyError:
        raise TextError(f"The teacher has no symbol for {phoneme!r}.") from None


def symbols(spoken: Sequence[str]) -> str:
    """What the teacher is given."""
    return "".join(text for text, _ in spell(spoken))
