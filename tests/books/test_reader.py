"""What of a document is spoken, rule by rule."""

import pytest

from indextts2_jax.books.book import BREAK, HEADING, Choices, numbered
from indextts2_jax.books.footnotes import find_notes
from indextts2_jax.books.markup import parse_html
from indextts2_jax.books.reader import Place, read_document
from tests.books.make import page


def blocks(body, **choices):
    root = parse_html(page(body), "it")
    return read_document(root, Place("a.xhtml", Choices(**choices), find_notes({"a.xhtml": root})))


def texts(body, **choices):
    found = blocks(body, **choices)
    return ["---" if block.kind == BREAK else block.text for block in found if block.text or block.kind == BREAK]


RULES = {
    "inline elements": ("<p>A <b>b</b><i>c</i>,\n\t<span>d</span> e</p>", ["A bc, d e"]),
    "text beside blocks": (
        "One<p>two</p>three<div>four<div>five</div></div>six",
        ["One", "two", "three", "four", "five", "six"],
    ),
    "links": ('<p>See <a href="https://x.org">this</a> and <a href="#b">that</a>.</p>', ["See this and that."]),
    "block quotes": ("<blockquote><p>One.</p><p>Two.</p></blockquote>", ["One.", "Two."]),
    "a line break": ("<p>One<br/>two</p>", ["One two"]),
    "two line breaks": ("<p>One<br/><br/>two</p>", ["One", "two"]),
    "a heading of two lines": ("<h1>Chapter 1<br/>The Sea</h1>", ["Chapter 1. The Sea"]),
    "a rule": ("<p>One</p><hr/><p>two</p>", ["One", "---", "two"]),
    "asterisks": ("<p>One</p><p>* * *</p><hr/><p>⁂</p><p>two</p>", ["One", "---", "two"]),
    "invisible characters": ("<p>ex\u00adam\u200bple\u00a0two</p>", ["example two"]),
    "control characters": ("<p>a&#1;b &#0; c</p>", ["ab c"]),
    "hidden": ('<p hidden="">a</p><p style="display: none">b</p><p><i aria-hidden="true">c</i>d</p>', ["d"]),
    "what is no text": ("<script>a</script><style>b</style><svg><text>c</text></svg><nav>d</nav><p>e</p>", ["e"]),
    "ruby": ("<p><ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>字</p>", ["漢字"]),
    "a formula": ('<p>If <math alttext="x squared"><mi>x</mi></math> is</p>', ["If x squared is"]),
    "a list": ("<ul><li>One</li><li><p>two</p></li></ul>", ["One", "two"]),
    "a counted list": (
        '<ol start="3"><li>a</li><li value="7"><p>b</p><p>c</p></li><li>d</li></ol>',
        ["3. a", "7. b", "c", "8. d"],
    ),
    "lists in lists": (
        "<ol><li>a<ul><li>b</li></ul></li><li>c<ol><li>d</li></ol></li></ol><p>e</p>",
        ["1. a", "b", "2. c", "1. d", "e"],
    ),
    "letters": ('<ol type="a"><li>x</li></ol>', ["x"]),
    "terms": ("<dl><dt>A</dt><dd>b</dd></dl>", ["A", "b"]),
    "a caption": ("<figure><img alt='x y'/><figcaption>A cat</figcaption></figure>", ["A cat"]),
    "a letter that was drawn": ('<p><img src="o.png" alt="O"/>nce upon</p>', ["Once upon"]),
    "a page number": ('<p>some<span epub:type="pagebreak" id="p2">2</span>thing</p>', ["something"]),
    "a page number by role": ('<div role="doc-pagebreak" aria-label="3">3</div><p>a</p>', ["a"]),
    "a page number by class": ('<p>one <span class="pagenum">[12]</span>two</p>', ["one two"]),
    "a page that is called so": (
        '<div class="pagebreak"><p>A whole page is in here, with its text.</p></div>',
        ["A whole page is in here, with its text."],
    ),
    "verse": ("<pre>One\n  two</pre>", ["One two"]),
    "code": ("<pre><code>x = 1</code></pre><pre class='programlisting'>y</pre><p>a <code>b</code></p>", ["a b"]),
    "empty elements": ('<p>a<a id="x"/>b<i/>c</p><div/><p/>', ["abc"]),
    "an index": ('<section epub:type="index"><p>a</p></section><p>b</p>', ["b"]),
}


@pytest.mark.parametrize("rule", RULES)
def test_rules(rule):
    body, expected = RULES[rule]
    assert texts(body) == expected


def test_headings_and_anchors():
    found = blocks('<h1 id="a">A</h1><p>b <i id="c">c</i></p><h3>D</h3><div id="e"/>')
    assert [(block.kind, block.level) for block in found[:3]] == [(HEADING, 1), ("text", 0), (HEADING, 3)]
    assert [block.anchors for block in found] == [("a",), ("c",), (), ("e",)]
    assert found[3].text == ""


def test_code_and_images_if_wanted():
    assert texts("<pre><code>x = 1\ny</code></pre>", code="speak") == ["x = 1 y"]
    assert texts('<p>a</p><img alt="A cat"/><p>b <img alt="c"/></p>', images="alt") == ["a", "A cat", "b c"]


TABLES = {
    "heads": (
        "<thead><tr><td>Year</td><td>Sold</td></tr></thead><tr><td>1851</td><td>3</td></tr>",
        ["Year: 1851, Sold: 3."],
    ),
    "heads by their cells": ("<tr><th>A:</th><th>B</th></tr><tr><td>1.</td><td>2</td></tr>", ["A: 1, B: 2."]),
    "heads of rows": ("<tr><th></th><th>B</th></tr><tr><th>One</th><td>2</td></tr>", ["One, B: 2."]),
    "no heads": ("<tr><td>1</td><td>2</td></tr><tr><td>3</td><td></td></tr>", ["1, 2.", "3."]),
    "only heads": ("<tr><th>1</th><th>2</th></tr>", ["1, 2."]),
    "a caption": ("<caption>Sales</caption><tr><td>1</td><td>2</td></tr>", ["Sales", "1, 2."]),
    "wide cells": (
        '<tr><th colspan="2">A</th><th>B</th></tr><tr><td>1</td><td>2</td><td>3</td></tr>',
        ["A: 1, 2, B: 3."],
    ),
    "high cells": (
        '<tr><th>A</th><th>B</th></tr><tr><td rowspan="2">1</td><td>2</td></tr><tr><td>3</td></tr>',
        ["A: 1, B: 2.", "B: 3."],
    ),
    "absurd cells": ('<tr><td colspan="99999999">1</td><td rowspan="-1">2</td></tr>', ["1, 2."]),
    "paragraphs in cells": ("<tr><td><p>a</p><p>b</p></td><td>c<br/>d</td></tr>", ["a b, c d."]),
    "one column": ("<tr><td>One.</td></tr><tr><td><p>Two.</p></td></tr>", ["One.", "Two."]),
    "a table in a table": ("<tr><td>a</td><td><table><tr><td>b</td><td>c</td></tr></table></td></tr>", ["a", "b, c."]),
    "nothing": ("<tr><td></td><td>–</td></tr>", []),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables(kind):
    body, expected = TABLES[kind]
    assert texts(f"<table>{body}</table>") == expected


def test_tables_if_not_wanted():
    assert texts("<p>a</p><table><tr><td>b</td><td>c</td></tr></table>", tables="skip") == ["a"]
    assert texts('<table role="presentation"><tr><td>b</td><td>c</td></tr></table>', tables="skip") == ["b", "c"]


def test_tables_in_tables_of_any_depth():
    body = "<table><tr><td>" * 60 + "x" + "</td><td>y</td></tr></table>" * 60
    assert texts(body)[0] == "x, y."


# --- footnotes ----------------------------------------------------------------------------------------------------

NOTES = {
    "by types": '<p>Said<a epub:type="noteref" href="#n">1</a>.</p><aside epub:type="footnote" id="n">Who.</aside>',
    "by roles": '<p>Said<a role="doc-noteref" href="#n">*</a>.</p><div role="doc-footnote" id="n">* Who.</div>',
    "raised": '<p>Said<sup><a href="#n" id="r">1</a></sup>.</p><p id="n"><a href="#r">1</a>. Who.</p>',
    "raised within": '<p>Said<a href="#n" id="r"><sup>1</sup></a>.</p><p><a id="n" href="#r"><sup>1</sup></a> Who.</p>',
    "in brackets": '<p>Said<a href="#n">[1]</a>.</p><div><p id="n">[1] Who.</p></div>',
    "brackets around": '<p>Said[<a href="#n">1</a>].</p><div><p id="n">1 Who.</p></div>',
    "a dagger": '<p>Said<a href="#n">†</a>.</p><ol><li id="n">† Who.</li></ol>',
    "named places": '<p>Said<sup><a href="#n">1</a></sup>.</p><p><a name="n"/>1. Who.</p>',
    "a place before": '<p>Said<sup><a href="#n">1</a></sup>.</p><a id="n"/><p>1. Who.</p>',
    "an arrow back": '<p id="r">Said<sup><a href="#n">1</a></sup>.</p><ol><li id="n">Who. <a href="#r">↩</a></li></ol>',
    "endnotes": (
        '<p>Said<a epub:type="noteref" href="#n">1</a>.</p>'
        '<section epub:type="endnotes"><h2>Notes</h2><ol><li id="n">Who.</li></ol></section>'
    ),
    "as Markdown has them": (
        '<p>Said<sup class="footnote-ref"><a href="#n" id="r">[1]</a></sup>.</p><section class="footnotes"><ol>'
        '<li id="n" class="footnote-item"><p>Who. <a href="#r" class="footnote-backref">↩︎</a></p></li></ol></section>'
    ),
    "the note first": '<p id="n"><a href="#r">1</a> Who.</p><p>Said<sup><a href="#n" id="r">1</a></sup>.</p>',
}


@pytest.mark.parametrize("kind", NOTES)
def test_footnotes(kind):
    assert [text.rstrip(" .") for text in texts(NOTES[kind])] == ["Said"]
    (inline,) = texts(NOTES[kind], notes="inline")
    assert inline.startswith("Said") and "(Who.)" in inline
    (block,) = [block for block in blocks(NOTES[kind], notes="end") if block.text]
    assert block.text == "Said." and [note.text for note in block.notes] in (["1. Who."], ["Who."])


NO_NOTES = {
    "links to chapters": (
        '<p>See <a href="#c">3</a> and <a href="#d">[the end]</a>.</p><p id="c">3 is here.</p>',
        ["See 3 and [the end].", "3 is here."],
    ),
    "raised powers": ("<p>x<sup>2</sup></p>", ["x2"]),
    "a list of contents": (
        '<p><a href="#c">1</a> One</p><p><a href="#d">[2]</a> Two</p><p id="c">1 One</p><p id="d">2</p>',
        ["1 One", "[2] Two", "1 One", "2"],
    ),
    "raised, but to a heading": ('<p>See <sup><a href="#c">3</a></sup></p><h2 id="c">3</h2>', ["See 3", "3"]),
}


@pytest.mark.parametrize("kind", NO_NOTES)
def test_what_is_no_footnote(kind):
    body, expected = NO_NOTES[kind]
    assert texts(body) == expected


def test_notes_in_other_documents_and_marks_without_notes():
    text = parse_html(
        page('<p>Said<a epub:type="noteref" href="notes.xhtml#n1">1</a>.<sup><a href="#no">2</a></sup></p>'), "a"
    )
    notes = parse_html(
        page('<h2>Notes</h2><p id="n1"><a href="t/a.xhtml#r">1</a> Who<a epub:type="noteref" href="#n1">1</a>.</p>'),
        "b",
    )
    documents = {"t/a.xhtml": text, "t/notes.xhtml": notes}
    found = find_notes(documents)
    assert [block.text for block in read_document(notes, Place("t/notes.xhtml", Choices(), found))] == ["Notes"]
    (block,) = read_document(text, Place("t/a.xhtml", Choices(notes="end"), found))
    assert block.text == "Said." and [note.text for note in block.notes] == ["1. Who."]


ASIDES = '<aside epub:type="footnote" id="{0}"><p id="{0}{0}">{1}</p></aside>'
REPEATED = {
    "by other marks": ("a1 a†", {"a": "Who."}, ["1. Who."]),
    "by another place of it": ("a1 aa2", {"a": "Who."}, ["1. Who."]),
    "two that say the same": ("a* b*", {"a": "Ibid.", "b": "Ibid."}, ["Ibid.", "Ibid."]),
}


@pytest.mark.parametrize("kind", REPEATED)
def test_a_note_is_spoken_once_however_many_marks_lead_to_it(kind):
    marks, bodies, expected = REPEATED[kind]
    links = " ".join(f'x<a epub:type="noteref" href="#{one[:-1]}">{one[-1]}</a>' for one in marks.split())
    body = f"<p>{links}</p>" + "".join(ASIDES.format(*one) for one in bodies.items())
    (chapter,) = numbered([("A", blocks(body, notes="end"))])
    assert chapter.texts[1:] == expected
