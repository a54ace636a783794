"""The front-end of IndexTTS-2.5: five languages over one byte-pair vocabulary.

    ¡Hola! ─ normalize ─► ¡HOLA! ─ split ─► segments ─ "<|es|> " before each, vocabulary ─► ids

The first token of a segment says its language, and the model adds that language's embedding to the whole text.
"""

import copy
import dataclasses
import itertools
import pathlib
import re
from collections.abc import Iterator, Sequence

from indextts2_jax.config import TextConfig
from indextts2_jax.errors import CheckpointError
from indextts2_jax.text.characters import check_characters
from indextts2_jax.text.glossary import Glossary
from indextts2_jax.text.pace import IDEOGRAPH, spelled_seconds
from indextts2_jax.text.tiktoken.languages import CODES, TOKENS, Language
from indextts2_jax.text.tiktoken.normalize import Normalizer
from indextts2_jax.text.tiktoken.script import language_of
from indextts2_jax.text.tiktoken.segment import split_text
from indextts2_jax.text.tiktoken.vocabulary import Vocabulary

MOST_TOKENS = 600
"""Of a segment, its prefix included: the model has positions for no more."""

_LANGUAGE_TOKENS = frozenset(f"<|{code}|>" for code in CODES[:TOKENS])
_SPECIAL = re.compile(r"<\|[^|]*\|>")


class TiktokenFrontend:
    """`TextFrontend` over a vocabulary, given as a file or as what a file holds.

    Raises `CheckpointError` for a vocabulary that is missing or is none, `ConfigError` for a glossary that is none.
    """

    def __init__(self, tokenizer: bytes | str | pathlib.Path, glossary: Glossary | None = None):
        self.vocabulary = _load(tokenizer)
        self._normalizer = Normalizer(glossary)
        self._how = TextConfig()
        self._whole: Language | None = None

    def prepare(self, text: str) -> str:
        """See `Normalizer.prepare`."""
        return self._normalizer.prepare(text)

    def reading(self, english: str) -> "TiktokenFrontend":
        """The same over the same vocabulary, reading English so."""
        return self.configured(dataclasses.replace(self._how, english=english))

    def configured(self, how: TextConfig) -> "TiktokenFrontend":
        """The same over the same vocabulary, reading as the settings say."""
        other = copy.copy(self)
        other._how, other._normalizer = how, self._normalizer.reading(how)
        return other

    def speaking(self, language: str) -> "TiktokenFrontend":
        """The same over the same vocabulary, reading all texts in a language."""
        return self.configured(dataclasses.replace(self._how, language=language))

    @property
    def vocab_size(self) -> int:
        """60509 for the published model; token 0 is "!" and 1 is a quotation mark, which texts never have."""
        return self.vocabulary.size

    def language(self, text: str) -> str:
        """The language that a text is read in: that of the settings, else by its script, else English."""
        if self._how.language != "auto":
            return self._how.language
        return language_of(text, self._whole) or self._whole or "en"

    def normalize(self, text: str) -> str:
        """The text as spoken, as its segments are cut from it."""
        return self._normalizer(text, self.language(text), None if language_of(text) else self._whole)

    def tokenize(self, text: str) -> list[str]:
        """Tokens of a text as it is written, its language's first; `[]` for an empty one.

        Raises `TextError` for text that is not valid Unicode.
        """
        if not text.strip():
            return []
        check_characters(text)
        return self.vocabulary.tokens(_prefix(self.language(text)) + self.normalize(text))

    def within(self, text: str) -> "TiktokenFrontend":
        """The front-end for pieces of `text`: one that has no letter is read in the language of `text`, and one that
        could be of two may be too (`script.language_of`)."""
        piece = copy.copy(self)
        piece._whole = language_of(text)
        return piece

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """The id of every token."""
        return self.vocabulary.ids(tokens)

    def segments(self, tokens: Sequence[str], max_tokens: int, quick_tokens: int = 0) -> list[list[str]]:
        """The tokens in segments, each with its language's token first (`segment.split_text`).

        Pieces of one language that follow one another, those of a long text, are cut as one text.
        The tokens of a segment are those of its text: they differ from `tokens` where a cut parts what was merged.
        """
        made = []
        for language, pieces in itertools.groupby(_runs(tokens), lambda run: run[0]):
            prefix, parted = f"{language} ", [own for _, own in pieces]
            text = _joined(language, [self.vocabulary.text(own).removeprefix(" ") for own in parted])
            budget = min(max_tokens, MOST_TOKENS) - self._count(prefix)
            parts = split_text(
                text, budget, self._count, whole_words=self._how.whole_words, quick_tokens=max(0, quick_tokens)
            )
            made += [self.vocabulary.tokens(prefix + part) for part in parts]
            quick_tokens -= sum(map(len, parted))
        return made

    def unknown(self, tokens: Sequence[str]) -> list[str]:
        """None: every byte is a token."""
        return []

    def written(self, tokens: Sequence[str]) -> str:
        """The text of the tokens, without special ones."""
        return _SPECIAL.sub("", self.vocabulary.text(tokens))

    def seconds(self, tokens: Sequence[str]) -> float:
        """See `pace.spelled_seconds`."""
        return spelled_seconds([self.written(tokens)])

    def _count(self, text: str) -> int:
        return len(self.vocabulary.encode(text))


def _prefix(language: str) -> str:
    return f"<|{language}|> "


def _runs(tokens: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """(a language's token, what follows it up to the next)."""
    starts = [place for place, token in enumerate(tokens) if token in _LANGUAGE_TOKENS]
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        yield tokens[start], list(tokens[start + 1 : end])


def _joined(language: str, texts: Sequence[str]) -> str:
    """Pieces that were stripped, with a space between any two where the script has spaces."""
    whole = ""
    for text in texts:
        solid = language != "<|ja|>" and (IDEOGRAPH.match(whole[-1:]) or IDEOGRAPH.match(text))
        whole += text if solid or not whole else f" {text}"
    return whole


def _load(tokenizer: bytes | str | pathlib.Path) -> Vocabulary:
    if isinstance(tokenizer, bytes):
        return Vocabulary(tokenizer)
    try:
        return Vocabulary(pathlib.Path(tokenizer).read_bytes())
    except OSError as error:
        raise CheckpointError(f"The tokenizer {tokenizer} cannot be read: {error.strerror or error}.") from error
    except CheckpointError as error:
        raise CheckpointError(f"The tokenizer {tokenizer} is not usable: {error}") from None
