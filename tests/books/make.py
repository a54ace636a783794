"""Small EPUBs, made in code: ordinary ones, and of any oddness that a test asks for."""

import pathlib
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
HEAD = (
    '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title>t</title></head>'
)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763606060000000040001f61738550000000049454e44ae426082"
)
"""A picture of one dot."""

Toc = Sequence[tuple[str, str, int]]
"""(title, href, level) of each line."""


def page(body: str, attributes: str = "") -> str:
    """A document around a body."""
    return f"{HEAD}<body {attributes}>{body}</body></html>"


def nav(toc: Toc, more: str = "") -> str:
    """The navigation of EPUB 3."""
    return page(f'<nav epub:type="toc"><h1>Contents</h1>{_nested(toc)}</nav>{more}')


def _nested(toc: Toc) -> str:
    text, level = "", 0
    for title, href, own in toc:
        text += "<ol>" * (own - level) + "</ol>" * (level - own)
        text += f"<li><a href={quoteattr(href)}>{escape(title)}</a>"
        level = own
    return text + "</ol>" * level


def ncx(toc: Toc) -> str:
    """The table of contents of EPUB 2."""
    text, level = "", 0
    for title, href, own in toc:
        text += "</navPoint>" * (level - own + 1)
        label = f"<navLabel><text>{escape(title)}</text></navLabel><content src={quoteattr(href)}/>"
        text += f"<navPoint>{label}"
        level = own
    points = text + "</navPoint>" * level
    return f'<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>{points}</navMap></ncx>'


def make_epub(
    path: pathlib.Path,
    documents: Mapping[str, str | bytes],
    toc: Toc | None = None,
    *,
    epub2: bool = False,
    hrefs: Mapping[str, str] | None = None,
    metadata: str = "<dc:title>The Book</dc:title><dc:creator>Anna</dc:creator><dc:language>en</dc:language>",
    items: str = "",
    spine: str | None = None,
    guide: str = "",
    landmarks: str = "",
    files: Mapping[str, str | bytes] | None = None,
    compression: int = zipfile.ZIP_STORED,
) -> pathlib.Path:
    """Writes an EPUB whose spine is its documents.

    Args:
      hrefs: what the manifest calls a document, where it is not its name.
      items, spine, guide: XML instead of, or beside, what is made.
      files: further files, or others in place of what is made, by their whole names.
    """
    manifest, order = items, ""
    written: dict[str, str | bytes] = {"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER}
    for number, (name, text) in enumerate(documents.items()):
        href = quoteattr((hrefs or {}).get(name, name))
        manifest += f'<item id="d{number}" href={href} media-type="application/xhtml+xml"/>'
        order += f'<itemref idref="d{number}"/>'
        written[f"OEBPS/{name}"] = text
    if toc is not None and epub2:
        manifest += '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
        written["OEBPS/toc.ncx"] = ncx(toc)
    elif toc is not None:
        manifest += '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
        written["OEBPS/nav.xhtml"] = nav(toc, landmarks)
    written["OEBPS/book.opf"] = (
        f'<package xmlns="http://www.idpf.org/2007/opf" version="{2 + (not epub2)}.0">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">{metadata}</metadata>'
        f'<manifest>{manifest}</manifest><spine toc="ncx">{spine or order}</spine>{guide}</package>'
    )
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in (written | dict(files or {})).items():
            archive.writestr(name, content)
    return path
