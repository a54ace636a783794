"""Sentences with numbers, all of them written as words: amounts, years, times, dates, digits one by one."""

import random
from collections.abc import Callable

from indextts2_jax.training.demo.sentences import keep
from indextts2_jax.training.demo.slots import fill, lines
from indextts2_jax.training.demo.wordlists import listed, phrases

_ONES = listed("""zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen""")
_TENS = listed("zero ten twenty thirty forty fifty sixty seventy eighty ninety")
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_IRREGULAR = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
_IRREGULAR |= {"twelve": "twelfth"}


def cardinal(number: int, joint: str = "") -> str:
    """Reads a number from 0 on: 342 is "three hundred forty-two", `joint` comes before the last two digits."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        ten, one = divmod(number, 10)
        return _TENS[ten] + (f"-{_ONES[one]}" if one else "")
    for value, name in _SCALES:
        if number >= value:
            count, rest = divmod(number, value)
            head = f"{cardinal(count, joint)} {name}"
            if not rest:
                return head
            return f"{head} {joint + ' ' if joint and rest < 100 else ''}{cardinal(rest, joint)}"
    raise AssertionError("no scale")


def ordinal(number: int) -> str:
    """Reads the place of a number: 21 is "twenty-first"."""
    text = cardinal(number)
    head, last = text[: -len(text.split()[-1].split("-")[-1])], text.split()[-1].split("-")[-1]
    if last in _IRREGULAR:
        return head + _IRREGULAR[last]
    return head + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def year(number: int) -> str:
    """Reads a year from 1100 to 2099: 1905 is "nineteen oh five", 2003 "two thousand three"."""
    century, rest = divmod(number, 100)
    if century == 20 and rest < 10:
        return cardinal(number)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def digits(count: int, rng: random.Random) -> str:
    """So many digits one by one, as telephone numbers are read, a comma behind every three or four."""
    zero = rng.choice(("zero", "oh"))
    said = [zero if digit == 0 else _ONES[digit] for digit in (rng.randrange(10) for _ in range(count))]
    step = rng.choice((3, 4, 99))
    return ", ".join(" ".join(said[start : start + step]) for start in range(0, count, step))


def clock(rng: random.Random) -> str:
    """A time of day."""
    hour, minute = rng.randint(1, 12), rng.choice((0, 5, 10, 12, 15, 20, 24, 30, 35, 40, 45, 50, 55, 58))
    kind = rng.randrange(4)
    if minute == 0:
        return f"{_ONES[hour]} o'clock"
    if kind == 0 and minute in (15, 30):
        return f"{'quarter' if minute == 15 else 'half'} past {_ONES[hour]}"
    if kind == 1 and minute < 30:
        return f"{cardinal(minute)} minutes past {_ONES[hour]}"
    if kind == 1:
        return f"{cardinal(60 - minute)} to {_ONES[hour % 12 + 1]}"
    tail = rng.choice(("", " in the morning", " in the evening"))
    return f"{_ONES[hour]} {'oh ' if minute < 10 else ''}{cardinal(minute)}{tail}"


def _amount(rng: random.Random) -> str:
    most = rng.choice((100, 100, 1000, 1000, 10_000, 100_000, 10**6, 10**7, 10**9))
    number = rng.randint(2, most)
    if number > 100 and rng.random() < 0.5:  # round ones are what people say
        number -= number % (10 ** (len(str(number)) - 1 - (number % 2)))
    return cardinal(max(2, number), rng.choice(("", "and")))


def _money(rng: random.Random) -> str:
    unit, part = rng.choice((("dollars", "cents"), ("pounds", "pence"), ("euros", "cents")))
    text = f"{cardinal(rng.choice((rng.randint(2, 99), rng.randint(100, 2000))))} {unit}"
    return text + (f" and {cardinal(rng.randint(5, 99))} {part}" if rng.random() < 0.5 else "")


def _decimal(rng: random.Random) -> str:
    places = " ".join(_ONES[rng.randrange(10)] for _ in range(rng.randint(1, 3)))
    return f"{cardinal(rng.randint(0, 40))} point {places}"


def _fraction(rng: random.Random) -> str:
    return rng.choice(
        phrases("one half, a third, two thirds, a quarter, three quarters, a fifth, four fifths, one eighth, half")
    )


_FILLERS: dict[str, Callable[[random.Random], str]] = {
    "N": _amount,
    "S": lambda rng: cardinal(rng.randint(2, 99)),
    "Y": lambda rng: year(rng.choice((rng.randint(1900, 2040), rng.randint(1100, 1999)))),
    "T": clock,
    "O": lambda rng: ordinal(rng.randint(1, 31)),
    "OO": lambda rng: ordinal(rng.randint(2, 120)),
    "D": lambda rng: digits(rng.randint(3, 10), rng),
    "M": _money,
    "P": _decimal,
    "F": _fraction,
}

NUMBERS = """
There are <N> people in this town.
The population of {country} grew by <N> last year.
She was born in <Y>, and her brother in <Y>.
The house was built in <Y>.
In <Y>, my {family} moved to {city}.
It happened on the <O> of {month}, <Y>.
Today is {day}, {month} <O>, <Y>.
Is it the <O> or the <O> today?
The war began in <Y> and ended in <Y>.
Meet me at <T>, near {place}.
The train leaves at <T> and arrives at <T>.
It's <T>.
What are you doing at <T>?
I get up at <T> every morning.
The {place2} is open from <T> to <T>.
That's <M>, please.
The {thing} costs <M>, but I only have <M>.
How can a {thing} cost <M>?
He won <M> and spent it in {city}.
My phone number is <D>.
Call <D>, and ask for {name}.
The code is <D>.
Please dial <D> now.
Your room number is <S>, on the <OO> floor.
{name} is <S> years old, and {name} is <S>.
My {family} will be <S> in {month}.
It's her <OO> birthday!
The temperature is <S> degrees.
It was minus <S> degrees in {city}.
About <S> percent of the {food} is water.
Prices rose by <P> percent in {month}.
The result is <P>.
<S> plus <S> is <N>.
<S> times <S>, is that <N>?
What is <N> divided by <S>?
<F> of the class was sick.
Add <F> of a cup of {food}.
We drove <N> miles in <S> hours.
The mountain is <N> feet high.
Turn to page <N>, chapter <S>.
Bus number <S> goes to {place}.
Flight <D> to {city} leaves from gate <S>.
They live at <N> {city} Street.
He finished the race in <OO> place, <S> seconds behind {name}.
The score was <S> to <S>.
<S>, <S>, <S>, and <S>.
Count with me: one, two, three, four, five.
Ten, nine, eight, seven, six, five, four, three, two, one, zero.
There were <S> in <Y>, <S> in <Y>, and none in <Y>.
The world record is <P> seconds.
It weighs <N> pounds and is <P> meters long.
Only <S> of the <N> tickets are left.
I've told you <N> times!
The <OO> floor, please.
The <OO> of {month} is a {day}.
He was the <OO> king of {country}.
My {thing} has <N> pages.
Nine hundred ninety-nine is less than one thousand.
"Is it <T> already?" {name} asked.
"<S>," said {name}, "no, <S>."
"""


def number_sentences(number: int, rng: random.Random) -> list[str]:
    """About `number` different sentences."""
    found: dict[str, str] = {}
    templates = lines(NUMBERS)
    for _ in range(number * 4):
        if len(found) >= number:
            break
        text = rng.choice(templates)
        for name, make in _FILLERS.items():
            while f"<{name}>" in text:
                text = text.replace(f"<{name}>", make(rng), 1)
        keep(found, [fill(text, rng)])
    return list(found.values())
