"""Characters that are another way to write plain ones: wide digits, spaces, dashes between digits, primes, fractions,
raised and lowered digits. What stands in plain prose (quotation marks, dashes between words, accents) stays.
"""

import re
import unicodedata

RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ", "0123456789+-ni")
LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-")
SPACES = dict.fromkeys(map(ord, "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u205f\u3000\u200b"), " ")
# Between digits these group thousands: 10 000
NARROW = re.compile(r"(?<=[0-9])[\u2009\u202f\u00a0\u2007'’](?=[0-9]{3}(?![0-9]))")
INVISIBLE = re.compile("[\u00ad\u200c\u200d\u200e\u200f\u2060\u2066-\u2069\u202a-\u202e\ufe0e\ufe0f\ufeff]+")
DASH = re.compile(r"(?:(?<=[0-9%$€£¥°])|(?<=°[CF])) ?[‐‑‒–—−] ?(?=[$€£¥]?[0-9])|(?<=[0-9]) - (?=[0-9])")
SPACED_MINUS = re.compile(r"(?<=[\w)]) − (?=[\w(])")
MINUS = re.compile(r"[−‐‑‒](?=[0-9.])|(?<![\w–])–(?=[0-9])")
FRACTION = re.compile(r"(?<=[0-9]) ?([½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒])")
SIMPLE = {
    "⁄": "/",
    "∕": "/",
    "℃": "°C",
    "℉": "°F",
    "K": "K",
    "Å": "Å",
    "µ": "μ",
    "Ω": "Ω",
    "％": "%",
    "＄": "$",
    "＆": "&",
}
SIMPLE |= {
    "＋": "+",
    "＝": "=",
    "＜": "<",
    "＞": ">",
    "＃": "#",
    "＠": "@",
    "／": "/",
    "～": "~",
    "∼": "~",
    "〜": "~",
    "º": "°",
}
SIMPLE |= {
    "№": "No.",
    "℮": "",
    "￥": "¥",
    "￡": "£",
    "∶": ":",
    "⋅": "·",
    "•": "•",
    "∗": "*",
    "‹": "'",
    "›": "'",
    "☎": "",
}
PLAIN = str.maketrans(SIMPLE)


def fold(text: str) -> str:
    """The text with plain digits, spaces and signs; raised digits behind ^, lowered ones as digits."""
    if text.isascii():
        return text
    text = INVISIBLE.sub("", NARROW.sub(",", text)).translate(SPACES | {0x2009: " ", 0x202F: " "})
    text = text.translate(PLAIN)
    text = FRACTION.sub(r" \1", text)
    text = "".join(map(_digit, text)) if re.search(r"[^\x00-\x7f]", text) else text
    text = re.sub("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+[⁺⁻]?|[ⁿ]", lambda match: "^" + match[0].translate(RAISED), text)
    text = text.translate(LOWERED)
    text = SPACED_MINUS.sub(" minus ", text)
    text = DASH.sub("-", text)
    return MINUS.sub("-", text)


def _digit(character: str) -> str:
    if character.isascii() or not (character.isdecimal() or "①" <= character <= "⒛"):
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    plain = unicodedata.normalize("NFKC", character).strip("().")
    return plain if plain.isdigit() else character
