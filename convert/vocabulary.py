"""The vocabulary of IndexTTS-2.5: a line a token, its bytes in base64 and its rank; special tokens follow the ranks."""

import base64
import binascii
import pathlib

from indextts2_jax.errors import CheckpointError

SPECIALS = 1673
"""Special tokens, which are in the official program's source and not in the file."""

FIRST_LANGUAGE = 2
"""Among them the first that says a language."""

_MOST_LINES = 1_000_000


def size(path: pathlib.Path, data: bytes) -> int:
    """The number of all tokens. Raises `CheckpointError` for a file that is no vocabulary, by its first wrong line."""
    lines = data.splitlines()
    tokens = set()
    for number, line in enumerate(lines[:_MOST_LINES]):
        try:
            coded, rank = line.split()
            # the published file has one token without bytes, written "="
            tokens.add(b"" if coded == b"=" else base64.b64decode(coded, validate=True))
            right = int(rank) == number
        except (ValueError, binascii.Error):
            right = False
        if not right or len(tokens) != number + 1:
            raise CheckpointError(
                f"{path} is damaged or no vocabulary: line {number + 1} is not bytes in base64 and the rank {number}."
            )
    if len(lines) > _MOST_LINES or not {bytes([byte]) for byte in range(256)} <= tokens:
        raise CheckpointError(f"{path} is no vocabulary: it lacks bytes, or has more than {_MOST_LINES:,} lines.")
    return len(lines) + SPECIALS
