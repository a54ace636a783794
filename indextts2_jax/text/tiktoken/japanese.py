"""Spaces between the words of a Japanese text, by MeCab with the dictionary unidic-lite."""

import functools
import re
from typing import Any

from indextts2_jax.errors import ConfigError

_PARTS = re.compile(" +|[^ ]+")


def spaced(text: str) -> str:
    """The text with a space between any two words, and its own spaces where they are.

    Raises:
      ConfigError: fugashi or its dictionary is not installed.
    """
    if not text.strip(" "):
        return text
    tagger = _tagger()
    return "".join(
        part if part.isspace() else " ".join(word.surface for word in tagger(part)) for part in _PARTS.findall(text)
    )


@functools.cache
def _tagger() -> Any:
    try:
        import fugashi
        import unidic_lite
    except ImportError:
        raise ConfigError(
            "Japanese is cut into words by fugashi and unidic-lite: pip install 'indextts2_jax[japanese]'."
        ) from None
    return fugashi.Tagger(f'-d "{unidic_lite.DICDIR}" -r "{unidic_lite.DICDIR}/mecabrc"')
