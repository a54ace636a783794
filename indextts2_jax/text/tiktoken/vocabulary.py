"""The byte-pair vocabulary of IndexTTS-2.5: ranks in a file, and special tokens behind them.

A line of the file is a sequence of bytes in base64 and its rank. A token as this project shows it is its text, with ▁
for a space; bytes that are no characters by themselves, as most ideographs are two or three tokens, and ▁ itself are
shown as <0xE4>. So every token has a name of its own, and the names of a text's tokens say what it was.
"""

import base64
import binascii
import functools
import re
from collections.abc import Sequence
from typing import Any

from indextts2_jax.errors import CheckpointError, TextError
from indextts2_jax.text.tiktoken.languages import CODES, TOKENS

PATTERN = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
"""What merges never cross."""

_EVENTS = ["ASR", "AED", "SER", "Speech", "/Speech", "BGM", "/BGM", "Laughter", "/Laughter", "Applause", "/Applause"]
_EMOTIONS = ["HAPPY", "SAD", "ANGRY", "NEUTRAL"]
_TASKS = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
_VOCAL = ["TTS/B", "TTS/O", "TTS/Q", "TTS/A", "TTS/CO", "TTS/CL", "TTS/H", *(f"TTS/SP{i:02d}" for i in range(1, 14))]

NAMES = (
    "endoftext",
    "startoftranscript",
    *CODES[:TOKENS],
    *_EVENTS,
    *_EMOTIONS,
    *_TASKS,
    *(f"SPECIAL_TOKEN_{i}" for i in range(1, 31)),
    *_VOCAL,
    *(f"{i * 0.02:.2f}" for i in range(1501)),
)
"""Of the special tokens, in the order of their ids, which follow those of the ranks; each is written <|name|>."""

MOST_RANKS = 1_000_000

_SHOWN_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_MARK = "▁"


class Vocabulary:
    """Text to ids, ids to tokens and back.

    Raises `CheckpointError` for what is no vocabulary, and where tiktoken is not installed.
    """

    def __init__(self, data: bytes):
        self._ranks = parse(data)
        self._special = {f"<|{name}|>": len(self._ranks) + i for i, name in enumerate(NAMES)}
        self._by_id = {rank: token for token, rank in self._ranks.items()}
        self._special_by_id = {number: token for token, number in self._special.items()}

    @property
    def size(self) -> int:
        """Every id is below it."""
        return len(self._ranks) + len(self._special)

    def encode(self, text: str) -> list[int]:
        """The ids of a text; special tokens count wherever they stand."""
        ids: list[int] = self._encoding.encode(text, allowed_special="all")
        return ids

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text, one for each of its ids."""
        return [self._shown(number) for number in self.encode(text)]

    def ids(self, tokens: Sequence[str]) -> list[int]:
        """The id of every token that `tokens` gave.

        Raises:
          TextError: one that it never gives.
        """
        found = []
        for token in tokens:
            number = self._special.get(token, self._ranks.get(written(token)))
            if number is None:
                raise TextError(f"{token!r:.40} is no token of the vocabulary.")
            found.append(number)
        return found

    def text(self, tokens: Sequence[str]) -> str:
        """What the tokens were made from. Bytes that are no characters become �."""
        return b"".join(map(written, tokens)).decode("utf-8", "replace")

    @functools.cached_property
    def _encoding(self) -> Any:
        try:
            import tiktoken
        except ImportError:
            raise CheckpointError("Reading texts for this model needs tiktoken: pip install tiktoken.") from None
        return tiktoken.Encoding(
            name="indextts2_jax",
            pat_str=PATTERN,
            mergeable_ranks=self._ranks,
            special_tokens=self._special,
            explicit_n_vocab=self.size,
        )

    def _shown(self, number: int) -> str:
        special = self._special_by_id.get(number)
        return special if special is not None else shown(self._by_id[number])


def shown(token: bytes) -> str:
    """A token of these bytes as it is shown."""
    text = token.decode("utf-8", "surrogateescape")
    return "".join(
        "".join(f"<0x{byte:02X}>" for byte in character.encode("utf-8", "surrogateescape"))
        if character == _MARK or "\udc80" <= character <= "\udcff"
        else _MARK
        if character == " "
        else character
        for character in text
    )


def written(token: str) -> bytes:
    """The bytes of a token as it is shown."""
    parts = _SHOWN_BYTE.split(token)  # text and numbers in turn
    return b"".join(
        bytes([int(part, 16)]) if place % 2 else part.replace(_MARK, " ").encode("utf-8", "surrogatepass")
        for place, part in enumerate(parts)
    )


def parse(data: bytes) -> dict[bytes, int]:
    """The rank of every sequence of bytes.

    One of the published file is empty (its base64 is "="); it keeps its rank, which is never used.

    Raises:
      CheckpointError: not such a file, a rank that is not that of its line, or one of the 256 bytes without a rank.
    """
    ranks: dict[bytes, int] = {}
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if len(lines) > MOST_RANKS:
        raise CheckpointError(f"The vocabulary has {len(lines):,} lines, more than {MOST_RANKS:,}.")
    for number, line in enumerate(lines):
        try:
            coded, rank = line.split()
            token = b"" if coded == b"=" else base64.b64decode(coded, validate=True)
            right = int(rank) == number and token not in ranks
        except (ValueError, binascii.Error):
            right = False
        if not right:
            raise CheckpointError(f"Line {number + 1} of the vocabulary is not bytes in base64 and the rank {number}.")
        ranks[token] = number
    absent = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if absent:
        raise CheckpointError(f"The vocabulary has no rank for the byte 0x{absent[0]:02X}: it is damaged, or none.")
    return ranks
