"""Numbers of a Spanish text in words, by num2words: what the official program leaves to a library it does not ask for.

$1.299,50 ─► mil doscientos noventa y nueve coma cinco cero dólares       25% ─► veinticinco por ciento
14:30 ─► catorce y treinta      3º ─► tercero      3/4 ─► tres cuartos
"""

import re
from decimal import Decimal
from typing import Any

from indextts2_jax.errors import ConfigError

_NUMBER = r"(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?"
_TIME = re.compile(r"(?<![\d:.,])([01]?\d|2[0-3]):([0-5]\d)(?![\d:])")
_MONEY = re.compile(rf"([$€£])\s?({_NUMBER})|({_NUMBER})\s?([$€£])")
_PERCENT = re.compile(rf"({_NUMBER})\s?%")
_ORDINAL = re.compile(r"(?<![\d.,])(\d{1,3})\.?([ºª])")
_PLAIN = re.compile(rf"(?<!\d)(-?)({_NUMBER})(?!\d)")

_CURRENCIES = {"$": ("dólar", "dólares"), "€": ("euro", "euros"), "£": ("libra", "libras")}
_MOST_DIGITS = 15
"""Longer runs are read digit by digit."""


def spell_numbers(text: str) -> str:
    """The text with its numbers, times, percentages and amounts in words; 1.299,50 is written the Spanish way.

    Raises:
      ConfigError: num2words is not installed.
    """
    if not any(character.isdecimal() for character in text):
        return text
    text = _TIME.sub(lambda m: f"{_cardinal(m[1])} y {_cardinal(m[2])}" if int(m[2]) else _cardinal(m[1]), text)
    text = _MONEY.sub(lambda m: _amount(m[2] or m[3], m[1] or m[4]), text)
    text = _PERCENT.sub(lambda m: f"{_words(m[1])} por ciento", text)
    text = _ORDINAL.sub(lambda m: _ordinal(m[1], m[2]), text)
    return _PLAIN.sub(lambda m: f"{'menos ' if m[1] and not _joined(m) else m[1]}{_words(m[2])}", text)


def _joined(match: re.Match[str]) -> bool:
    """Whether the hyphen before a number stands behind a word or a number, as in F5-3."""
    start = match.start()
    return start > 0 and match.string[start - 1].isalnum()


def _amount(number: str, sign: str) -> str:
    one, many = _CURRENCIES[sign]
    if number == "1":
        return f"{'una' if sign == '£' else 'un'} {one}"
    return f"{_words(number)} {many}"


def _words(number: str) -> str:
    whole, _, fraction = number.replace(".", "").partition(",")
    spoken = _cardinal(whole)
    return f"{spoken} coma {' '.join(map(_cardinal, fraction))}" if fraction else spoken


def _cardinal(number: str) -> str:
    if len(number) > _MOST_DIGITS or (len(number) > 1 and number.startswith("0")):
        return " ".join(map(_cardinal, number))
    return str(_library()(int(number), lang="es"))


def _ordinal(number: str, gender: str) -> str:
    spoken = str(_library()(Decimal(number), lang="es", to="ordinal"))
    return " ".join(re.sub("o$", "a", word) for word in spoken.split()) if gender == "ª" else spoken


def _library() -> Any:
    try:
        from num2words import num2words
    except ImportError:
        raise ConfigError(
            "Spanish numbers are put into words by num2words: pip install 'indextts2_jax[spanish]', or leave "
            "text.spell_numbers off."
        ) from None
    return num2words
