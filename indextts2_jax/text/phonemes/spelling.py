"""Any text -> plain English spelling, in the steps around the rules that spell out numbers:

fold ─► ASCII and foreign letters ─ prepare_numbers ─ (rules) ─ tidy ─► words, digits and , . ? !
"""

import re
import unicodedata


def _table(pairs: str) -> dict[str, str]:
    """The first word of each pair of "a b, c d e" -> what follows it: {"a": "b", "c": "d e"}."""
    return {key: value for key, _, value in (pair.strip().partition(" ") for pair in pairs.split(","))}


FOLDED = {
    **dict.fromkeys("‘’‚‛′`´ʼ＇", "'"),
    **dict.fromkeys("“”„‟″«»「」『』《》【】", '"'),
    **dict.fromkeys("‐‑‒−", "-"),
    "\u200b": " ",  # where a line may break; other marks without width vanish
    **_table("ß ss, ẞ SS, æ ae, Æ AE, œ oe, Œ OE, ø o, Ø O, ł l, Ł L, đ d, Đ D, ð th, Ð Th, þ th, Þ Th, ı i, ħ h, Ħ H"),
    **dict(zip("。、，；：！？…·", [". ", ", ", ", ", "; ", ": ", "! ", "? ", "... ", " "], strict=True)),
}
SYMBOLS = _table("& and, % percent, @ at, + plus, = equals, # number, × times, ÷ divided by, № number, ° degrees")
SYMBOLS |= _table("$ dollars, £ pounds, € euros, ¥ yen")
# A full stop behind these ends no sentence where a name follows
TITLES = _table("Dr doctor, Mr mister, Mrs missus, Ms miz, Prof professor, St saint, Gen general, Col colonel")
TITLES |= _table("Capt captain, Lt lieutenant, Sgt sergeant, Mt mount, Rev reverend, Hon honorable, Gov governor")
TITLES |= _table("Sen senator, Rep representative")
# Behind these it does, unless the sentence goes on in small letters or with other punctuation
SHORTENED = _table("etc et cetera, inc incorporated, ltd limited, corp corporation, dept department, vs versus")
SHORTENED |= _table("approx approximately, jr junior, sr senior, ave avenue, blvd boulevard")
BEFORE_NUMBERS = _table("no number, nos numbers, vol volume, fig figure, ch chapter, p page, pp pages")
ROMAN = _table("II two, III three, IV four, VI six, VII seven, VIII eight, IX nine, XI eleven, XII twelve")
# Behind "U.S." a capital may begin a sentence or a name: these begin a sentence
BEGINNINGS = "A|And|As|At|But|For|He|Her|His|However|I|If|In|It|No|On|She|So|That|The|Their|Then|There|These|They|This"
BEGINNINGS += "|We|What|When|While|Who|Yes|You"

TITLE = re.compile(rf"\b(?:({'|'.join(TITLES)})\.|(Dr|Mr|Mrs|Ms|Prof|St))(?=\s+[A-Z])")
SHORT = re.compile(rf"\b({'|'.join(SHORTENED)})\.", re.IGNORECASE)
NUMBERED = re.compile(rf"\b({'|'.join(BEFORE_NUMBERS)})\.\s*(?=\d)", re.IGNORECASE)
INITIALS = re.compile(r"(?<![\w'.])(?:[A-Za-z]\.\s?)+[A-Za-z]\.(?!\w)")
INITIAL = re.compile(rf"(?<![\w'.])(?!I\b)([A-Z])\.(?=\s+(?!(?:{BEGINNINGS})\b(?!\.))[A-Z][a-z.])")
GOES_ON = re.compile(r"\s*[a-z,;:?!()]")
GOES_ON_WITH_NAME = re.compile(rf"{GOES_ON.pattern}|\s+(?!(?:{BEGINNINGS})\b)[A-Z]")
NUMERAL = re.compile(rf"\b([A-Z][a-z]+ )({'|'.join(ROMAN)})\b")
LINK = re.compile(r"\bhttps?://(?:www\.)?(?=\w)", re.IGNORECASE)
PAUSES = re.compile(r"[,;:()\[\]{}–—―~|]|\.{2,}|-{2,}|(?<=\s)-(?=\s)")
DOLLARS = re.compile(r"\$([0-9,]*[0-9])\.([0-9]{2})\b(?!\s*(?:[kmb]\b|thousand|[mb]illion|trillion))", re.IGNORECASE)


def fold(text: str) -> str:
    """Accents, ligatures, wide letters and exotic quotes become ASCII; letters of other scripts stay."""
    if text.isascii():
        return text
    text = re.sub(r"(?<=[0-9])[–—](?=[0-9])", "-", text)
    return "".join(map(_fold, unicodedata.normalize("NFC", text)))


def _fold(character: str) -> str:
    if character.isascii():
        return character
    if character in FOLDED:
        return FOLDED[character]
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    category = unicodedata.category(character)
    if category == "Cf" or unicodedata.combining(character):  # joiners, direction marks, soft hyphens, lone accents
        return ""
    if category.startswith("Z"):
        return "\n" if category in ("Zl", "Zp") else " "
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    if "\N{FRACTION SLASH}" in plain:  # 2½ -> 2 1/2
        plain = " " + plain.replace("\N{FRACTION SLASH}", "/")
    return plain if plain.isascii() else character


def prepare_numbers(text: str) -> str:
    """Rewrites what the rules for numbers would misread: hyphens as minus, $1.50 without its cents, 1,000, No. 5."""
    text = LINK.sub("", text)
    text = re.sub(r"(?<=[A-Za-z])-(?=[A-Za-z0-9])|(?<=[0-9])-(?=[A-Za-z])", " ", text)
    text = NUMBERED.sub(lambda match: BEFORE_NUMBERS[match[1].lower()] + " ", text)
    text = re.sub(r"(?<![0-9,.])1,000(?![0-9,])(?!\.[0-9])", "one thousand", text)
    return DOLLARS.sub(_speak_dollars, text)


def _speak_dollars(match: re.Match[str]) -> str:
    dollars, cents = match[1], int(match[2])
    spoken = f"{dollars} dollar{'s' * (dollars != '1')}"
    return spoken + (f" and {cents} cent{'s' * (cents != 1)}" if cents else "")


def tidy(text: str) -> str:
    """Marks that are spoken become words, those that are heard as a pause commas, all others spaces."""
    text = LINK.sub("", re.sub(r"\n\s*\n", " . ", text))
    text = TITLE.sub(lambda match: TITLES[match[1] or match[2]], text)
    text = NUMERAL.sub(lambda match: match[1] + ROMAN[match[2]], text)
    text = SHORT.sub(lambda match: SHORTENED[match[1].lower()] + _stop(match, GOES_ON), text)
    text = INITIAL.sub(r"\1", text)
    text = INITIALS.sub(
        lambda match: " ".join(filter(str.isalpha, match[0].upper())) + _stop(match, GOES_ON_WITH_NAME), text
    )
    text = re.sub(r"(?<=[A-Za-z0-9])\.(?=[A-Za-z0-9])", " dot ", text)
    text = PAUSES.sub(" , ", text)
    return "".join(f" {SYMBOLS[c]} " if c in SYMBOLS else c if c.isalnum() or c in ",.?!'" else " " for c in text)


def _stop(match: re.Match[str], goes_on: re.Pattern[str]) -> str:
    return "" if goes_on.match(match.string, match.end()) else "."
