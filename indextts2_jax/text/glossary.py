"""The user's glossary: how terms are to be read, e.g. {"M.2": {"en": "M dot two", "zh": "M 二"}, "AHCI": "A H C I"}.

One reading for both languages, or one for each; a language that is left out keeps the term as the glossary spells it.
"""

import pathlib
import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from indextts2_jax.errors import ConfigError, TextError
from indextts2_jax.runtime import text_files, yaml_text

Language: TypeAlias = Literal["zh", "en"]
Glossary: TypeAlias = Mapping[str, str | Mapping[str, str]]

MAX_BYTES = 1 << 20
MAX_TERMS = 10_000

MAX_CHARACTERS = 1_000_000
"""Of a text with its readings in place: ten times what may be spoken at a time."""


def load_glossary(path: str | pathlib.Path) -> Glossary:
    """Reads a `.json` file, or YAML where the name ends otherwise (YAML needs PyYAML).

    Raises `ConfigError` for a file that cannot be read or parsed, and for what `check_glossary` refuses.
    """
    path = pathlib.Path(path)
    try:
        text = text_files.read_text(path, MAX_BYTES)
    except text_files.TextFileError as error:
        raise ConfigError(f"The glossary {path} cannot be read: {error}.") from None
    data = _parse_json(text, path) if path.suffix.lower() == ".json" else _parse_yaml(text, path)
    return check_glossary({} if data is None else data, str(path))


def _parse_json(text: str, path: pathlib.Path) -> Any:
    try:
        return text_files.parse_json(text, unique=True)
    except text_files.TextFileError as error:
        raise ConfigError(f"The glossary {path} is {error}.") from None


def _parse_yaml(text: str, path: pathlib.Path) -> Any:
    try:
        return yaml_text.parse_yaml(text)
    except ImportError as error:
        raise ConfigError(
            f"Reading the glossary {path} needs PyYAML: run `pip install pyyaml`, or write it as a .json file."
        ) from error
    except text_files.TextFileError as error:
        raise ConfigError(f"The glossary {path} is {error}.") from None


def check_glossary(data: Any, where: str = "the glossary") -> Glossary:
    """Returns `data` if it is a glossary; raises `ConfigError` that names the first entry that is not one."""
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where} must map terms to readings, but it is a {type(data).__name__}.")
    if len(data) > MAX_TERMS:
        raise ConfigError(f"{where} has {len(data):,} terms; at most {MAX_TERMS:,} are read.")
    for term, readings in data.items():
        if not isinstance(term, str) or not term:
            raise ConfigError(f"{where}: the term {term!r} must be text that is not empty (in YAML, put it in quotes).")
        for language, reading in readings.items() if isinstance(readings, Mapping) else [(None, readings)]:
            if language not in (None, "zh", "en"):
                raise ConfigError(
                    f"{where}: the term {term!r} has a reading for {language!r}; known are 'zh' and 'en'."
                )
            if not isinstance(reading, str):
                raise ConfigError(
                    f"{where}: the reading of {term!r} is {reading!r}, but it must be text (in YAML, put it in quotes)."
                )
    return data


class GlossaryRewriter:
    """Replaces every term, whatever its case, the longest first; a shorter one may match in the reading of a longer.

    A reading is inserted as it is written. (The official code takes it for a regular expression template, so that a
    backslash in it fails or turns into a control character.)

    Raises:
      TextError: the readings, found in one another, make a text of more than `MAX_CHARACTERS`.
    """

    def __init__(self, glossary: Glossary):
        terms = sorted(check_glossary(glossary), key=len, reverse=True)
        self._terms = [(re.compile(re.escape(term), re.IGNORECASE), term, glossary[term]) for term in terms]

    def __call__(self, text: str, language: Language) -> str:
        for pattern, term, readings in self._terms:
            reading = readings if isinstance(readings, str) else readings.get(language, term)
            found = sum(1 for _ in pattern.finditer(text))
            if len(text) + found * (len(reading) - len(term)) > MAX_CHARACTERS:
                raise TextError(f"With the glossary's readings the text grows beyond {MAX_CHARACTERS:,} characters.")
            text = pattern.sub(lambda _, reading=reading: reading, text)  # type: ignore[misc]
        return text
