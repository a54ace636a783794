"""Footnotes of books: which links are marks of notes, which elements are the notes, and which links lead back.

What is found is written into the trees, as an attribute, so that whoever reads them need not look again:

    <a epub:type="noteref" href="#n1">1</a>      a mark, by its type or class, or by how it looks: raised, in brackets,
    <sup><a href="notes.xhtml#n1">1</a></sup>    or an asterisk, and not the first of its paragraph
    <aside epub:type="footnote" id="n1">         a note, by its type or class, or because a mark leads to it
"""

import itertools
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias
from urllib.parse import unquote

from indextts2_jax.books.markup import Element, attribute, classes, content, local, types

FOUND = "indextts2-note"
"""The attribute; its values:"""
MARK, NOTE, BACK = "mark", "note", "back"
NUMBER = "indextts2-number"
"""Another one, of a note that a mark leads to: no two in a book have the same."""

_MARK_TYPES = frozenset({"noteref"})
_NOTE_TYPES = frozenset({"footnote", "footnotes", "endnote", "endnotes", "rearnote", "rearnotes"})
_BACK_TYPES = frozenset({"backlink", "referrer"})
_MARK_CLASSES = frozenset({"footnote-ref", "noteref", "footnoteref", "fnref", "footnote-reference"})
_NOTE_CLASSES = frozenset({"footnote", "footnotes", "footnote-item", "endnote", "endnotes"})
_OWN_MARK_CLASSES = _MARK_CLASSES | {"footnote", "endnote"}
"""Of a link or what is raised: there these mean the mark."""
_BACK_CLASSES = frozenset({"footnote-backref", "backlink", "footnote-back", "reversefootnote"})

_LOOKS = re.compile(r"[\[(]?\s*(?:[0-9]{1,4}|[ivxlc]{1,6}|[a-zA-Z]|[*†‡§¶#]{1,3})\s*[\])]?")
_ALONE = re.compile(r"[\[(].*[\])]|[*†‡§¶]{1,3}")
_ARROWS = re.compile(r"[\s↩↑⏎^\ufe0e\ufe0f←]+|back|return", re.IGNORECASE)
_BLOCKS = frozenset({"p", "li", "div", "aside", "dd", "td", "section", "blockquote"})
_NO_NOTES = frozenset({"body", "html", "h1", "h2", "h3", "h4", "h5", "h6"})


Notes: TypeAlias = Mapping[tuple[str, str], Element]
"""The notes of a book, by the (document, id) that a mark leads to."""


def target(path: str, href: str) -> tuple[str, str]:
    """(document, id) that a link in a document leads to; the document is empty where it is outside of the book."""
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//", href):
        return "", ""
    name, _, fragment = href.partition("#")
    if not name:
        return path, unquote(fragment)
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(name))), unquote(fragment)


def find_notes(documents: Mapping[str, Element]) -> Notes:
    """Finds marks, notes and the links back, in all documents of a book by their paths, and writes it into them."""
    ids = {(path, one.get("id")): one for path, root in documents.items() for one in root.iter() if one.get("id")}
    names = {
        (path, one.get("name")): one for path, root in documents.items() for one in root.iter("{*}a") if one.get("name")
    }
    places = names | ids
    for root in documents.values():
        for element in root.iter():
            if _says(element, _NOTE_TYPES, _NOTE_CLASSES) and local(element) in _BLOCKS | {"ol", "ul", "dl", "table"}:
                element.set(FOUND, NOTE)
    bodies: dict[tuple[str, str], Element] = {}
    for path, root in documents.items():
        for link in root.iter("{*}a"):
            _look_at(link, path, places, bodies)
    for path, root in documents.items():
        for link in root.iter("{*}a"):
            if link.get(FOUND) is None and _leads_back(link, path, places):
                link.set(FOUND, BACK)
    return bodies


def _says(element: Element, kinds: frozenset[str], names: frozenset[str]) -> bool:
    return bool(types(element) & kinds or classes(element) & names)


def _look_at(
    link: Element,
    path: str,
    places: Mapping[tuple[str, str], Element],
    bodies: dict[tuple[str, str], Element],
) -> None:
    href = attribute(link, "href")
    where = target(path, href)
    told = any(_says(one, _MARK_TYPES, _OWN_MARK_CLASSES) for one in (link, *_raised(link)))
    if told:
        link.set(FOUND, MARK)
    elif not href or not where[1] or not _looks_like_mark(link):
        return
    body = _body(places[where]) if where in places else None
    if body is None or any(up is body for up in link.iterancestors()):
        if not told and where not in places and _is_raised(link):
            link.set(FOUND, MARK)  # of a note that is not there
        return
    if told or body.get(FOUND) == NOTE or _answers(body, link, path):
        link.set(FOUND, MARK)
        body.set(FOUND, NOTE)
        body.set(NUMBER, body.get(NUMBER, str(len(bodies))))
        bodies[where] = body


def _raised(link: Element) -> Iterator[Element]:
    """The <sup> around a link or in it, where it holds nothing else."""
    parent = link.getparent()
    around = parent is not None and (local(parent) == "sup" or _says(parent, _MARK_TYPES, _OWN_MARK_CLASSES))
    if around and content(parent) == content(link):
        yield parent
    for child in link:
        if local(child) == "sup" and content(child) == content(link):
            yield child


def _is_raised(link: Element) -> bool:
    return next(_raised(link), None) is not None


def _looks_like_mark(link: Element) -> bool:
    text = content(link)
    if not _LOOKS.fullmatch(text) or not (_is_raised(link) or _ALONE.fullmatch(text) or _in_brackets(link)):
        return False
    return not _is_first(link)


def _in_brackets(link: Element) -> bool:
    before = link.getprevious()
    text = link.getparent().text if before is None else before.tail
    return (text or "").rstrip().endswith("[") and (link.tail or "").lstrip().startswith("]")


def _block(element: Element) -> Element | None:
    """The paragraph, or whatever stands for one, that an element is or stands in."""
    while element is not None and local(element) not in _BLOCKS | _NO_NOTES:
        element = element.getparent()
    return element


def _is_first(link: Element) -> bool:
    """Whether nothing is said in its paragraph before it: so begins a note, with the link back."""
    block = _block(link)
    for part in (block if block is not None else link).iter():
        if part is link:
            return True
        if (part.text or "").strip():
            return False
        if any((before.tail or "").strip() for before in part.itersiblings(preceding=True) if part is not block):
            return False
    return True


def _body(place: Element) -> Element | None:
    """The note that a place is in; None where it can be none."""
    for up in (place, *place.iterancestors()):
        if up.get(FOUND) == NOTE and not _is_collection(up):
            return up
    following = place.getnext()
    if following is not None and not content(place) and local(following) in _BLOCKS:
        return following  # the place stands before its note
    block = _block(place)
    return None if block is None or local(block) in _NO_NOTES else block


def _is_collection(element: Element) -> bool:
    return _says(element, frozenset({"footnotes", "endnotes", "rearnotes"}), frozenset({"footnotes", "endnotes"}))


def _answers(body: Element, link: Element, path: str) -> bool:
    """Whether an element that says nothing of itself is the note of a mark: it begins with it, or leads back."""
    mark = content(link).strip("[]() ")
    beginning = "".join(itertools.islice(body.itertext(), 20)).strip()
    if re.match(rf"[\[(]?\s*{re.escape(mark)}(?!\w)", beginning):
        return True
    own = {one.get("id") or one.get("name") for one in (link, *link.iterancestors())} - {None}
    links = itertools.islice(body.iter("{*}a"), 20)
    return any(target(path, attribute(back, "href"))[1] in own for back in links if back.get("href"))


def _leads_back(link: Element, path: str, places: Mapping[tuple[str, str], Element]) -> bool:
    """Whether a link in a note leads to its mark."""
    if _says(link, _BACK_TYPES, _BACK_CLASSES):
        return True
    if not any(up.get(FOUND) == NOTE for up in link.iterancestors()):
        return False
    if _ARROWS.fullmatch(content(link)):
        return True
    place = places.get(target(path, attribute(link, "href")))
    if place is None or not _LOOKS.fullmatch(content(link).rstrip(".:")):
        return False
    around = (place, *place.iter("{*}a"), *place.iterancestors("{*}a", "{*}sup"))
    return any(one.get(FOUND) == MARK or any(mark.get(FOUND) == MARK for mark in one) for one in around)
