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
from indextts2_jax.text.phonemes.weak_forms import weaken_all
from indextts2_jax.training.demo.wordlists import phrases

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
    written = ["" if part in MARKS else part for part in parts]
    return [token for tokens in weaken_all(written, spoken) for token in tokens]


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
