"""Whether a text is one: every front-end, and whatever looks at a text before them, asks here."""

from indextts2_jax.errors import TextError


def check_characters(text: str) -> None:
    """Raises `TextError` for half a character (a lone surrogate), which no encoding has."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TextError(f"The text is not valid Unicode: {text[error.start]!r} is half a character.") from None
