"""Lists of words and phrases as plain text."""


def listed(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


def phrases(text: str) -> list[str]:
    """What stands between the commas of a text, with single spaces."""
    return [" ".join(part.split()) for part in text.split(",")]
