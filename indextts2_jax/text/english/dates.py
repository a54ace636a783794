"""Dates, years and times of day.

July 4, 1776 ─► July fourth, seventeen seventy six     10:05 ─► ten oh five     the 1990s ─► the nineteen nineties
"""

import re

from indextts2_jax.text.english import numbers
from indextts2_jax.text.english.tables import any_of, listed, put, table

MONTHS = listed("""January February March April May June July August September October November December""")
SHORT_MONTHS = dict(zip(listed("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"), MONTHS, strict=True)) | {
    "Sept": "September"
}
MONTH = any_of([*MONTHS, *SHORT_MONTHS])
DAY = r"([0-9]{1,2})(?:st|nd|rd|th)?"
ISO = re.compile(
    r"(?<![\w/.-])([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})(?:[T ](?=[0-9]{2}:[0-9]{2})|(?![\w/-]|[.:][0-9]))"
)
SLASHED = re.compile(r"(?<![\w/.-])([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})(?![\w/-]|[.:][0-9])")
MONTH_DAY = re.compile(
    rf"\b({MONTH})\.? {DAY}(?: ?- ?{DAY})?(?![\w%:/]|[.,-]?[0-9]|-[A-Za-z])"
    rf"(?:(,?) ([12][0-9]{{3}})(?![\w/:%]|[.,-][0-9]))?"
)
DAY_MONTH = re.compile(
    rf"(?<![\w.,$€£:/-])((?:[Tt]he )?){DAY}(?: ?- ?{DAY})? (of )?({MONTH})\b(?!\.[A-Za-z])"
    rf"(?:\.(?= [12][0-9]{{3}}\b|,| [a-z]))?"
    rf"(?:(,?) ([12][0-9]{{3}})(?![\w/:%]|[.,-][0-9]))?"
)
LEADING_ZERO = re.compile(r"(?<![\w/.-])(?=0|[0-9]+/0)([0-9]{1,2})/([0-9]{1,2})(?![\w/%-]|[.,][0-9])")
# 12/25, and behind "on" or the like any day
ON_DAY = re.compile(
    r"(?:(?<=\bon )|(?<=\bby )|(?<=\buntil )|(?<=\bsince )|(?<=\bdue )|(?<=\bdated )|(?<=\bfrom ))"
    r"(1[0-2]|[1-9])/(3[01]|[12]?[0-9])(?![\w/%-]|[.,][0-9]| of\b)"
    r"|(?<![\w/.-])(1[0-2]|[1-9])/(1[3479]|18|2[1-36-9]|3[01])(?![\w/%-]|[.,][0-9])"
)
WEEKDAYS = table("Mon Monday, Tue Tuesday, Wed Wednesday, Thu Thursday, Fri Friday, Sat Saturday, Sun Sunday")
WEEKDAYS |= table("Tues Tuesday, Thur Thursday, Thurs Thursday")
DAYS = re.compile(rf"\b({any_of(WEEKDAYS)})\.? ?[-–] ?({any_of(WEEKDAYS)})\b")
DAY_DASHED = re.compile(rf"(?<![\w.-])([0-9]{{1,2}})-({MONTH})-([0-9]{{4}}|[0-9]{{2}})(?!\w)")
MONTH_YEAR = re.compile(rf"\b({MONTH})(,?) ([12][0-9]{{3}})(?: ?- ?([12][0-9]{{3}}))?(?![\w/:%]|[.,-][0-9])")
DECADE = re.compile(r"(?<![\w$€£.,'’/])(?:(1[0-9]|20)([0-9]0)|['’]?([1-9]0))['’]?s\b")
CENTURY = re.compile(r"(?<=the |rly |ate )([1-9]00)s\b")
BEFORE_DECADE = re.compile(
    r"(?:\b(?:the|early|late|mid|his|her|their|my|our|your|in|into|low|high|upper|lower|and|or|to|of)[ -]|['’])\Z", re.I
)
DECADES = re.compile(r"(?<![\w$€£.,])((?:1[0-9]|20)?[0-9]0)s ?- ?((?:1[0-9]|20)?[0-9]0)s\b")
SHORT_YEAR = re.compile(r"(?<![\w'’])['’]([0-9]{2})(?![\w'’\"″]|[.,:][0-9])")
YEARS = re.compile(r"(?<![\w.,$€£:/-])(1[0-9]{3}|20[0-9]{2}) ?[-/] ?((?:1[0-9]|20)?[0-9]{2})(?![\w%:/-]|[.,][0-9])")
YEAR = re.compile(r"(?<![\w.,$€£:/-])(1[0-9]{3}|20[0-9]{2})(?![\w%:/]|[.,][0-9]|-[0-9])")
SEASON = re.compile(r"(?<![\w.,$€£:/-])(20[0-9]{2}|19[0-9]{2})/([0-9]{2})(?![\w%:/-]|[.,][0-9])")
ERA = re.compile(r"(?<=[0-9]) ?(BCE|BC|AD|CE)\b(?![-'’]\w)|\b(AD) (?=[0-9])")
# Behind such words four digits are a year, whatever follows
BEFORE_YEAR = re.compile(
    rf"\b(?:in|since|until|till|during|circa|year|years|early|late|mid|spring|summer|autumn|fall|winter|{MONTH}) \Z",
    re.I,
)
NOT_COUNTED = any_of(
    listed("""
    is was has as this us its his hers yes plus versus always perhaps thus does towards besides unless across less
    various sometimes afterwards ours theirs yours goes says makes gives shows marks sees brings comes upwards
    business progress process access""")
)
COUNTED = re.compile(
    rf" (?:(?:of the|more|other|new|different|different|small|large|whole|extra|additional|separate|young|old) )?"
    rf"(?:(?!{NOT_COUNTED}\b)[a-z]+[a-rt-z]s|people|men|women|children|feet|mice|sheep|fish|cattle|police|dollars|staff)\b"
)
THOUSANDS = re.compile(r"(?:\b(?:one|number|number of|than|exactly) )\Z", re.I)

TIME_RANGE = re.compile(r"(?<=:[0-9]{2}) ?- ?(?=[0-9]{1,2}[: AP])|(?<=[AP] M) ?- ?(?=[0-9])|(?<=[AP] M)-(?=[a-z])")
FROM_NOON = re.compile(r"\b([Nn]oon|[Mm]idnight) ?[-–] ?(?=[0-9])")
LONE_LETTER = re.compile(r"(?<=[0-9]:[0-9]{2})([ap])(?!\w)")
MONTHS_RANGE = re.compile(rf"\b({MONTH})\.? ?[-–] ?(?=(?:{MONTH})\b)")
HALF_RANGE = re.compile(r"(?<![\w.:,/-])([0-9]{1,2}) ?- ?(?=[0-9]{1,2}(?::[0-9]{2})? ?[AP] M\b)")
TIME = re.compile(
    r"(?<![\w:.,])([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9])(?:\.[0-9]{1,6})?)?(?![\w:]|\.[0-9])( [AP] M)?(Z\b)?"
)
DOTTED = re.compile(r"(?<![\w:.,$€£])(1?[0-9]|2[0-3])\.([0-5][0-9])(?= [AP] M\b)")
HOUR = re.compile(r"(?<![\w:.,$€£-])(1[0-2]|0?[1-9])(?= [AP] M\b)")
LASTING = re.compile(r"(?<![\w:.])([0-9]{1,3}):([0-9]{2}):([0-9]{2})(?![\w:])")
HOURS_MINUTES = re.compile(r"(?<![\w.])([0-9]{1,2})h([0-5][0-9])(?:m|min)?(?!\w)")
ZONE = re.compile(r"\b(UTC|GMT)([+-])([0-9]{1,2})(?::([0-9]{2}))?(?!\w)")
BIBLE = re.compile(r"(?<=[A-Za-z.] )([0-9]{1,3}):([0-9]{1,3})-([0-9]{1,3})(?![\w:])")
RATIO = re.compile(r"(?<![\w:.])([0-9]{1,6}(?:,[0-9]{3})*):([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,9})(?![\w:]|[.,][0-9])")


def speak(text: str) -> str:
    """The text with its dates and times in words; other numbers stay."""
    text = DAYS.sub(lambda match: f"{WEEKDAYS[match[1]]} to {WEEKDAYS[match[2]]}", text)
    if not re.search("[0-9]", text):
        return text
    text = MONTHS_RANGE.sub(lambda match: f"{SHORT_MONTHS.get(match[1], match[1])} to ", text)
    text = ON_DAY.sub(_day_and_month, text)
    text = FROM_NOON.sub(r"\1 to ", text)
    text = LEADING_ZERO.sub(_day_and_month, text)
    text = _speak_times(ISO.sub(_iso, text))
    text = SEASON.sub(lambda match: f"{_year(match[1])} {_year(match[2])}", text)
    text = SLASHED.sub(_slashed, text)
    text = DAY_DASHED.sub(lambda match: f"{_date(match[1], match[2])}, {_year(match[3])}", text)
    text = MONTH_DAY.sub(_month_day, text)
    text = DAY_MONTH.sub(_day_month, text)
    text = MONTH_YEAR.sub(_month_year, text)
    text = DECADES.sub(r"\1s to \2s", text)
    text = CENTURY.sub(lambda match: numbers.plural(numbers.cardinal(int(match[1]))), text)
    text = DECADE.sub(_decade, text)
    text = SHORT_YEAR.sub(lambda match: put(match, _year(match[1])), text)
    return ERA.sub(lambda match: put(match, " ".join(match[1] or match[2])) + (" " if match[2] else ""), text)


def speak_years(text: str) -> str:
    """Numbers of four digits that are no amounts, and ranges of them: what other rules have left of them."""
    text = YEARS.sub(_years, text)
    return YEAR.sub(_lone_year, text)


# --- days -----------------------------------------------------------------------------------------------------


def _date(day: str, month: str) -> str:
    return f"{SHORT_MONTHS.get(month, month)} {numbers.ordinal(int(day))}"


def _is_date(day: str, month: str) -> bool:
    return 1 <= int(day) <= 31 and 1 <= int(month) <= 12


def _year(written: str) -> str:
    if len(written) == 2:
        low = int(written)
        return "two thousand" if low == 0 else f"{'oh ' if low < 10 else ''}{numbers.cardinal(low)}"
    return numbers.year(int(written))


def _iso(match: re.Match[str]) -> str:
    year, _, month, day = match.groups()
    if not _is_date(day, month):
        return match[0]
    after = ", " if match[0][-1] in "T " else ""
    return f"{_date(day, MONTHS[int(month) - 1])}, {_year(year)}{after}"


def _slashed(match: re.Match[str]) -> str:
    """Month first with slashes, as in America, and day first with dots, unless there is no such month."""
    first, mark, second, year = match.groups()
    month, day = (second, first) if mark == "." else (first, second)
    if not _is_date(day, month):
        month, day = day, month
    if not _is_date(day, month) or (len(year) == 2 and mark != "/"):
        return match[0]
    return f"{_date(day, MONTHS[int(month) - 1])}, {_year(year)}"


def _day_and_month(match: re.Match[str]) -> str:
    month, day = filter(None, match.groups())
    if int(month) > 12:
        month, day = day, month
    return _date(day, MONTHS[int(month) - 1]) if _is_date(day, month) else match[0]


def _month_day(match: re.Match[str]) -> str:
    month, day, last, comma, year = match.groups()
    if not _is_date(day, "1") or (last and not _is_date(last, "1")):
        return match[0]
    said = _date(day, month) + (f" to {numbers.ordinal(int(last))}" if last else "")
    return said + (f"{comma} {_year(year)}" if year else "")


def _day_month(match: re.Match[str]) -> str:
    the, day, last, _, month, comma, year = match.groups()
    if not _is_date(day, "1") or (last and not _is_date(last, "1")):
        return match[0]
    days = numbers.ordinal(int(day)) + (f" to {numbers.ordinal(int(last))}" if last else "")
    said = f"{the or 'the '}{days} of {SHORT_MONTHS.get(month, month)}"
    return said + (f"{comma} {_year(year)}" if year else "")


def _month_year(match: re.Match[str]) -> str:
    month, comma, year, last = match.groups()
    said = f"{SHORT_MONTHS.get(month, month)}{comma} {_year(year)}"
    return said + (f" to {_year(last)}" if last else "")


def _decade(match: re.Match[str]) -> str:
    century, tens, short = match.groups()
    if short:
        before = match.string[max(0, match.start() - 8) : match.start() + 1].rstrip("0123456789")
        if not BEFORE_DECADE.search(before):
            return match[0]  # seconds
        return numbers.plural(numbers.cardinal(int(short)))
    return numbers.plural(numbers.year(int(century + tens)) if tens != "00" or century != "20" else "two thousand")


def _years(match: re.Match[str]) -> str:
    first, last = match.groups()
    return f"{_year(first)} to {_year(last)}"


def _lone_year(match: re.Match[str]) -> str:
    number = int(match[0])
    before = match.string[max(0, match.start() - 20) : match.start()]
    if not BEFORE_YEAR.search(before):
        if number < 1100 or (number % 100 and (COUNTED.match(match.string, match.end()) or THOUSANDS.search(before))):
            return numbers.cardinal(number)
        if number % 1000 == 0 or (number >= 2000 and COUNTED.match(match.string, match.end())):
            return numbers.cardinal(number)
    elif 1009 < number < 1100:
        return numbers.pairs(number // 100, number % 100)
    return numbers.year(number)


# --- times ----------------------------------------------------------------------------------------------------


def _speak_times(text: str) -> str:
    if ":" in text:
        text = LONE_LETTER.sub(lambda match: f" {match[1].upper()} M", text)
        text = ZONE.sub(_zone, text)
        text = BIBLE.sub(lambda match: f"{match[1]}:{match[2]} to {match[3]}", text)
        text = HALF_RANGE.sub(r"\1 to ", TIME_RANGE.sub(" to ", text))
        text = TIME.sub(_time, text)
        text = LASTING.sub(_lasting, text)
        text = RATIO.sub(_ratio, text)
    else:
        text = ZONE.sub(_zone, HALF_RANGE.sub(r"\1 to ", TIME_RANGE.sub(" to ", text)))
    text = HOURS_MINUTES.sub(lambda match: f"{numbers.cardinal(int(match[1]))} {_minutes(match[2])}", text)
    text = DOTTED.sub(lambda match: f"{numbers.cardinal(int(match[1]))} {_minutes(match[2])}".strip(), text)
    return HOUR.sub(lambda match: numbers.cardinal(int(match[1])), text)


def _minutes(written: str) -> str:
    number = int(written)
    return "hundred" if number == 0 else f"{'oh ' if number < 10 else ''}{numbers.cardinal(number)}"


def _time(match: re.Match[str]) -> str:
    hour, minute, second, half, zulu = match.groups()
    number = int(hour)
    said = numbers.cardinal(number)
    if second and not half and number < 1:
        return match[0]  # a length, not a time
    if minute != "00":
        said += f" {_minutes(minute)}"
    elif number == 0 or number > 12 or hour.startswith("0"):
        said += " hundred"
    elif not half and not re.match(" ?o['’]clock", match.string[match.end() : match.end() + 9]):
        said += " o'clock"
    if second and second != "00":
        said += f" and {numbers.cardinal(int(second))} second{'s' * (second != '01')}"
    return said + (half or "") + (" U T C" if zulu else "")


def _lasting(match: re.Match[str]) -> str:
    hours, minutes, seconds = map(int, match.groups())
    parts = [(hours, "hour"), (minutes, "minute"), (seconds, "second")]
    return " ".join(f"{numbers.cardinal(n)} {noun}{'s' * (n != 1)}" for n, noun in parts if n) or match[0]


def _ratio(match: re.Match[str]) -> str:
    """3:1 is three to one; behind a name with a capital, as in John 3:16, it is chapter and verse."""
    first, second = numbers.words(match[1]), numbers.words(match[2])
    if len(match[1]) > 2 and re.fullmatch("(?:19|20)[0-9]{2}", match[2]):  # ISO 9001:2015
        return put(match, f"{first} {numbers.year(int(match[2]))}")
    verse = re.search(r"(?:\b[A-Z][a-z]{2,}\.?) \Z", match.string[max(0, match.start() - 20) : match.start()])
    return put(match, f"{first} {'' if verse else 'to '}{second}")


def _zone(match: re.Match[str]) -> str:
    name, sign, hours, minutes = match.groups()
    said = f"{' '.join(name)} {'plus' if sign == '+' else 'minus'} {numbers.cardinal(int(hours))}"
    return said + (f" {_minutes(minutes)}" if minutes and minutes != "00" else "")
