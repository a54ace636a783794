"""The byte-pair front-end of IndexTTS-2: normalised, split at ideographs, upper-cased, cut into SentencePiece pieces.

    say你好 ─ normalize ─ split, capitals ─► SAY 你 好 ─ SentencePiece ─► ▁SAY ▁ 你 ▁ 好 ─► ids

Every ideograph is a word of its own and costs two pieces.
"""

import copy
import pathlib
import re
from collections.abc import Sequence

from sentencepiece import SentencePieceProcessor

from indextts2_jax.errors import CheckpointError
from indextts2_jax.text.bpe.normalize import TextNormalizer
from indextts2_jax.text.bpe.segment import split_segments
from indextts2_jax.text.characters import check_characters
from indextts2_jax.text.glossary import Glossary, Language
from indextts2_jax.text.pace import spelled_seconds

# Blocks of Hangul, CJK and Kana letters, each character a word of its own
CJK = re.compile(
    r"([\u1100-\u11ff\u2e80-\ua4cf\ua840-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff65-\uffdc\U00020000-\U0002ffff])"
)


class BpeFrontend:
    """`TextFrontend` over a SentencePiece model, given as a file or as what a file holds (indextts/utils/front.py,
    TextTokenizer).

    Raises `CheckpointError` for a model that is missing or is none, `ConfigError` for a glossary that is none.
    """

    def __init__(self, tokenizer: bytes | str | pathlib.Path, glossary: Glossary | None = None):
        self._pieces = _load(tokenizer)
        self._normalizer = TextNormalizer(glossary)
        self._language: Language | None = None

    def prepare(self, text: str) -> str:
        """See `TextNormalizer.prepare`."""
        return self._normalizer.prepare(text)

    def reading(self, english: str) -> "BpeFrontend":
        """The same over the same tokenizer, reading English so (see `TextNormalizer`)."""
        other = copy.copy(self)
        other._normalizer = self._normalizer.reading(english)
        return other

    @property
    def vocab_size(self) -> int:
        """12000 for the published model; 0 and 1 are start and stop, 2 stands for every piece that is unknown."""
        return self._pieces.get_piece_size()

    def normalize(self, text: str) -> str:
        """The text as spoken; see `TextNormalizer.normalize`."""
        return self._normalizer.normalize(text, self._language)

    def tokenize(self, text: str) -> list[str]:
        """Pieces of a text as it is written; `[]` for an empty one.

        A text of a single character (spaces aside) is neither normalised nor upper-cased, as in the official code:
        "A" is a piece, "a" is unknown, "5" stays a digit; but see `within`. Raises `TextError` for text that is not
        valid Unicode.
        """
        if len(text.strip()) > 1 or (self._language and self._is_lost(text.strip())):
            text = split_ideographs(self.normalize(text))
        if not text:
            return []
        check_characters(text)
        return self._pieces.encode(text, out_type=str)

    def within(self, text: str) -> "BpeFrontend":
        """The front-end for pieces of `text`: departs from the official code for pieces that it never sees.

        A single letter or digit that the vocabulary lacks is normalised like any other text, and a piece without a
        letter of either language is read in that of `text`: "3" between two pauses of an English text is "three". All
        else is read as without.
        """
        piece = copy.copy(self)
        piece._language = self._normalizer.language(text)
        return piece

    def _is_lost(self, text: str) -> bool:
        return text.isalnum() and bool(self.unknown(self._pieces.encode(text, out_type=str)))

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """The id of every piece, that of <unk> for unknown ones."""
        return [self._pieces.piece_to_id(token) for token in tokens]

    def segments(self, tokens: Sequence[str], max_tokens: int, quick_tokens: int = 0) -> list[list[str]]:
        """See `segment.split_segments`."""
        return split_segments(tokens, max_tokens, quick_tokens)

    def unknown(self, tokens: Sequence[str]) -> list[str]:
        """The pieces that become <unk>, in order."""
        unk = self._pieces.unk_id()
        return [token for token, number in zip(tokens, self.encode(tokens), strict=True) if number == unk]

    def seconds(self, tokens: Sequence[str]) -> float:
        """See `pace.spelled_seconds`."""
        return spelled_seconds(tokens)


def split_ideographs(text: str) -> str:
    """Capitals, with every ideograph a word of its own: "你好 hello" -> "你 好 HELLO"."""
    parts = (part.strip() for part in CJK.split(text.strip()))
    return " ".join(part.upper() for part in parts if part)


def _load(tokenizer: bytes | str | pathlib.Path) -> SentencePieceProcessor:
    where = "The tokenizer"
    if not isinstance(tokenizer, bytes):
        where = f"The tokenizer {tokenizer}"
        try:
            tokenizer = pathlib.Path(tokenizer).read_bytes()
        except OSError as error:
            raise CheckpointError(f"{where} cannot be read: {error.strerror or error}.") from error
    try:
        if not tokenizer:
            raise RuntimeError("it is empty")
        return SentencePieceProcessor(model_proto=tokenizer)
    except RuntimeError as error:
        raise CheckpointError(f"{where} is not a SentencePiece model (bpe.model is expected).") from error
