"""Addresses: of the web, of mail, of machines and of files; @names and #tags.

https://www.example.com/a.html?lang=en ─► example dot com slash a dot H T M L question mark lang equals E N
"""

import re

from indextts2_jax.text.english import numbers
from indextts2_jax.text.english.tables import any_of, listed, put, table

SIGNS = table("/ slash, . dot, ? question mark, = equals, & and, # hash, _ underscore, - dash, ~ tilde, % percent")
SIGNS |= table("@ at, : colon, + plus, \\ backslash, ! exclamation mark, * star, ; semicolon, $ dollar")
SIGNS[","] = "comma"
WORDS = frozenset(listed("go my in is at to of on or we us me no so up by do be he it if an as am news shop blog"))
SPELLED = frozenset(
    listed("""
    html htm php asp aspx jsp css js ts xml yaml yml sql jpg jpeg png svg pdf txt csv rtf doc docx xls xlsx ppt pptx
    mp wav avi exe dll iso api url uri usb ftp www uk us eu ai io tv id ui ux aac ogg epub ini cfg md rst ipynb cpp
    apk dmg deb rpm tar gz tgz ico ttf otf py rb rs kt vb cs ps tex utf""")
)
ENDINGS = any_of(
    listed("""
    com org net edu gov mil int info biz io ai co uk de fr us eu ca au jp cn in ru br it es nl se no ch at be app dev
    me tv news blog shop online site tech xyz museum travel academy cloud club wiki ly gl example test local""")
)
FILES = any_of(
    listed("""
    txt pdf doc docx xls xlsx ppt pptx csv tsv json xml yaml yml toml ini cfg conf log md rst html htm css js ts jsx
    tsx py ipynb rb rs go java kt swift c h cpp hpp cs php pl sh bash bat ps1 exe dll so deb rpm apk dmg iso zip tar
    gz tgz bz2 xz 7z rar jpg jpeg png gif bmp svg webp tiff ico mp3 mp4 m4a wav flac ogg aac avi mkv mov webm epub
    mobi tex bib sql db sqlite bak tmp lock env ttf otf wasm npz npy pth pt onnx safetensors""")
)
TAIL = r"(?:[/?#](?:[^\s<>\"'“”‘’|\\^`{}\[\]()]|\([^\s()<>]*\))*+)?+"
HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})\.){1,10}"
URL = re.compile(
    rf"(?<![\w@.])(?:(?:https?|ftp|file|ssh|git)://(?:www\.)?(?=[\w\[/])(?:[^\s<>\"'“”‘’|\\^`{{}}\[\]()/?#]++){TAIL}"
    rf"|(?:www\.)?{HOST}{ENDINGS}(?![\w@-]|\.[A-Za-z])(?::[0-9]{{1,5}})?{TAIL}|www\.[\w.-]++{TAIL})",
    re.IGNORECASE,
)
SCHEME = re.compile(r"\b(?:https?|ftp|file|ssh|git)://(?:www\.)?(?=\w)", re.IGNORECASE)
LONE_SCHEME = re.compile(r"\b(https?|ftp)://(?!\w)", re.IGNORECASE)
CLOSING = ".,;:!?)'\"*_"
EMAIL = re.compile(r"(?<![\w.+-])[\w][\w.+-]{0,63}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w@])")
IP = re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:[:/][0-9]{1,5})?(?![\w]|\.[0-9])")
IP6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f:]{2,39}(?![\w:]))(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{1,4}(?![\w:])")
FILE = re.compile(rf"(?<![\w.@/])(?:[\w-]{{1,60}}/){{0,8}}(?:[\w-]{{1,100}}\.){{1,6}}{FILES}(?![\w@-]|\.\w)")
PATH = re.compile(r"(?<![^\s\"'(“‘])(?:~|\.{1,2})?(?:/[\w.@+~-]*[\w+~-])+/?(?![\w/])")
DRIVE = re.compile(r"(?<![\w\\])(?:[A-Za-z]:|\\)\\[\w.\\ ()-]{0,200}[\w\\]")
NAMED = re.compile(r"(?<![\w@.])@(\w{2,40})(?![\w@])")
TAG = re.compile(r"(?<![\w#&])#([0-9]{0,5}[A-Za-z_]\w{1,80})")
DOTNET = re.compile(r"(?<![\w.])\.(NET|Net|net|env|gitignore|bashrc|com|org|exe|zip|pdf|txt|io)\b(?!\.)")
PIECE = re.compile(r"[^\W\d_]+|[0-9]+|[^\w\s]|_")
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def speak(text: str) -> str:
    """The text with its addresses in words."""
    if "@" in text:
        text = EMAIL.sub(lambda match: put(match, spell(match[0])), text)
        text = NAMED.sub(lambda match: put(match, f"at {_name(match[1])}"), text)
    if "." in text or "/" in text:
        text = IP.sub(_ip, text)
        text = URL.sub(_url, text)
        text = FILE.sub(lambda match: put(match, spell(match[0])), text)
        text = LONE_SCHEME.sub(lambda match: put(match, " ".join(match[1].upper())), text)
        text = DOTNET.sub(lambda match: put(match, f"dot {_piece(match[1])}"), text)
    if "/" in text:
        text = PATH.sub(lambda match: put(match, spell(match[0])), text)
    if "\\" in text:
        text = DRIVE.sub(lambda match: put(match, spell(match[0])), text)
    if "#" in text:
        text = TAG.sub(lambda match: put(match, f"hashtag {_name(match[1])}"), text)
    return IP6.sub(lambda match: put(match, spell(match[0])), text) if ":" in text else text


def spell(address: str) -> str:
    """Every sign by its name, every part as a word, letters or a number."""
    return " ".join(
        SIGNS.get(piece, _piece(piece)) for piece in PIECE.findall(address) if piece.isalnum() or piece in SIGNS
    )


def _piece(piece: str) -> str:
    if piece.isdigit():
        return (
            numbers.cardinal(int(piece))
            if len(piece) < 3 and piece != "0" and piece[0] != "0"
            else numbers.digits(piece)
        )
    lower = piece.lower()
    vowels = set(lower) & set("aeiouy")
    if (
        len(piece) == 1
        or lower in SPELLED
        or (len(piece) < 6 and not vowels)
        or (len(piece) == 2 and lower not in WORDS)
    ):
        return " ".join(piece.upper()) if piece.isascii() else piece
    return " ".join(CAMEL.split(piece))


def _name(name: str) -> str:
    return " ".join(
        numbers.name(part) if part.isdigit() else part
        for word in name.split("_")
        for part in re.findall(r"[0-9]+|[^\W\d_]+", CAMEL.sub(" ", word))
    )


def _url(match: re.Match[str]) -> str:
    address = match[0]
    end = len(address.rstrip(CLOSING))
    if "(" in address and address[end : end + 1] == ")":
        end += 1
    bare = SCHEME.sub("", address[:end]).rstrip("/") or address[:end]
    words = spell(bare)
    before = match.string[match.start() - 1 : match.start()] if match.start() else ""
    return (" " if before.isalnum() else "") + words + address[end:]


def _ip(match: re.Match[str]) -> str:
    parts = re.split(r"([.:/])", match[0])
    if any(int(part) > 255 for part in parts[:7:2]):
        return match[0]
    return put(match, " ".join(SIGNS.get(part) or numbers.digits(part) for part in parts))
