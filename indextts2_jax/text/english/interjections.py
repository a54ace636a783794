"""Sounds and drawn-out words, as they are spelled once: Hmmm -> hm, SHHH -> sh, sooo -> so."""

import re

from indextts2_jax.text.english.tables import listed

SOUNDS = (
    (re.compile(r"\b[Hh][Mm]{1,40}\b(?!-)"), "hm"),
    (re.compile(r"\b[Mm]{1,40}-?[Hh][Mm]{1,40}\b"), "mhm"),
    (re.compile(r"\b(?:[Mm]{3,40}|Mm)\b(?![/³²])"), "mm"),
    (re.compile(r"\b[Ss][Hh]{1,40}\b"), "sh"),
    (re.compile(r"\b[Pp][Ss]{2,40}[Tt]{1,40}\b"), "psst"),
    (re.compile(r"\b[Bb][Rr]{2,40}\b"), "brr"),
    (re.compile(r"\b[Gg][Rr]{2,40}\b"), "grr"),
    (re.compile(r"\b[Pp][Ff]{1,40}[Tt]{1,40}\b"), "pfft"),
    (re.compile(r"\b[Tt][Ss][Kk](?:-[Tt][Ss][Kk]){0,5}\b"), "tsk"),
    (re.compile(r"\b[Zz]{3,40}\b"), "zzz"),
    (re.compile(r"\b[Aa]{2,40}[Hh]{1,40}\b|\b[Aa][Hh]{2,40}\b"), "ah"),
    (re.compile(r"\b[Oo]{2,40}[Hh]{1,40}\b"), "ooh"),
    (re.compile(r"\b[Oo][Hh]{2,40}\b"), "oh"),
    (re.compile(r"\b[Uu]{1,40}[Hh]{2,40}\b|\b[Uu]{2,40}[Hh]\b"), "uh"),
    (re.compile(r"\b[Uu]{1,40}[Gg]{1,40}[Hh]{2,40}\b|\b[Uu]{2,40}[Gg]{1,40}[Hh]\b"), "ugh"),
    (re.compile(r"\b[Aa]{1,40}[Rr]{1,40}[Gg]{1,40}[Hh]{1,40}\b"), "argh"),
    (re.compile(r"\b[Ee]{1,40}[Ww]{2,40}\b|\b[Ee]{2,40}[Ww]\b"), "ew"),
    (re.compile(r"\b[Ee][Hh]{2,40}\b"), "eh"),
    (re.compile(r"\b[Aa]{1,40}[Ww]{2,40}\b"), "aw"),
    (re.compile(r"\b[Uu][Mm]{2,40}\b"), "um"),
    (re.compile(r"\b[Ee][Rr]{2,40}\b(?![a-z])"), "er"),
    (re.compile(r"\b[Ww]{1,3}[Hh][Oo]{2,40}[Aa]{0,40}\b(?<=[Aa])"), "whoa"),
)
SPELLINGS = tuple(dict.fromkeys(spelling for _, spelling in SOUNDS))
DRAWN = re.compile(r"\b(?=[A-Za-z]?[a-z]*([a-z])\1\1)[A-Za-z][a-z]{2,60}\b")
TRIPLE = re.compile(r"([a-z])\1{2,}")
DOUBLED = frozenset(
    listed("""
    see too zoo boo moo woo yee wee gee bee free tree knee flee will all well hell bell tell yell cool good look book
    food soon moon room school pool fool tool noon root boot foot mood need feel feet meet sweet week deep keep sleep
    been seen green cheese creep speed""")
)
"""Words whose drawn-out letter is a double one."""


def speak(text: str) -> str:
    """The text with every sound in its plain spelling; a capital stays one."""
    if not SUSPECT.search(text):
        return text
    for pattern, spelling in SOUNDS:
        text = pattern.sub(lambda match, spelling=spelling: _cased(match[0], spelling), text)  # type: ignore[misc]
    return DRAWN.sub(lambda match: _shorten(match[0]), text)


SUSPECT = re.compile(r"([A-Za-z])\1\1|\b[HhMmSsPpBbGgTtEeAaOoUuZz][HhMmSsRrFfWw]|\b[Tt]sk|\b[Aa]{2}|\bw[Hh]oo", re.I)


def _cased(written: str, spelling: str) -> str:
    return spelling.capitalize() if written[0].isupper() else spelling


def _shorten(word: str) -> str:
    """sooo -> so, loooong -> long, coool -> cool, tooo -> too."""
    double = TRIPLE.sub(r"\1\1", word)
    return double if double.lower() in DOUBLED else TRIPLE.sub(r"\1", word)
