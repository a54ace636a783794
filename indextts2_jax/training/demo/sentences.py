"""English sentences for the demo corpus: harvested from WordNet and fortunes, made from templates, strung from words.

Every sentence here is *clean*: ascii, words of letters and inner apostrophes, one space between words, commas kept, a
capital at the start, one of . ? ! at the end; no digits, no abbreviations.
"""

import itertools
import pathlib
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence

MIN_WORDS, MAX_WORDS = 3, 20  # of a sentence


def _words(text: str) -> list[str]:
    return text.split()


def _phrases(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split(",")]


# A full stop after these ends no sentence, and a synthesiser reads them as other words.
ABBREVIATIONS = frozenset(
    _words("""mr mrs ms dr st jr sr vs etc ie eg prof rev gen col capt sgt lt ave blvd inc ltd co corp dept jan
        feb mar apr jun jul aug sept oct nov dec mt ft lb lbs oz cf ed eds vol pp fig usa uk nyc phd md ii iii
        iv vi vii viii ix xi xii xiii xiv xv xvi al ca sic viz approx tel ext min max tv pm est misc govt rd esq
        hon""")
)
BLOCKED = frozenset(  # this speech is played to visitors
    _words("""fuck fucks fucked fucking fucker shit shitty bullshit nigger niggers cunt cunts cock whore whores
        slut bitch bitches faggot rape raped rapes rapist porn penis vagina tits asshole bastard bastards kike
        spic dyke suicide orgasm masturbation semen sperm jew jews negro negroes heroin cocaine sex sexual
        sexually naked nude pornography erotic""")
)
# Jokes about peoples and sexes, drawings, other languages, code.
SKIPPED_FORTUNES = frozenset({"ethnic", "men-women", "drugs", "ascii-art", "translate-me", "perl"})

_TOKEN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")
_QUOTED = re.compile(r'"([^"]*)"')
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z])")
_ENDINGS = ".?!"


def words(sentence: str) -> list[str]:
    """The words in lower case: "I'm here, Ann." -> ["i'm", "here", "ann"]."""
    return _TOKEN.findall(sentence.lower())


def key(sentence: str) -> str:
    """What makes two sentences the same: their words, without case and punctuation."""
    return " ".join(words(sentence))


def clean(raw: str) -> str | None:
    """The sentence in the form of this module, or None where it is not plain English prose of 3 to 20 words."""
    text = raw.strip().replace("`", "'").replace("\u2019", "'")
    ending = text[-1:] if text[-1:] in _ENDINGS else "."
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text.rstrip(_ENDINGS + " "))
    tokens = text.split()
    if not MIN_WORDS <= len(tokens) <= MAX_WORDS or not all(map(_speakable, tokens[:-1])) or text.endswith(","):
        return None
    if not _speakable(tokens[-1]) or sum(_named(token) for token in tokens[1:]) > 0.4 * len(tokens):
        return None  # the second: titles and verse
    text = " ".join(tokens)
    return text[0].upper() + text[1:] + ending


def _speakable(token: str) -> bool:
    bare = token.removesuffix(",")
    if not _TOKEN.fullmatch(bare) or len(bare) > 16:
        return False
    lower = bare.lower()
    if lower in ABBREVIATIONS or lower in BLOCKED or not re.search("[aeiouy]", lower):
        return False
    if len(lower) == 1 and bare not in ("a", "A", "I"):
        return False
    return bare == lower or bare[0] + bare[1:].lower() == bare


def _named(token: str) -> bool:
    """Whether a word inside a sentence has a capital: a name. "I" and "I'm" are not."""
    return token[0].isupper() and token.split("'")[0].rstrip(",") != "I"


def wordnet_sentences(folder: pathlib.Path) -> list[str]:
    """The quoted examples in the glosses of `folder`/data.*; sorted files, file order, no duplicates.

    A gloss: `... | expel air; "Exhale when you lift the weight"`.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.glob("data.*")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            for example in _QUOTED.findall(line.partition(" | ")[2]):
                _keep(found, _SENTENCE_END.split(example.strip()))
    return list(found.values())


def fortune_sentences(folder: pathlib.Path) -> list[str]:
    """The sentences of the fortune files in `folder`; sorted files, file order, no duplicates."""
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.suffix or path.name in SKIPPED_FORTUNES:
            continue  # NAME.dat is the index of NAME, NAME.u8 a link to it
        for fortune in re.split(r"^%\s*$", path.read_text(encoding="utf-8", errors="replace"), flags=re.MULTILINE):
            prose = re.split(r"^\s*--", fortune, maxsplit=1, flags=re.MULTILINE)[0]  # then whose it is
            for part in _SENTENCE_END.split(" ".join(prose.split())):
                part = part.strip('" ')
                if part[:1].isupper() and part[-1:] in _ENDINGS:  # else a headline, or a list
                    _keep(found, [part])
    return list(found.values())


def _keep(found: dict[str, str], parts: Iterable[str]) -> None:
    for part in parts:
        if sentence := clean(part):
            found.setdefault(key(sentence), sentence)


def ranked_words(cntlist: pathlib.Path, sentences: Sequence[str], number: int) -> list[str]:
    """The `number` most common words of three letters or more, best first, in their usual case ("Monday").

    A word's rank is the sum of its shares in WordNet's tag counts (lines `lemma%1:23:00:: sense count`) and in the
    words of `sentences`. The tag counts know dictionary forms only, the sentences the inflected ones.
    """
    tags: Counter[str] = Counter()
    for line in cntlist.read_text(encoding="utf-8", errors="replace").splitlines():
        sense, _, count = line.split(" ")
        tags[sense.partition("%")[0]] += int(count)
    inside: Counter[str] = Counter()
    lower: Counter[str] = Counter()
    for sentence in sentences:
        tokens = _TOKEN.findall(sentence)
        inside.update(token.lower() for token in tokens)
        lower.update(token for token in tokens[1:] if token[0].islower())
        lower.subtract(token.lower() for token in tokens[1:] if token[0].isupper())
    all_tags, all_inside = max(1, tags.total()), max(1, inside.total())
    good = (word for word in {*tags, *inside} if len(word) >= 3 and word.isalpha() and _speakable(word))
    best = sorted(good, key=lambda w: (-tags[w] / all_tags - inside[w] / all_inside, w))[:number]
    return [word.capitalize() if lower[word] < 0 else word for word in best]


_LINKS = _words("""the the the a of and in with for to from on at by or but his her their our my your this that
    these some every no not is was were has will can under over after before between without about into near
    through than as if when while because so very too only still never""")


def word_string(content: Sequence[str], rng: random.Random) -> str:
    """`content` (3 to 6 words, as `ranked_words` gives them) mixed with function words: no sense, any word anywhere."""
    out: list[str] = []
    for index, word in enumerate(content):
        if index and rng.random() < 0.15:
            out[-1] += ","
        if rng.random() < 0.6:
            out.append(rng.choice(_LINKS))
        out.append(word)
    text = " ".join(out)
    return text[0].upper() + text[1:] + rng.choices(_ENDINGS, (0.8, 0.14, 0.06))[0]


_JOINTS = (", and ", ", but ", ", so ", " because ", ", although ", " while ")


def template_sentences(number: int, rng: random.Random) -> list[str]:
    """About `number` different everyday sentences, short ones and joined ones of up to 20 words."""
    statements = _lines(STATEMENTS)
    kinds = (statements, _lines(QUESTIONS), _lines(COMMANDS))
    found: dict[str, str] = {}
    for _ in range(number * 3):
        if len(found) >= number:
            break
        kind = rng.choices((0, 1, 2, 3), (0.42, 0.24, 0.12, 0.22))[0]
        if kind < 3:
            raw = _fill(rng.choice(kinds[kind]), rng)
        else:
            first, second = (_fill(rng.choice(statements), rng).rstrip(".") for _ in range(2))
            head = second.split("'")[0].split()[0]
            if head != "I" and head not in SLOTS["name"]:
                second = second[0].lower() + second[1:]
            raw = first + rng.choice(_JOINTS) + second + "."
        _keep(found, [raw])
    return list(found.values())


def _lines(text: str) -> list[str]:
    return [line for line in text.strip().splitlines() if line]


def _fill(template: str, rng: random.Random) -> str:
    """{slot} by one of its words; an/a is set right afterwards."""
    text = re.sub(r"\{(\w+)\}", lambda match: rng.choice(SLOTS[match[1]]), template)
    text = re.sub(r"\b([Aa]) (?=[aeio]|un(?!i)|hour)", r"\1n ", text)
    return text[0].upper() + text[1:]


def _tens() -> list[str]:
    tens = _words("twenty thirty forty fifty sixty seventy eighty ninety")
    ones = _words("one two three four five six seven eight nine")
    return tens + [f"{ten} {one}" for ten, one in itertools.product(tens, ones)]


SLOTS: dict[str, list[str]] = {
    "name": _words("""Anna Ben Carol David Emma Frank Grace Henry Isabel Jack Kate Leo Maria Nick Olivia Peter
        Rachel Sam Tom Lucy Mary John James Robert Michael William Linda Susan Karen Nancy Lisa Paul Mark George
        Laura Sarah Alice Daniel Steven Julia Martin Simon Helen Jane Kevin Brian Sophie Oliver Charlie Amy Rose
        Victor Diana Adam Eve"""),
    "day": _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    "month": _words("""January February March April May June July August September October November December"""),
    "ordinal": _phrases("""first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, eleventh,
        twelfth, thirteenth, fourteenth, fifteenth, sixteenth, seventeenth, eighteenth, nineteenth, twentieth,
        twenty first, twenty second, twenty third, twenty fourth, twenty fifth, thirtieth, thirty first"""),
    "few": _words("two three four five six seven eight nine ten eleven twelve"),
    "number": _words("""two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
        sixteen seventeen eighteen nineteen""")
    + _tens()
    + _phrases("a hundred, two hundred, three thousand, a million"),
    "who": _words("I you we they"),
    "heshe": _words("he she"),
    "my": _words("my your his her our their"),
    "them": _words("me him her us them you"),
    "family": _words("""mother father sister brother uncle aunt cousin grandmother grandfather daughter son wife
        husband nephew niece neighbour friend boss teacher doctor dog cat baby"""),
    "food": _words("""bread cheese soup rice salad chicken fish pasta pizza chocolate cake fruit breakfast lunch
        dinner butter honey pepper salt sugar garlic tomatoes potatoes apples oranges bananas mushrooms noodles"""),
    "drink": _words("coffee tea water milk juice beer wine lemonade"),
    "weather": _words("sunny rainy cloudy windy cold hot warm foggy snowy stormy cool dry wet mild"),
    "adj": _words("""good bad big small long short new old young happy sad easy hard quick slow strong weak rich
        poor quiet loud clean dirty bright dark heavy light cheap expensive famous strange simple beautiful ugly
        funny serious careful brave gentle honest lazy clever curious nervous proud busy tired hungry angry calm
        friendly lovely"""),
    "colour": _words("red blue green yellow black white brown grey orange purple pink golden silver"),
    "thing": _words("""book car phone key bag letter picture chair table window door clock lamp computer camera
        ticket bicycle coat hat shoe box bottle cup plate knife spoon pencil newspaper guitar piano umbrella
        mirror blanket garden house boat train machine song story game question answer idea plan"""),
    "place": _phrases("""the station, the airport, the market, the school, the office, the library, the
        hospital, the beach, the park, the river, the museum, the village, the city, the kitchen, the garden,
        the church, the bank, the restaurant, the theatre, the forest, the mountains, the harbour, the hotel,
        the post office, the bridge"""),
    "city": _words("""London Paris Berlin Rome Madrid Boston Chicago Dublin Vienna Tokyo Moscow Cairo Sydney
        Toronto Lisbon Athens Dallas Denver Edinburgh"""),
    "job": _words("""teacher doctor nurse farmer driver writer painter singer engineer lawyer baker soldier
        student pilot waiter cook carpenter plumber dentist judge sailor actor"""),
    "time": _phrases("""today, tomorrow, tonight, this morning, this evening, next week, next month, on the
        weekend, after lunch, before dinner, in the afternoon, at noon, at midnight, every day, in the spring,
        in the summer, next year, right away, later, soon"""),
    "past": _phrases("""yesterday, last night, last week, last year, this morning, a long time ago, an hour ago,
        two days ago, last summer, in the winter, before breakfast, on my birthday"""),
    "verb": _words("""find open close sell buy borrow fix paint carry bring move clean keep lose forget remember
        see show hide break choose leave watch draw need like want"""),
    "verbed": _words("""found opened closed sold bought borrowed fixed painted carried brought moved cleaned
        kept lost forgot remembered saw showed hid broke chose left watched drew needed liked wanted"""),
    "doing": _phrases("""reading, cooking, sleeping, working, singing, dancing, swimming, running, laughing,
        waiting, talking, driving, painting, writing a letter, playing the piano, watching television, learning
        French, cleaning the house, looking for the keys, walking the dog, making coffee, fixing the roof"""),
    "do": _phrases("""read, cook, sleep, work, sing, dance, swim, run, laugh, wait, talk, drive, paint, write a
        letter, play the piano, watch television, learn French, clean the house, look for the keys, walk the
        dog, make coffee, fix the roof, go home, stay here, ask for help, take a break, pay the bill, leave
        early, call the doctor"""),
    "how": _words("""slowly quickly carefully quietly again alone together happily suddenly often always never
        well badly"""),
}

STATEMENTS = """
I'm {doing} {time}.
I'm not {doing}, I'm {doing}.
{who} don't want to {do} {time}.
We'll {do} {time}, if it isn't too {weather}.
{heshe} doesn't {verb} the {adj} {thing}.
They're {doing} with {name} and {name}.
You're the {adj} {job} I told {them} about.
It's {weather} in {city} {time}.
It was {adj} and {weather} {past}.
The {thing} is {adj}, but the {thing} is {adj}.
{name} {verbed} {my} {colour} {thing} {past}.
{name} will {do} on {day}.
{name} said that {heshe} can't {do} {time}.
{name} has {number} {adj} friends in {city}.
My {family} is a {adj} {job} from {city}.
{my} {family} was born on the {ordinal} of {month}.
The train to {city} leaves in {number} minutes.
The meeting is on {day}, the {ordinal} of {month}.
We ate {food} and {food} near {place}.
{heshe} drinks {drink} with {food} every {day}.
There are {number} people at {place}.
There's a {adj} {thing} on the {colour} {thing}.
I've never been to {city} in {month}.
I've {verbed} the {thing} at {place}.
That {adj} {job} {verbed} {them} {past}.
This {thing} costs {number} dollars.
I think {name} is {doing} at {place}.
{who} can't {verb} {my} {thing} {how}.
{who} could {do} {time}, {name} said.
If you {do}, I'll {do}.
When {name} was {few} years old, {heshe} {verbed} a {thing}.
The {weather} weather made {my} {family} {adj}.
Nobody wants to {do} at {place}.
Everybody was {doing} when the {thing} fell.
My {family} and I walked to {place} {past}.
She's {adj}, he's {adj}, and they're {doing}.
It took us {number} hours to {do}.
The {job} spoke {how} to {my} {family}.
Thank you for the {adj} {food}, {name}.
We haven't seen {name} since {month}.
The {colour} {thing} belongs to {my} {family}.
{name} wants {few} cups of {drink} and some {food}.
I'd like some {food} and a glass of {drink}, please.
The weather will be {weather} and {weather} on {day}.
A {adj} {thing} is better than a {adj} {thing}.
Neither {name} nor {name} likes {food}.
It's {number} miles from {city} to {place}.
I shouldn't have {verbed} that {thing}.
"""

QUESTIONS = """
What are you {doing} {time}?
What's {my} {family} {doing} at {place}?
Where did {name} {verb} the {thing}?
Where's the {adj} {thing}, {name}?
When will {name} {do}?
Why don't we {do} {time}?
Why is the {thing} so {adj}?
Who {verbed} {my} {thing} {past}?
Whose {colour} {thing} is this?
Which {thing} do you want, the {colour} one or the {colour} one?
How many {food} and {food} salads did you eat?
How are you, {name}, and how is {my} {family}?
How far is it from {place} to {place}?
How much is the {adj} {thing}?
Can you {do} for {them}, please?
Could {name} {do} on the {ordinal}?
Would you like some {drink} or {food}?
Do you know the {adj} {job} from {city}?
Did {who} {verb} the {thing} {how}?
Is it {weather} at {place}?
Are {name} and {name} {doing}?
Haven't you {verbed} the {colour} {thing} yet?
Isn't {name} {doing} with {my} {family}?
Will it be {weather} in {city} {time}?
Shall we {do} on {day}, or on {day}?
Does {my} {family} live near {place}?
Have you ever been to {city}?
"""

COMMANDS = """
Please {verb} the {colour} {thing}.
Don't {do} {how}.
Don't {verb} {my} {thing}, {name}.
Let's {do} {time}.
Let's go to {place} and {do}.
Come to {place} on {day}, please.
Give {them} the {thing} and {do}.
Bring {number} bottles of {drink} to {place}.
Put the {thing} under the {adj} {thing}.
Tell {name} that we're {doing}.
Never {do} when it's {weather}!
Be {adj}, be {adj}, and {do}!
Look at that {adj} {thing}!
Wait for {my} {family} at {place}.
Try the {food} with a little {food}.
Turn left at {place}, then go straight to {place}.
What a {adj} {thing} {name} {verbed}!
"""
