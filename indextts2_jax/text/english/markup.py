"""Markdown, HTML and SSML -> the text that a reader sees, with `[pause:…]` where SSML asks for silence.

    # Title          ─► Title.          <b>x</b> &amp; y         ─► x and y
    - one [a](b)     ─► one a.          <break time="1s"/>       ─► [pause:1s]
    a trans-⏎port    ─► a transport     | a | b | (a table)      ─► a, b.

Line breaks stay where they are, since paragraphs are cut at them later.
"""

import html
import re

from indextts2_jax.text.english.tables import any_of, listed

BLOCKS = frozenset(
    listed("""
    address article aside blockquote body caption center dd div dl dt fieldset figcaption figure footer form h1 h2 h3
    h4 h5 h6 head header html li main nav ol p paragraph pre section speak table tbody tfoot thead title tr ul""")
)
CELLS = frozenset(["br", "hr", "td", "th", "option", "label"])
INLINE = frozenset(
    listed("""
    a abbr acronym amazon audio b bdi bdo big blink button cite code data del dfn details dialog em emphasis font
    google i img input ins kbd lang mark mstts object output p phoneme picture prosody q rp rt ruby s samp say-as
    select small source span strike strong sub summary sup svg textarea time tt u var video voice w wbr break lexicon
    link meta metadata token""")
)
HIDDEN = re.compile(r"<(?:(script|style|head|template|svg)\b[^<>]*>|!--)", re.IGNORECASE)
DECLARATION = re.compile(r"<[!?][^<>]*>")
TAG = re.compile(r"<(/?)([A-Za-z][\w:-]{0,20})((?:[\s/][^<>]*)?)>")
ATTRIBUTE = r"""\b{}\s*=\s*["']([^"'<>]*)["']"""
TIME = re.compile(ATTRIBUTE.format("time"), re.IGNORECASE)
STRENGTH = re.compile(ATTRIBUTE.format("strength"), re.IGNORECASE)
ALIAS = re.compile(ATTRIBUTE.format("alias"), re.IGNORECASE)
ALT = re.compile(ATTRIBUTE.format("alt"), re.IGNORECASE)
SUBSTITUTED = re.compile(r"<sub(\s[^<>]*)>([^<>]*)</sub\s*>", re.IGNORECASE)
SPELLED = re.compile(r"""<say-as\s[^<>]*["'](?:characters|spell-out|digits)["'][^<>]*>([^<>]*)</say-as\s*>""", re.I)
STRENGTHS = {"none": 0, "x-weak": 100, "weak": 250, "medium": 500, "strong": 800, "x-strong": 1200}
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
SPOKEN_ENTITIES = {"&": " and ", "\xad": "", "\u200d": "", "\u200c": ""}
ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|~>])")

RULE = re.compile(r"^[ \t]*(?:(?:=[ \t]*){3,}+|(?:-[ \t]*){3,}+|(?:_[ \t]*){3,}+|(?:\*[ \t]*){3,}+|(?:~){3,}+)$", re.M)
FENCE = re.compile(r"^[ \t]*(?:`{3,}+|~{3,}+)[^\n`]*$", re.M)
TABLE_RULE = re.compile(r"^[ \t]*\|?[ \t]*:?-{2,}+:?[ \t]*(?:\|[ \t]*:?-{2,}+:?[ \t]*)*+\|?[ \t]*$", re.M)
HEADING = re.compile(r"^[ \t]{0,3}#{1,6}(?:[ \t]+([^\n]*))?$", re.M)
QUOTE = re.compile(r"^[ \t]{0,3}(?:>[ \t]?)+(?![0-9$€£=])", re.M)
BULLET = re.compile(r"([ \t]*)[-*+•◦▪‣·–][ \t]+(?:\[[ xX]\][ \t]+)?(?=\S)")
NUMBERED = re.compile(r"([ \t]*)([0-9]{1,3})[.)][ \t]+(?=\S)")
ROW = re.compile(r"^[ \t]*\|([^\n]*)\|[ \t]*$", re.M)
DEFINITION = re.compile(r"^[ \t]{0,3}\[[^\]\n]{1,200}\]:[ \t]*<?\S+>?[^\n]*$", re.M)
IMAGE = re.compile(r"!\[([^\[\]\n]{0,500})\]\([^()\n]{0,2000}\)")
LINK = re.compile(r"\[([^\[\]\n]{1,500})\](?:\((?:[^()\n]|\([^()\n]*\)){0,2000}\)|\[[^\[\]\n]{0,200}\])")
NOTE = re.compile(r"\[\^[^\[\]\n]{1,50}\]:?|(?<=[A-Za-z.,;:!?)\"”’]) ?\[[0-9]{1,3}(?:[,–-] ?[0-9]{1,3}){0,9}\]")
UNKNOWN_TAG = re.compile(r"</?([\w.@+-]{2,80})/?>")
AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^\s<>]{1,2000})>")
EMPHASIS = (
    re.compile(r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*\n]{0,1000}[^\s*])\1(?!\*)"),
    re.compile(r"(?<!\w)(_{1,3})(?=[^\s_])((?:[^_\n]|(?<=\w)_(?=\w)){0,1000})(?<=[^\s_])\1(?!\w)"),
    re.compile(r"(~~)(?=\S)([^~\n]{1,1000})(?<=\S)~~"),
    re.compile(r"(?<![=!<>])(==)(?=[^\s=])([^=\n]{1,1000})(?<=[^\s=])==(?!=)"),
    re.compile(r"(`{1,2})([^`\n]{1,1000})\1"),
)
# well-⏎known keeps its hyphen, trans-⏎port is one word
KEPT = any_of(listed("well self half ill all ever twenty thirty forty fifty sixty seventy eighty ninety"))
BROKEN = re.compile(r"(?<=[A-Za-z])(?:\xad|[-‐‑])[ \t]*\r?\n[ \t]*(?=[a-z])|\xad[ \t]*\r?\n[ \t]*")
KEEPS_HYPHEN = re.compile(rf"(?<![A-Za-z]){KEPT}\Z", re.IGNORECASE)
PAUSE = re.compile(r"\[pause(?:[:：][^\[\]\n]*)?\]", re.IGNORECASE)
MARKED = re.compile(r"[#*_`|<>&\[\]=~+\\\xad\n-]|[•◦▪‣·–‐‑]")


def plain(text: str) -> str:
    """The text without its markup."""
    if not MARKED.search(text):
        return text
    text = _join_lines(text)
    if "<" in text:
        text = _read_tags(text)
    text = _read_markdown(text)
    return ENTITY.sub(_entity, text) if "&" in text else text


def _join_lines(text: str) -> str:
    def join(match: re.Match[str]) -> str:
        before = text[max(0, match.start() - 12) : match.start()]
        return "-" if KEEPS_HYPHEN.search(before) and "\xad" not in match[0] else ""

    return BROKEN.sub(join, text)


def _entity(match: re.Match[str]) -> str:
    meant = html.unescape(match[0])
    return match[0] if meant == match[0] else SPOKEN_ENTITIES.get(meant, meant)


# --- tags -----------------------------------------------------------------------------------------------------


def _read_tags(text: str) -> str:
    text = AUTOLINK.sub(lambda match: match[1].removeprefix("mailto:"), text)
    text = DECLARATION.sub(" ", _without_hidden(text))
    text = SUBSTITUTED.sub(_substitute, text)
    text = SPELLED.sub(lambda match: " ".join(match[1].replace(" ", "")), text)
    return UNKNOWN_TAG.sub(r"\1", TAG.sub(_tag, text))


def _without_hidden(text: str) -> str:
    """Without comments, scripts and the like, each with what it holds; those that never end are text."""
    lower, parts, start = text.lower(), [], 0
    endless: set[str] = set()
    for match in HIDDEN.finditer(text):
        closing = f"</{match[1].lower()}" if match[1] else "-->"
        if match.start() < start or closing in endless:
            continue
        end = lower.find(closing, match.end())
        if end < 0:
            endless.add(closing)
            continue
        parts.append(text[start : match.start()])
        start = lower.find(">", end) + 1 or len(text)
    return " ".join([*parts, text[start:]])


def _substitute(match: re.Match[str]) -> str:
    alias = ALIAS.search(match[1])
    return alias[1] if alias else match[2]


def _tag(match: re.Match[str]) -> str:
    name = match[2].lower()
    if name == "break":
        return " " if match[1] else _pause(match[3])
    if name == "img":
        alt = ALT.search(match[3])
        return f" {alt[1]} " if alt else " "
    if name in CELLS:
        return _stop(match, ",") + ("\n" if name in ("br", "hr") else " ")
    if name in BLOCKS:
        return _stop(match, ".") + "\n"
    if name.split(":")[0] in INLINE:
        return " " if name in ("button", "input", "audio", "video") else ""
    return match[0]


def _stop(match: re.Match[str], mark: str) -> str:
    """A mark where text without one stands before the tag."""
    before = match.string[max(0, match.start() - 40) : match.start()].rstrip()
    return mark if before and before[-1] not in ".,:;!?>|" else ""


def _pause(attributes: str) -> str:
    time = TIME.search(attributes)
    if time:
        length = time[1].strip().removeprefix("+").lower()
        return f" [pause:{'0' + length if length.startswith('.') else length}] "
    strength = STRENGTH.search(attributes)
    milliseconds = STRENGTHS.get(strength[1].strip().lower(), 500) if strength else 500
    return f" [pause:{milliseconds}ms] " if milliseconds else " "


# --- Markdown -------------------------------------------------------------------------------------------------


def _read_markdown(text: str) -> str:
    if "\n" in text or text[:4].lstrip()[:1] in tuple("#>-*+|=_~`[•0123456789"):
        text = FENCE.sub("", TABLE_RULE.sub("", RULE.sub("", text)))
        text = DEFINITION.sub("", text)
        text = QUOTE.sub("", text)
        text = HEADING.sub(lambda match: _closed((match[1] or "").rstrip("# \t")), text)
        text = ROW.sub(_row, text)
        text = _lists(text)
    text = IMAGE.sub(r" \1 ", text)
    text = LINK.sub(_link, text)
    text = NOTE.sub("", text)
    for pattern in (EMPHASIS[0], *EMPHASIS):  # **bold with *italics* in it**
        text = pattern.sub(r"\2", text)
    return ESCAPED.sub(r"\1", text)


def _link(match: re.Match[str]) -> str:
    return match[0] if match[1].lower().startswith("pause") else match[1]


def _lists(text: str) -> str:
    """Items end with a full stop. A line that begins like one is none in the middle of a sentence."""
    lines = text.split("\n")
    items = [BULLET.match(line) or NUMBERED.match(line) for line in lines]
    read: list[str] = []
    inside = False
    for number, (line, item) in enumerate(zip(lines, items, strict=True)):
        before = lines[number - 1].rstrip() if number else ""
        goes_on = before != "" and not inside and before[-1] not in '.:;!?,"”'
        if item and not goes_on:
            inside = True
            line = item[1] + (f"{item[2]}, " if item.re is NUMBERED else "") + line[item.end() :]
        elif not line.strip():
            inside = False
        following = lines[number + 1] if number + 1 < len(lines) else ""
        last = not following.strip() or items[number + 1] is not None or not following.startswith((" ", "\t"))
        read.append(_closed(line) if inside and line.strip() and last else line)
        inside = inside and (following.startswith((" ", "\t")) or items[min(number + 1, len(items) - 1)] is not None)
    return "\n".join(read)


def _row(match: re.Match[str]) -> str:
    cells = [cell.strip() for cell in match[1].split("|")]
    return _closed(", ".join(cell for cell in cells if cell))


def _closed(line: str) -> str:
    line = line.rstrip()
    bare = line.rstrip("*_`\"')”’ ")
    return line if not bare or bare[-1] in ".,:;!?…" or line.endswith("]") else f"{line}."
