"""The phoneme front-end, for small English models: words become CMUdict phonemes, punctuation becomes , . ? or !

    Café №5… ─ glossary ─ English reader ─ fold ─ tidy ─► Cafe number five. ─ pronounce ─► ▁K AH0 F EY1 ... V . ─► ids

Ids: 0 start, 1 stop, 2 unknown, 3 to 6 the punctuation , . ? ! and 7 to 75 `pronounce.PHONEMES` in their order. The
mark ▁ on the first phoneme of a word is for people and for `segments`; it carries no id. Where the file says so,
function words are weak (`weak_forms.py`).
"""

import logging
import pathlib
import re
from collections.abc import Container, Iterator, Sequence

from indextts2_jax.errors import ConfigError
from indextts2_jax.text.characters import check_characters
from indextts2_jax.text.english import markup, numbers, reader
from indextts2_jax.text.english.tables import listed
from indextts2_jax.text.glossary import Glossary, GlossaryRewriter
from indextts2_jax.text.pace import SECONDS_PER_MARK, SECONDS_PER_PHONEME
from indextts2_jax.text.phonemes import spelling
from indextts2_jax.text.phonemes.pronounce import LISTED, PHONEMES, SOUND_CODES, add_s, decode, read_pronouncer, spell
from indextts2_jax.text.phonemes.weak_forms import WORD, weaken_all

logger = logging.getLogger(__name__)

PUNCTUATION = (",", ".", "?", "!")  # in the order of their ids
UNKNOWN = 2
IDS = {token: UNKNOWN + 1 + i for i, token in enumerate([*PUNCTUATION, *PHONEMES])}
SENTENCE_ENDS = frozenset(".?!")
STRONGEST = "?!.,"  # of adjacent punctuation the first of these stays

# A word in Latin letters, a digit, punctuation, or a run of characters that nobody taught us to read
PART = re.compile(r"(?<!')'*+[A-Za-z][A-Za-z']*|[A-Za-z][A-Za-z']*|[0-9]|[,.?!]|[^\s\x00-\x7f]+")
NO_NOUNS = frozenset(listed("and or to is was has plus minus times equals than squared cubed sharp flat"))
NUMBERS = frozenset(word for number in range(100) for word in numbers.cardinal(number).split()[:1])
LONGEST = 64  # letters of a word; what is longer is cut, so that no rule takes long over it
# iPhone, TensorFlow, but not CPUs
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
ACRONYM = re.compile(r"([A-Z]{2,})(s?)")
SPELLED = frozenset(["US", "UN"])  # although they are words too


class PhonemeFrontend:
    """`TextFrontend` over a file that `lexicon.build_lexicon` made, given as a path or as what the file holds.

    Raises `CheckpointError` for a file that is missing, damaged or none, `ConfigError` for a glossary that is none.
    """

    def __init__(self, tokenizer: bytes | str | pathlib.Path, glossary: Glossary | None = None):
        self._pronouncer = read_pronouncer(tokenizer)
        self._glossary = GlossaryRewriter(glossary or {})

    def prepare(self, text: str) -> str:
        """The text without Markdown, HTML and SSML, with `[pause:…]` for SSML's breaks."""
        return markup.plain(text)

    def reading(self, english: str) -> "PhonemeFrontend":
        """Itself: it reads English carefully, however it is asked."""
        return self

    @property
    def vocab_size(self) -> int:
        """76: start, stop, unknown, 4 kinds of punctuation, 69 phonemes."""
        return UNKNOWN + 1 + len(IDS)

    def normalize(self, text: str) -> str:
        """The text as spoken: words, single spaces, and , . ? ! with one of the last three at the end.

        It is read as English (`english.reader`), whatever else is in the text. Signs that cannot be read stay, as
        words that are unknown. "" where there is no word. Raises `TextError` for text that is not valid Unicode.
        """
        check_characters(text)
        text = spelling.fold(reader.read(self._glossary(text, "en")))
        return _join(PART.findall(spelling.tidy(text)))

    def tokenize(self, text: str) -> list[str]:
        """Phonemes and punctuation of a text as it is written; `[]` where there is no word.

        The first phoneme of each word begins with ▁, and so does a word in letters that cannot be read, one token.
        """
        parts = PART.findall(self.normalize(text))
        # where everything is in capitals they mark no acronyms; a few words may well be acronyms only
        shouted = len(parts) > 4 and not any(character.islower() for part in parts for character in part)
        said: list[list[str]] = []
        for before, part, after in zip([".", *parts], parts, [*parts, "."][1:], strict=False):
            if part in PUNCTUATION:
                said.append([part])
            elif not part.isascii():
                said.append([WORD + part])
            elif part == "A" and _is_letter_a(before, after):
                said.append(_word(spell(part)))
            else:
                pieces = (part[start : start + LONGEST] for start in range(0, len(part), LONGEST))
                words = [word for piece in pieces for word in self._say(piece, shouted) if word]
                said.append([token for word in words for token in _word(word)])
        if self._pronouncer.weak:
            said = weaken_all(["" if part in PUNCTUATION else part for part in parts], said)
        return [token for tokens in said for token in tokens]

    def within(self, text: str) -> "PhonemeFrontend":
        """Itself: every piece is English."""
        return self

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """The id of every token, 2 for unknown ones."""
        return [IDS.get(token.removeprefix(WORD), UNKNOWN) for token in tokens]

    def segments(self, tokens: Sequence[str], max_tokens: int, quick_tokens: int = 0) -> list[list[str]]:
        """Cuts `tokens` into segments of `max_tokens` (at least 2) at most, each of which ends in punctuation.

        A segment is a sentence: a small model loses what follows the end of one. Where it does not fit, it is cut
        behind commas, else between words, where a comma is added; inside a word only where it does not fit by itself.
        Sentences are short enough for any stream, so `quick_tokens` changes nothing. Signs that are unknown are left
        out: they would be a noise. Raises `ConfigError` where `max_tokens` is too small.
        """
        if max_tokens < 2:
            raise ConfigError(f"max_tokens is {max_tokens}, but a phoneme and a comma need 2.")
        tokens = [token for token in tokens if token in PUNCTUATION or any(map(str.isalnum, token))]
        return [piece for sentence in _behind(tokens, SENTENCE_ENDS) for piece in _cut(sentence, max_tokens)]

    def unknown(self, tokens: Sequence[str]) -> list[str]:
        """The words that cannot be read, in order."""
        return [token for token in tokens if token.removeprefix(WORD) not in IDS]

    def seconds(self, tokens: Sequence[str]) -> float:
        """About how long the tokens take to speak."""
        marks = sum(token in PUNCTUATION for token in tokens)
        return marks * SECONDS_PER_MARK + (len(tokens) - marks) * SECONDS_PER_PHONEME

    # --- words ----------------------------------------------------------------------------------------------------

    def _say(self, written: str, shouted: bool) -> Iterator[str]:
        """The phonemes (a character each) of one word, or of several that are written as one."""
        lexicon = self._pronouncer.lexicon
        if written.isdigit():
            written = numbers.digits(written)
        written = _strip_quotes(written, lexicon)
        word = written.lower()
        if (len(word) == 1 and word not in "ai") or (written in SPELLED and not shouted):
            yield spell(word)
        elif word in SOUND_CODES:
            yield SOUND_CODES[word]
        elif word in lexicon:
            yield lexicon[word]
        elif word.endswith("'s"):
            *before, last = self._say(written[:-2], shouted)
            yield from before
            yield add_s(last)
        elif (acronym := ACRONYM.fullmatch(written)) and not shouted and acronym[2]:
            (letters,) = self._say(acronym[1], shouted)
            yield add_s(letters)
        elif acronym and not shouted and len(written) <= LISTED:
            yield spell(written)
        elif len(halves := CAMEL.split(written)) > 1 and not shouted:
            for half in halves:
                yield from self._say(half, shouted)
        else:
            yield self._pronouncer.pronounce(word)


def _is_letter_a(before: str, after: str) -> bool:
    """Whether a capital A is the letter, not the article: before what is no noun, or before a number in a sentence."""
    if after in PUNCTUATION or after.lower() in NO_NOUNS or _is_letter(before) or _is_letter(after):
        return True
    return after in NUMBERS and before not in SENTENCE_ENDS and before != ","


def _is_letter(part: str) -> bool:
    return len(part) == 1 and "B" <= part <= "Z" and part != "I"


def _word(said: str) -> list[str]:
    first, *others = decode(said)
    return [WORD + first, *others]


def _strip_quotes(written: str, lexicon: Container[str]) -> str:
    """'tis and 'n' keep their apostrophe, 'quoted' words and the dogs' lose what is silent."""
    bare = written.strip("'")
    if len(bare) == 1 or bare.lower() not in lexicon:
        for candidate in ("'" + bare, bare + "'"):
            if candidate in written and candidate.lower() in lexicon:
                return candidate
    return bare


# --- text -----------------------------------------------------------------------------------------------------


def _join(parts: Sequence[str]) -> str:
    """Single spaces, punctuation beside the word before it, no two marks together, an end at the end."""
    joined: list[str] = []
    for part in parts:
        if part not in PUNCTUATION:
            joined.append(part)
        elif joined and joined[-1][-1] not in PUNCTUATION:
            joined[-1] += part
        elif joined:
            mark = min(joined[-1][-1], part, key=STRONGEST.index)
            joined[-1] = joined[-1][:-1] + mark
    if joined and joined[-1][-1] not in SENTENCE_ENDS:
        joined[-1] = joined[-1].removesuffix(",") + "."
    return " ".join(joined)


# --- segments ---------------------------------------------------------------------------------------------------


def _behind(tokens: Sequence[str], ends: Container[str]) -> Iterator[list[str]]:
    gathered: list[str] = []
    for token in tokens:
        gathered.append(token)
        if token in ends:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


def _words(tokens: Sequence[str]) -> Iterator[list[str]]:
    gathered: list[str] = []
    for token in tokens:
        if token.startswith(WORD) and gathered:
            yield gathered
            gathered = []
        gathered.append(token)
    yield gathered


def _closed(tokens: list[str]) -> list[str]:
    return tokens if tokens[-1] in PUNCTUATION else [*tokens, ","]


def _cut(sentence: list[str], max_tokens: int) -> list[list[str]]:
    """Pieces of one sentence, none longer than `max_tokens`, each closed."""
    if len(_closed(sentence)) <= max_tokens:
        return [_closed(sentence)]
    pieces: list[list[str]] = []
    for phrase in _behind(sentence, ","):
        if len(_closed(phrase)) <= max_tokens:
            pieces.append(_closed(phrase))
        else:
            pieces += _cut_phrase(phrase, max_tokens)
    return _merge(pieces, max_tokens)


def _cut_phrase(phrase: list[str], max_tokens: int) -> list[list[str]]:
    pieces: list[list[str]] = [[]]
    for word in _words(phrase):
        if len(_closed(pieces[-1] + word)) <= max_tokens:
            pieces[-1] += word
            continue
        logger.info("The text is cut in the middle of a phrase: no punctuation in %d tokens.", max_tokens)
        step = max_tokens - 1
        while len(_closed(word)) > max_tokens:
            pieces.append(word[:step])
            word = word[step:]
        pieces.append(word)
    return [_closed(piece) for piece in pieces if piece]


def _merge(pieces: Sequence[list[str]], max_tokens: int) -> list[list[str]]:
    merged: list[list[str]] = []
    for piece in pieces:
        if merged and len(merged[-1]) + len(piece) <= max_tokens:
            merged[-1] = merged[-1] + piece
        else:
            merged.append(piece)
    return merged
