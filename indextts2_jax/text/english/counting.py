"""Numbers that are left when dates, money, units and codes have been read: fractions, ranges, sums and plain ones."""

import re

from indextts2_jax.text.english import numbers
from indextts2_jax.text.english.numbers import FREE, NUMBER, RANGE
from indextts2_jax.text.english.tables import put, table

VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5"}
VULGAR |= {"⅙": "1/6", "⅚": "5/6", "⅐": "1/7", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8", "⅑": "1/9", "⅒": "1/10"}
DENOMINATORS = frozenset([*range(2, 13), 15, 16, 20, 24, 25, 32, 50, 60, 64, 100, 128, 1000, 10_000, 1_000_000])
MIXED = re.compile(r"(?<![\w.,/$€£])([0-9]{1,9})(?: |-|and )([0-9]{1,3})/([0-9]{1,7})(?![\w/%]|[.,][0-9])")
FRACTION = re.compile(r"(?<![\w./-])(?<![0-9],)(?<!\^)([0-9]{1,9})/([0-9]{1,9})(?![\w/%]|[.,/][0-9]| ?=)")
BEATS = re.compile(r"(?= (?:time|beat|meter|metre|measure|signature)\b)")
RATING = re.compile(r"\b(?:scored?|rated?|rating|grade|got|gets|marks?|gave it|give it|a solid|about an?) \Z", re.I)
NEGATIVE = re.compile(rf"(?:(?<=[\s(\[=,;:\"'“‘<>*/×÷√^±≤≥≈≠])|\A)-({NUMBER}|\.[0-9]++)")
RANGED = re.compile(rf"{FREE}({NUMBER}) ?- ?({NUMBER})(?![\w]|[.,-][0-9])")
RANGED_CODE = re.compile(rf"{FREE}({NUMBER})-(?=[A-Za-z])")
NUMBERED = re.compile(r"(?<![\w&])#(?= ?[0-9])")
LEADING = re.compile(r"(?<![\w.])\.([0-9]++)(?![\w.])")
PLAIN = re.compile(rf"{FREE}({RANGE})(s\b)?")
DIGITS = re.compile("[0-9]++")
APPROXIMATE = re.compile(r"(?:\b(about|around|approximately|roughly|circa) )?(?<![\w~])~ ?(?=[$€£¥]?[0-9.])")
MONEY_IN_GROUPS = re.compile(r"(?<=[$€£¥₹])[0-9]{1,3}(?: [0-9]{3}){1,5}(?![\w]| [0-9])")
COMPARISONS = table("<= less than or equal to, >= greater than or equal to, < less than, > greater than")
COMPARISONS |= table("≤ less than or equal to, ≥ greater than or equal to")
COMPARED = re.compile(r"(?<![^\s(\"'“])(<=|>=|<|>|≤|≥) ?(?=[$€£¥]?-?[0-9.])")
STAR = re.compile(r"(?<=[0-9])(?:\*(?= [a-z])|[★☆⭐])")
SUFFIXED = re.compile(r"(?<=[0-9]/)([0-9]{1,4})(?:ths?|rds?|nds?|sts?)\b")
SCIENTIFIC = re.compile(rf"{FREE}({NUMBER})[eE]([+-]?[0-9]{{1,3}})(?!\w)")
TILDE_RANGE = re.compile(r"(?<=[0-9]) ?~ ?(?=[$€£]?[0-9])")


def spell_fractions(text: str) -> str:
    """½ -> 1/2, ~5 -> about 5, 5~10 -> 5-10: what makes other rules see them."""
    if not text.isascii():
        text = re.sub(f"[{''.join(VULGAR)}]", lambda match: VULGAR[match[0]], text)
    text = COMPARED.sub(lambda match: f"{COMPARISONS[match[1]]} ", text)
    text = MONEY_IN_GROUPS.sub(lambda match: match[0].replace(" ", ","), text)
    text = SUFFIXED.sub(r"\1", STAR.sub(" star", text))
    text = SCIENTIFIC.sub(r"\1 × 10^\2", text)
    return APPROXIMATE.sub(lambda match: f"{match[1] or 'about'} ", TILDE_RANGE.sub("-", text)) if "~" in text else text


def speak_fractions(text: str) -> str:
    """2 1/2 -> two and a half, 3/4 -> three quarters, 8/10 where something is rated -> eight out of ten."""
    if "/" not in text:
        return text
    return FRACTION.sub(_fraction, MIXED.sub(_mixed, text))


def speak(text: str) -> str:
    """Every number that is left."""
    if not DIGITS.search(text):
        return text
    text = NUMBERED.sub("number ", text)
    text = NEGATIVE.sub(lambda match: f"minus {numbers.words(match[1])}", text)
    text = RANGED.sub(lambda match: put(match, f"{numbers.words(match[1])} to {numbers.words(match[2])}"), text)
    text = RANGED_CODE.sub(lambda match: put(match, f"{numbers.words(match[1])} "), text)
    text = PLAIN.sub(_plain, text)
    text = LEADING.sub(lambda match: put(match, f"point {numbers.digits(match[1])}"), text)
    return DIGITS.sub(lambda match: put(match, numbers.words(match[0])), text)


def _plain(match: re.Match[str]) -> str:
    said = numbers.amount(match[1])
    return put(match, numbers.plural(said) if match[2] else said)


def _parts(numerator: int, denominator: int) -> str:
    if denominator == 2:
        return "one half" if numerator == 1 else f"{numbers.cardinal(numerator)} halves"
    noun = "quarter" if denominator == 4 else numbers.ordinal(denominator).removeprefix("one ")
    return f"{numbers.cardinal(numerator)} {noun}{'s' * (numerator != 1)}"


def _mixed(match: re.Match[str]) -> str:
    whole, numerator, denominator = map(int, match.groups())
    if denominator not in DENOMINATORS or numerator >= denominator or numerator == 0:
        return match[0]
    part = {(1, 2): "a half", (1, 4): "a quarter"}.get((numerator, denominator)) or _parts(numerator, denominator)
    return f"{numbers.words(str(whole))} and {part}"


def _fraction(match: re.Match[str]) -> str:
    numerator, denominator = int(match[1]), int(match[2])
    top, bottom = numbers.words(match[1]), numbers.words(match[2])
    before = match.string[max(0, match.start() - 12) : match.start()]
    if BEATS.match(match.string, match.end()) or (numerator == denominator and denominator not in (1,)):
        said = f"{top} {bottom}"
    elif RATING.search(before) and denominator in (5, 10, 20, 100):
        said = f"{top} out of {bottom}"
    elif denominator in DENOMINATORS and 0 < numerator < denominator * 4 and numerator < 100:
        said = _parts(numerator, denominator)
    else:
        said = f"{top} over {bottom}"
    return put(match, said)
