"""Text as written -> text as the byte-pair vocabulary gets it, by language (indextts/infer_v2_5.py).

    text ─ characters mapped ─ numbers in words ─ case ─ <word|reading> ─ spaces between words ─ <|NAME|> ─► final
             all languages      zh, en, zhen    zh en ja: lower    all          ja              all
                                (es: an option) es: upper

Two orders differ: the characters are mapped before the rules see the text, so that a colon is a comma to them and
"14:30" no time, unless `normalize_first` turns that round.
"""

import copy
import dataclasses
import re

from indextts2_jax.config import TextConfig
from indextts2_jax.text.bpe.normalize import TextNormalizer, map_characters
from indextts2_jax.text.glossary import Glossary
from indextts2_jax.text.tiktoken import japanese, spanish

BY_RULES = ("zh", "en", "zhen")
"""Languages that the rules for Chinese and English read, either as the text has it, whatever the language."""
LOWER, UPPER = ("zh", "en", "zhen", "ja"), ("es",)

TAG = re.compile(r"<([^|>\n]+)\|([^>\n]+)>")
HAN = re.compile(r"[\u4e00-\u9fff]")
KANA = re.compile(r"[\u3040-\u309f]+|[\u30a0-\u30ff]+")
SPECIAL = re.compile(r"<\|([^|]+)\|>")


@dataclasses.dataclass(frozen=True)
class Steps:
    """A text after each step."""

    mapped: str
    normalized: str
    cased: str
    tagged: str
    final: str


class Normalizer:
    """Holds the glossary, which counts for Chinese and English, and how texts are read."""

    def __init__(self, glossary: Glossary | None = None):
        self._rules = TextNormalizer(glossary)
        self._how = TextConfig()

    def reading(self, how: TextConfig) -> "Normalizer":
        """The same, reading as the settings say."""
        other = copy.copy(self)
        other._how, other._rules = how, self._rules.reading(how.english)
        return other

    def prepare(self, text: str) -> str:
        """See `bpe.normalize.TextNormalizer.prepare`."""
        return self._rules.prepare(text)

    def __call__(self, text: str, language: str, whole: str | None = None) -> str:
        """The text as it is cut into segments. `language` and `whole` as of `steps`."""
        return self.steps(text, language, whole=whole).final

    def steps(self, text: str, language: str, by_rules: bool = True, whole: str | None = None) -> Steps:
        """What becomes of a text.

        Args:
          language: a code of `languages.CODES`, or zhen; of those that have no rules the text is left as it is.
          by_rules: False leaves numbers as they are written.
          whole: the language of what the text is a piece of, where it has no letter to tell one by itself.
        Raises:
          ConfigError: what the language needs is not installed.
        """
        language = language.lower()
        mapped = text.replace("\n", " ") if self._how.normalize_first else map_characters(text)
        normalized = self._spoken(mapped, language, whole) if by_rules else mapped
        if self._how.normalize_first:
            normalized = map_characters(normalized)
        cased = normalized
        if language in LOWER:
            cased = normalized.lower()
        elif language in UPPER:
            cased = normalized.upper()
        tagged = TAG.sub(_reading, cased)
        final = japanese.spaced(tagged) if language == "ja" else tagged
        return Steps(mapped, normalized, cased, tagged, SPECIAL.sub(lambda m: f"<|{m[1].upper()}|>", final))

    def _spoken(self, text: str, language: str, whole: str | None) -> str:
        if language in BY_RULES:
            return self._rules.normalize(text, "zh" if whole == "zh" else "en" if whole == "en" else None)
        if language == "es" and self._how.spell_numbers:
            return "".join(_outside_tags(text))
        return text


def _outside_tags(text: str) -> list[str]:
    """Spanish numbers in words, those in <word|reading> left alone."""
    parts, end = [], 0
    for tag in TAG.finditer(text):
        parts += [spanish.spell_numbers(text[end : tag.start()]), tag[0]]
        end = tag.end()
    return [*parts, spanish.spell_numbers(text[end:])]


def _reading(tag: re.Match[str]) -> str:
    """A reading in capitals: between markers, of which Chinese words have another, or as kana without any."""
    word, reading = tag[1], tag[2].upper()
    if KANA.fullmatch(reading):
        return f" {reading} "
    marker = f"<|SPECIAL_TOKEN_{2 if HAN.search(word) else 1}|>"
    return f"{marker}{reading}{marker}"
