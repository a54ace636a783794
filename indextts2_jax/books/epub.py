"""EPUB 2 and 3 to a `Book`: the documents of the spine, cut into chapters by the table of contents.

archive ─ package ─┬─ documents of the spine ─ footnotes ─ reader ─► blocks, one after the other ─┐
                   └─ table of contents ─► where chapters begin among them ──────────────────────┴─► Book
"""

import collections
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from indextts2_jax.books.archive import Archive
from indextts2_jax.books.book import Block, Book, Choices, Cover, by_headings, cover_of, first_heading, numbered
from indextts2_jax.books.footnotes import find_notes
from indextts2_jax.books.markup import Element, decode, descendants, parse_html, types
from indextts2_jax.books.package import Entry, Package, read_package
from indextts2_jax.books.reader import FRONT_MATTER, Place, read_document
from indextts2_jax.errors import TextError
from indextts2_jax.runtime import streams

MAX_BYTES = 1 << 30
"""Of the whole file: picture books are some hundred megabytes."""


def read_epub(path: str | os.PathLike[str], choices: Choices) -> Book:
    """Reads a book.

    Raises:
      TextError: it is no EPUB, damaged, protected, or has nothing to speak.
    """
    name = streams.shown(path)
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise TextError(f"{name} has more than {MAX_BYTES >> 30} GB; no book has.")
            return _read(Archive(file, name), choices)
    except OSError as error:
        raise TextError(f"Cannot read {name}: {error.strerror or error}.") from None


def _read(archive: Archive, choices: Choices) -> Book:
    archive.check_readable()
    package = read_package(archive)
    documents = _documents(archive, package)
    left_out = {} if choices.front_matter else _left_out(documents, package)
    notes = find_notes(documents)
    blocks = {
        path: read_document(root, Place(path, choices, notes))
        for path, root in documents.items()
        if path not in left_out
    }
    if not any(block.text for own in blocks.values() for block in own):
        raise TextError(f"{archive.name} has no text in it, perhaps only pictures: there is nothing to speak.")
    title = package.title or pathlib.Path(archive.name).stem
    chapters = _by_entries(blocks, package.entries, choices, title)
    if not chapters:
        flow = [block for own in blocks.values() for block in own]
        chapters = by_headings(flow, choices.depth, title) or [("", own) for own in blocks.values()]
    cover, notices = _cover(archive, package)
    told = [f"left out: {path} ({kind})" for path, kind in left_out.items()]
    return Book(title, package.authors, package.language, numbered(chapters), cover, (*told, *notices))


def _documents(archive: Archive, package: Package) -> dict[str, Element]:
    documents = {}
    for path in package.spine:
        name = f"{path} in {archive.name}"
        root = parse_html(decode(archive.read(path), name), name)
        if root is not None:
            documents[path] = root
    return documents


def _left_out(documents: Mapping[str, Element], package: Package) -> dict[str, str]:
    """What a whole document is, of those that are no part of the text; by what it says, else what the book says."""
    entries = collections.Counter(entry.path for entry in package.entries)
    found = {}
    for path, _, kind in package.marked:
        if kind in FRONT_MATTER and path in documents and entries[path] <= 1 < len(documents):
            found[path] = kind
    for path, root in documents.items():
        for kind in sorted(kind for body in descendants(root, "body") for kind in types(body) & FRONT_MATTER):
            found[path] = kind
    return found


class _Flow(NamedTuple):
    """The blocks of all documents, and where documents and places begin among them."""

    blocks: list[Block]
    documents: dict[str, int]
    places: dict[tuple[str, str], int]


def _flow(blocks: Mapping[str, Sequence[Block]]) -> _Flow:
    flow = _Flow([], {}, {})
    for path, own in blocks.items():
        flow.documents[path] = len(flow.blocks)
        for block in own:
            for anchor in block.anchors:
                flow.places.setdefault((path, anchor), len(flow.blocks))
            flow.blocks.append(block)
    return flow


def _by_entries(
    blocks: Mapping[str, Sequence[Block]], entries: Sequence[Entry], choices: Choices, title: str
) -> list[tuple[str, list[Block]]]:
    """Chapters as the table of contents has them; none where it leads to no text.

    Lines of its first level begin one, and deeper ones that begin a document; or those down to `Choices.depth`.
    """
    flow = _flow(blocks)
    order = {path: number for number, path in enumerate(flow.documents)}
    titles: dict[tuple[int, int], list[str]] = {}
    for entry in entries:
        if entry.path not in order:
            continue
        first = flow.documents[entry.path]
        start = flow.places.get((entry.path, entry.fragment), first)
        wanted = entry.level == 1 or start == first if choices.depth is None else entry.level <= choices.depth
        lost = entry.fragment and (entry.path, entry.fragment) not in flow.places
        own = titles.setdefault((start, order[entry.path]), []) if wanted else []
        if wanted and entry.title not in own and not (lost and own):
            own.append(entry.title)
    if not titles:
        return []
    begins = sorted(titles)
    ends = [*(start for start, _ in begins[1:]), len(flow.blocks)]
    before = flow.blocks[: begins[0][0]]
    chapters = [(first_heading(before) or title, before)]
    return chapters + [(". ".join(titles[at]), flow.blocks[at[0] : end]) for at, end in zip(begins, ends, strict=True)]


def _cover(archive: Archive, package: Package) -> tuple[Cover | None, list[str]]:
    """The picture, and for people why there is none although the book has one."""
    item = package.cover
    if item is None:
        return None, []
    if item.path not in archive:
        return None, [f"left out: the cover {item.path}, which is not in the book"]
    return cover_of(archive.read(item.path), item.path)
