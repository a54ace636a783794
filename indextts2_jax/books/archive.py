"""The archive that an EPUB is: its files by their names, read with limits; nothing is unpacked onto the disk."""

import lzma
import posixpath
import zipfile
import zlib
from typing import BinaryIO
from urllib.parse import unquote

from indextts2_jax.books.markup import attribute, descendants, parse_xml
from indextts2_jax.errors import TextError

MAX_ENTRIES = 50_000
MAX_FILE = 32 << 20
"""Bytes of one file that is read; the longest novels have a tenth of it in all."""
MAX_READ = 128 << 20
"""Of all of them together."""

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
_OF_FONTS = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})
"""Algorithms that hide fonts, and nothing else."""
_DAMAGES = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, NotImplementedError, ValueError)


class Archive:
    """An opened archive. Raises `TextError` for one that is damaged, locked or too large, with its name."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        try:
            self._zip = zipfile.ZipFile(file)
            entries = self._zip.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise TextError(f"{name} is no EPUB, or a damaged one: {_plain(error)}.") from None
        if len(entries) > MAX_ENTRIES:
            raise TextError(f"{name} has {len(entries)} files in it; a book has at most {MAX_ENTRIES}.")
        self._entries = {entry.filename.replace("\\", "/"): entry for entry in entries}
        self._read = 0

    def __contains__(self, path: str) -> bool:
        return path in self._entries

    def read(self, path: str) -> bytes:
        """What is in a file of the archive."""
        self.check_inside(path)
        try:
            with self._zip.open(self._entries[path]) as file:
                data = file.read(min(MAX_FILE, MAX_READ - self._read) + 1)
        except KeyError:
            raise TextError(f"{self.name} names {path}, which is not in it: the book is damaged.") from None
        except _DAMAGES as error:
            raise TextError(f"{path} in {self.name} is damaged: {_plain(error)}.") from None
        except RuntimeError:  # a password is wanted
            raise TextError(f"{self.name} is locked by a password; unlock it first.") from None
        self._read += len(data)
        if len(data) > MAX_FILE or self._read > MAX_READ:
            raise TextError(f"{path} in {self.name} is too large: more than any book has in it.")
        return data

    def resolve(self, base: str, href: str) -> str:
        """The name of what a file at `base` calls `href`, as it is or percent-encoded, even one outside."""
        href = href.partition("#")[0].strip()
        found = ""
        for name in (href, unquote(href)):
            found = posixpath.normpath(posixpath.join(posixpath.dirname(base), name.replace("\\", "/")))
            if found in self._entries:
                break
        return found

    def check_inside(self, path: str) -> None:
        """Raises `TextError` for a name that leads out of the archive."""
        if path.startswith(("/", "../")) or path == "..":
            raise TextError(f"{self.name} names {path!r:.80}, which is outside of the book.")

    def check_readable(self) -> None:
        """Raises `TextError` for an archive that is no EPUB, or one whose texts are encrypted."""
        if CONTAINER not in self._entries:
            raise TextError(f"{self.name} is an archive, but no EPUB: it has no {CONTAINER}.")
        if ENCRYPTION not in self._entries:
            return
        root = parse_xml(self.read(ENCRYPTION), f"{ENCRYPTION} in {self.name}")
        for entry in descendants(root, "encrypteddata"):
            methods = [attribute(one, "Algorithm") for one in descendants(entry, "encryptionmethod")]
            if not methods or set(methods) - _OF_FONTS:
                raise TextError(f"{self.name} is protected (DRM), so nobody can read its text; use a copy without it.")


def _plain(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
