"""The gate for books: a file of whatever kind to a `Book`."""

import os
import pathlib

from indextts2_jax.books.book import Book, Choices
from indextts2_jax.books.epub import read_epub
from indextts2_jax.books.markdown import read_markdown, read_plain
from indextts2_jax.errors import TextError
from indextts2_jax.runtime import streams

_MARKDOWN = (".md", ".markdown", ".mdown", ".mkd")
_PLAIN = (".txt", ".text")


def read_book(path: str | os.PathLike[str], choices: Choices | None = None) -> Book:
    """Reads an EPUB (.epub), Markdown (.md, .markdown) or plain text (.txt).

    Args:
      choices: what of it is spoken.
    Raises:
      TextError: it cannot be read, is of another kind, damaged, protected, or has nothing to speak. ConfigError: a
      library for it is not installed.
    """
    choices = choices or Choices()
    suffix = pathlib.Path(path).suffix.lower()
    if suffix == ".epub":
        return read_epub(path, choices)
    if suffix in _MARKDOWN:
        return read_markdown(path, choices)
    if suffix in _PLAIN:
        return read_plain(path)
    raise TextError(f"{streams.shown(path)} is of no kind that is read here: give .epub, .md or .txt.")
