"""Text in words -> plain English spelling: fold ─► ASCII and foreign letters ─ tidy ─► words and , . ? !"""

import re
import unicodedata

from indextts2_jax.text.english.interjections import SPELLINGS
from indextts2_jax.text.english.tables import BEGINNINGS, any_of, table

FOLDED = {
    **dict.fromkeys("‘’‚‛′`´ʼ＇", "'"),
    **dict.fromkeys("“”„‟″«»「」『』《》【】", '"'),
    **dict.fromkeys("‐‑‒−", "-"),
    "\u200b": " ",  # where a line may break; other marks without width vanish
    **table("ß ss, ẞ SS, æ ae, Æ AE, œ oe, Œ OE, ø o, Ø O, ł l, Ł L, đ d, Đ D, ð th, Ð Th, þ th, Þ Th, ı i, ħ h, Ħ H"),
    **dict(zip("。、，；：！？…·", [". ", ", ", ", ", "; ", ": ", "! ", "? ", "... ", " "], strict=True)),
}
PAUSES = re.compile(r"[,;:()\[\]{}–—―~|]|\.{2,}|-{2,}|(?<=\s)-(?=\s)")
PARAGRAPHS = re.compile(r"\n\s*\n")
NEXT_SENTENCE = re.compile(rf"(?<=[a-z])\.(?={BEGINNINGS}\b)")
# A sound is no sentence: models stop behind one of a single short word
SOUND_END = re.compile(rf"\b({any_of(SPELLINGS)})[.!?]+(?=[\"')]*\s+[\"'(]*\w)", re.IGNORECASE)
DOT = re.compile(r"(?<=[A-Za-z0-9])\.(?=[A-Za-z0-9])")
SIGNS = frozenset(["Sm", "Sc", "So"])
"""Categories of Unicode: signs that stand for something, which is lost where they cannot be read."""


def fold(text: str) -> str:
    """Accents, ligatures, wide letters and exotic quotes become ASCII; letters of other scripts and signs stay."""
    if text.isascii():
        return text
    return "".join(map(_fold, unicodedata.normalize("NFC", text)))


def _fold(character: str) -> str:
    if character.isascii():
        return character
    if character in FOLDED:
        return FOLDED[character]
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    category = unicodedata.category(character)
    if category == "Cf" or unicodedata.combining(character):  # joiners, direction marks, soft hyphens, lone accents
        return ""
    if category.startswith("Z"):
        return "\n" if category in ("Zl", "Zp") else " "
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    return plain if plain.isascii() else character


def tidy(text: str) -> str:
    """Marks that are heard as a pause become commas; what is not heard becomes spaces."""
    text = SOUND_END.sub(r"\1,", PARAGRAPHS.sub(" . ", text))
    text = DOT.sub(" dot ", NEXT_SENTENCE.sub(". ", text))
    text = PAUSES.sub(" , ", text)
    return "".join(c if _is_heard(c) else " " for c in text)


def _is_heard(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in ",.?!'"
    return character.isalnum() or unicodedata.category(character) in SIGNS
