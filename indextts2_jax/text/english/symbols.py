"""Signs that have a name: of mathematics, Greek letters, law, music; those that are seen and not heard.

5 ≠ 7 ─► five does not equal seven      10^2 ─► ten squared     E=mc^2 ─► E equals m c squared
"""

import re

from indextts2_jax.text.english import numbers
from indextts2_jax.text.english.tables import any_of, listed, put, table

SPOKEN = table(
    """
    ≠ does not equal, ≤ less than or equal to, ≥ greater than or equal to, ⩽ less than or equal to,
    ⩾ greater than or equal to, ≪ much less than, ≫ much greater than, ≈ about, ≃ about, ≅ about,
    ≡ is equivalent to, ± plus or minus, ∓ minus or plus, √ square root of, ∛ cube root of, ∜ fourth root of,
    ∞ infinity, × times, ÷ divided by, ∝ is proportional to, ∑ sum of, ∏ product of, ∫ integral of, ∂ partial,
    ∇ nabla, ∆ delta, ∈ in, ∉ not in, ∀ for all, ∃ there exists, ∅ the empty set, ∩ intersection, ∪ union,
    ⊂ subset of, ⊆ subset of, ⊃ superset of, ∴ therefore, ∵ because, ¬ not, ∧ and, ∨ or, ⊕ plus, → to, ⇒ implies,
    ⟶ to, ➔ to, ➜ to, ← from, ⇐ from, ↔ to and from, ⇔ if and only if, ↑ up, ↓ down, ‰ per mille,
    ‱ per ten thousand, §§ sections, § section, ¶¶ paragraphs, ¶ paragraph, © copyright, ℗ copyright, ™ trademark,
    ♯ sharp, ♭ flat, ♮ natural, ¢ cents, ° degrees, ∠ angle, ⊥ perpendicular to, ∥ parallel to, ¡, ¿, ′ prime,
    ″ double prime, ℃ degrees Celsius, ℉ degrees Fahrenheit, ² squared, ³ cubed, ª, ℓ liter, ħ h bar, ∘ degrees,
    ⌀ diameter"""
)
GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψω",
        listed("""
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi
    psi omega"""),
        strict=True,
    )
)
GREEK |= {letter.upper(): name for letter, name in GREEK.items()} | {
    "ς": "sigma",
    "ϕ": "phi",
    "ϵ": "epsilon",
    "ϑ": "theta",
}
LETTER = re.compile(rf"(?<![Ͱ-Ͽ])[{''.join(GREEK)}](?![Ͱ-Ͽ])")
# Of several characters, longest first; spoken only where there is something on the right
OPERATORS = table(
    """
    !== does not equal, === equals, != does not equal, <> does not equal, <= less than or equal to,
    >= greater than or equal to, =< less than or equal to, == equals, => implies, -> to, <- from, <-> to and from,
    +/- plus or minus, +- plus or minus, += plus equals, -= minus equals, && and, || or, := is, ~= about, =~ about"""
)
OPERATOR = re.compile(rf"(?<![<>=!+&|-]){any_of(OPERATORS)}(?![<>=!&|])(?=\s*[\w(.$\"'√±πα-ω-])")
EMOTICON = re.compile(
    r"(?<!\S)(?:[:;][-'^o]?[)(\]\[DPpOo/\\|*3](?!\w)|=[)(\]\[DP](?!\w)|(?<!\b[a-hj-zA-HJ-Z0-9] )<3+(?![\w.])"
    r"|\^_?\^|[xX]D|:'[()]|¯\\_\(ツ\)_/¯)(?=\s|[.,!?]|\Z)"
)
EMOTICON_SIGNS = re.compile(r"[:;=xX^<¯]")
LESS = re.compile(r"(?<=[\w)\]]) < ?(?=[\w($.√-])|(?<=[0-9)])<(?=[\w(.-])|(?<=[\w)])<(?=[0-9.-])|(?<!\S)<(?= ?[0-9])")
GREATER = re.compile(
    r"(?<=[\w)\]]) > ?(?=[\w($.√-])|(?<=[0-9)])>(?=[\w(.-])|(?<=[\w)])>(?=[0-9.-])|(?<!\S)>(?= ?[0-9])"
)
EQUALS = re.compile(r"(?<![=])=(?!=)")
TIMES = re.compile(r"(?<=[0-9a-z)]) [·⋅∙] (?=[0-9a-z(][0-9a-z.]{0,6} ?=)")
OVER = re.compile(r"(?<=\b[0-9xyzabnt])/(?=[xyzt]\b)")
SEPARATOR = re.compile(r"(?<=\S) [·•∙⋅] (?=\S)")
PRODUCT = re.compile(r"(?<=[\w)])(?: ?× ?| \* |[*·⋅∙])(?=[\w(√-])|(?<=[a-z0-9)])\*(?=[a-z0-9(])")
POWER = re.compile(
    r"(?<![\w^])((?:[A-Za-z]{1,40}|[0-9][0-9,.]{0,30})?\)?)\^(?:\(([+-]?[0-9]{1,6}|[a-z])\)|([+-]?[0-9]{1,6}|[a-z]))(?!\w|\.\w)"
)
POWER_ANY = re.compile(r"\^\(?([+-]?[0-9]{1,6})\)?")
# F=ma, y=mx+b
VARIABLES = re.compile(r"(?<=\b[A-Za-z]=)([a-z]{2})(?![a-z^])|(?<=\b[A-Za-z] = )([b-z][a-z])(?= ?[-+*/^])")
PLUS = re.compile(r"(?<=[\w)]) ?\+ ?(?=[\w(.√-])|(?<!\w)\+(?=[0-9.])")
SUFFIX_PLUS = re.compile(r"(?<=[0-9A-Za-z])(\+{1,2})(?!\w)")
SHARP = re.compile(r"\b([A-G])#(?!\w)|\b([A-Z])#(?=\w)")
SUM = r"(?: ?[-+*/×÷] ?\(?[\w.^]{1,15}\)?){0,6} ?="
MINUS = re.compile(
    rf"(?<=[\w)]) ?- ?(?=\(?[\w.^]{{1,15}}\)?{SUM})|(?<=[=(]) ?-(?=[a-z0-9])|(?<=[=*/+] [0-9a-z]) ?- ?(?=[0-9])"
)
SLASH = re.compile(rf"(?<=[a-zA-Z0-9)]) ?/ ?(?=\(?\w{{1,15}}\)?{SUM})")
WORDS = {"&": "and", "@": "at", "%": "percent", "+": "plus"}
AND = re.compile(r"[&@%]|\++")
# Seen and not heard
BETWEEN = re.compile(r"(?<=[A-Za-z]) ?/ ?(?=[A-Za-z])|[/\\_|^<>{}~*`]+")
NUMERO = re.compile(r"(?<![\w#])#(?!\w)|(?<=\w)#")
# So (other symbol) that mean something: they are named where they cannot be spoken
MEANINGFUL = re.compile("[⌘⌥⌃⇧⏎␣⍟Ⓐ-ⓩ℀-ℂ℄-ℇ℈-℘ℚ-ℝ℟℣℥℮⎀-⏏]")
SILENT = re.compile(r"[\u2190-\u21ff\u2500-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u20e3®†‡※]")


def drop_emoticons(text: str) -> str:
    """The text without :) and <3; one that is nothing else stays, so that something is spoken."""
    if not EMOTICON_SIGNS.search(text):
        return text
    left = EMOTICON.sub("", text)
    return left if any(map(str.isalnum, left)) else text


def speak_operators(text: str) -> str:
    """Operators of mathematics; before numbers are read, for they tell a minus from a hyphen."""
    text = SEPARATOR.sub(", ", TIMES.sub(" × ", text))
    text = OVER.sub(" over ", text)
    text = SHARP.sub(lambda match: put(match, f"{match[1] or match[2]} sharp"), text) if "#" in text else text
    if not re.search(r"[-<>=!+*^·⋅∙×/&|:~]", text):
        return text
    text = OPERATOR.sub(lambda match: put(match, f" {OPERATORS[match[0]]} ".strip()), text)
    if "=" in text:
        text = SLASH.sub(_divided, MINUS.sub(" minus ", text))
    text = VARIABLES.sub(lambda match: " ".join(match[0]), text)
    text = POWER.sub(_power, text)
    text = POWER_ANY.sub(lambda match: f" {_raised(match[1])}", text)
    text = LESS.sub(lambda match: _spaced("less than"), text)
    text = GREATER.sub(lambda match: _spaced("greater than"), text)
    text = EQUALS.sub(lambda match: put(match, "equals"), text)
    text = PRODUCT.sub(_product, text)
    text = PLUS.sub(lambda match: _spaced("plus"), text)
    return SUFFIX_PLUS.sub(lambda match: " plus" * len(match[1]), text)


def speak(text: str) -> str:
    """Every sign with a name by it, all emoji and ornaments left out; what remains is unknown."""
    text = NUMERO.sub(" ", text) if "#" in text else text
    text = AND.sub(lambda match: put(match, " ".join(WORDS[sign] for sign in match[0])), text)
    text = BETWEEN.sub(" ", text)
    if text.isascii():
        return text
    text = LETTER.sub(lambda match: put(match, GREEK[match[0]]), text)
    text = SIGN.sub(lambda match: put(match, SPOKEN[match[0]]), text)
    return SILENT.sub(lambda match: match[0] if MEANINGFUL.match(match[0]) else " ", text)


SIGN = re.compile(any_of(SPOKEN))


def _divided(match: re.Match[str]) -> str:
    return " divided by " if match.string[match.start() - 1].isdigit() else " over "


def _spaced(words: str) -> str:
    return f" {words} "


def _product(match: re.Match[str]) -> str:
    """A star between words is an ornament; between numbers or single letters it multiplies."""
    if "*" in match[0] or "·" in match[0]:
        before = re.search(r"(\w+)\)?\Z", match.string[max(0, match.start() - 20) : match.start()])
        if before and len(before[1]) > 2 and not before[1].isdigit():
            return " "
    return _spaced("times")


def _raised(power: str) -> str:
    sign = "minus " if power[0] == "-" else ""
    bare = power.lstrip("+-")
    if not sign and bare in ("2", "3"):
        return "squared" if bare == "2" else "cubed"
    if not bare.isdigit():
        return f"to the {bare}"
    return f"to the minus {numbers.cardinal(int(bare))}" if sign else f"to the {numbers.ordinal(int(bare))}"


def _power(match: re.Match[str]) -> str:
    """10^2 is ten squared; a word of four letters or more has a footnote, which nobody reads aloud."""
    base, power = match[1], match[2] or match[3]
    if base.isalpha() and len(base) > 3:
        return base
    if base.isalpha() and len(base) > 1:
        base = " ".join(base)  # mc^2
    return f"{base} {_raised(power)}".strip()
