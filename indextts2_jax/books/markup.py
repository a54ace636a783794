"""XML and XHTML as books have them: bytes -> a tree, in which no entity of the document's own is expanded.

bytes ─ decode ─ without <!DOCTYPE> ─┬─ lxml, as XML ──────────────────────────► tree
                                     └─ lxml, as HTML, where it is no XML ──────► tree
"""

import codecs
import html.entities
import re
from typing import Any, TypeAlias

from indextts2_jax.errors import ConfigError, TextError

Element: TypeAlias = Any
"""lxml's."""

OPS = "http://www.idpf.org/2007/ops"
"""The namespace of epub:type."""

INSTALL = "pip install 'indextts2_jax[books]'"

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_BEGIN = re.compile("<!DOCTYPE", re.IGNORECASE)
_CLOSED = re.compile(r"</(?:body|html)\s*>", re.IGNORECASE)
"""What may be left out at the end of HTML; libxml2 leaves out all text behind it."""
_DOCTYPE = re.compile(
    r"<!DOCTYPE(?:[^\[>\"']|\"[^\"]*\"|'[^']*')*(?:\[(?:[^\]\"']|\"[^\"]*\"|'[^']*')*\])?\s*>", re.IGNORECASE
)
_ENTITY = re.compile(r"&([^\s&;#<>]{1,64});")
_OF_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def etree() -> Any:
    """lxml.etree. Raises `ConfigError` where lxml is not installed."""
    try:
        from lxml import etree as found
    except ImportError:
        raise ConfigError(f"Reading books needs lxml: {INSTALL}.") from None
    return found


def decode(data: bytes, name: str) -> str:
    """The text of a document: by its mark, else its declaration, else UTF-8. Raises `TextError`."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding, name)
    if data[:4] in (b"<\0?\0", b"<\0h\0", b"<\0!\0"):
        return _decoded(data, "utf-16-le", name)
    if data[:4] in (b"\0<\0?", b"\0<\0h", b"\0<\0!"):
        return _decoded(data, "utf-16-be", name)
    declared = _DECLARED.match(data[:400]) or _META.search(data[:2000])
    return _decoded(data, declared[1].decode("ascii") if declared and _is_possible(declared) else "utf-8", name)


def _is_possible(declared: re.Match[bytes]) -> bool:
    """Whether a declaration that was read as ASCII reads so in the encoding that it names: not if that is UTF-16."""
    try:
        return declared[0].decode(declared[1].decode("ascii")) == declared[0].decode("ascii")
    except UnicodeError:
        return False
    except LookupError:  # whoever decodes says so
        return True


def _decoded(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        raise TextError(f"{name} is not {encoding}, as it should be: the book is damaged.") from None


def _without_entities(text: str) -> str:
    """XML without a DOCTYPE, and so without entities of its own; HTML's become characters, others stay as written."""
    text = _DECLARATION.sub("", text.lstrip("\ufeff"), count=1)
    begin = _BEGIN.search(text)
    doctype = _DOCTYPE.match(text, begin.start()) if begin else None
    if doctype:
        text = text[: doctype.start()] + text[doctype.end() :]
    return _ENTITY.sub(_character, _NOT_XML.sub("", text))


def _character(match: re.Match[str]) -> str:
    if match[1] in _OF_XML:
        return match[0]
    return html.entities.html5.get(f"{match[1]};", f"&amp;{match[1]};")


def _parsed(text: str, parser: Any) -> Element:
    """Raises lxml's errors."""
    # bytes: a declaration of another encoding in the text is no matter then
    return etree().fromstring(text.encode("utf-8"), parser)


def _xml_parser() -> Any:
    return etree().XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
    )


def parse_xml(data: bytes, name: str) -> Element:
    """The root of XML. Raises `TextError` where it is none."""
    text = _without_entities(decode(data, name))
    try:
        return _parsed(text, _xml_parser())
    except etree().XMLSyntaxError as error:
        raise TextError(f"{name} is not XML ({' '.join(str(error.msg).split())}): the book is damaged.") from None


def parse_html(text: str, name: str) -> Element | None:
    """The root of XHTML, or of whatever resembles HTML; None where there is nothing at all.

    Raises:
      TextError: it is nested more deeply than anybody writes.
    """
    text = _without_entities(text)
    try:
        return _parsed(text, _xml_parser())
    except etree().XMLSyntaxError:  # tag soup, which browsers and most readers take
        parser = etree().HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
        try:
            root = _parsed(_CLOSED.sub("", text), parser)
        except etree().XMLSyntaxError:  # of an empty document
            return None
        if any("depth" in entry.message for entry in parser.error_log):  # all below is lost
            raise TextError(f"{name} is nested too deeply to be read.") from None
        return root


# --- questions to elements --------------------------------------------------------------------------------------


def local(element: Element) -> str:
    """The name of an element without its namespace, in small letters; empty for what is none."""
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def attribute(element: Element, name: str) -> str:
    """An attribute by its name without a namespace; empty where there is none."""
    value = element.get(name)
    if value is None:
        value = next((found for key, found in element.attrib.items() if key.rpartition("}")[2] == name), "")
    return str(value)


def types(element: Element) -> frozenset[str]:
    """What an element says it is: by epub:type, and by role without its "doc-"."""
    told = element.get(f"{{{OPS}}}type") or element.get("epub:type") or ""
    roles = (role.removeprefix("doc-") for role in (element.get("role") or "").split() if role.startswith("doc-"))
    return frozenset(told.lower().split()) | frozenset(roles)


def classes(element: Element) -> frozenset[str]:
    """The names of its classes, in small letters."""
    return frozenset((element.get("class") or "").lower().split())


def children(element: Element, name: str) -> list[Element]:
    """Those of a name, whatever their namespace."""
    return [child for child in element if local(child) == name]


def descendants(element: Element, *names: str) -> list[Element]:
    """All of some names below an element, in their order."""
    return [one for one in element.iter() if local(one) in names]


def content(element: Element) -> str:
    """All text in an element, with single spaces."""
    return " ".join("".join(element.itertext()).split())
