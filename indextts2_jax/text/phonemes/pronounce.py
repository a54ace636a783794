"""English words -> phonemes: a pronouncing lexicon, then endings, letter names and letter-to-sound rules.

    word ─ in the lexicon? ─ a known stem and an ending? ─ no vowel: the names of its letters ─ else letter by letter

Compounds need no step of their own: on words held out of CMUdict the letter rules read them better (58 % right) than
their two halves joined (33 %).

`lexicon.build_lexicon` writes the file that is read here: a magic line, the dictionary's copyright notice, then UTF-8
text compressed by xz, its sections (phonemes, words, what they say, contexts, what they say) separated by form feeds.
In files of version 1 words and contexts were front-coded (`_front_decode`), which saved a tenth.
"""

import lzma
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from indextts2_jax.errors import CheckpointError

_CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
_VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"
# ARPAbet as CMUdict writes it; the order fixes the ids of a model and the characters of the file
PHONEMES = (*_CONSONANTS.split(), *(vowel + stress for vowel in _VOWELS.split() for stress in "012"))
FIRST = 48  # "0", the character of the first phoneme
CODES = {phoneme: chr(FIRST + i) for i, phoneme in enumerate(PHONEMES)}
NAMES = {code: phoneme for phoneme, code in CODES.items()}

MAGIC = b"indextts2_jax phonemes 2\n"
MAGIC_1 = b"indextts2_jax phonemes 1\n"
MAGIC_WEAK = b"indextts2_jax phonemes 3\n"
"""As 2, but for a model that was trained on the weak forms of function words."""
XZ = b"\xfd7zXZ\x00"
EDGE = "_"
LISTED = 5  # words of at most so many letters are always in the lexicon: it tells them from acronyms
REACH = 6  # letters on either side that the sound of a letter may depend on, at most

_ALPHABET = """A EY1, B B IY1, C S IY1, D D IY1, E IY1, F EH1 F, G JH IY1, H EY1 CH, I AY1, J JH EY1, K K EY1, L EH1 L,
M EH1 M, N EH1 N, O OW1, P P IY1, Q K Y UW1, R AA1 R, S EH1 S, T T IY1, U Y UW1, V V IY1, W D AH1 B AH0 L Y UW0,
X EH1 K S, Y W AY1, Z Z IY1"""
# Sounds without a vowel, with one: spelled, or said as the dictionary has them, they are not understood
SOUNDS = {"psst": "P IH1 S T", "brr": "B ER1", "grr": "G ER1", "pfft": "P AH0 F", "tsk": "T IH1 S K", "zzz": "Z IH1 Z"}
LETTERS = {letter: said for letter, *said in map(str.split, _ALPHABET.split(","))}
STRESSED = frozenset(code for phoneme, code in CODES.items() if phoneme.endswith("1"))
VOICELESS = frozenset(["P", "T", "K", "F", "TH"])
SIBILANTS = frozenset(["S", "Z", "SH", "ZH", "CH", "JH"])


def encode(phonemes: Iterable[str]) -> str:
    """One character a phoneme. Raises `KeyError` for one that is not in `PHONEMES`."""
    return "".join([CODES[phoneme] for phoneme in phonemes])


def decode(codes: str) -> list[str]:
    """The phonemes again."""
    return [NAMES[code] for code in codes]


SOUND_CODES = {word: encode(said.split()) for word, said in SOUNDS.items()}


def context(word: str, position: int, said: str) -> str:
    """What the sound of a letter may depend on, a character each, what tells most first; 13 long.

    The letter, the next one, the one before, whether a stressed vowel was said, further letters, and the last phoneme.
    `said` holds the phonemes of the letters before. The order was chosen on words held out.
    """
    padded = EDGE * REACH + word + EDGE * REACH
    i = position + REACH
    stressed = "1" if STRESSED.intersection(said) else "0"
    near = padded[i] + padded[i + 1] + padded[i - 1] + stressed + padded[i + 2] + (said[-1:] or EDGE)
    return near + "".join([padded[i + step] for step in (3, 4, -2, 5, -3, 6, -4)])


class Pronouncer:
    """What a word sounds like. Words are lower case, of a-z and apostrophes.

    Args:
      lexicon: word -> phonemes, a character each (`encode`).
      rules: context of a letter, or the beginning of one -> the phonemes of the letter (0, 1 or 2). The longest wins.
      weak: whether function words are weak in a sentence (`weak_forms.py`), as the model was trained.
    """

    def __init__(self, lexicon: Mapping[str, str], rules: Mapping[str, str], weak: bool = False):
        self.lexicon = lexicon
        self.rules = rules
        self.weak = weak

    def pronounce(self, word: str) -> str:
        """Phonemes of any word, a character each; "" only where it has no letter."""
        found = self.lexicon.get(word) or self.from_ending(word)
        if found:
            return found
        bare = word.replace("'", "")
        return self.letter_to_sound(bare) if set(bare) & set("aeiouy") else spell(bare)

    def letter_to_sound(self, word: str) -> str:
        """Letter by letter, a-z only. Never empty for a word: where the rules leave all silent it is spelled."""
        said = ""
        for position in range(len(word)):
            around = context(word, position, said)
            found = (self.rules.get(around[:length]) for length in range(len(around), 0, -1))
            said += next((sounds for sounds in found if sounds is not None), "")
        return said or spell(word)

    def from_ending(self, word: str) -> str:
        """What the lexicon's stem of a word says together with the ending; "" where it has none."""
        stem, apostrophe, clitic = word.rpartition("'")
        if apostrophe:
            add = CLITICS.get(clitic)
            return add(self.pronounce(stem)) if add and stem.strip("'") else ""
        for ending, add in ENDINGS.items():
            if word.endswith(ending):
                for stem in _stems(word.removesuffix(ending), ending):
                    if len(stem) > 2 and stem in self.lexicon:
                        return add(self.lexicon[stem])
        return ""


def spell(word: str) -> str:
    """The names of the letters; other characters are left out."""
    return "".join(encode(LETTERS[letter]) for letter in word.upper() if letter in LETTERS)


def add_s(said: str) -> str:
    """Plural, possessive or third person: cats, dogs, horses."""
    last = NAMES[said[-1]] if said else ""
    return said + encode(["IH0", "Z"] if last in SIBILANTS else ["S"] if last in VOICELESS else ["Z"])


def add_d(said: str) -> str:
    """Past tense: walked, played, landed."""
    last = NAMES[said[-1]] if said else ""
    if last in ("T", "D"):
        return said + encode(["IH0", "D"])
    return said + encode(["T"] if last in VOICELESS or last in ("S", "SH", "CH") else ["D"])


def _adding(*ending: str) -> Callable[[str], str]:
    codes = encode(ending)
    return lambda said: said + codes


CLITICS: dict[str, Callable[[str], str]] = {
    "": _adding(),
    "s": add_s,
    "d": add_d,
    "ll": _adding("AH0", "L"),
    "ve": _adding("V"),
    "re": _adding("ER0"),
    "m": _adding("M"),
    "t": _adding("T"),
}
ENDINGS: dict[str, Callable[[str], str]] = {
    "ed": add_d,
    "s": add_s,
    "ing": _adding("IH0", "NG"),
    "ly": lambda said: said.removesuffix(CODES["L"]) + encode(["L", "IY0"]),
}


def _stems(rest: str, ending: str) -> Iterator[str]:
    """How a stem may be spelled, given the word without its ending, likely ones first: hop -> hope, stopp -> stop."""
    if ending in ("ed", "ing"):
        if re.search("[^aeiou][aeiou][^aeiouwxy]$", rest):
            yield rest + "e"
        yield rest
        if rest[-2:-1] == rest[-1:]:
            yield rest[:-1]
        yield rest + "e"
    elif ending == "s":
        if rest.endswith(("se", "xe", "ze", "che", "she", "oe")):
            yield rest[:-1]
        if not rest.endswith(("s", "i", "u")):
            yield rest
    else:
        yield rest
    if ending in ("ed", "ly") and rest.endswith("i"):
        yield rest[:-1] + "y"
    if ending == "s" and rest.endswith("ie"):
        yield rest[:-2] + "y"


# --- the file -------------------------------------------------------------------------------------------------


def write_pronouncer(pronouncer: Pronouncer, notice: str) -> bytes:
    """The file. `notice` is the copyright notice of the dictionary."""
    words, contexts = sorted(pronouncer.lexicon), sorted(pronouncer.rules)
    said = [pronouncer.lexicon[word] for word in words]
    sounds = [pronouncer.rules[around] for around in contexts]
    lists = ([" ".join(PHONEMES)], words, said, contexts, sounds)
    text = "\f".join("".join(f"{line}\n" for line in lines) for lines in lists)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0}]
    packed = lzma.compress(text.encode(), filters=filters)
    return (MAGIC_WEAK if pronouncer.weak else MAGIC) + notice.strip().encode(errors="replace") + b"\n" + packed


def read_pronouncer(tokenizer: bytes | str | pathlib.Path) -> Pronouncer:
    """What `write_pronouncer` wrote, in any version so far, from a file or from what a file holds.

    Raises `CheckpointError` for a file that is missing, damaged, none, or of another version.
    """
    where = "The tokenizer"
    if not isinstance(tokenizer, bytes):
        where = f"The tokenizer {tokenizer}"
        try:
            tokenizer = pathlib.Path(tokenizer).read_bytes()
        except OSError as error:
            raise CheckpointError(f"{where} cannot be read: {error.strerror or error}.") from error
    if not tokenizer.startswith((MAGIC, MAGIC_1, MAGIC_WEAK)):
        raise CheckpointError(f"{where} is not a phoneme lexicon that this version reads.")
    try:
        packed = tokenizer[tokenizer.index(XZ) :]  # no UTF-8 text before it has its first byte
        sections = lzma.decompress(packed).decode().split("\f")
        phonemes, words, said, contexts, sounds = (section.split("\n")[:-1] for section in sections)
        if phonemes != [" ".join(PHONEMES)]:
            raise ValueError("other phonemes")
        if tokenizer.startswith(MAGIC_1):
            words, contexts = list(_front_decode(words)), list(_front_decode(contexts))
        lexicon = dict(zip(words, said, strict=True))
        rules = dict(zip(contexts, sounds, strict=True))
        if not all(said) or not set("".join(said + sounds)) <= NAMES.keys():
            raise ValueError("no phoneme")
    except (lzma.LZMAError, EOFError, ValueError, IndexError, MemoryError) as error:
        raise CheckpointError(f"{where} is damaged: copy or build it again.") from error
    return Pronouncer(lexicon, rules, tokenizer.startswith(MAGIC_WEAK))


def _front_decode(lines: Iterable[str]) -> Iterator[str]:
    """Of version 1: a line's first character, counted from "0", is how many it shares with the line before."""
    line = ""
    for coded in lines:
        line = line[: ord(coded[0]) - FIRST] + coded[1:]
        yield line
