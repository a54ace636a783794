"""Numbers of a Spanish text in words: what the official program leaves to a library it does not ask for.

$1.299,50 ─► mil doscientos noventa y nueve coma cinco cero dólares       -25% ─► menos veinticinco por ciento
14:30 ─► catorce y treinta      3º ─► tercero      3/4 ─► tres cuartos      12/05/2024 ─► doce de mayo de …

num2words says the numbers; the rules here find them and what belongs to them. Before the units, currencies and nouns
that are listed a number has their gender, and "uno" is "un"; before all other nouns, whose gender is not known, it is
as num2words has it: "200 personas" is "doscientos personas".
"""

import re
from collections.abc import Callable
from typing import Any

from indextts2_jax.errors import ConfigError
from indextts2_jax.text.english.tables import any_of, listed

_RUN = r"(?<!\d)(?<!\d[.,])\d++(?:[.,]\d++)*+"
"""A number as it may be written: 1.299,50 and 1,299.50 and 3.14, or several, as in 192.168.1.1."""
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?")
_ENGLISH = re.compile(r"\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:,\d{3}){2,}")
_DECIMAL = re.compile(r"\d+(?:[.,]\d+)?")

_BEFORE = r"(?<![\d.,])(?<![\d][/:])"
_SIGN = r"(?P<sign>(?<!\w)-|−)?"
_SUBTRACTED = re.compile(r"(?<=\w)(?=−\d)")
_SCALE = r"(?P<scale>\s(?:mil|mill[oó]n(?:es)?|bill[oó]n(?:es)?)\b)?"
_END = r"(?![\w²³])"

_CURRENCIES = {"$": ("dólar", "dólares"), "€": ("euro", "euros"), "£": ("libra", "libras")}
_UNITS = {
    "km/h": ("kilómetro por hora", "kilómetros por hora"),
    "km": ("kilómetro", "kilómetros"),
    "cm": ("centímetro", "centímetros"),
    "mm": ("milímetro", "milímetros"),
    "m": ("metro", "metros"),
    "kg": ("kilo", "kilos"),
    "g": ("gramo", "gramos"),
    "ml": ("mililitro", "mililitros"),
    "l": ("litro", "litros"),
    "h": ("hora", "horas"),
    "min": ("minuto", "minutos"),
    "s": ("segundo", "segundos"),
}
_DEGREES = {"C": ("grado centígrado", "grados centígrados"), "F": ("grado Fahrenheit", "grados Fahrenheit")}
_DEGREE = ("grado", "grados")
_FEMININE = frozenset(listed("hora horas semana semanas vez veces libra libras tonelada toneladas milla millas"))
_MASCULINE = listed(
    "año años mes meses día días minuto minutos segundo segundos siglo siglos kilo kilos gramo gramos metro metros "
    "kilómetro kilómetros litro litros grado grados euro euros dólar dólares peso pesos punto puntos"
)
_MONTHS = listed("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre")
_PARTS = dict(enumerate(listed("medio tercio cuarto quinto sexto séptimo octavo noveno décimo"), 2)) | {
    100: "centésimo"
}
"""The names of halves, thirds and so on; the others end in -avo."""
_SHORT_ORDINALS = {"er": "o", "ro": "o", "do": "o", "to": "o", "mo": "o", "vo": "o", "no": "o", "º": "o"}
_SHORT_ORDINALS |= {"era": "a", "ra": "a", "da": "a", "ta": "a", "ma": "a", "va": "a", "na": "a", "ª": "a"}

_DATE = re.compile(_BEFORE + r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|(?<=/)\d\d)(?![/.-]?\d)")
_ISO_DATE = re.compile(_BEFORE + r"(\d{4})-(\d\d)-(\d\d)(?![\d-])")
_DAY = re.compile(_BEFORE + r"(\d{1,2})/(0\d)(?![\d/])")
_TIME = re.compile(r"(?<![\d:.,])([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?![\d:])(?:\s?hs?\b)?")
_FRACTION = re.compile(_BEFORE + r"(\d{1,3})/(\d{1,3})(?![\d/])")
_MONEY_BEFORE = re.compile(rf"{_SIGN}(?:\bUS)?([$€£])\s?(-|−)?({_RUN}){_SCALE}")
_MONEY_BEHIND = re.compile(rf"{_SIGN}({_RUN}){_SCALE}\s?([$€£])")
_PERCENT = re.compile(rf"{_SIGN}({_RUN})\s?%")
_TEMPERATURE = re.compile(rf"{_SIGN}({_RUN})\s?(?:º(?=[CF]\b)|°\s?)([CF]\b)?")
_ORDINAL = re.compile(rf"{_BEFORE}(\d{{1,3}})\.?({any_of(_SHORT_ORDINALS)}){_END}")
_MEASURE = re.compile(rf"{_SIGN}({_RUN})\s?({any_of(_UNITS)}){_END}")
_COUNTED = re.compile(rf"{_SIGN}({_RUN})(\s)({any_of([*_MASCULINE, *sorted(_FEMININE)])})\b", re.IGNORECASE)
_SCALED = re.compile(rf"{_SIGN}({_RUN})\s(mill[oó]n(?:es)?|bill[oó]n(?:es)?)\b", re.IGNORECASE)
_AT_ONE = re.compile(r"\b([Aa] la )1(?![\d.,:]\d|\d)")
_PLAIN = re.compile(rf"{_SIGN}({_RUN})")

_MARKS = {".": "punto", ",": "coma"}
_MOST_DIGITS = 15
"""Longer runs are read digit by digit."""


def spell_numbers(text: str) -> str:
    """The text with its numbers, dates, times, fractions, amounts and measures in words; 1.299,50 is written the
    Spanish way, and so is 1.299, but 3.14 and 1,299.50 are what they are in English.

    Raises:
      ConfigError: num2words is not installed.
    """
    if not any(character.isdecimal() for character in text):
        return text
    for pattern, spoken in _RULES:
        text = pattern.sub(spoken, text)
    return text


# --- what is found ------------------------------------------------------------------------------------------------


def _date(match: re.Match[str]) -> str:
    return _day_of(match[1], match[3], match[4]) or match[0]


def _iso_date(match: re.Match[str]) -> str:
    return _day_of(match[3], match[2], match[1]) or match[0]


def _day(match: re.Match[str]) -> str:
    return _day_of(match[1], match[2]) or match[0]


def _day_of(day: str, month: str, year: str = "") -> str:
    """A date; "" for one that is none."""
    if not (1 <= int(day) <= 31 and 1 <= int(month) <= 12):
        return ""
    spoken = f"{_cardinal(str(int(day)))} de {_MONTHS[int(month) - 1]}"
    return f"{spoken} de {_cardinal(year)}" if year else spoken


def _time(match: re.Match[str]) -> str:
    hours, minutes, seconds = match[1], match[2], match[3]
    if seconds:
        named = zip((hours, minutes, seconds), ("h", "min", "s"), strict=True)
        first, second, third = (_counted(str(int(number)), _UNITS[unit]) for number, unit in named)
        return f"{first}, {second} y {third}"
    hour = _feminine(_cardinal(str(int(hours))))
    return f"{hour} y {_cardinal(str(int(minutes)))}" if int(minutes) else hour


def _fraction(match: re.Match[str]) -> str:
    above, below = int(match[1]), int(match[2])
    if not 0 < above < below:
        return f"{_cardinal(match[1])} {_cardinal(match[2])}"  # 24/7
    part = _PARTS.get(below) or f"{_cardinal(match[2])}avo".replace(" y ", "i").replace("aavo", "avo")
    return _counted(match[1], (part, f"{part}s"))


def _money(match: re.Match[str], sign: str, number: str, symbol: str) -> str:
    if not match["scale"]:
        return _signed(sign, _counted(number, _CURRENCIES[symbol]))
    of = "" if match["scale"].endswith("mil") else "de "
    return _signed(sign, f"{_short(_words(number))}{match['scale']} {of}{_CURRENCIES[symbol][1]}")


def _money_before(match: re.Match[str]) -> str:
    return _money(match, match["sign"] or match[3] or "", match[4], match[2])


def _money_behind(match: re.Match[str]) -> str:
    return _money(match, match["sign"] or "", match[2], match[4])


def _temperature(match: re.Match[str]) -> str:
    spoken = _counted(match[2], _DEGREES.get(match[3], _DEGREE))
    return _signed(match["sign"], spoken + (" " if match[0][-1].isspace() else _space_behind(match)))


def _ordinal(match: re.Match[str]) -> str:
    number, ending = int(match[1]), match[2]
    if not number:
        return _counted("0", _DEGREE)
    spoken = _ordinals(number)
    if _SHORT_ORDINALS[ending] == "a":
        return " ".join(re.sub("o$", "a", word) for word in spoken.split())
    return re.sub("(primer|tercer)o$", r"\1", spoken) if ending == "er" else spoken


def _counts(match: re.Match[str]) -> str:
    return _signed(match["sign"], f"{_before_noun(_words(match[2]), match[4].lower())}{match[3]}{match[4]}")


def _plain(match: re.Match[str]) -> str:
    return _signed(match["sign"], _words(match[2]) + _space_behind(match))


_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_SUBTRACTED, lambda match: " "),
    (_DATE, _date),
    (_ISO_DATE, _iso_date),
    (_DAY, _day),
    (_TIME, _time),
    (_AT_ONE, lambda match: f"{match[1]}una"),
    (_FRACTION, _fraction),
    (_MONEY_BEFORE, _money_before),
    (_MONEY_BEHIND, _money_behind),
    (_PERCENT, lambda match: _signed(match["sign"], f"{_words(match[2])} por ciento")),
    (_TEMPERATURE, _temperature),
    (_ORDINAL, _ordinal),
    (_MEASURE, lambda match: _signed(match["sign"], _counted(match[2], _UNITS[match[3]]))),
    (_SCALED, lambda match: _signed(match["sign"], f"{_short(_words(match[2]))} {match[3]}")),
    (_COUNTED, _counts),
    (_PLAIN, _plain),
)


def _signed(sign: str | None, spoken: str) -> str:
    return f"menos {spoken}" if sign else spoken


def _space_behind(match: re.Match[str]) -> str:
    """Between a number and a letter that touches it, as in 4K."""
    return " " if match.string[match.end() : match.end() + 1].isalpha() else ""


# --- numbers and nouns --------------------------------------------------------------------------------------------


def _counted(number: str, names: tuple[str, str]) -> str:
    """So many of what has these names, for one and for several."""
    name = names[number != "1"]
    return f"{_before_noun(_words(number), name.split()[0])} {name}"


def _before_noun(spoken: str, noun: str) -> str:
    """Words for a number as they are before what it counts."""
    if re.search("(?:ón|ones)$", spoken):
        return f"{spoken} de"
    return _feminine(spoken) if noun in _FEMININE else _short(spoken)


def _feminine(spoken: str) -> str:
    """Doscientas, veintiuna; millions stay as they are."""
    if " coma " in spoken:
        return spoken
    *millions, rest = re.split("(?<=ón )|(?<=ones )", spoken)
    return "".join(millions) + re.sub("(cient|quinient)os", r"\1as", re.sub("uno$", "una", rest))


def _short(spoken: str) -> str:
    """Veintiún, treinta y un."""
    if " coma " in spoken:
        return spoken
    return re.sub("uno$", "un", re.sub("veintiuno$", "veintiún", spoken))


def _words(run: str) -> str:
    if _GROUPED.fullmatch(run):
        run = run.replace(".", "")
    elif _ENGLISH.fullmatch(run):
        run = run.replace(",", "")
    if not _DECIMAL.fullmatch(run):
        return " ".join(_MARKS.get(part) or _cardinal(part) for part in re.split(r"([.,])", run))
    whole, *fraction = re.split("[.,]", run)
    return f"{_cardinal(whole)} coma {' '.join(map(_cardinal, fraction[0]))}" if fraction else _cardinal(whole)


def _cardinal(number: str) -> str:
    if len(number) > _MOST_DIGITS or (len(number) > 1 and number.startswith("0")):
        return " ".join(map(_cardinal, number))
    spoken = str(_library()(int(number), lang="es"))
    return re.sub(r"uno(?= (?:mil|millones|billones)\b)", "un", spoken).replace("veintiun ", "veintiún ")


def _ordinals(number: int) -> str:
    if number in (11, 12):
        return ("undécimo", "duodécimo")[number - 11]
    spoken = str(_library()(number, lang="es", to="ordinal"))
    return re.sub("^décimo o?", "decimo", spoken) if 12 < number < 20 else spoken


def _library() -> Any:
    try:
        from num2words import num2words
    except ImportError:
        raise ConfigError(
            "Spanish numbers are put into words by num2words: pip install 'indextts2_jax[spanish]', or leave "
            "text.spell_numbers off."
        ) from None
    return num2words
