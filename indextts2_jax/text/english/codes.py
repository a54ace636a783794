"""Digits that name something: telephone and card numbers, versions, chemical formulas, codes of letters and digits.

+1 555 123 4567 ─► plus one, five five five, …   v2.0.1 ─► version two point zero point one   H2O ─► H two O
"""

import re

from indextts2_jax.text.english import numbers
from indextts2_jax.text.english.tables import any_of, listed, put, table

ELEMENTS = any_of(
    listed("""
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb
    Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Nd Sm Eu Gd Tb Dy Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb
    Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am""")
)
FORMULA = re.compile(
    rf"(?<![\w.'’-])(?!WW[12]\b)(?=[A-Za-z()]{{0,30}}(?:[0-9]|\^[0-9]?[+-]))((?:\(?{ELEMENTS}[0-9]{{0,3}}(?:\)[0-9]{{0,2}})?){{1,12}})(?:\^?([0-9]?[+-])(?![\w]))?(?![\w'’]|[.,][0-9])"
)
SALTS = re.compile(r"(?<![\w-])(NaCl|HCl|NaOH|KCl|KOH|NaF|LiCl|AgCl|HBr|KBr|CuO|ZnO|MgO|CaO|FeO)(?![\w'’-])")
IONS = re.compile(r"(?<![\w-])(?:(Na|K|H|Li|Ag)\^?\+|(Cl|Br|OH)\^?-(?=[ ,.;)]|\Z))(?![\w+])")
PART = re.compile(r"[A-Z][a-z]?|[0-9]+")

CALLED = (
    r"(?:[Cc]all(?:s|ed|ing)?|[Dd]ial(?:l?ed|l?ing)?|[Pp]honed?|[Tt]ext|[Rr]ing|[Ff]ax|[Tt]el|[Tt]elephone)"
    r"(?: (?:us|me|him|her|them|number|on|at|the|code|now)){0,4}:? (?:at )?"
)
CALL = re.compile(
    rf"\b({CALLED})([0-9]{{3,9}})"
    r"(?![\w:%/]|[ .,-][0-9]| ?(?:am|pm|[AP] M)\b| (?:people|men|women|[a-z]+s)\b)"
    r"(?:( or | and )([0-9]{3})(?![\w.,:]))?"
)
SECRET = re.compile(
    r"\b((?:PIN|[Pp]in code|[Cc]ode|(?:ZIP|[Zz]ip)(?: [Cc]ode)?|[Ee]xtension|[Ee]xt\.?|[Pp]assword|[Pp]asscode"
    r"|[Pp]ostcode|[Ss]erial|ID|[Aa]ccount|[Rr]eference|[Oo]rder|[Tt]icket|[Cc]ase)"
    r"(?: (?:number|is|no\.?|No\.?|was|of)){0,4}:? #?)"
    r"([0-9]{3,19})(?![\w:%/]|[.,-][0-9]| [a-z]+s\b)"
)
ABROAD = re.compile(
    r"(?<![\w+])(?:\+|00)[1-9][0-9]{0,2}(?:[ .-]?\(?[0-9]{1,5}\)?){2,6}(?!\w)|(?<![\w+])\+[1-9][0-9]{8,14}(?!\w)"
)
AREA = re.compile(r"(?<![\w])(?:1[ .-])?\([0-9]{2,5}\) ?[0-9]{3,8}(?:[- .][0-9]{3,4}){0,2}(?![\w-])")
GROUPS = re.compile(r"(?<![\w.,$€£/:-])[0-9]{1,8}(?:[ .-][0-9]{2,8}){1,6}(?![\w%:/]|[.,-][0-9]| ?[=×÷*+])")
SHAPES = frozenset(
    ["3 3 4", "1 3 3 4", "4 4 4 4", "4 6 5", "3 4", "2 3 4 4", "3 4 4", "3 2 4", "4 4 4 4 3", "5 6", "4 3 4"]
)
SLASHED = re.compile(r"(?<![\w./-])0[0-9]{1,4} ?/ ?[0-9]{4,9}(?![\w/])")
LETTERED = re.compile(r"(?<![\w-])1-(8[0-9]{2})-(?=[A-Z]{3})")
CHAIN = re.compile(r"(?<![\w.,$€£/:-])[0-9]{1,13}(?:-[0-9]{1,13}){2,20}(?:-?[Xx])?(?![\w%:/]|[.,-][0-9]| ?=)")
ISBN = re.compile(r"\b(ISBN|ISSN|EAN|UPC|IBAN)((?:-1[03])?:? ?)([0-9][0-9 -]{6,20}[0-9Xx])(?!\w)")
LONG = re.compile(r"(?<![\w.,$€£/:-])(?:[0-9]{10,}+|0[0-9]{2,}+)(?![\w%:/]|[.,][0-9])")
PRODUCT = re.compile(
    r"\b(Boeing|Airbus|Porsche|Peugeot|Route|Highway|Interstate|Flight|Room|Suite|Nikon|Canon|RTX|GTX|Ryzen|iPhone|Galaxy|"
    r"Windows|Area|Fahrenheit|Studio|Channel|Formula|Intel|Radeon|Xbox|Model|Apartment|Bus|Gate) "
    r"([0-9]{3,4})(?![\w:%]|[.,-][0-9])"
)
PLURAL = re.compile(
    r"(?<![\w.,$€£'’-])(7[0-9]7)s\b"
    r"|\b(Boeing|Airbus|Porsche|Peugeot|Ferrari|Volvo|BMW|Fiat|Cessna|RTX|GTX) ([0-9]{3,4})s\b"
)
OPTION = re.compile(r"(?<![^\s('\"`“‘\[|])(--(?=[a-z][a-z0-9])|-(?=[a-zA-Z]{1,2}(?![\w'’-])))")

VERSION = re.compile(
    r"\b[vV]\.? ?([0-9]{1,5}(?:\.[0-9]{1,5}){0,5})(?:-?(alpha|beta|rc|dev|a|b)\.?([0-9]{1,3})?)?(?!\w|\.[0-9])"
)
DOTS = re.compile(r"(?<![\w.,])[0-9]{1,5}(?:\.[0-9]{1,5}){2,8}(?![\w]|\.[0-9])")
EUROPEAN = re.compile(r"(?<![\w.,])[0-9]{1,3}(?:\.[0-9]{3}){2,6}(?:,[0-9]{1,2})?(?![\w]|[.,][0-9])")
SPACED = re.compile(r"(?<![\w.,/:-])(?<![0-9] )[1-9][0-9]{0,2}(?: [0-9]{3}){1,6}(?![\w%:/]|[ .,-][0-9])")
PAIRS = table(
    """
    24/7 twenty four seven, 9/11 nine eleven, 7/7 seven seven, 20/20 twenty twenty, 20-20 twenty twenty,
    50/50 fifty fifty, 50-50 fifty fifty,
    24×7 twenty four seven, 401(k) four oh one K, 401k four oh one K"""
)
PAIR = re.compile(rf"(?<![\w./-]){any_of(PAIRS)}(?![\w/%]|[.-][0-9])")
EMERGENCY = re.compile(
    r"(?<![\w.,$€£/:-])(911|999|112)(?= (?:call|calls|operator|dispatcher|emergency|center|centre)\b)"
)

CODE = re.compile(
    r"(?<!\w)(?<![0-9]\.)(?=[^\W\d]++[0-9]|[0-9]++[^\W\d])\w{2,60}+(?:\.[0-9]{1,6}(?!\w))?(?:-(?=\w)\w{1,30}){0,4}+"
)
LETTER_DOT = re.compile(r"(?<![\w.])([A-Z])\.(?=[0-9]{2,4}(?![\w.]))([0-9]{2,4})")
HYPHEN = re.compile(
    r"(?<![\w-])([A-Z][A-Za-z]{0,20})-([0-9]{1,6}(?:\.[0-9]{1,3})?)(?:(s)\b|(?![\w%]|[.,/:][0-9]))(?:-(?=[A-Za-z]))?"
)
JOINED = re.compile(r"(?<=[A-Za-z])-(?=[0-9])")
ORDINAL = re.compile(r"(?<![\w.])(?<![0-9],)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:st|nd|rd|th|ST|ND|RD|TH)\b")
ORDINALS = re.compile(r"(?<=[0-9])(st|nd|rd|th) ?- ?(?=[0-9]+(?:st|nd|rd|th)\b)")
K8S = re.compile(r"[a-z][0-9]+s\b")
PIECE = re.compile(r"[^\W\d_]+|[0-9]+|\.")
VOWELS = frozenset("aeiouyAEIOUY")
LETTERS = frozenset(listed("utf usb aes iso url api gpu cpu ide sata xga vga uhd dna rna ipa eos"))
SHORT = table("mk Mark, ww World War, v version, ver version, ch chapter, fig figure, pg page, vol volume")
TIMES = re.compile(rf"{numbers.FREE}({numbers.RANGE})[xX×](?![\w×]| ?[0-9]| ?[-+=*^)/][ 0-9a-z])")
BY = re.compile(
    r"(?<![\w.])(?!0x)([0-9]++(?:\.[0-9]++)?)(?: ?x ?|(?<=[0-9]{3})×(?=[0-9]{3}))(?=[0-9])(?:([0-9]{3,4})(?![\w.,]))?"
)
BIG = re.compile(rf"{numbers.FREE}(?<![A-Za-z]-)(?<![A-Za-z][0-9]-)({numbers.RANGE})(k|K|M|B|bn|mn)(?:(\+)|(?![\w'’]))")
NOT_THOUSANDS = re.compile(r"(?<![\w.,])([2458])K(?![\w'’])")


def speak_names(text: str) -> str:
    """What looks like numbers, dates or fractions, and is none of them."""
    text = OPTION.sub(lambda match: "dash " * len(match[0]), text) if "-" in text else text
    if not re.search("[0-9]", text):
        return text
    text = PLURAL.sub(_plural, text)
    text = PAIR.sub(lambda match: put(match, PAIRS[match[0]]), text)
    text = ISBN.sub(
        lambda match: f"{' '.join(match[1])}{match[2].strip()} {_grouped(match[3])}".replace("-13", " ").replace(
            "-10", " "
        ),
        text,
    )
    text = CALL.sub(
        lambda match: match[1] + numbers.digits(match[2]) + (match[3] or "") + numbers.digits(match[4] or ""), text
    )
    text = SECRET.sub(lambda match: match[1] + numbers.digits(match[2]), text)
    text = EMERGENCY.sub(lambda match: numbers.digits(match[1]), text)
    text = LETTERED.sub(lambda match: f"one, {numbers.name(match[1])}, ", text)
    text = ABROAD.sub(lambda match: put(match, _abroad(match[0])), text)
    text = SLASHED.sub(lambda match: _grouped(match[0]), text)
    text = AREA.sub(lambda match: put(match, _grouped(match[0])), text)
    text = EUROPEAN.sub(lambda match: match[0].replace(".", "").replace(",", "."), text)
    text = BY.sub(_by, BY.sub(_by, text))  # twice, as in 2x3x4
    return VERSION.sub(_version, text)


def _plural(match: re.Match[str]) -> str:
    """747s, Porsche 911s: several of a kind, no seconds."""
    before = f"{match[2]} " if match[2] else ""
    return before + numbers.plural(numbers.name(match[1] or match[3]))


def speak_groups(text: str) -> str:
    """Groups of digits, when dates have been read."""
    text = GROUPS.sub(_groups, text)
    text = CHAIN.sub(_chain, text)
    text = SPACED.sub(_spaced, text)
    text = DOTS.sub(lambda match: " point ".join(_number(part) for part in match[0].split(".")), text)
    text = PRODUCT.sub(lambda match: f"{match[1]} {numbers.name(match[2])}", text)
    return LONG.sub(lambda match: numbers.digits(match[0]), text)


def speak_formulas(text: str) -> str:
    """Chemical formulas, letter by letter."""
    text = FORMULA.sub(_formula, text)
    text = SALTS.sub(lambda match: " ".join(match[1].upper()), text)
    return IONS.sub(_ion, text)


def speak_codes(text: str) -> str:
    """Words of letters and digits, and ordinals, when units have been read."""
    text = ORDINAL.sub(lambda match: numbers.ordinal(int(match[1].replace(",", ""))), ORDINALS.sub(r"\1 to ", text))
    text = NOT_THOUSANDS.sub(lambda match: f"{numbers.words(match[1])} K", text)
    text = BIG.sub(_big, text)
    text = TIMES.sub(lambda match: f"{numbers.amount(match[1])} times", text)
    text = HYPHEN.sub(_hyphened, text)
    text = LETTER_DOT.sub(lambda match: f"{match[1]} {numbers.name(match[2])}", text)
    return CODE.sub(_code, JOINED.sub(" ", text))


# --- letters and digits ---------------------------------------------------------------------------------------


def _by(match: re.Match[str]) -> str:
    """1920x1080 has names for its sides; those of 8.5 x 11 are read as numbers, later."""
    first, second = match.groups()
    if second and first.isdigit() and len(first) in (3, 4):
        return f"{numbers.name(first)} by {numbers.name(second)}"
    return f"{first} by {second or ''}"


def _ion(match: re.Match[str]) -> str:
    return f"{' '.join((match[1] or match[2]).upper())} {'plus' if match[1] else 'minus'}"


def _number(part: str) -> str:
    return numbers.digits(part) if len(part) > 4 or (part[0] == "0" and len(part) > 1) else numbers.cardinal(int(part))


def _formula(match: re.Match[str]) -> str:
    said = [numbers.name(part) if part.isdigit() else " ".join(part.upper()) for part in PART.findall(match[1])]
    if match[2]:
        charge = match[2]
        said += [numbers.words(charge[:-1])] if len(charge) > 1 else []
        said.append("plus" if charge[-1] == "+" else "minus")
    return " ".join(said)


def _version(match: re.Match[str]) -> str:
    said = " point ".join(_number(part) for part in match[1].split("."))
    kind = {"rc": "R C", "a": "alpha", "b": "beta", None: ""}.get(match[2], match[2]) or ""
    return " ".join(filter(None, ["version", said, kind, numbers.cardinal(int(match[3])) if match[3] else ""]))


def _big(match: re.Match[str]) -> str:
    size = "thousand" if match[2] in "kK" else "million" if match[2] in ("M", "mn") else "billion"
    return f"{numbers.amount(match[1])} {size}{' plus' if match[3] else ''}"


def _hyphened(match: re.Match[str]) -> str:
    number = numbers.name(match[2]) if match[2].isdigit() else numbers.words(match[2])
    number = numbers.plural(number) if match[3] else number
    return f"{match[1]} {number}{' ' if match[0].endswith('-') else ''}"


def _code(match: re.Match[str]) -> str:
    pieces = PIECE.findall(match[0])
    said = []
    for number, piece in enumerate(pieces):
        if piece.isdigit() and piece.isascii():
            said.append(numbers.name(piece))
        elif piece == "s" and len(pieces) > 2 and number == len(pieces) - 1 and not K8S.match(match[0]):
            said[-1] = numbers.plural(said[-1])  # MP3s
        elif number == 0 and piece.lower() in SHORT:
            said.append(SHORT[piece.lower()])
        else:
            said.append("point" if piece == "." else _letters(piece))
    return " ".join(said)


def _letters(piece: str) -> str:
    if len(piece) == 1:
        return piece.upper() if piece != "i" else piece
    short = len(piece) <= 3 and (piece.isupper() or not VOWELS & set(piece))
    return " ".join(piece.upper()) if short or piece.lower() in LETTERS else piece


# --- digits in groups -----------------------------------------------------------------------------------------


def _grouped(written: str) -> str:
    groups = re.findall("[0-9]+[Xx]?|[Xx]", written)
    return ", ".join(numbers.digits(group) + (" X" if group[-1] in "xX" else "") for group in groups).strip()


def _abroad(written: str) -> str:
    plus = "plus " if written[0] == "+" else ""
    return plus + _grouped(written)


def _groups(match: re.Match[str]) -> str:
    written = match[0]
    groups = re.split("[ .-]", written)
    marks = set(re.findall("[ .-]", written))
    shape = " ".join(str(len(group)) for group in groups)
    many = sum(map(len, groups))
    if "." in marks and (len(groups) < 3 or shape not in ("3 3 4", "1 3 3 4")):
        return written
    if written[0] == "0" and (" " in marks or "-" in marks) and many >= 6:
        return _grouped(written)
    if written[0] == "0" or shape not in SHAPES or (" " in marks and shape in ("3 4", "3 2 4", "5 6")):
        return written
    if shape == "3 4" and (
        groups[1].endswith("0")
        or RANGED.search(match.string[max(0, match.start() - 12) : match.start()])
        or COUNTED.match(match.string, match.end())
    ):
        return written
    return _grouped(written)


RANGED = re.compile(r"\b(?:pages?|between|from|lines?|rooms?|verses?|chapters?|numbers?|items?|about|to|than) \Z", re.I)
COUNTED = re.compile(r" (?:[a-z]+s|people|men|women|children|°|[kcm]?m|kg|g)\b")


def _chain(match: re.Match[str]) -> str:
    groups = re.findall("[0-9]+[Xx]?|[Xx]", match[0])
    if sum(map(len, groups)) >= 7 or any(group[0] == "0" and len(group) > 1 for group in groups):
        return _grouped(match[0])
    return " ".join(numbers.words(group) for group in groups)


def _spaced(match: re.Match[str]) -> str:
    """10 000 and 1 234 567 are one number; 12 345 is one where something is counted."""
    groups = match[0].split(" ")
    if groups[-1] == "000" or len(groups) > 2 or COUNTED.match(match.string, match.end()):
        return ",".join(groups)
    return match[0]
