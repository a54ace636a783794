"""Tables as sentences: a row is "Year: 1851, Sales: 3,000." with the heads of its columns."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from indextts2_jax.books.markup import Element, children, descendants, local

TextOf = Callable[[Element], str]

MAX_SPAN = 100
"""Columns or rows that a cell may go over."""


class _Cell(NamedTuple):
    text: str
    is_head: bool


def is_layout(table: Element) -> bool:
    """Whether it only puts things beside each other: of one column, with a table in it, or saying so itself."""
    if table.get("role") in ("presentation", "none") or descendants(table, "table")[1:]:
        return True
    return all(len(children(row, "td") + children(row, "th")) <= 1 for row in descendants(table, "tr"))


def sentences(table: Element, text_of: TextOf) -> Iterator[str]:
    """The caption, then a sentence a row.

    Args:
      text_of: what is spoken of a cell.
    """
    for caption in children(table, "caption"):
        yield from filter(None, [text_of(caption)])
    heads, spoken = [""], False
    for row in _rows(table, text_of):
        texts = [cell.text if cell else "" for cell in row]
        cells = [cell for cell in row if cell]
        if cells and all(cell.is_head for cell in cells):
            heads = texts
            continue
        told = [_told(cell, heads[at] if at < len(heads) else "") for at, cell in enumerate(row) if cell and cell.text]
        if any(map(str.isalnum, "".join(told))):
            spoken = True
            yield _sentence(told)
    if not spoken and any(heads):
        yield _sentence(list(filter(None, heads)))


def _told(cell: _Cell, head: str) -> str:
    text = cell.text.rstrip(" .")
    return f"{head.rstrip(' .:')}: {text}" if head and not cell.is_head and head != cell.text else text


def _sentence(told: list[str]) -> str:
    text = ", ".join(told)
    return text if text.endswith(("!", "?", "。")) else f"{text}."


def _rows(table: Element, text_of: TextOf) -> Iterator[list[_Cell | None]]:
    """The cells of each row by their columns; None where one from above, or from the left, goes on."""
    covered: dict[int, int] = {}
    for row in descendants(table, "tr"):
        cells: list[_Cell | None] = []
        below = {column: left - 1 for column, left in covered.items() if left > 1}
        for element in row:
            if local(element) not in ("td", "th"):
                continue
            while covered.get(len(cells), 0):
                cells.append(None)
            wide, high = (_span(element.get(name)) for name in ("colspan", "rowspan"))
            below |= {column: high - 1 for column in range(len(cells), len(cells) + wide) if high > 1}
            is_head = local(element) == "th" or local(row.getparent()) == "thead"
            cells += [_Cell(text_of(element), is_head), *([None] * (wide - 1))]
        yield cells
        covered = below


def _span(text: str | None) -> int:
    return min(max(int(text), 1), MAX_SPAN) if text and text.isdecimal() and len(text) < 6 else 1
