"""Units of measure behind numbers, and a few that stand alone: 2-3 km/h ─► two to three kilometers per hour."""

import re

from indextts2_jax.text.english import numbers
from indextts2_jax.text.english.numbers import FREE, NUMBER, RANGE
from indextts2_jax.text.english.tables import any_of, listed, put

_PREFIXES = {"n": "nano", "μ": "micro", "m": "milli", "c": "centi", "d": "deci", "h": "hecto", "k": "kilo", "M": "mega"}
_PREFIXES |= {"G": "giga", "T": "tera", "P": "peta", "Ki": "kibi", "Mi": "mebi", "Gi": "gibi", "Ti": "tebi"}
# unit, what is said, and the prefixes that it takes
_WITH_PREFIXES = """
    m meter nμmcdk, g gram nμmk, l liter μmcdh, L liter μmcdh, s second nμm, W watt mkMGT, V volt μmkM, A amp nμm,
    J joule mkMG, N newton mkM, Pa pascal hkMG, Hz hertz kMGT, Wh watt+hour mkMGT, Ah amp+hour m, B byte kMGTP,
    bit bit kMGT, b bit kMGT, eV electron+volt kMGT, Ω ohm mkM, F farad nμm, H henry μm, T tesla m,
    Bq becquerel kM, Sv sievert μm, mol mole μm, cal calorie k, bps bit+per+second kMG, t ton kM, VA volt+amp kM,
    ppm part+per+million -, iB x -, px pixel -, lm lumen -, lx lux k, cd candela -"""
_IRREGULAR = listed("""
    inch:inches foot:feet hertz:hertz lux:lux henry:henries stone:stone kelvin:kelvin percent:percent
    hundredweight:hundredweight knot:knots""")
_OTHERS = """
    in inch, ft foot, yd yard, mi mile, lb pound, lbs pound, oz ounce, fl+oz fluid+ounce, gal gallon, qt quart,
    pt pint, st stone, ha hectare, ac acre, mph mile+per+hour, kph kilometer+per+hour, kmh kilometer+per+hour,
    kmph kilometer+per+hour, rpm revolution+per+minute, fps frame+per+second, bpm beat+per+minute, dpi dot+per+inch,
    ppi pixel+per+inch, mpg mile+per+gallon, kgs kilogram, KB kilobyte, qts quart, kms kilometer, cms centimeter,
    mcg microgram, mM millimole+per+liter, cc cubic+centimeter, ml milliliter, sec second, secs second, min minute,
    mins minute, hr hour, hrs hour, h hour, yr year, yrs year, mo month, mos month, wk week, wks week, d day,
    dB decibel, dBA decibel, atm atmosphere, bar bar, mbar millibar, psi pound+per+square+inch, hp horsepower,
    BTU B+T+U, kcal kilocalorie, kn knot, kt knot, kWp kilowatt+peak, MP megapixel, Mpx megapixel, VDC volt+D+C,
    VAC volt+A+C, sq+ft square+foot, sq+m square+meter, sq+mi square+mile, sq+km square+kilometer, sqft square+foot,
    cu+ft cubic+foot, tbsp tablespoon, tsp teaspoon, K kelvin, °C degree+Celsius, °F degree+Fahrenheit, °K kelvin,
    deg degree, ppb part+per+billion, person person, day day, night night, week week, month month, year year,
    hour hour, minute minute, second second, pp percentage+point, bp basis+point, bps basis+point, kWh/m² x,
    Å angstrom, ly light+year, AU astronomical+unit, GT/s gigatransfer+per+second, MT/s megatransfer+per+second,
    req request, IOPS x, TFLOPS teraflops, GFLOPS gigaflops"""


def _names() -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in _WITH_PREFIXES.split(","):
        unit, said, prefixes = entry.split()
        if said != "x":
            found[unit] = said.replace("+", " ")
            found |= {prefix + unit: _PREFIXES[prefix] + said.replace("+", " ") for prefix in prefixes.strip("-")}
    for prefix in ("Ki", "Mi", "Gi", "Ti"):
        found[f"{prefix}B"] = f"{_PREFIXES[prefix]}byte"
    found |= {unit.replace("μ", "u"): said for unit, said in found.items() if unit in ("μm", "μg", "μs", "μl", "μL")}
    for entry in _OTHERS.split(","):
        unit, said = entry.split()
        if said != "x":
            found[unit.replace("+", " ")] = said.replace("+", " ")
    return found


NAMES = _names()
MANY = dict(pair.split(":") for pair in _IRREGULAR)
SPOKEN_PLURAL = frozenset(listed("horsepower percent teraflops gigaflops"))
# Symbols that are words or letters too: only right behind the number, or with a space in some company
LETTERS = frozenset(listed("A B C F H J K N T V b d h l m s t F"))
NOT_SPACED = frozenset(
    ["B", "b", "F", "H", "d", "in", "T", "st", "kt", "pt", "mo", "t", "A", "AU", "MP", "req", "person"]
)
"""Never behind a space: "5 in", "5 A", "the 5 st" are something else, mostly."""
NOT_TOUCHING = frozenset(["T", "B", "A", "C", "K", "d", "st", "AU", "req", "person", "day", "H", "F", "J", "N"])
"""Never right behind a number: 5T, 3B, A4 and 5K are codes and magnitudes."""
ALONE = any_of(
    listed("""
    km/h mph m/s km kg cm kWh MWh GWh kHz MHz GHz °C °F kph mg/L mg/dL g/L Mbps Gbps MB/s GB/s rpm mL kW MW μm mmHg
    ft/s mi/h km/s m/min L/min mL/min mg/kg m/s² kg/m³ g/cm³""")
)
POWERS = {"²": "square", "³": "cubic", "^2": "square", "^3": "cubic", "2": "square", "3": "cubic"}
POWER = r"(?:\^[23]|[²³]|(?<=[mtn])[23])"
SYMBOL = any_of(NAMES)
ANY = rf"(?:{SYMBOL})"
UNIT = rf"(?P<unit>{SYMBOL})(?P<power>{POWER})?(?:(?P<link>[/·]|-(?=h\b))(?P<over>{SYMBOL})(?P<under>\^?-?[23²³])?)?"
MEASURE = re.compile(
    rf"{FREE}(?<![A-Za-z]-)(?P<minus>(?<![\w)-])-)?(?P<amount>{RANGE})(?P<space> ?|-)(?:{UNIT})"
    r"(?![\w'’]|/[A-Za-z])(?:\.(?= [a-z(0-9]|[,;:)]))?"
)
REPEATED = re.compile(rf"{FREE}(?P<first>{NUMBER}) ?(?P<unit>{SYMBOL}|%)(?= ?- ?{NUMBER} ?(?P=unit)(?!\w)) ?- ?")
PERCENT = re.compile(rf"{FREE}(?P<minus>(?<![\w)%-])-)?({RANGE}) ?(%|‰|‱|pct\b)")
DEGREE_RANGE = re.compile(rf"{FREE}({NUMBER}) ?°[CF]? ?- ?(?={NUMBER} ?°)")
DEGREES = re.compile(
    rf"(?P<minus>(?<![\w)])-)?{FREE}(?P<amount>{RANGE}) ?(?:°|º) ?"
    rf"(?:(?P<minutes>[0-9]{{1,2}}(?:\.[0-9]+)?)['′’] ?)?(?:(?P<seconds>[0-9]{{1,2}}(?:\.[0-9]+)?)(?:[\"″”]|'') ?)?"
    rf"(?:(?P<side>[NSEW])\b|(?P<scale>[CFK])(?![\w'’]))?"
)
SIDES = {"N": "north", "S": "south", "E": "east", "W": "west"}
SCALES = {"C": " Celsius", "F": " Fahrenheit"}
FEET_INCHES = re.compile(r"(?<![\w.,'’])([0-9]{1,2}) ?['′’] ?([0-9]{1,2}(?:\.[0-9])?)(?: ?(?:[\"″”]|''))?(?![\w'’])")
FEET = re.compile(rf"{FREE}({NUMBER}) ?(?:′|['’](?= (?:tall|long|wide|high|deep|by|x|×)))")
SIZED = "screen|display|monitor|tv|TV|laptop|disk|disc|drive|pipe|nail|wheel|vinyl|tablet|cable|barrel|gun"  # in inches
INCHES = re.compile(
    rf"{FREE}({NUMBER}(?: [0-9]/[0-9]{{1,2}})?) ?(?:″|[\"”](?= ?(?:x|×|by|tall|long|wide|high|deep|thick|{SIZED}"
    r"|diameter)\b)"
    r"|in\.(?= [a-z]|[,;)])| in\.(?= [a-z(]|[,;)]))"
)
BY = r" ?(?:[xX×]|by) ?"
SIDES_IN_INCHES = re.compile(rf"{FREE}({NUMBER}) ?[\"″”]{BY}({NUMBER}) ?[\"″”](?:{BY}({NUMBER}) ?[\"″”])?")
SIDES_IN_FEET = re.compile(rf"{FREE}({NUMBER}) ?['′’]{BY}({NUMBER}) ?['′’](?:{BY}({NUMBER}) ?['′’])?(?!\w)")
LONE_INCH = re.compile(rf"{FREE}({NUMBER})\"(?=[\s.,;:)]|\Z)")
THING = re.compile(rf" ?(?:{SIZED})\b")
FOOT_IN = re.compile(r"(?<=\bfeet )([0-9]{1,2}(?:\.[0-9])?) ?in\b\.?|(?<=\bfoot )([0-9]{1,2}) ?in\b\.?")
AREA = re.compile(rf"(?<![\w^])({ALONE})(?![\w/^])")


RATE = re.compile(
    rf"{FREE}({NUMBER})((?: [a-z]{{2,15}})?) ?/ ?"
    r"(day|night|week|month|year|hour|minute|second|person|min|sec|hr|h|mo|yr|wk|d)(?![\w/])"
)


OVER = re.compile(rf"(?<=[A-Za-z])/(?=(?:100|1,?000) ?{SYMBOL}\b)")
FRACTION = re.compile(
    rf"([0-9] )?([0-9]{{1,2}}/[0-9]{{1,2}})[ -]?({any_of(set(NAMES) - LETTERS - NOT_SPACED)}|[mgL])"
    r"(?![\w'’/])\.?(?! [A-Z])"
)


def name_after_fractions(text: str) -> str:
    """1/2 tsp -> 1/2 teaspoon, 1 1/2 km -> 1 1/2 kilometers."""
    return FRACTION.sub(_behind_fraction, text) if "/" in text else text


def _behind_fraction(match: re.Match[str]) -> str:
    name = one(match[3])
    return f"{match[1] or ''}{match[2]} {many(name) if match[1] else name}"


def one(unit: str) -> str:
    """The name of a unit in the singular: h -> hour; other words stay."""
    return NAMES.get(unit, unit)


def many(name: str) -> str:
    """mile per hour -> miles per hour, foot -> feet, degree Celsius -> degrees Celsius."""
    head, per, rest = name.partition(" per ")
    first, *others = head.split(" ")
    if first in ("degree", "part", "bit") or (others and others[0] in ("D", "A", "peak")):
        return " ".join([first + "s", *others]) + per + rest
    *before, noun = [first, *others]
    plural = noun if noun in SPOKEN_PLURAL or noun == "U" else MANY.get(noun) or _suffixed(noun)
    return " ".join([*before, plural]) + per + rest


def _suffixed(noun: str) -> str:
    for word, plural in MANY.items():
        if noun.endswith(word):
            return noun.removesuffix(word) + plural
    return f"{noun}s"


def speak(text: str) -> str:
    """The text with its measures in words."""
    text = REPEATED.sub(r"\g<first>-", text) if "-" in text else text
    text = DEGREE_RANGE.sub(r"\1-", text) if "°" in text else text
    text = PERCENT.sub(_percent, text)
    text = DEGREES.sub(_degrees, text) if "°" in text else text
    text = SIDES_IN_INCHES.sub(lambda match: put(match, f"{_sides(match)} inches"), text)
    text = SIDES_IN_FEET.sub(lambda match: put(match, f"{_sides(match)} feet"), text)
    text = FEET_INCHES.sub(_feet_inches, text)
    text = FEET.sub(lambda match: put(match, f"{numbers.words(match[1])} feet"), text)
    text = _lone_inches(INCHES.sub(_inches, text))
    text = OVER.sub(" per ", text)
    text = MEASURE.sub(_measure, text)
    text = RATE.sub(lambda match: put(match, f"{numbers.words(match[1])}{match[2]} per {one(match[3])}"), text)
    text = FOOT_IN.sub(lambda match: put(match, f"{numbers.words(match[1] or match[2])} inches"), text)
    return AREA.sub(lambda match: put(match, _alone(match[1])), text)


def _lone_inches(text: str) -> str:
    """A quotation mark behind a number is that of inches where no quotation is open."""
    parts, start, marks = [], 0, 0
    for match in LONE_INCH.finditer(text):
        marks += text.count('"', start, match.end() - 1)
        parts.append(text[start : match.start()])
        parts.append(match[0] if marks % 2 else f"{numbers.words(match[1])} inch{'es' * (match[1] != '1')}")
        marks += marks % 2
        start = match.end()
    return "".join([*parts, text[start:]])


def _inches(match: re.Match[str]) -> str:
    plural = match[1] != "1" and not THING.match(match.string, match.end())
    return put(match, f"{_mixed(match[1])} inch{'es' * plural}")


def _sides(match: re.Match[str]) -> str:
    return " by ".join(numbers.words(side) for side in match.groups() if side)


def _mixed(written: str) -> str:
    whole, _, fraction = written.partition(" ")
    return numbers.words(whole) + (f" {fraction}" if fraction else "")


def _alone(unit: str) -> str:
    if unit == "mmHg":
        return "millimeters of mercury"
    first, per, over = unit.partition("/")
    return many(NAMES.get(first, first)) + (f" per {_raised(over.rstrip('²³'), over[-1:])}" if per else "")


def _raised(unit: str, power: str) -> str:
    said = one(unit)
    if power in ("²", "³") and said == "second":
        return f"second {'squared' if power == '²' else 'cubed'}"
    return f"{POWERS[power]} {said}" if power in POWERS else said


def _measure(match: re.Match[str]) -> str:
    unit, space, amount = match["unit"], match["space"], match["amount"]
    if not match["over"] and not match["power"] and not _is_unit(match):
        return match[0]
    if match["over"] in ("d",) and match["link"] != "/":
        return match[0]
    name = _raised(unit, (match["power"] or "")[-1:])
    singular = space == "-" or (numbers.is_one(amount)) or _is_adjective(match)
    said = name if singular else many(name)
    if match["link"] == "/":
        under = (match["under"] or "").strip("^-")
        said += f" per {_raised(match['over'], {'2': '²', '3': '³'}.get(under, under))}"
    elif match["over"]:
        said = f"{name} {match['over'] and (one(match['over']) if singular else many(one(match['over'])))}"
    minus = "minus " if match["minus"] else ""
    return put(match, f"{minus}{numbers.amount(amount)} {said}")


def _is_unit(match: re.Match[str]) -> bool:
    """Whether the letters behind the number are a unit: 5 m, but neither 5 in, nor 3B nor 5K."""
    unit, space, text = match["unit"], match["space"], match.string
    after = text[match.end() : match.end() + 12]
    if unit == "A":  # an article too
        return "." in match["amount"] or bool(re.match(r" (?:fuse|current|breaker|circuit|charger)", after))
    if unit in ("in", "st", "req", "person"):
        return space == "-" and unit == "in"
    if space == " " and unit in NOT_SPACED:
        return False
    if space == "" and unit in NOT_TOUCHING:
        return False
    if unit in ("N", "W", "S", "E") and re.match(r" [A-Z]", after) and space == " ":
        return unit == "W" and "." in match["amount"]
    if space == "-" and len(unit) == 1:
        return unit in "mghlLWVJ" and not re.match(r"[-\w]", after)
    return not (unit == "h" and space == " " and after[:1] == "-")


ARTICLE = re.compile(r"\b(?:[Aa]n?|[Aa]nother|[Ee]very|[Ee]ach) \Z")
NOUN = re.compile(
    r" (?!(?:a|an|and|or|of|in|for|to|on|at|by|with|from|per|each|more|less|is|was|are|were|than|as|if|but|when|that"
    r"|which|every|away|north|south|east|west|long|later|ago|into|until|before|after|above|below|because|so|too)\b)[a-z]{3,}"
)


def _is_adjective(match: re.Match[str]) -> bool:
    before = match.string[max(0, match.start() - 10) : match.start()]
    return ARTICLE.search(before) is not None and NOUN.match(match.string, match.end()) is not None


def _percent(match: re.Match[str]) -> str:
    name = {"‰": "per mille", "‱": "per ten thousand"}.get(match[3], "percent")
    return put(match, f"{'minus ' * bool(match['minus'])}{numbers.amount(match[2])} {name}")


def _degrees(match: re.Match[str]) -> str:
    amount = match["amount"]
    if match["scale"] == "K":
        return put(match, f"{numbers.amount(amount)} kelvin")
    said = f"{'minus ' * bool(match['minus'])}{numbers.amount(amount)} degree{'s' * (not numbers.is_one(amount))}"
    said += SCALES.get(match["scale"] or "", "")
    for part, noun in ((match["minutes"], "minute"), (match["seconds"], "second")):
        said += f" {numbers.words(part)} {noun}{'s' * (part != '1')}" if part else ""
    return put(match, said + (f" {SIDES[match['side']]}" if match["side"] else ""))


def _feet_inches(match: re.Match[str]) -> str:
    feet, inches = match.groups()
    if float(inches) >= 12:
        return match[0]
    said = f"{numbers.words(feet)} foot" if feet == "1" else f"{numbers.words(feet)} feet"
    return put(match, said + (f" {numbers.words(inches)} inch{'es' * (inches != '1')}" if inches != "0" else ""))
