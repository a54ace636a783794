"""What all texts have in common: every front-end, and whatever looks at a text before them, asks here."""

import re

from indextts2_jax.errors import TextError

READING = re.compile(r"<[^|<>=\n]{1,200}\|[^<>\n]{1,200}>")
"""<word|how it is read>, which is never cut, and is no markup: an equals sign is one of an attribute."""


def check_characters(text: str) -> None:
    """Raises `TextError` for half a character (a lone surrogate), which no encoding has."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TextError(f"The text is not valid Unicode: {text[error.start]!r} is half a character.") from None
