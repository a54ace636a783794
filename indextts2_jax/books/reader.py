"""A document of a book, as a tree, to blocks of text: what is spoken of it, by rule.

headings, paragraphs, items of lists, quotes, captions ──► a block each
breaks between scenes (<hr>, "* * *")                  ──► a break
tables, code, images, footnotes                        ──► as `Choices` says
page numbers, navigation, scripts, what is hidden      ──► nothing
"""

import re
from typing import NamedTuple

from indextts2_jax.books import tables
from indextts2_jax.books.book import BREAK, HEADING, TEXT, Block, Choices, Note
from indextts2_jax.books.footnotes import BACK, FOUND, MARK, NOTE, NUMBER, Notes, target
from indextts2_jax.books.markup import Element, attribute, classes, content, etree, local, types

_PAGES = frozenset({"cover", "titlepage", "halftitlepage", "copyright-page", "imprint", "colophon"})
_LISTS = frozenset({"toc", "landmarks", "page-list", "pagelist", "loi", "lot", "loa", "lov", "index"})
FRONT_MATTER = _PAGES | _LISTS
"""What is left out unless `Choices.front_matter` says otherwise, by the names of epub:type."""

_UNREAD = frozenset(
    {"script", "style", "head", "title", "template", "nav", "noscript", "annotation", "annotation-xml", "case"}
)
_MEDIA = frozenset({"audio", "video", "canvas", "object", "embed", "iframe", "svg"})
_FIELDS = frozenset({"input", "select", "textarea", "button"})
_READINGS = frozenset({"rt", "rp", "rtc"})
_SILENT = _UNREAD | _MEDIA | _FIELDS | _READINGS
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SECTIONS = frozenset({"html", "body", "section", "article", "header", "footer", "aside", "main", "div", "form"})
_PARAGRAPHS = frozenset({"p", "blockquote", "pre", "address", "center", "hr", "hgroup", "fieldset", "legend"})
_ITEMS = frozenset({"ul", "ol", "li", "dl", "dt", "dd", "figure", "figcaption", "details", "summary"})
_CELLS = frozenset({"table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"})
_BLOCKS = _SECTIONS | _PARAGRAPHS | _ITEMS | _CELLS | set(_HEADINGS)
_PAGE_CLASSES = frozenset({"pagenum", "pagenumber", "page-number", "page_number", "pageno", "page-num", "pagebreak"})
_LONGEST_PAGE_NUMBER = 24
_UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff\x00-\x08\x0e-\x1f\x7f\ufffd]")
_SPACE = re.compile(r"\s+")
_HIDDEN = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_EMPTY = re.compile(r"\s*\[\s*\]")
"""What is left of the mark of a note whose brackets stand around the link."""


class Place(NamedTuple):
    """What the reader of a document must know of the book around it."""

    path: str
    choices: Choices
    notes: Notes


def read_document(root: Element, place: Place) -> list[Block]:
    """The blocks of a document."""
    return _Reader(root, place).blocks


class _Reader:
    """Goes through a tree once, without recursion, and collects."""

    def __init__(self, root: Element, place: Place, plain: bool = False) -> None:
        """`plain`: of a cell or a note, in which marks of notes are nothing."""
        self.blocks: list[Block] = []
        self._place, self._choices, self._plain, self._root = place, place.choices, plain, root
        self._parts: list[str] = []
        self._anchors: list[str] = []
        self._notes: list[Note] = []
        self._counters: list[int | None] = []
        self._item = ""
        self._heading = 0
        self._breaks = 0
        walk, skipped = etree().iterwalk(root, events=("start", "end")), False
        for event, element in walk:
            if event == "end":
                self._end(element, skipped)
                skipped = False
            elif self._start(element):
                self._add(element.text)
            else:
                walk.skip_subtree()
                skipped = True
        self._flush()
        if self._anchors and not plain:
            self._emit(TEXT, "")  # for chapters that begin at the end of a document

    def _add(self, text: str | None) -> None:
        if text:
            self._parts.append(text)
            self._breaks = self._breaks if text.isspace() else 0

    def _start(self, element: Element) -> bool:
        """Whether what is in it is read."""
        name = local(element)
        if element is not self._root and not self._is_read(element, name):
            return False
        self._anchors += filter(None, (element.get("id"), element.get("name") if name == "a" else None))
        if name in _BLOCKS:
            self._flush()
        match name:
            case "ol" | "ul":
                self._counters.append(_integer(element.get("start"), 1) if _is_counted(element) else None)
            case "li":
                self._begin_item(element)
            case "hr":
                self._break()
            case "br":
                self._line_break()
            case "img" | "image":
                self._image(element)
            case "math":
                self._add(f" {attribute(element, 'alttext') or content(element)} ")
                return False
            case "table":
                return self._table(element)
            case _ if name in _HEADINGS:
                self._heading = _HEADINGS[name]
        return True

    def _end(self, element: Element, skipped: bool) -> None:
        name = local(element)
        if name in _BLOCKS and not skipped:
            self._flush()
            if name in _HEADINGS:
                self._heading = 0
            elif name in ("ol", "ul"):
                self._counters.pop()
            elif name == "li":
                self._item = ""
        if element is not self._root:
            self._add(element.tail)

    def _is_read(self, element: Element, name: str) -> bool:
        told, found = types(element), element.get(FOUND)
        if name in _SILENT or _is_hidden(element) or _is_page_number(element, told):
            return False
        if told & FRONT_MATTER and not self._choices.front_matter:
            return False
        if found == MARK:
            self._mark(element)
        elif name == "pre" and self._choices.code == "skip" and _is_code(element):
            self._flush()
            return False
        return found not in (MARK, NOTE, BACK)

    # --- single things ---

    def _begin_item(self, element: Element) -> None:
        counter = self._counters[-1] if self._counters else None
        self._item = ""
        if counter is not None:
            number = _integer(element.get("value"), counter)
            self._counters[-1] = number + 1
            self._item = f"{number}. "

    def _line_break(self) -> None:
        self._breaks += 1
        if self._heading:
            text = "".join(self._parts).rstrip()
            self._parts = [text, ". " if text[-1:].isalnum() else " "]
        elif self._breaks > 1:
            self._flush()
        else:
            self._parts.append("\n")

    def _image(self, element: Element) -> None:
        text = attribute(element, "alt").strip()
        if len(text) == 1 and text.isalpha():  # a letter that was drawn
            self._add(text)
        elif self._choices.images == "alt" and text:
            self._add(f" {text} ")

    def _table(self, element: Element) -> bool:
        """Whether it is read as if it were no table."""
        if tables.is_layout(element):
            return True
        if self._choices.tables == "rows":
            for sentence in tables.sentences(element, self._text_of):
                self._emit(TEXT, sentence)
        return False

    def _text_of(self, element: Element) -> str:
        """The text in a cell or a note, under the same rules."""
        return " ".join(block.text for block in _Reader(element, self._place, plain=True).blocks if block.text)

    def _mark(self, element: Element) -> None:
        if self._plain or self._choices.notes == "skip":
            return
        body = self._place.notes.get(target(self._place.path, attribute(element, "href")))
        if body is None:
            return
        mark = content(element).strip("[]() ")
        text = re.sub(rf"^[\[(]?\s*{re.escape(mark)}\s*[\])]?(?=[\s.:])", "", self._text_of(body)).lstrip(" .:)]")
        if text and self._choices.notes == "inline":
            self._parts.append(f" ({text})")
        elif text:
            self._notes.append(Note(body.get(NUMBER), f"{mark}. {text}" if mark.isalnum() else text))

    # --- blocks ---

    def _flush(self) -> None:
        text = _EMPTY.sub("", _UNSEEN.sub("", "".join(self._parts)))
        text = _SPACE.sub(" ", text).strip()
        self._parts, self._breaks = [], 0
        if not any(map(str.isalnum, text)):
            if text and not self._plain and not self._heading:
                self._break()
            elif text and self._plain:
                self._emit(TEXT, text)
            return
        item, self._item = self._item, ""
        if self._heading:
            self._emit(HEADING, text, self._heading)
        else:
            self._emit(TEXT, item + text)

    def _break(self) -> None:
        if self.blocks and self.blocks[-1].kind != BREAK:
            self.blocks.append(Block(BREAK))

    def _emit(self, kind: str, text: str, level: int = 0) -> None:
        self.blocks.append(Block(kind, text, level, tuple(self._anchors), tuple(self._notes)))
        self._anchors, self._notes = [], []


def _is_counted(element: Element) -> bool:
    return local(element) == "ol" and (element.get("type") or "1") == "1" and "list-style" not in _style(element)


def _integer(text: str | None, otherwise: int) -> int:
    return int(text) if text and re.fullmatch(r"\s*-?[0-9]{1,6}\s*", text) else otherwise


def _style(element: Element) -> str:
    return str(element.get("style") or "")


def _is_hidden(element: Element) -> bool:
    hidden = element.get("hidden") is not None or element.get("aria-hidden") == "true"
    return hidden or bool(_HIDDEN.search(_style(element)))


def _is_page_number(element: Element, told: frozenset[str]) -> bool:
    """Some books call so what has a whole page in it: then it is none."""
    if not (told & {"pagebreak"} or classes(element) & _PAGE_CLASSES):
        return False
    return len(content(element)) <= _LONGEST_PAGE_NUMBER


def _is_code(element: Element) -> bool:
    inside = next((local(child) for child in element), "")
    names = " ".join(classes(element))
    return inside in ("code", "samp", "kbd") or any(word in names for word in ("code", "language-", "listing", "src"))
