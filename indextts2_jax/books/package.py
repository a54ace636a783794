"""What an EPUB says of itself: title, authors, language, cover, its files, their order, and its table of contents.

META-INF/container.xml ─► package (OPF) ─┬─ metadata, manifest, spine
                                         ├─ nav (EPUB 3) or NCX (EPUB 2) ─► entries of the table of contents
                                         └─ landmarks (EPUB 3), guide (EPUB 2) ─► what is cover, contents, …
"""

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

from indextts2_jax.books.archive import CONTAINER, Archive
from indextts2_jax.books.footnotes import target
from indextts2_jax.books.markup import (
    Element,
    attribute,
    children,
    content,
    decode,
    descendants,
    local,
    parse_html,
    parse_xml,
    types,
)
from indextts2_jax.errors import TextError

_DOCUMENTS = frozenset({"application/xhtml+xml", "text/html", "application/html", "text/x-oeb1-document", "text/xml"})
_GUIDE = {"title-page": "titlepage", "copyright": "copyright-page", "cover-page": "cover"}
"""Names of EPUB 2 that have another one in EPUB 3."""


class Item(NamedTuple):
    """A file of the book, as the manifest has it."""

    path: str
    media_type: str
    properties: frozenset[str]


class Entry(NamedTuple):
    """A line of the table of contents."""

    title: str
    path: str
    fragment: str
    level: int
    """From 1."""


@dataclasses.dataclass(frozen=True)
class Package:
    """All that is said of a book."""

    title: str
    authors: tuple[str, ...]
    language: str
    spine: tuple[str, ...]
    """The documents, in the order in which they are read."""
    entries: tuple[Entry, ...]
    """Empty where there is no table of contents."""
    marked: tuple[tuple[str, str, str], ...]
    """(document, id, what it is) of landmarks."""
    cover: Item | None


def read_package(archive: Archive) -> Package:
    """Raises `TextError` for a package that cannot be read, or that has no text to read."""
    root, path = _package(archive)
    items = _manifest(archive, root, path)
    nav = next((item for item in items.values() if "nav" in item.properties), None)
    ncx = _ncx(root, items)
    for item in filter(None, (nav, ncx)):
        archive.check_inside(item.path)
    navigation = _document(archive, nav.path) if nav and nav.path in archive else None
    entries = _nav_entries(navigation, nav.path) if nav and navigation is not None else []
    if not entries and ncx and ncx.path in archive:
        entries = _ncx_entries(parse_xml(archive.read(ncx.path), _shown(archive, ncx.path)), ncx.path)
    marked = [*_guide(root, path), *(_landmarks(navigation, nav.path) if nav and navigation is not None else [])]
    return Package(
        title=next(_metadata(root, "title"), ""),
        authors=tuple(dict.fromkeys(_metadata(root, "creator"))),
        language=next(_metadata(root, "language"), ""),
        spine=_spine(archive, root, items, nav),
        entries=tuple(entries),
        marked=tuple(marked),
        cover=_cover(root, items),
    )


def _package(archive: Archive) -> tuple[Element, str]:
    container = parse_xml(archive.read(CONTAINER), _shown(archive, CONTAINER))
    names = [attribute(one, "full-path") for one in descendants(container, "rootfile")]
    if not any(names):
        raise TextError(f"{archive.name} names no package in {CONTAINER}: the book is damaged.")
    path = archive.resolve("", next(filter(None, names)))
    return parse_xml(archive.read(path), _shown(archive, path)), path


def _manifest(archive: Archive, root: Element, path: str) -> dict[str, Item]:
    items = {}
    for manifest in children(root, "manifest"):
        for one in children(manifest, "item"):
            href = attribute(one, "href")
            if not href or not target(path, href)[0]:  # somewhere in the web
                continue
            kinds = frozenset(attribute(one, "properties").split())
            items[attribute(one, "id")] = Item(archive.resolve(path, href), attribute(one, "media-type").lower(), kinds)
    return items


def _spine(archive: Archive, root: Element, items: dict[str, Item], nav: Item | None) -> tuple[str, ...]:
    """The documents to read. Raises `TextError` where one is missing, or there is none."""
    paths, missing = [], []
    for reference in (one for spine in children(root, "spine") for one in children(spine, "itemref")):
        name = attribute(reference, "idref")
        item = items.get(name)
        if item is not None:
            archive.check_inside(item.path)
        if item is None or item.path not in archive:
            missing.append(name if item is None else item.path)
        elif attribute(reference, "linear") != "no" and item != nav and _is_document(item):
            paths.append(item.path)
    if missing:
        shown = ", ".join(missing[:5])
        raise TextError(f"{archive.name} should have {shown} in it, but has not: the book is damaged.")
    if not paths:
        raise TextError(f"{archive.name} has no texts in its spine: there is nothing to speak.")
    return tuple(dict.fromkeys(paths))


def _is_document(item: Item) -> bool:
    return item.media_type in _DOCUMENTS or item.path.lower().endswith((".xhtml", ".html", ".htm"))


def _metadata(root: Element, name: str) -> Iterator[str]:
    for metadata in children(root, "metadata"):
        for one in descendants(metadata, name):
            text = content(one)
            if text:
                yield text


def _cover(root: Element, items: dict[str, Item]) -> Item | None:
    for item in items.values():
        if "cover-image" in item.properties:
            return item
    for meta in descendants(root, "meta"):
        if attribute(meta, "name") == "cover" and attribute(meta, "content") in items:
            return items[attribute(meta, "content")]
    return None


# --- the table of contents ----------------------------------------------------------------------------------------


def _document(archive: Archive, path: str) -> Element | None:
    name = _shown(archive, path)
    return parse_html(decode(archive.read(path), name), name)


def _shown(archive: Archive, path: str) -> str:
    return f"{path} in {archive.name}"


def _nav_entries(root: Element, path: str) -> list[Entry]:
    navs = descendants(root, "nav")
    nav = next((one for one in navs if "toc" in types(one)), None)
    if nav is None and len(navs) == 1 and not types(navs[0]):
        nav = navs[0]
    if nav is None:
        return []
    entries = []
    for link in descendants(nav, "a"):
        where = target(path, attribute(link, "href"))
        title = content(link) or attribute(link, "title")
        level = sum(local(up) in ("ol", "ul") for up in _up_to(link, nav))
        if where[0] and title:
            entries.append(Entry(title, *where, level=max(level, 1)))
    return entries


def _up_to(element: Element, top: Element) -> Iterator[Element]:
    for up in element.iterancestors():
        if up is top:
            return
        yield up


def _ncx(root: Element, items: dict[str, Item]) -> Item | None:
    for spine in children(root, "spine"):
        if attribute(spine, "toc") in items:
            return items[attribute(spine, "toc")]
    return next((item for item in items.values() if item.media_type == "application/x-dtbncx+xml"), None)


def _ncx_entries(root: Element, path: str) -> list[Entry]:
    entries = []
    for point in (one for part in descendants(root, "navmap") for one in descendants(part, "navpoint")):
        labels = [content(text) for label in children(point, "navlabel") for text in children(label, "text")]
        sources = [attribute(one, "src") for one in children(point, "content")]
        where = target(path, sources[0]) if sources else ("", "")
        level = 1 + sum(local(up) == "navpoint" for up in point.iterancestors())
        if where[0] and labels and labels[0]:
            entries.append(Entry(labels[0], *where, level=level))
    return entries


def _landmarks(root: Element, path: str) -> Iterator[tuple[str, str, str]]:
    for nav in descendants(root, "nav"):
        if "landmarks" in types(nav):
            for link in descendants(nav, "a"):
                for kind in types(link):
                    yield (*target(path, attribute(link, "href")), kind)


def _guide(root: Element, path: str) -> Iterator[tuple[str, str, str]]:
    for guide in children(root, "guide"):
        for one in children(guide, "reference"):
            kind = attribute(one, "type").lower()
            yield (*target(path, attribute(one, "href")), _GUIDE.get(kind, kind))
