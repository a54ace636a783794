"""Markdown and plain text to a `Book`.

front matter ─ YAML ─► title, author, language, cover
text ─ markdown-it, with tables and footnotes ─► HTML ─ footnotes, reader ─► blocks ─ headings ─► chapters
"""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from indextts2_jax.books.book import (
    BREAK,
    TEXT,
    Block,
    Book,
    Choices,
    Cover,
    by_headings,
    cover_of,
    first_heading,
    has_title,
    numbered,
)
from indextts2_jax.books.footnotes import find_notes
from indextts2_jax.books.markup import INSTALL, parse_html
from indextts2_jax.books.reader import Place, read_document
from indextts2_jax.errors import ConfigError, TextError
from indextts2_jax.runtime import streams, text_files
from indextts2_jax.runtime.yaml_text import parse_yaml
from indextts2_jax.text.script import PARAGRAPH

if TYPE_CHECKING:
    from markdown_it.token import Token

MAX_COVER = 32 << 20
MAX_NESTING = 100
"""Quotes and lists within each other."""


def read_markdown(path: str | os.PathLike[str], choices: Choices) -> Book:
    """Reads a book. Raises `TextError` for one that cannot be read, or has nothing to speak."""
    name = streams.shown(path)
    source = _text(path)
    html, matter = _rendered(source, name)
    root = parse_html(f"<html><body>{html}</body></html>", name)
    documents = {} if root is None else {"": root}
    notes = find_notes(documents)
    blocks = [block for one in documents.values() for block in read_document(one, Place("", choices, notes))]
    heading = first_heading(blocks) if has_title(blocks) else ""
    title = _told(matter, "title") or heading or pathlib.Path(name).stem
    chapters = numbered(by_headings(blocks, choices.depth, title) or [(title, blocks)])
    if not chapters:
        raise TextError(f"{name} has no text in it: there is nothing to speak.")
    authors = _names(matter.get("author", matter.get("authors")))
    cover, told = _cover(path, _told(matter, "cover-image") or _told(matter, "cover"))
    language = _told(matter, "lang") or _told(matter, "language")
    return Book(title, tuple(authors), language, chapters, cover, tuple(told))


def read_plain(path: str | os.PathLike[str]) -> Book:
    """Reads a text of one chapter: paragraphs are separated by blank lines, or begin with an indented line."""
    text = _text(path)
    boundary = PARAGRAPH if PARAGRAPH.search(text.strip()) else None
    paragraphs = boundary.split(text) if boundary else text.split("\n")
    blocks = [_plain_block(" ".join(paragraph.split())) for paragraph in paragraphs if paragraph.strip()]
    title = pathlib.Path(streams.shown(path)).stem
    chapters = numbered([(title, blocks)])
    if not chapters:
        raise TextError(f"{streams.shown(path)} has no text in it: there is nothing to speak.")
    return Book(title, (), "", chapters)


def _plain_block(text: str) -> Block:
    return Block(TEXT, text) if any(map(str.isalnum, text)) else Block(BREAK)


def _text(path: str | os.PathLike[str]) -> str:
    try:
        return text_files.read_text(path)
    except text_files.TextFileError as error:
        raise TextError(f"Cannot read {streams.shown(path)}: {error}.") from None


def _rendered(text: str, name: str) -> tuple[str, Mapping[str, Any]]:
    """HTML, and the front matter. Raises `TextError` for front matter that is none."""
    try:
        from markdown_it import MarkdownIt
        from mdit_py_plugins.footnote import footnote_plugin
        from mdit_py_plugins.front_matter import front_matter_plugin
    except ImportError:
        raise ConfigError(f"Reading Markdown needs markdown-it-py and mdit-py-plugins: {INSTALL}.") from None
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING})
    parser.enable(["table", "strikethrough"]).use(footnote_plugin).use(front_matter_plugin)
    parser.add_render_rule("footnote_caption", _caption)
    environment: dict[str, Any] = {}
    tokens = parser.parse(text, environment)
    matter = _front_matter(tokens, name)
    if matter is None:
        environment = {}
        tokens = parser.disable("front_matter").parse(text, environment)
    if any(token.level >= MAX_NESTING - 2 for token in tokens):  # what is deeper is lost
        raise TextError(f"{name} is nested too deeply to be read.")
    html: str = parser.renderer.render(tokens, parser.options, environment)
    return html, matter or {}


def _caption(_: object, tokens: "Sequence[Token]", place: int, *__: object) -> str:
    """The mark of a note: its number, at every place that refers to it."""
    return f"[{tokens[place].meta['id'] + 1}]"


def _front_matter(tokens: "Sequence[Token]", name: str) -> Mapping[str, Any] | None:
    """What the front matter says; None where it is text between two rules.

    As pandoc has it, no empty line stands behind the first rule of front matter, and it maps names to values.
    """
    content = next((token.content for token in tokens if token.type == "front_matter"), "").rstrip()
    if not content:
        return {}
    if not content.partition("\n")[0].strip():
        return None
    try:
        matter = parse_yaml(content, strings=True)
    except ImportError:
        raise ConfigError(f"Reading the front matter of Markdown needs PyYAML: {INSTALL}.") from None
    except text_files.TextFileError as error:
        raise TextError(f"{name}: its front matter is {error}.") from None
    return matter if isinstance(matter, dict) else None


def _told(matter: Mapping[str, Any], key: str) -> str:
    return next(iter(_names(matter.get(key))), "")


def _names(value: object) -> list[str]:
    """One string, several, or as pandoc writes them: {name: Jane}, {text: Jane}."""
    match value:
        case str():
            return [" ".join(value.split())] if value.strip() else []
        case list():
            return [name for one in value for name in _names(one)]
        case dict():
            return _names(value.get("name", value.get("text")))
        case _:
            return []


def _cover(path: str | os.PathLike[str], name: str) -> tuple[Cover | None, list[str]]:
    """The picture that the front matter names, beside the file; why not, where it cannot be had."""
    if not name:
        return None, []
    try:
        data = streams.read_input(pathlib.Path(path).parent / name, MAX_COVER)
    except streams.InputError as error:
        return None, [f"left out: the cover {name}: {error}"]
    return cover_of(data, name)
