"""English sentences for the demo corpus, harvested from WordNet and fortunes, and strings of common words.

Every sentence of the corpus is *clean*: ascii; words of letters and inner apostrophes or hyphens, one space between
them; case and the marks , ; : . ? ! ... " and a dash between spaces kept; a capital at the start, an end at the end; no
digits, no abbreviations.
"""

import pathlib
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from indextts2_jax.training.demo.wordlists import listed

MIN_WORDS, MAX_WORDS = 2, 25  # of a harvested sentence

# A full stop after these ends no sentence, and a synthesiser reads them as other words.
ABBREVIATIONS = frozenset(
    listed("""mr mrs ms dr st jr sr vs etc ie eg prof rev gen col capt sgt lt ave blvd inc ltd co corp dept
        jan feb mar apr jun jul aug sept oct nov dec mt ft lb lbs oz cf ed eds vol pp fig usa uk nyc phd md ii iii iv
        vi vii viii ix xi xii xiii xiv xv xvi al ca sic viz approx tel ext min max tv pm est misc govt rd esq hon""")
)
BLOCKED = frozenset(  # this speech is played to visitors
    listed("""fuck fucks fucked fucking fucker shit shitty bullshit nigger niggers cunt cunts cock whore
        whores slut bitch bitches faggot rape raped rapes rapist porn penis vagina tits asshole bastard bastards kike
        spic dyke suicide orgasm masturbation semen sperm jew jews negro negroes heroin cocaine sex sexual sexually
        naked nude pornography erotic jewish homosexual sodomy incest castrate castrated copulate copulation genitals
        rectum anus intercourse prostitute prostitutes nazi nazis hitler""")
)
# Jokes about peoples and sexes, drawings, other languages, code.
SKIPPED_FORTUNES = frozenset({"ethnic", "men-women", "drugs", "ascii-art", "translate-me", "perl"})

_TOKEN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")
_WRITTEN = re.compile(r'("?)([A-Za-z]+(?:[\'-][A-Za-z]+)*)((?:[,;:]|\.\.\.|[.?!])?"?[,;:.?!]?)')
_QUOTED = re.compile(r'"([^"]*)"')
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z])")
_FOLDED = str.maketrans({"`": "'", "\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-"})
_GLOSS = re.compile(r"(?:a|an|the) [a-z][a-z ,'-]+[a-z]")
_ENDINGS = ".?!"
_HUMMED = frozenset(["hm", "hmm", "shh"])  # words without a vowel


def words(sentence: str) -> list[str]:
    """The words in lower case: "I'm here, Ann." -> ["i'm", "here", "ann"]."""
    return _TOKEN.findall(sentence.lower())


def key(sentence: str) -> str:
    """What makes two sentences the same: their words, without case and punctuation."""
    return " ".join(words(sentence))


def keys(text: str) -> set[str]:
    """The `key` of the text and of every sentence in it."""
    parts = re.split(r"(?<=[.?!])[\"\s]+", text)
    return {key(text), *filter(None, map(key, parts))}


def clean(raw: str, least: int = MIN_WORDS, most: int = MAX_WORDS) -> str | None:
    """The sentence in the form of this module, or None where it is not plain English prose of that many words."""
    text = re.sub(r"\s+(?:-{1,3}|\u2014)\s+|\u2014|(?<=\w)--(?=\w)", " - ", raw.strip().translate(_FOLDED))
    text = " ".join(text.split()).rstrip(",;: ")
    if not text.rstrip('"').endswith(tuple(_ENDINGS)):
        text += "."
    tokens = [token for token in text.split() if token != "-"]
    if not least <= len(words(text)) <= most or text.count('"') % 2 or text.startswith("- ") or not tokens:
        return None
    found = [_WRITTEN.fullmatch(token) for token in tokens]
    if not all(match and _speakable(match[2]) for match in found) or not _quoted_well(text):
        return None
    if sum(_named(token) for token in tokens[1:]) > 0.4 * len(tokens) + 1:
        return None  # titles and verse
    start = 1 if text[0] == '"' else 0
    return text[:start] + text[start].upper() + text[start + 1 :]


def _quoted_well(text: str) -> bool:
    """Whether quotation marks open before words and close behind them, in turn."""
    places = [place for place, character in enumerate(text) if character == '"']
    return all((place == 0 or text[place - 1] == " ") is (turn % 2 == 0) for turn, place in enumerate(places))


def _speakable(token: str) -> bool:
    return all(map(_plain, token.split("-"))) and (token[0].isupper() or token == token.lower())


def _plain(word: str) -> bool:
    lower = word.lower()
    if (
        len(word) > 16
        or lower in ABBREVIATIONS
        or lower in BLOCKED
        or not (lower in _HUMMED or re.search("[aeiouy]", lower))
    ):
        return False
    if len(lower) == 1 and word not in ("a", "A", "I"):
        return False
    return word == lower or word[0] + word[1:].lower() == word


def _named(token: str) -> bool:
    """Whether a word inside a sentence has a capital: a name. "I" and "I'm" are not."""
    return token[0].isupper() and re.split(r"\W", token)[0] != "I"


def wordnet_sentences(folder: pathlib.Path) -> list[str]:
    """The quoted examples in the glosses of `folder`/data.*; sorted files, file order, no duplicates.

    A gloss: `... | expel air; "Exhale when you lift the weight"`.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.glob("data.*")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            for example in _QUOTED.findall(line.partition(" | ")[2]):
                keep(found, _SENTENCE_END.split(example.strip()))
    return list(found.values())


def wordnet_meanings(folder: pathlib.Path, common: Iterable[str]) -> list[str]:
    """What common nouns mean, as sentences: "Kettle: a metal pot for boiling water."."""
    wanted = set(common)
    found: dict[str, str] = {}
    for line in (folder / "data.noun").read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split(" ")
        if line.startswith("  ") or len(fields) < 5 or fields[4] not in wanted:
            continue
        gloss = line.partition(" | ")[2].partition(";")[0].strip()
        if _GLOSS.fullmatch(gloss) and len(gloss.split()) <= 16:
            keep(found, [f"{fields[4]}: {gloss}."])
    return list(found.values())


def fortune_sentences(folder: pathlib.Path) -> list[str]:
    """The sentences of the fortune files in `folder`, and pairs of them that follow one another; no duplicates."""
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.suffix or path.name in SKIPPED_FORTUNES:
            continue  # NAME.dat is the index of NAME, NAME.u8 a link to it
        for fortune in re.split(r"^%\s*$", path.read_text(encoding="utf-8", errors="replace"), flags=re.MULTILINE):
            prose = re.split(r"^\s*--", fortune, maxsplit=1, flags=re.MULTILINE)[0]  # then whose it is
            parts = [part.strip() for part in _SENTENCE_END.split(" ".join(prose.split()))]
            for part in parts:
                plain = part if part.count('"') == 2 else part.strip('" ')
                if plain.lstrip('"')[:1].isupper() and plain.rstrip('"')[-1:] in _ENDINGS:  # else a headline, or a list
                    keep(found, [plain])
    return list(found.values())


def keep(found: dict[str, str], parts: Iterable[str], least: int = MIN_WORDS, most: int = MAX_WORDS) -> None:
    """Adds those that are clean and new to `found`, by their key."""
    for part in parts:
        if sentence := clean(part, least, most):
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


_LINKS = listed("""the the the a of and in with for to from on at by or but his her their our my your this that
    these some every no not is was were has will can under over after before between without about into near through
    than as if when while because so very too only still never""")


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
