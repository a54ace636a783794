"""EPUB to chapters: tables of contents of all kinds, front matter, covers; books that are refused."""

import re

import pytest

from indextts2_jax.books.book import Choices
from indextts2_jax.books.read import read_book
from indextts2_jax.errors import TextError
from tests.books.make import PNG, make_epub, nav, page


def told(book):
    """(title, texts) of every chapter."""
    return [(chapter.title, chapter.texts) for chapter in book.chapters]


@pytest.fixture
def read(tmp_path):
    def made(*arguments, choices=None, **options):
        return read_book(make_epub(tmp_path / "book.epub", *arguments, **options), choices)

    return made


ONE, TWO = page("<h1>One</h1><p>First.</p>"), page("<h1>Two</h1><p>Second.</p>")
BOTH = [("One", ["One", "First."]), ("Two", ["Two", "Second."])]


@pytest.mark.parametrize("epub2", [False, True])
def test_an_ordinary_book(read, epub2):
    book = read({"1.xhtml": ONE, "2.xhtml": TWO}, [("One", "1.xhtml", 1), ("Two", "2.xhtml", 1)], epub2=epub2)
    assert (book.title, book.authors, book.language, book.cover) == ("The Book", ("Anna",), "en", None)
    assert told(book) == BOTH
    assert [chapter.number for chapter in book.chapters] == [1, 2] and not book.notes


@pytest.mark.parametrize("epub2", [False, True])
def test_several_chapters_in_a_document_and_one_over_several(read, epub2):
    documents = {
        "a.xhtml": page('<p>Before.</p><h2 id="one">One</h2><p>First <a id="x"/>half.</p>'),
        "b.xhtml": page('<p>Second half.</p><a id="two"/><h2>Two</h2><p>End.</p>'),
    }
    book = read(documents, [("One", "a.xhtml#one", 1), ("Two", "b.xhtml#two", 1)], epub2=epub2)
    assert told(book) == [
        ("The Book", ["Before."]),
        ("One", ["One", "First half.", "Second half."]),
        ("Two", ["Two", "End."]),
    ]


def test_an_anchor_at_the_end_of_the_document_before(read):
    documents = {"a.xhtml": page('<p>First.</p><div id="two"></div>'), "b.xhtml": page("<p>Second.</p>")}
    book = read(documents, [("One", "a.xhtml", 1), ("Two", "a.xhtml#two", 1)])
    assert told(book) == [("One", ["First."]), ("Two", ["Second."])]


PARTS = [("Part", "a.xhtml", 1), ("Section", "a.xhtml#s", 2), ("Chapter", "b.xhtml", 2), ("Deep", "b.xhtml#d", 3)]
IN_PARTS = {
    "a.xhtml": page('<p>Part.</p><p id="s">Section.</p>'),
    "b.xhtml": page('<p>Chapter.</p><p id="d">Deep.</p>'),
}


@pytest.mark.parametrize("epub2", [False, True])
@pytest.mark.parametrize(
    ("depth", "titles"),
    [
        (None, ["Part", "Chapter"]),
        (1, ["Part"]),
        (2, ["Part", "Section", "Chapter"]),
        (3, ["Part", "Section", "Chapter", "Deep"]),
    ],
)
def test_nested_contents(read, epub2, depth, titles):
    book = read(IN_PARTS, PARTS, epub2=epub2, choices=Choices(depth=depth))
    assert [chapter.title for chapter in book.chapters] == titles
    assert [text for chapter in book.chapters for text in chapter.texts] == ["Part.", "Section.", "Chapter.", "Deep."]


def test_lines_that_lead_to_one_place_or_nowhere(read):
    toc = [
        ("Part", "1.xhtml", 1),
        ("One", "1.xhtml", 2),
        ("Lost", "1.xhtml#lost", 1),
        ("Gone", "gone.xhtml", 1),
        ("Web", "https://example.org/2.xhtml", 1),
        ("Two", "2.xhtml#lost", 1),
    ]
    assert [title for title, _ in told(read({"1.xhtml": ONE, "2.xhtml": TWO}, toc))] == ["Part. One", "Two"]


def test_contents_in_another_order_than_the_text(read):
    toc = [("Two", "2.xhtml", 1), ("One", "1.xhtml", 1)]
    assert told(read({"1.xhtml": ONE, "2.xhtml": TWO}, toc)) == BOTH


def test_no_contents_at_all(read):
    assert told(read({"1.xhtml": ONE, "2.xhtml": TWO})) == BOTH
    bare = {"1.xhtml": page("<p>First.</p>"), "2.xhtml": page("<p>Second.</p>")}
    assert told(read(bare)) == [("Chapter 1", ["First."]), ("Chapter 2", ["Second."])]


def test_pictures_make_no_chapter(read):
    documents = {"cover.xhtml": page('<img src="c.jpg" alt="Cover"/>'), "1.xhtml": ONE}
    assert told(read(documents, [("Cover", "cover.xhtml", 1), ("One", "1.xhtml", 1)])) == BOTH[:1]


def test_a_title_page_without_text_still_begins_its_chapter(read):
    documents = {"t.xhtml": page('<img src="t.jpg"/>'), "1.xhtml": page("<p>First.</p>"), "2.xhtml": TWO}
    book = read(documents, [("One", "t.xhtml", 1), ("Two", "2.xhtml", 1)])
    assert told(book) == [("One", ["First."]), BOTH[1]]


# --- names and characters -----------------------------------------------------------------------------------------


def test_names_that_are_encoded_have_spaces_or_lie_in_folders(read):
    documents = {"a b.xhtml": ONE, "text/ü.xhtml": TWO}
    hrefs = {"a b.xhtml": "a%20b.xhtml", "text/ü.xhtml": "text/../text/%C3%BC.xhtml"}
    toc = [("One", "a%20b.xhtml", 1), ("Two", "text/%C3%BC.xhtml", 1)]
    assert told(read(documents, toc, hrefs=hrefs)) == BOTH
    assert told(read({"100%.xhtml": ONE}, [("One", "100%25.xhtml", 1)])) == BOTH[:1]


DECLARED = '<?xml version="1.0" encoding="{}"?>'
DOCTYPE = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "xhtml11.dtd">'
SAID = page("<p>Bück — naïve</p>")
ENCODED = {
    "a mark": b"\xef\xbb\xbf" + SAID.encode(),
    "UTF-16": SAID.encode("utf-16"),
    "UTF-16 that is declared, without a mark": (DECLARED.format("UTF-16") + SAID).encode("utf-16-be"),
    "Windows-1252": (DECLARED.format("windows-1252") + SAID).encode("cp1252"),
    "named entities": DOCTYPE + page("<p>B&uuml;ck&nbsp;&mdash; na&#239;ve</p>"),
    **{
        f"UTF-8 that says {name}": (DECLARED.format(name) + SAID).encode() for name in ("utf-16", "UTF-32", "undefined")
    },
    "UTF-8 that says UTF-16 in HTML": SAID.replace("<head>", '<head><meta charset="UTF-16"/>').encode(),
    "tag soup": "<html><body><p>B&uuml;ck &mdash; <i>na&iuml;ve",
}


@pytest.mark.parametrize("kind", ENCODED)
def test_encodings(read, kind):
    assert told(read({"1.xhtml": ENCODED[kind]})) == [("Chapter 1", ["Bück — naïve"])]


def test_entities_of_a_document_are_not_expanded(read):
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY l0 "lol">{levels}<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    book = read({"1.xhtml": bomb + page('<p title="&l11;">One &l11; two &f; AT&amp;T.</p>')})
    assert told(book) == [("Chapter 1", ["One &l11; two &f; AT&T."])]
    hidden = f"<!-- <!DOCTYPE a> -->{bomb}".replace("&l", "&l_").replace("ENTITY l", "ENTITY l_")
    book = read({"1.xhtml": hidden.replace('<?xml version="1.0"?>', "") + page("<p>One &l_11; two.</p>")})
    assert told(book) == [("Chapter 1", ["One &l_11; two."])]
    opf = bomb.replace("html", "package") + '<package title="&l11;"/>'
    with pytest.raises(TextError, match="no texts in its spine"):
        read({"1.xhtml": ONE}, files={"OEBPS/book.opf": opf})


@pytest.mark.parametrize("more", ["<p>Behind.</p>", "Behind.", page("<p>Behind.</p>"), "</html><p>Behind."])
def test_text_behind_the_end_of_a_document_is_kept(read, more):
    assert told(read({"1.xhtml": ONE + more})) == [("One", ["One", "First.", "Behind."])]


# --- front matter -------------------------------------------------------------------------------------------------

RIGHTS = page("<p>All rights reserved.</p>")
FRONT = {
    "by its body": {"documents": {"c.xhtml": page("<p>All rights reserved.</p>", 'epub:type="copyright-page"')}},
    "by a section": {"documents": {"c.xhtml": page('<section role="doc-toc"><p>All rights.</p></section>')}},
    "by landmarks": {
        "documents": {"c.xhtml": RIGHTS},
        "landmarks": '<nav epub:type="landmarks"><a epub:type="copyright-page" href="c.xhtml">C</a></nav>',
    },
    "by the guide": {
        "documents": {"c.xhtml": RIGHTS},
        "guide": '<guide><reference type="title-page" href="c.xhtml#x"/></guide>',
    },
}


@pytest.mark.parametrize("kind", FRONT)
def test_front_matter(read, kind):
    options = dict(FRONT[kind])
    documents = options.pop("documents") | {"1.xhtml": ONE}
    toc = [("Copyright", "c.xhtml", 1), ("One", "1.xhtml", 1)]
    assert told(read(documents, toc, **options)) == BOTH[:1]
    spoken = read(documents, toc, choices=Choices(front_matter=True), **options)
    assert [title for title, _ in told(spoken)] == ["Copyright", "One"]


def test_a_landmark_of_the_only_document_leaves_it(read):
    guide = '<guide><reference type="toc" href="1.xhtml"/></guide>'
    assert told(read({"1.xhtml": ONE}, guide=guide)) == BOTH[:1]


def test_what_is_beside_the_text(read):
    items = '<item id="n" href="notes.xhtml" media-type="application/xhtml+xml"/>'
    items += '<item id="p" href="p.png" media-type="image/png"/>'
    spine = '<itemref idref="d0"/><itemref idref="n" linear="no"/><itemref idref="p"/><itemref idref="nav"/>'
    files = {"OEBPS/notes.xhtml": RIGHTS, "OEBPS/p.png": PNG}
    assert told(read({"1.xhtml": ONE}, [("One", "1.xhtml", 1)], items=items, spine=spine, files=files)) == BOTH[:1]


COVERS = {
    "EPUB 3": ('<item id="c" href="c.png" media-type="image/png" properties="cover-image"/>', ""),
    "EPUB 2": ('<item id="c" href="c.png" media-type="image/png"/>', '<meta name="cover" content="c"/>'),
}


@pytest.mark.parametrize("kind", COVERS)
def test_covers(read, kind):
    items, meta = COVERS[kind]
    book = read({"1.xhtml": ONE}, items=items, metadata=f"<dc:title>B</dc:title>{meta}", files={"OEBPS/c.png": PNG})
    assert book.cover == (PNG, ".png") and not book.notes
    book = read({"1.xhtml": ONE}, items=items, metadata=meta, files={"OEBPS/c.png": b"GIF89a"})
    assert book.cover is None and "neither JPEG nor PNG" in book.notes[0] and book.title == "book"


@pytest.mark.parametrize("kind", COVERS)
@pytest.mark.parametrize("href", ["c.png", "../../c.png", "/c.png"])
def test_a_cover_that_is_not_there_is_told(read, kind, href):
    items, meta = COVERS[kind]
    items = items.replace("c.png", href)
    book = read({"1.xhtml": ONE}, items=items, metadata=f"<dc:title>B</dc:title>{meta}")
    assert book.cover is None and told(book) == BOTH[:1]
    assert re.fullmatch(r"left out: the cover .*c\.png, which is not in the book", *book.notes)


# --- what is refused ----------------------------------------------------------------------------------------------


def drm(algorithm):
    return (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:e="http://www.w3.org/2001/04/xmlenc#">'
        f'<e:EncryptedData><e:EncryptionMethod Algorithm="{algorithm}"/><e:CipherData>'
        '<e:CipherReference URI="OEBPS/1.xhtml"/></e:CipherData></e:EncryptedData></encryption>'
    )


def test_hidden_fonts_are_no_protection(read):
    files = {"META-INF/encryption.xml": drm("http://www.idpf.org/2008/embedding")}
    assert told(read({"1.xhtml": ONE}, files=files)) == BOTH[:1]


REFUSED = {
    "protected": ({"META-INF/encryption.xml": drm("http://www.w3.org/2001/04/xmlenc#aes256-cbc")}, "protected (DRM)"),
    "protected by nothing known": ({"META-INF/encryption.xml": drm("")}, "protected (DRM)"),
    "no XML": ({"OEBPS/book.opf": "<package"}, "book.opf in .* is not XML"),
    "no package": ({"META-INF/container.xml": "<container/>"}, "names no package"),
    "a package that is not there": (
        {"META-INF/container.xml": '<container><rootfile full-path="x.opf"/></container>'},
        "names x.opf, which is not in it",
    ),
    "a package outside": (
        {"META-INF/container.xml": '<container><rootfile full-path="../../x.opf"/></container>'},
        "outside of the book",
    ),
    "an encoding that nobody knows": ({"OEBPS/1.xhtml": DECLARED.format("klingon")}, "1.xhtml in .* is not klingon"),
    "bytes of another encoding": ({"OEBPS/1.xhtml": b"<p>\xff\xfe\xff</p>"}, "1.xhtml in .* is not utf-8"),
    "too deep": ({"OEBPS/1.xhtml": "<div>" * 5000 + "x" + "</div>" * 5000}, "nested too deeply"),
    "no text": ({"OEBPS/1.xhtml": page('<img alt="A cat"/>')}, "has no text in it"),
    "an empty document": ({"OEBPS/1.xhtml": ""}, "has no text in it"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused(read, kind):
    files, message = REFUSED[kind]
    with pytest.raises(TextError, match=message.replace("(", "\\(").replace(")", "\\)")) as error:
        read({"1.xhtml": ONE}, files=files)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("href", ["../../etc/passwd", "/etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "..\\..\\x.xhtml"])
def test_paths_that_leave_the_archive(read, href):
    with pytest.raises(TextError, match="outside of the book"):
        read({"1.xhtml": ONE}, hrefs={"1.xhtml": href})


@pytest.mark.parametrize("href", ["/x", "../../x"])
def test_only_what_is_read_must_lie_in_the_archive(read, href):
    item = f'<item id="ncx" href="{href}" media-type="{{}}"/>'
    assert told(read({"1.xhtml": ONE}, items=item.format("font/ttf").replace("ncx", "font"))) == BOTH[:1]
    for kind in ("application/x-dtbncx+xml", 'text/html" properties="nav'):
        with pytest.raises(TextError, match="outside of the book"):
            read({"1.xhtml": ONE}, items=item.format(kind))


def test_documents_that_are_missing(read):
    with pytest.raises(TextError, match=r"should have OEBPS/2\.xhtml in it, but has not"):
        read({"1.xhtml": ONE}, hrefs={"1.xhtml": "2.xhtml"})
    with pytest.raises(TextError, match="should have nothing in it"):
        read({"1.xhtml": ONE}, spine='<itemref idref="d0"/><itemref idref="nothing"/>')
    with pytest.raises(TextError, match="no texts in its spine"):
        read({})


def test_the_navigation_is_found_where_it_says_nothing(read):
    plain = nav([("One", "1.xhtml", 1)]).replace(' epub:type="toc"', "")
    assert told(read({"1.xhtml": ONE}, [("x", "1.xhtml", 1)], files={"OEBPS/nav.xhtml": plain})) == BOTH[:1]
