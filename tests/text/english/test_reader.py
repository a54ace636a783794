"""The reader of English: every case of `cases.py`, plain prose, and that it is linear, total and leaves no digit."""

import random
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indextts2_jax.text.english import markup, numbers, reader, roman
from indextts2_jax.training.demo.dialogue import SAID
from indextts2_jax.training.demo.templates import long_sentences, template_sentences
from tests.text.english.cases import CASES


def cases() -> list[tuple[str, str]]:
    pairs = [line.partition("─►") for line in CASES.splitlines() if "─►" in line]
    return [(text.strip().replace("⏎", "\n"), spoken.strip().replace("⏎", "\n")) for text, _, spoken in pairs]


@pytest.mark.parametrize(("text", "spoken"), cases())
def test_cases(text, spoken):
    assert reader.read(text) == spoken
    assert reader.read(spoken) == spoken  # words stay words


def test_there_are_enough_cases_and_none_twice():
    texts = [text for text, _ in cases()]
    assert len(texts) >= 500 and len(set(texts)) == len(texts)
    assert len(re.findall("^= ", CASES, re.MULTILINE)) >= 20


@pytest.mark.parametrize(("text", "_"), cases())
def test_cases_within_a_sentence(text, _):
    """What surrounds a case neither changes it into something that breaks, nor is lost."""
    if "\n" in text or text.startswith(("#", "-", "*", ">", "=", "|", "1.", "`", "~", "_", "[")):
        return  # markup of whole lines
    spoken = reader.read(f"They said {text} and laughed.")
    assert spoken.startswith(("They said", "They, said")) and spoken.endswith("laughed.")
    assert not re.search("[0-9]", spoken)


def test_every_number_with_a_comma():
    for number in range(1001, 2000):
        spoken = reader.read(f"{number:,} people")
        assert spoken == f"{numbers.cardinal(number)} people" and spoken.startswith("one thousand")


def test_years():
    said = {1100: "eleven hundred", 1901: "nineteen oh one", 1999: "nineteen ninety nine", 2000: "two thousand"}
    said |= {2009: "two thousand nine", 2010: "twenty ten", 2099: "twenty ninety nine", 1000: "one thousand"}
    assert {year: numbers.year(year) for year in said} == said


def test_roman_numerals():
    values = {"I": 1, "IV": 4, "IX": 9, "XIV": 14, "XL": 40, "XC": 90, "CD": 400, "CM": 900, "MMXXIV": 2024}
    assert {numeral: roman.value(numeral) for numeral in values} == values


# --- pauses of SSML -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "pause"),
    [
        ('<break time="1s"/>', "[pause:1s]"),
        ("<break time='500ms' />", "[pause:500ms]"),
        ('<BREAK TIME="1.5s"></BREAK>', "[pause:1.5s]"),
        ('<break time=".5s"/>', "[pause:0.5s]"),
        ('<break time="+2s" strength="weak"/>', "[pause:2s]"),
        ('<break strength="strong"/>', "[pause:800ms]"),
        ('<break strength="none"/>', ""),
        ("<break/>", "[pause:500ms]"),
    ],
)
def test_breaks_become_pauses(tag, pause):
    assert markup.plain(f"One. {tag} Two.").split() == ["One.", *pause.split(), "Two."]


def test_pauses_of_ours_stay():
    for text in ("One [pause:1s] two", "One. [pause] Two.", "[Pause：800ms]"):
        assert markup.plain(text) == text


# --- plain prose ----------------------------------------------------------------------------------------------


def test_plain_prose_stays_as_it_is():
    rng = random.Random(7)
    sentences = [*template_sentences(8000, rng), *long_sentences(2200, rng)]
    assert len(sentences) > 10_000 and len(SAID) > 1000
    assert [sentence for sentence in sentences if reader.read(sentence) != sentence] == []


PROSE = """\
“I don’t know,” she said — and yet… perhaps she did.
It was the best of times; it was the worst of times: nobody could tell!
The well-known twenty-one-year-old (a cousin of mine) can't, won't and shan't.
'Tis the season, isn't it? Rock 'n' roll. The dogs' bones. O'Brien's.
I am sure that A is not B. He may march on Sunday in May.
No, I say, no. In an hour or so, at most.
Café, naïve, façade, Zoë and Łódź.
Mix civil lid: MIX CIVIL DID LID.
"""


@pytest.mark.parametrize("line", PROSE.splitlines())
def test_marks_and_letters_of_prose_stay(line):
    assert reader.read(line) == line


# --- any text -------------------------------------------------------------------------------------------------

ATOMS = """
    1 2 12 1990 0 007 5 - – / . , : ; $ € £ ¢ % ° ' " a A I X V km m h kg p.m. a.m. am No. St. Dr. ( ) [ ] < > & = +
    * ^ ² ½ _ # @ www. .com http:// th st s k M B x × May Jan. the in Louis Chapter CO2 H ~ √ | ` é 中 😀 v call e.g.
    U.S. hmm ¼ ٣ ① ^2 Σ ! ? ⌘ [pause:1s] [pause <break/> <script> <!-- &amp; &#55296; &#0; \u00ad \u2009 1/2 10:30
    1,234 1.5 -
""".split()  # noqa: SIM905


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from([*ATOMS, " ", "\n"]), max_size=14))
def test_no_digit_is_left_and_nothing_fails(atoms):
    assert not re.search("[0-9]", reader.read("".join(atoms)))
    assert not re.search("[0-9]", reader.read(" ".join(atoms)))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read(text):
    assert isinstance(reader.read(text), str)


NASTY = """
    1 1, 1,234, 1. 1- 1/ 1: 12- 0 $ $1 $1- ' 'd " - -- . ... a. A. A.B [ ] ( (( [a]( [a] < <a <script> <!-- & &a
    &amp * ** *a _ _a ` `a ~ ~~a ==a = # ## | |a| x x'd X XIV I Louis a@ a@b. @a @ a.b www. http:// http://a /a / //
    \\ C:\\ ° 1° 1' 1km % 1% 1%- ^ 2^ a^2 + 1+ +1 (1 √ ≠ 1½ ½ e.g. U.S. Dr. St. No. p.1 10:30 10:30- 1st 1st- H2 H2O
    Ca A1 A1- a-1 v1. v1.0. 1990- 1990s '90s hmm mm- sooo aaa zzz é 中 1_ a1 1a 1e5 € ¢ 10k 10k- 1x #1 #a &lt; 😀 α
    a/b a/b= $1/ [pause [pause] [pause: [1] a[1] :: 1m² 1· €1. 1,23
""".split()  # noqa: SIM905
SPACED = [
    "1 ",
    "0 ",
    "- ",
    "a. ",
    "A. ",
    "XIV ",
    "Louis ",
    "Main St. ",
    "p. 1",
    "5 p.m. ",
    "May 1, ",
    "1 ft ",
    "< ",
    "1 <",
]
SPACED += [
    "1 x ",
    "a - ",
    "= ",
    "1 1/2 ",
    "call 1",
    "PIN 1",
    "ISBN 1",
    "Boeing 1",
    "1 km/h ",
    " ",
    "  ",
    "\n",
    "\n- a",
    "\n1. a",
]
SPACED += ["\n>", "\n---", "a-\n", "\u00ad\n", "# ", "* ", " _a", '"a ', "555 ", "4111 ", '1" x ']


def seconds(text: str) -> float:
    """Of this thread alone: what else runs on the machine, or in this process, does not count."""
    start = time.thread_time()
    reader.read(text)
    return time.thread_time() - start


@pytest.mark.parametrize("piece", [*NASTY, *SPACED])
def test_time_is_linear(piece):
    """Four times the characters take about four times as long, not sixteen times."""

    def fastest(length: int, tries: int) -> float:
        text = (piece * (length // len(piece) + 1))[:length]
        return min(seconds(text) for _ in range(tries))

    for tries in (1, 3):  # the second time only where the first was no good
        short, long = fastest(4_000, tries), fastest(16_000, tries)
        if long < 0.4 or long < 9 * short:
            break
    assert long < 5 and (long < 0.4 or long < 9 * short)


def test_100_000_characters_of_digits():
    assert seconds("1234567890 " * 9_000) < 20
    assert reader.read("7" * 100_000).count("seven") == 100_000
