"""Roman numerals: Louis XIV -> Louis the fourteenth, Chapter XIV -> Chapter fourteen, World War II -> World War two."""

import re

from indextts2_jax.text.english import numbers
from indextts2_jax.text.english.tables import BEGINNINGS, any_of, listed

VALUES = {"M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1}
NUMERAL = r"(?=[IVXLCDM])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?<=[IVXLCDM])"
COUNTED = listed("""
    Chapter Part Book Volume Vol Act Scene Section Article Title Appendix Phase Stage Type Class Level Grade Episode
    Season Canto Psalm Figure Table Plate Page Unit Module Lesson Number Round Game Model Mark Mk Division Group
    Corps Apollo Region Zone Category Tier Step Theorem Lemma Item Annex Exhibit Amendment Schedule Column Verse
    Symphony Sonata Concerto Opus Super\\sBowl WrestleMania Olympiad Factor Schedule Cohort Form Question Problem
    Option Plan Protocol World\\sWar War Vatican Saturn Gemini Titan Rocky Henry\\sPart Quartet Movement Sector
    District""")
REIGNING = listed("""
    Louis Henry Charles George Edward Richard James William Elizabeth Mary Napoleon Pius Leo Benedict Paul Gregory
    Alexander Catherine Frederick Friedrich Wilhelm Nicholas Peter Ivan Philip Philippe Ferdinand Alfonso Carlos
    Felipe Victoria Francis Franz Otto Ludwig Maximilian Constantine Constantius Justinian Theodosius Ramses Ramesses
    Rameses Thutmose Amenhotep Seti Ptolemy Cleopatra Darius Xerxes Artaxerxes Urban Innocent Clement Boniface Sixtus
    Harald Haakon Olaf Olav Gustav Gustavus Adolf Carl Karl Christian Margrethe Beatrix Umberto Emmanuel Emanuel
    Pedro João John Joao Stephen Malcolm Robert David Mehmed Selim Murad Suleiman Akbar Leopold Baudouin Albert
    Rudolf Rudolph Joseph Josef Vladimir Basil Michael Manuel Isaac Andronikos Alexios Romanos Sigismund Casimir
    Władysław Ladislaus Bela Béla Géza Andrew Matthias Abdul Abdulhamid Mahmud Mustafa Osman Ahmed Bayezid Cyrus
    Menelik Selassie Antiochus Seleucus Mithridates Philip Eric Erik Valdemar Knut Canute Magnus Sverre Hans Anne
    Jane Isabella Juan Jaime Sancho Ramon Hugh Guy Baldwin Bohemond Fulk Humphrey Thomas Theodore Adrian Hadrian
    Celestine Honorius Julius Callixtus Eugene Martin Marcellus Sylvester Victor Lucius Alexei Feodor Fyodor Rama
    Kamehameha Hassan Mohammed Muhammad Abdullah Hussein Faisal Simeon Boris Carol Ernst Ernest Augustus Jerome
    Walter Samuel Daniel Harold Howard Kenneth Donald Donnell Duncan Frank Fred Arthur Randolph Winston Patrick Tim
    Steven Jack Joe Jim Bill Bob Ben Sam Max Hank Ted Thurston Winthrop Cornelius Theodoric Athanasius Ignatius
    Bartholomew Tutankhamun Mentuhotep Psamtik Nebuchadnezzar Shapur Khosrow Yazdegerd Harthacnut Childeric Clovis
    Dagobert Pepin Lothair Conrad Konrad""")
TITLED = any_of(
    listed("King Queen Pope Emperor Empress Tsar Czar Tsarina Kaiser Sultan Shah Pharaoh Prince Duke Patriarch")
)
_REIGNED = "of|died|ruled|reigned|became|succeeded|married|ascended|abdicated"
_WAS = "queen|king|born|crowned|executed|beheaded|the|succeeded|emperor|empress|pope|buried|never"
RULES = rf"(?=\s*(?:\Z|[,.;:!?)])|\s+(?:{_REIGNED}|was (?:{_WAS}))\b|['’]s\b)"
LONG = rf"(?=[IVXLCDM]{{2}}){NUMERAL}"
AS_RULER = re.compile(
    rf"\b({any_of(REIGNING)})\s+({LONG}(?![\w-])|[VX](?![\w’'-]|\.?\s*(?!{BEGINNINGS}\b)[A-Z])|[VX](?=['’]s\b))"
)
THE_FIRST = re.compile(
    rf"\b((?:{TITLED}\s+[A-Z]\w+)|(?:{any_of(REIGNING)}(?={' '}I{RULES})))\s+I\b(?!['’](?:m|d|ll|ve)\b)"
)
OF_TITLE = re.compile(rf"\b({TITLED}\s+(?:[A-Z]\w+\s+){{1,3}})({NUMERAL})\b(?!['’](?:m|d|ll|ve)\b)")
ANY_CASE = [*COUNTED, *map(str.lower, COUNTED), *(word.upper() for word in COUNTED if word.isalpha())]
AS_NUMBER = re.compile(rf"\b((?:{'|'.join(ANY_CASE)})\.?)\s+({LONG})(?:\s?[-–]\s?({NUMERAL}))?(?![\w'’])")
SINGLE = listed("""
    Chapter chapter Act act Scene scene Volume volume Book Part Section Article Canto Phase Stage Type Title
    Super\\sBowl World\\sWar Schedule Amendment""")
_VERBS = "of|is|was|and|begins?|began|ends?|ended|to|in|deals|describes|had|has|broke"
GOES_ON = rf"(?=\s*(?:\Z|\n|\(|[,.;:?!)\"”–—-]|(?:{_VERBS})\b))"
AS_SINGLE = re.compile(rf"\b({'|'.join(SINGLE)})\s+([VX](?![\w'’.]*\w)|I(?!['’]){GOES_ON})(?:\s?[-–]\s?({LONG}))?")
OF_KIND = re.compile(r"\b(Type|Phase|Stage|Class|Grade|Level) I(?= [a-z])")
NTH = re.compile(rf"\b({LONG})(?:th|st|nd|rd)\b")
WARS = re.compile(r"\bWW(I{1,3})\b")
CENTURY = re.compile(rf"\b({NUMERAL})(?:th|st|nd|rd)?(?=(?:\s+|-)(?:century|centuries|Century|dynasty|Dynasty)\b)")
# Any other word with a capital: of several letters, and no word or abbreviation
BEHIND_NAME = re.compile(
    r"\b([A-Z][a-z]+)\s+(II|III|IV|VI{1,3}|IX|XI{1,3}|XI?V|XVI{0,3}|XI?X|XXI{0,3}|XXI?V|XXVI{1,3}|XXI?X)\b(?![-'’.]\w)"
)
FAMILY = re.compile(rf"\b{any_of(REIGNING)}(?:\s+[A-Z](?:\.|[a-z]+)?)*\s*\Z")
ALONE = re.compile(r"(?<![\w.'’&/-])(II|III|VII|VIII|XII|XIII|XVII|XVIII|XXII|XXIII|XXVII|XXVIII)(?![\w&/]|['’.-]\w)")
SEPARATE = frozenset(["Malcolm X"])


def value(numeral: str) -> int:
    """XIV -> 14."""
    total = 0
    for letter, following in zip(numeral, [*numeral[1:], ""], strict=True):
        worth = VALUES[letter]
        total += -worth if following and VALUES[following] > worth else worth
    return total


def speak(text: str) -> str:
    """The text with its Roman numerals in words."""
    if not re.search("[IVXLCDM]", text):
        return text
    text = CENTURY.sub(lambda match: numbers.ordinal(value(match[1])), text)
    text = NTH.sub(lambda match: numbers.ordinal(value(match[1])), OF_KIND.sub(r"\1 one", text))
    text = WARS.sub(lambda match: f"World War {numbers.cardinal(value(match[1]))}", text)
    text = AS_SINGLE.sub(_count, AS_NUMBER.sub(_count, text))
    text = OF_TITLE.sub(lambda match: f"{match[1]}{_the(match[2])}", text)
    text = THE_FIRST.sub(r"\1 the first", text)
    text = AS_RULER.sub(_rule, text)
    text = BEHIND_NAME.sub(_name, text)
    return ALONE.sub(lambda match: numbers.cardinal(value(match[1])), text)


def _the(numeral: str) -> str:
    return f"the {numbers.ordinal(value(numeral))}"


def _count(match: re.Match[str]) -> str:
    last = f" to {numbers.cardinal(value(match[3]))}" if match[3] else ""
    return f"{match[1]} {numbers.cardinal(value(match[2]))}{last}"


def _rule(match: re.Match[str]) -> str:
    return match[0] if match[0] in SEPARATE else f"{match[1]} {_the(match[2])}"


def _name(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 40) : match.end(1)]
    said = _the(match[2]) if FAMILY.search(before) else numbers.cardinal(value(match[2]))
    return f"{match[1]} {said}"
