"""What the pipeline asks of a text front-end, and the choice of one by name."""

import itertools
import pathlib
import re
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from indextts2_jax.config import TextConfig
from indextts2_jax.errors import ConfigError, TextError
from indextts2_jax.text.glossary import Glossary


@runtime_checkable
class TextFrontend(Protocol):
    """Text -> token ids, in steps that a caller can look at."""

    def prepare(self, text: str) -> str:
        """A whole text before it is cut at pauses and paragraphs: without what is not spoken, e.g. markup."""
        ...

    def reading(self, english: str) -> "TextFrontend":
        """The same front-end, reading English as `TextConfig.english` says: "reference" or "careful"."""
        ...

    @property
    def vocab_size(self) -> int:
        """Every id is below it."""
        ...

    def normalize(self, text: str) -> str:
        """The text as it is spoken."""
        ...

    def tokenize(self, text: str) -> list[str]:
        """Tokens of a text as it is written (it is normalised here). Empty for an empty text."""
        ...

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """The id of every token."""
        ...

    def within(self, text: str) -> "TextFrontend":
        """The front-end for pieces of `text`, which lie between pauses, paragraphs or cuts (or are all of it).

        What a piece alone does not tell, such as the language of "3", the text does.
        """
        ...

    def segments(self, tokens: Sequence[str], max_tokens: int, quick_tokens: int = 0) -> list[list[str]]:
        """The tokens in segments of about `max_tokens`, each to be synthesised by itself."""
        ...

    def unknown(self, tokens: Sequence[str]) -> list[str]:
        """Those of the tokens, in order, that the vocabulary lacks: the model does not learn what they were."""
        ...

    def seconds(self, tokens: Sequence[str]) -> float:
        """About how long they take to speak (`pace.py`)."""
        ...


@runtime_checkable
class MultilingualFrontend(TextFrontend, Protocol):
    """One that is told the language of a text, or tells it by itself, and begins each segment with a token for it."""

    def configured(self, how: TextConfig) -> "MultilingualFrontend":
        """The same front-end, reading as all settings say."""
        ...

    def speaking(self, language: str) -> "MultilingualFrontend":
        """The same front-end, reading all texts in a language."""
        ...

    def language(self, text: str) -> str:
        """The language that a text is read in."""
        ...

    def written(self, tokens: Sequence[str]) -> str:
        """The text that they stand for, without what is no text."""
        ...


def configured(frontend: TextFrontend, how: TextConfig) -> TextFrontend:
    """The same front-end, reading as the settings say: what concerns it of them."""
    if isinstance(frontend, MultilingualFrontend):
        return frontend.configured(how)
    return frontend.reading(how.english)


def build_frontend(kind: str, tokenizer: bytes | str | pathlib.Path, glossary: Glossary | None = None) -> TextFrontend:
    """The front-end that `ModelConfig.text_frontend` names, over its tokenizer (a file, or what a file holds).

    Raises `ConfigError` for a name that is not known, `CheckpointError` for a tokenizer that cannot be used.
    """
    if kind == "bpe":
        from indextts2_jax.text.bpe.frontend import BpeFrontend

        return BpeFrontend(tokenizer, glossary)
    if kind == "phonemes":
        from indextts2_jax.text.phonemes.frontend import PhonemeFrontend

        return PhonemeFrontend(tokenizer, glossary)
    if kind == "tiktoken":
        from indextts2_jax.text.tiktoken.frontend import TiktokenFrontend

        return TiktokenFrontend(tokenizer, glossary)
    raise ConfigError(f"text_frontend is {kind!r}, but only 'bpe', 'phonemes' and 'tiktoken' are known.")


_BEGINNING = re.compile(r"▁|<\||[\u3400-\u9fff\uf900-\ufaff]|<0x[EF]")
"""Of a token that a word may begin with; the last are the first byte of a character of no alphabet."""
_SPECIAL = re.compile(r"<\|[^|]*\|>")


def words(tokens: Sequence[str]) -> list[tuple[int, int]]:
    """The words of a segment as ranges [begin, end) of its tokens, in order.

    One begins at a token that begins with ▁, as those of all front-ends do; an ideograph is one by itself, or a token
    of several is. Punctuation and special tokens belong to none.
    """
    before = ["", *tokens]  # a ▁ by itself is the beginning of what follows it
    begins = [i for i, token in enumerate(tokens) if not i or (_BEGINNING.match(token) and before[i] != "▁")]
    begins.append(len(tokens))
    found = []
    for begin, end in itertools.pairwise(begins):
        while end > begin and not any(map(str.isalnum, _SPECIAL.sub("", tokens[end - 1]))):
            end -= 1
        if end > begin:
            found.append((begin, end))
    return found


def is_speakable(frontend: TextFrontend, tokens: Sequence[str]) -> bool:
    """Whether there is something to speak: a token with a letter or a digit that the vocabulary has.

    Punctuation alone is silence.
    """
    if isinstance(frontend, MultilingualFrontend):
        return any(map(str.isalnum, frontend.written(tokens)))
    lost = set(frontend.unknown(tokens))
    return any(character.isalnum() for token in tokens if token not in lost for character in token)


def check_speakable(frontend: TextFrontend, text: str, tokens: Sequence[str]) -> None:
    """Raises `TextError` where `tokens`, made from `text`, hold nothing to speak (`is_speakable`)."""
    if not text.strip():
        raise TextError("The text is empty: there is nothing to speak.")
    if is_speakable(frontend, tokens):
        return
    unknown = frontend.unknown(tokens)
    shown = repr(text if len(text) <= 40 else text[:40] + "…")
    if any(character.isalnum() for token in unknown for character in token):
        raise TextError(f"The tokenizer knows no character of the text {shown}: there is nothing to speak.")
    raise TextError(f"The text {shown} has no letter or digit that can be spoken.")
