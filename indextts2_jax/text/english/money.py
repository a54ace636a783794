"""Money: $1,234.56 ─► one thousand two hundred thirty four dollars and fifty six cents; €5-10 million, $20/month."""

import re

from indextts2_jax.text.english import numbers, units
from indextts2_jax.text.english.numbers import NUMBER, RANGE
from indextts2_jax.text.english.tables import any_of, put, table

# sign or code -> one, many, one hundredth, many of these ("-" where a word has no plural, or is never used)
_CURRENCIES = """
    $ dollar dollars cent cents; US$ U+S+dollar U+S+dollars cent cents; £ pound pounds penny pence;
    € euro euros cent cents; ¥ yen yen sen sen; ₹ rupee rupees paisa paise; ₽ ruble rubles kopek kopeks;
    ₩ won won jeon jeon; ₿ bitcoin bitcoins satoshi satoshis; ₺ lira lira kurus kurus;
    ₴ hryvnia hryvnias kopiyka kopiykas; ₫ dong dong xu xu; ₪ shekel shekels agora agorot;
    ฿ baht baht satang satang; ₦ naira naira kobo kobo; ₱ peso pesos centavo centavos;
    ₡ colon colones centimo centimos; ₲ guarani guaranies centimo centimos; ₸ tenge tenge tiyn tiyn;
    ₵ cedi cedis pesewa pesewas; ₾ lari lari tetri tetri; ₼ manat manat qepik qepik; ƒ guilder guilders cent cents;
    ₣ franc francs centime centimes; C$ Canadian+dollar Canadian+dollars cent cents;
    CA$ Canadian+dollar Canadian+dollars cent cents; A$ Australian+dollar Australian+dollars cent cents;
    AU$ Australian+dollar Australian+dollars cent cents; NZ$ New+Zealand+dollar New+Zealand+dollars cent cents;
    HK$ Hong+Kong+dollar Hong+Kong+dollars cent cents; S$ Singapore+dollar Singapore+dollars cent cents;
    R$ real reais centavo centavos; Rs rupee rupees paisa paise; Rs. rupee rupees paisa paise;
    USD U+S+dollar U+S+dollars cent cents; EUR euro euros cent cents;
    GBP pound+sterling pounds+sterling penny pence; JPY yen yen sen sen; CNY yuan yuan fen fen;
    RMB yuan yuan fen fen; INR rupee rupees paisa paise; CHF Swiss+franc Swiss+francs centime centimes;
    SEK Swedish+krona Swedish+kronor ore ore; NOK Norwegian+krone Norwegian+kroner ore ore;
    DKK Danish+krone Danish+kroner ore ore; CAD Canadian+dollar Canadian+dollars cent cents;
    AUD Australian+dollar Australian+dollars cent cents; NZD New+Zealand+dollar New+Zealand+dollars cent cents;
    KRW won won jeon jeon; RUB ruble rubles kopek kopeks; PLN zloty zloty grosz groszy;
    BRL real reais centavo centavos; MXN Mexican+peso Mexican+pesos centavo centavos; ZAR rand rand cent cents;
    TRY lira lira kurus kurus; kr krona kronor ore ore; zł zloty zloty grosz groszy; Kč koruna koruny haler haleru;
    BTC bitcoin bitcoins satoshi satoshis; HKD Hong+Kong+dollar Hong+Kong+dollars cent cents;
    SGD Singapore+dollar Singapore+dollars cent cents; THB baht baht satang satang;
    ILS shekel shekels agora agorot; UAH hryvnia hryvnias kopiyka kopiykas; CZK koruna koruny haler haleru"""
CURRENCIES = {
    key: tuple(name.replace("+", " ") for name in names) for key, *names in map(str.split, _CURRENCIES.split(";"))
}
SIGNS = any_of(key for key in CURRENCIES if not key.isalpha())
CODES = any_of(key for key in CURRENCIES if key.isalpha())
MAGNITUDES = table(
    """
    k thousand, K thousand, m million, M million, mn million, mm million, mio million, MM million, b billion,
    B billion, bn billion, Bn billion, bln billion, t trillion, T trillion, tn trillion, tr trillion"""
)
MAGNITUDES |= {word: word for word in ("hundred", "thousand", "million", "billion", "trillion", "grand", "dozen")}
SPELLED = any_of(word for word in MAGNITUDES.values())
_SHORT = [key for key in MAGNITUDES if MAGNITUDES[key] != key]
_APART = any_of(key for key in _SHORT if len(key) > 1 and key != "mm")
MAGNITUDE = rf"(?:(?:(?P<short>{any_of(_SHORT)})| (?P<apart>{_APART}))(?![\w'’])|[ -]?(?P<long>{SPELLED})\b)"
BEFORE = re.compile(
    rf"(?<![\w.])(?P<minus>-?)(?P<sign>{SIGNS}|\b(?:{CODES})(?= ?[0-9])) ?(?P<minus2>-?)"
    rf"(?:(?P<first>{NUMBER})(?P<size>[kKmMbB]|bn)?(?: ?- ?| to )(?:{SIGNS})?)?"
    rf"(?P<last>{NUMBER}|\.[0-9]++)(?P<dash>\.-|,-)?{MAGNITUDE}?"
)
BEHIND = re.compile(
    rf"{numbers.FREE}(?P<minus>(?<![\w)])-)?"
    rf"(?:(?P<first>{NUMBER})(?P<size>[kKmMbB]|bn)?(?:{SIGNS})?(?: ?- ?| to ))?(?P<last>{NUMBER}){MAGNITUDE}?"
    rf" ?(?P<sign>[€£₹₽₩₿₺₴₫₪₦₱₸]|\$(?![0-9])|¥(?![0-9])|(?:{CODES})\b)(?![\w'’])"
)
PENCE = re.compile(rf"{numbers.FREE}({RANGE})p(?= (?:each|coin|stamp|piece|off|per)|/)")
PER = re.compile(rf" ?/ ?(?P<per>{units.ANY}|[a-z]{{2,15}})(?![\w/])(?:\.(?= [a-z]|[,;:)]))?")
CENTS = re.compile(
    rf"(?:{numbers.FREE}({RANGE}) ?(?:¢|c(?= (?:each|coin|stamp|piece)))|¢ ?({RANGE}))(?:{PER.pattern})?"
)
# Before a noun that the amount belongs to: a five dollar bill
ARTICLE = re.compile(r"\b(?:[Aa]n?|[Aa]nother|[Ee]very|[Ee]ach|[Tt]hat|[Tt]his|single|crisp|new|old) \Z")
NOUN = re.compile(
    r" (?!(?:a|an|and|or|of|in|for|to|on|at|by|with|from|per|each|more|less|is|was|are|were|than|as|if|but|when|that"
    r"|which|every|off|extra|total|back|here|there|now|then|so|too|into|until|before|after|because|plus|minus)\b)[a-z]{3,}"
)
THINGS = re.compile(
    r" (?:bill|note|coin|question|ticket|fee|fine|prize|tip|bonus|check|cheque|menu|gift|deal|entry|bet)s?\b"
)
HYPHENED = re.compile(r"-(?=[a-z])")
LOOSE = re.compile(r"([$£€¥₹₩₽₿¢])")


def speak(text: str) -> str:
    """The text with its money in words."""
    if not MONEY.search(text):
        return text
    text = _each(BEFORE, text)
    text = _each(BEHIND, text)
    text = CENTS.sub(_cents, text)
    text = PENCE.sub(lambda match: put(match, f"{numbers.amount(match[1])} pence"), text)
    return LOOSE.sub(lambda match: put(match, CURRENCIES[match[1]][1] if match[1] != "¢" else "cents"), text)


MONEY = re.compile(
    rf"[¢{''.join(key for key in CURRENCIES if len(key) == 1)}]|[0-9] ?(?:{CODES}|p[ /]|c )|(?:{CODES})\.? ?[0-9]"
)


def _each(pattern: re.Pattern[str], text: str) -> str:
    parts, start = [], 0
    for match in pattern.finditer(text):
        end = match.end()
        per = PER.match(text, end)
        words = _amount(match)
        if per:
            words += f" per {units.one(per['per'])}"
            end = per.end()
        if text.startswith(("'s ", "’s "), end):  # $5's worth
            end += 2
        before, after = text[max(0, match.start() - 1) : match.start()], text[end : end + 1]
        parts += [text[start : match.start()], " " * before.isalnum(), words, " " * after.isalnum()]
        start = end
    return "".join([*parts, text[start:]])


def _amount(match: re.Match[str]) -> str:
    one, many, cent, cents = CURRENCIES[match["sign"]]
    first, last = match["first"], match["last"]
    long = match["short"] or match["apart"] or match["long"]
    magnitude = f" {MAGNITUDES[long]}" if long else ""
    minus = "minus " if match["minus"] or match.groupdict().get("minus2") else ""
    whole, _, fraction = last.replace(",", "").partition(".")
    adjective = _is_adjective(match)
    if first or long or len(fraction) not in (0, 2) or (adjective and int(fraction or 0)):
        start = f"{numbers.words(first)}{_size(match['size'])} to " if first else ""
        only_one = not first and not long and numbers.is_one(last)
        return f"{minus}{start}{numbers.words(last)}{magnitude} {one if only_one or adjective else many}"
    said = (
        f"{numbers.words(whole)} {one if numbers.is_one(whole) or adjective else many}"
        if int(whole or 0) or not int(fraction or 0)
        else ""
    )
    if int(fraction or 0):
        hundredths = f"{numbers.cardinal(int(fraction))} {cent if int(fraction) == 1 else cents}"
        said = f"{said} and {hundredths}" if said else hundredths
    return minus + said


def _cents(match: re.Match[str]) -> str:
    per = f" per {units.one(match['per'])}" if match["per"] else ""
    amount = match[1] or match[2]
    return put(match, f"{numbers.amount(amount)} cent{'s' * (not numbers.is_one(amount))}{per}")


def _size(short: str | None) -> str:
    return f" {MAGNITUDES[short]}" if short else ""


def _is_adjective(match: re.Match[str]) -> bool:
    text = match.string
    if HYPHENED.match(text, match.end()) or THINGS.match(text, match.end()):
        return True
    before = text[max(0, match.start() - 10) : match.start()]
    return ARTICLE.search(before) is not None and NOUN.match(text, match.end()) is not None
