"""Text and JSON that people bring in files: UTF-8 with or without a mark, a plain word where it is something else."""

import codecs
import json
import math
import os
from typing import Any, NoReturn

from indextts2_jax.runtime import streams

MAX_BYTES = 64 << 20
"""More is no text that anyone has written."""

MAX_LINES_BYTES = 1 << 30
"""Of a file with a JSON object a line: some million lines."""

NEWLINE = b"\n"

_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class TextFileError(ValueError):
    """A file that cannot be read as text; the message says why and what to do, without the file's name."""


def read_text(path: str | os.PathLike[str], limit: int = MAX_BYTES) -> str:
    """The text of a file, or of standard input where the path is "-".

    A byte order mark is no part of it; line ends are as Python's text files have them.

    Raises:
      TextFileError: it cannot be read, has more than `limit` bytes, or is not UTF-8.
    """
    try:
        data = streams.read_input(path, limit)
    except streams.InputError as error:
        raise TextFileError(str(error)) from None
    return decode(data).replace("\r\n", "\n").replace("\r", "\n")


def decode(data: bytes) -> str:
    """UTF-8 with or without a mark. Raises `TextFileError`, which names the encoding as far as it shows."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            raise TextFileError(f"it is {name}; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"line {data.count(NEWLINE, 0, error.start) + 1}" if NEWLINE in data.rstrip(NEWLINE) else "it"
        raise TextFileError(f"{where} is {_guess(data)}; save it as UTF-8") from None
    if "\0" in text:
        raise TextFileError("it holds null characters: it is UTF-16 or no text; save it as UTF-8")
    return text


def _guess(data: bytes) -> str:
    """What text that is not UTF-8 is, told by what the bytes mean where they mean something."""
    if b"\0" in data:
        return "UTF-16 or no text"
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return "not UTF-8, perhaps Windows-1252"
    return "not UTF-8, perhaps GB 18030 or Windows-1252"


# --- JSON ----------------------------------------------------------------------------------------------------------

MAX_DIGITS = 300
"""Of a number: none that anything here takes has more."""


def parse_json(text: str, *, constants: bool = False, unique: bool = False) -> Any:
    """What JSON says.

    Args:
      constants: NaN and Infinity, which are no JSON, are numbers as Python writes them; the caller looks.
      unique: a name that an object has twice is an error, as people write them; else the last one counts.

    Raises:
      TextFileError: it is not JSON, nested too deeply, or has a number that no float holds.
    """
    try:
        constant = float if constants else _constant
        pairs = _unique if unique else None
        return json.loads(
            text, parse_constant=constant, parse_float=_float, parse_int=_integer, object_pairs_hook=pairs
        )
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if "\n" in text.strip() else ""
        raise TextFileError(f"not JSON ({error.msg}, {line}character {error.colno})") from None
    except RecursionError:
        raise TextFileError("not JSON that can be read (nested too deeply)") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in values if names.count(name) > 1)
        raise TextFileError(f"not JSON that can be read (an object has {twice!r:.60} twice)")
    return values


def _constant(name: str) -> NoReturn:
    raise TextFileError(f"not JSON ({name} is no number)")


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise TextFileError(f"not JSON that can be read (the number {digits[:12]}… is too large)")
    return value


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise TextFileError(f"not JSON that can be read (a number of {len(digits)} digits)")
    return int(digits)
