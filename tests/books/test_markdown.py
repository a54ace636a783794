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
    "a deeper one before": ("## A\n\na\n\n# B\n\nb\n\n# C\n\nc", "book", [(one, [one, one.lower()]) for one in "ABC"]),
    "text and a deeper one before": ("x\n\n## A\n\n# B\n\nb", "book", [("book", ["x", "A"]), ("B", ["B", "b"])]),
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


RULED = {
    "text": ("---\n\nBefore.\n\n---\n\nAfter.", ["Before.", "After."]),
    "text that is no YAML": ('---\n\n"Who?" he: said.\n\n---\n\nAfter.', ['"Who?" he: said.', "After."]),
    "text that looks like a mapping": ("---\n\nAnna: hello\n\n---\n\nAfter.", ["Anna: hello", "After."]),
    "text at once": ("---\nBefore.\n\n---\n\nAfter.", ["Before.", "After."]),
    "a heading": ("---\n# Before\n---\nAfter.", ["Before", "After."]),
    "a list": ("---\n- Before.\n\n---\n\nAfter.", ["Before.", "After."]),
    "dots": ("---\n\nBefore.\n\n...\n\nAfter.", ["Before.", "After."]),
    "nothing": ("---\n\n---\n\nAfter.", ["After."]),
    "notes": ("---\n\nBefore[^1].\n\n---\n\nAfter.\n\n[^1]: Note.", ["Before.", "After."]),
}


@pytest.mark.parametrize("kind", RULED)
def test_what_stands_between_rules_is_spoken(read, kind):
    text, expected = RULED[kind]
    assert [one for chapter in read(text).chapters for one in chapter.texts] == expected


FRONT = {
    "no": ("title: No\nlang: no\nauthor: Yes", "No", ("Yes",), "no"),
    "numbers": ("title: 1.10\nauthor: 007", "1.10", ("007",), ""),
    "a date": ("title: 2001-02-30", "2001-02-30", (), ""),
    "nothing": ("title: ~\nauthor: null\nlang:", "book", (), ""),
    "a mapping": ("title: {text: T, type: main}\nauthor: {name: Jane  Doe}", "T", ("Jane Doe",), ""),
    "mappings": ("title: T\nauthors: [{name: Jane, email: j}, Ben, {email: x}]", "T", ("Jane", "Ben"), ""),
}


@pytest.mark.parametrize("kind", FRONT)
def test_front_matter_is_strings(read, kind):
    matter, *expected = FRONT[kind]
    book = read(f"---\n{matter}\n---\n\nx")
    assert [book.title, book.authors, book.language] == expected


def test_a_note_is_spoken_once_a_chapter(read):
    text = "# A\n\na[^1] b[^2] c[^1]\n\n# B\n\nd[^1] e[^1]\n\n[^1]: One.\n[^2]: One."
    book = read(text, choices=Choices(notes="end"))
    assert [chapter.texts[2:] for chapter in book.chapters] == [["1. One.", "2. One."], ["1. One."]]


@pytest.mark.parametrize("end", ["</body></html>", "</BODY >\n</HTML>", "</div></body>", "</html>"])
def test_text_behind_the_end_of_raw_html_is_kept(read, end):
    assert read(f"One.\n\n<p>two</p>{end}\n\nThree.\n\n* four").chapters[0].texts == ["One.", "two", "Three.", "four"]


def test_front_matter_that_says_little(read):
    assert read("---\n- a\n---\n\n# x\n\nb").title == "x"
    book = read("---\ntitle: 1984\nauthor:\ncover: no.png\n---\n\nb")
    assert (book.title, book.authors, book.cover) == ("1984", (), None) and "no.png" in book.notes[0]
