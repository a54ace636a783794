"""English as a person reads it: any text -> the same text in plain words and punctuation.

    text ─ markup ─ addresses ─ abbreviations ─ dates ─ money ─ units ─ codes ─ numbers ─ signs ─► words

Plain prose stays as it is, character by character. Every step takes time linear in the length of the text: no pattern
reads again what it has read, and all repetitions that could are bounded.
"""

import re

from indextts2_jax.text.english import (
    abbreviations,
    characters,
    codes,
    counting,
    dates,
    interjections,
    markup,
    money,
    roman,
    symbols,
    units,
    web,
)

STEPS = (
    characters.fold,
    web.speak,
    interjections.speak,
    abbreviations.speak,
    roman.speak,
    codes.speak_formulas,
    counting.spell_fractions,
    codes.speak_names,
    dates.speak,
    money.speak,
    units.name_after_fractions,
    counting.speak_fractions,
    units.speak,
    codes.speak_groups,
    codes.speak_codes,
    symbols.speak_operators,
    dates.speak_years,
    counting.speak,
    symbols.speak,
)
SPACES = re.compile(r"(?<=\S) {2,}")
BEFORE_MARK = re.compile(r"(?<=[\w.!?\"”)]) +(?=[,;:!?)\]](?!\w)|\.(?![.\w]))")


def read(text: str) -> str:
    """The text in words. What cannot be read stays as it is; a pause that the text asks for is left out."""
    plain = markup.plain(text)
    if "[" in plain:
        plain = markup.PAUSE.sub(" ", plain)
    spoken = plain
    for step in STEPS:
        spoken = step(spoken)
    return spoken if spoken == text else BEFORE_MARK.sub("", SPACES.sub(" ", spoken)).strip()
