"""Markdown and plain text to chapters."""

import pytest

from indextts2_jax.books.book import Choices
from indextts2_jax.books.read import read_book
from indextts2_jax.errors import TextError
from tests.books.make import PNG

BOOK = """---
title: "The Book"
author: [Anna, Ben]
lang: en-GB
cover-image: c.png
---
A word before.

Chapter *One*
=============

It was[^a] said that
AT&T <b>sold</b> 3&nbsp;boats.

```python
print("not spoken")
```

| Day | Boats |
|-----|-------|
| Mon | four  |

# Two #

> Quoted.

1. first
2. second

* * *

<div>Raw <i>HTML</i>.</div>

[^a]: By Anna.
"""


@pytest.fixture
def read(tmp_path):
    def made(text, name="book.md", choices=None):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_book(tmp_path / name, choices)

    return made


def told(book):
    return [(chapter.title, chapter.texts) for chapter in book.chapters]


@pytest.mark.parametrize(
    "source", [BOOK.encode(), BOOK.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + BOOK.encode()]
)
def test_a_book(read, tmp_path, source):
    (tmp_path / "c.png").write_bytes(PNG)
    book = read(source)
    assert (book.title, book.authors, book.language, book.cover) == (
        "The Book",
        ("Anna", "Ben"),
        "en-GB",
        (PNG, ".png"),
    )
    assert told(book) == [
        ("The Book", ["A word before."]),
        ("Chapter One", ["Chapter One", "It was said that AT&T sold 3 boats.", "Day: Mon, Boats: four."]),
        ("Two", ["Two", "Quoted.", "1. first", "2. second", "Raw HTML."]),
    ]
    spoken = read(source, choices=Choices(notes="end", code="speak", tables="skip"))
    assert spoken.chapters[1].texts[2:] == ['print("not spoken")', "1. By Anna."]


HEADINGS = {
    "a title above": (
        "# Book\n\n## One\n\na\n\n## Two\n\nb",
        "Book",
        [("One", ["Book", "One", "a"]), ("Two", ["Two", "b"])],
    ),
    "text below the title": ("# Book\n\nx\n\n## One\n\na", "Book", [("Book", ["Book", "x"]), ("One", ["One", "a"])]),
    "several of the first": (
        "# One\n\na\n\n## x\n\nb\n\n# Two\n\nc",
        "book",
        [("One", ["One", "a", "x", "b"]), ("Two", ["Two", "c"])],
    ),
    "deeper ones alone": ("### One\n\na\n\n### Two\n\nb", "book", [("One", ["One", "a"]), ("Two", ["Two", "b"])]),
    "one": ("# One\n\na", "One", [("One", ["One", "a"])]),
    "none": ("a\n\nb", "book", [("book", ["a", "b"])]),
}


@pytest.mark.parametrize("kind", HEADINGS)
def test_headings(read, kind):
    text, title, chapters = HEADINGS[kind]
    book = read(text)
    assert (book.title, told(book)) == (title, chapters)


def test_depth(read):
    text = "# One\n\na\n\n## x\n\nb\n\n### y\n\nc\n\n# Two\n\nd"
    titles = [
        [chapter.title for chapter in read(text, choices=Choices(depth=depth)).chapters] for depth in (1, 2, 3, 6)
    ]
    assert titles == [["One", "Two"], ["One", "x", "Two"], ["One", "x", "y", "Two"], ["One", "x", "y", "Two"]]


def test_plain_text(read):
    book = read("One line\nand another.\n\n* * *\n\n  Two.\r\n", "story.txt")
    assert book.title == "story" and told(book) == [("story", ["One line and another.", "Two."])]
    assert len(book.chapters[0].blocks) == 3
    assert told(read("a\nb", "x.txt")) == [("x", ["a", "b"])]


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "a.md", "no text in it"),
        ("```\nx\n```\n", "a.md", "no text in it"),
        ("* * *", "a.txt", "no text in it"),
        ("a".encode("utf-16"), "a.md", "it is UTF-16; save it as UTF-8"),
        ("---\ntitle: [\n---\n\na", "a.md", "a.md: its front matter is not valid YAML"),
    ],
)
def test_what_is_refused(read, text, name, message):
    with pytest.raises(TextError, match=message):
        read(text, name)


def test_nested_quotes(read):
    assert read(">" * 60 + "a").chapters[0].texts == ["a"]
    with pytest.raises(TextError, match="nested too deeply"):
        read(">" * 3000 + "a")


def test_front_matter_that_says_little(read):
    assert read("---\n- a\n---\n\n# x\n\nb").title == "x"
    book = read("---\ntitle: 1984\nauthor:\ncover: no.png\n---\n\nb")
    assert (book.title, book.authors, book.cover) == ("1984", (), None) and "no.png" in book.notes[0]
