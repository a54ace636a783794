"""Numbers into words: cardinals, ordinals, decimals, years and digits, all without "and", hyphens and commas.

The words themselves are inflect's. `NUMBER` and `RANGE` are what other files build their patterns of.
"""

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import inflect

FREE = r"(?<![\w.])(?<![0-9],)"
"""Before a number: it is not the rest of a word or of another number."""
_GROUPED = r"[0-9]{1,3}+(?:,[0-9]{3})++(?![0-9])|[0-9]{1,2}+(?:,[0-9]{2}(?![0-9]))++,[0-9]{3}(?![0-9])"  # 1,00,000 too
NUMBER = rf"(?:{_GROUPED}|[0-9]++)(?:\.[0-9]++)?+"
RANGE = rf"{NUMBER}(?: ?- ?{NUMBER})?+"
LARGEST = 15
"""Digits that a number may have; longer ones are read digit by digit."""
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@functools.lru_cache(4096)
def cardinal(number: int) -> str:
    """1234 -> "one thousand two hundred thirty four"."""
    return _plain(str(_engine().number_to_words(str(number), andword="")))


@functools.lru_cache(4096)
def ordinal(number: int) -> str:
    """21 -> "twenty first"."""
    return str(_engine().ordinal(cardinal(number)))


@functools.cache
def _engine() -> "inflect.engine":
    import inflect  # takes a second, which texts without numbers need not wait

    return inflect.engine()


def _plain(words: str) -> str:
    return words.replace(" and ", " ").replace("-", " ").replace(",", "")


def digits(written: str) -> str:
    """The digits one by one; other characters are left out."""
    return " ".join(DIGITS[int(character)] for character in written if character.isdigit())


def words(written: str) -> str:
    """A number of the form `NUMBER`: 1,234.50 -> "one thousand two hundred thirty four point five zero"."""
    whole, point, fraction = written.replace(",", "").partition(".")
    if not whole:
        said = ""
    elif len(whole) > LARGEST or (len(whole) > 1 and whole[0] == "0"):
        said = digits(whole)
    else:
        said = cardinal(int(whole))
    return f"{said} point {digits(fraction)}".strip() if point and fraction else said


def amount(written: str) -> str:
    """A number or a range of the form `RANGE`: 2-3 -> "two to three"."""
    return " to ".join(words(part.strip()) for part in written.split("-"))


def is_one(written: str) -> bool:
    """Whether the noun behind the number is in the singular."""
    return re.fullmatch(r"0*1(?:\.0*)?", written) is not None


def year(number: int) -> str:
    """1905 -> "nineteen oh five", 2004 -> "two thousand four", 2024 -> "twenty twenty four"."""
    high, low = divmod(number, 100)
    if number < 100 or number > 9999 or 0 <= number % 1000 < 10 or (high % 10 == 0 and low < 10):
        return cardinal(number)
    return pairs(high, low)


def pairs(high: int, low: int) -> str:
    """(19, 5) -> "nineteen oh five", (15, 0) -> "fifteen hundred"."""
    if low == 0:
        return f"{cardinal(high)} hundred"
    return f"{cardinal(high)} {'oh ' if low < 10 else ''}{cardinal(low)}"


def name(written: str) -> str:
    """The number of a thing, as in A380 or RTX 4090: "three eighty", "forty ninety"."""
    if len(written) > 4 or (written[0] == "0" and len(written) > 1):
        return digits(written)
    if len(written) < 3 or (len(written) == 4 and int(written) % 1000 == 0):
        return cardinal(int(written))
    return pairs(int(written[:-2]), int(written[-2:]))


def plural(said: str) -> str:
    """Of a number in words: twenty -> twenties, nineteen hundred -> nineteen hundreds."""
    if said.endswith("y"):
        return said[:-1] + "ies"
    return f"{said}es" if said.endswith("six") else f"{said}s"
