"""Archives that are none, damaged, locked or bombs: one line, whatever is wrong with them."""

import contextlib
import zipfile

import numpy as np
import pytest

from indextts2_jax.books.read import read_book
from indextts2_jax.errors import TextError
from tests.books.make import make_epub, page

ONE, TWO = page("<h1>One</h1><p>First.</p>"), page("<h1>Two</h1><p>Second.</p>")


def test_archives_that_are_none(tmp_path):
    path = tmp_path / "book.epub"
    for data, message in ((b"", "no EPUB"), (b"%PDF-1.7", "no EPUB"), (b"PK\3\4" + bytes(40), "no EPUB")):
        path.write_bytes(data)
        with pytest.raises(TextError, match=message):
            read_book(path)
    make_epub(path, {"1.xhtml": ONE})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TextError, match="no EPUB, or a damaged one"):
        read_book(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.txt", "x")
    with pytest.raises(TextError, match="an archive, but no EPUB"):
        read_book(path)
    with pytest.raises(TextError, match=r"Cannot read .*: No such file"):
        read_book(tmp_path / "none.epub")
    with pytest.raises(TextError, match="of no kind that is read here"):
        read_book(tmp_path / "book.pdf")


def test_a_damaged_file_in_the_archive(tmp_path):
    path = make_epub(tmp_path / "book.epub", {"1.xhtml": page("<p>damage me</p>")})
    path.write_bytes(path.read_bytes().replace(b"damage me", b"damaged!!"))
    with pytest.raises(TextError, match=r"1\.xhtml in .* is damaged"):
        read_book(path)


COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_archives_with_any_damage(tmp_path, compression):
    documents = {"1.xhtml": page(f"<p>{' '.join(map(str, range(300)))}</p>"), "2.xhtml": TWO}
    path = make_epub(tmp_path / "book.epub", documents, compression=compression)
    whole, random = path.read_bytes(), np.random.default_rng(compression)
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[random.integers(len(whole))] = random.integers(256)
        path.write_bytes(damaged)
        with contextlib.suppress(TextError):
            read_book(path)


def test_a_damaged_file_of_every_compression(tmp_path):
    for compression in COMPRESSIONS:
        path = make_epub(tmp_path / "book.epub", {"1.xhtml": ONE}, compression=compression)
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo("OEBPS/1.xhtml")
        data = bytearray(path.read_bytes())
        start = entry.header_offset + 30 + len(entry.filename)
        data[start + 4 : start + entry.compress_size] = b"\xff" * (entry.compress_size - 4)
        path.write_bytes(data)
        with pytest.raises(TextError, match=r"1\.xhtml in .* is damaged"):
            read_book(path)


def test_a_compression_that_nobody_knows(tmp_path):
    path = make_epub(tmp_path / "book.epub", {"1.xhtml": ONE}, compression=zipfile.ZIP_DEFLATED)
    path.write_bytes(_with_fields(path.read_bytes(), 10, 8, lambda old: 77))
    with pytest.raises(TextError, match="is damaged: That compression method is not supported"):
        read_book(path)


def _with_fields(data, central, own, change):
    """An archive whose headers have another byte at a place, in its list of files and before each."""
    data = bytearray(data)
    for signature, offset in ((b"PK\1\2", central), (b"PK\3\4", own)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] = change(data[at + offset])
            at = data.find(signature, at + 4)
    return bytes(data)


def test_bombs(tmp_path, monkeypatch):
    monkeypatch.setattr("indextts2_jax.books.archive.MAX_FILE", 1 << 20)
    bomb = page("<p>" + "a" * (2 << 20) + "</p>")
    path = make_epub(tmp_path / "book.epub", {"1.xhtml": bomb}, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10_000
    with pytest.raises(TextError, match="too large"):
        read_book(path)
    monkeypatch.setattr("indextts2_jax.books.archive.MAX_READ", 3000)
    with pytest.raises(TextError, match="too large"):
        read_book(make_epub(path, {f"{n}.xhtml": page("a" * 900) for n in range(5)}))
    monkeypatch.setattr("indextts2_jax.books.archive.MAX_ENTRIES", 4)
    with pytest.raises(TextError, match="files in it"):
        read_book(path)


def test_a_password(tmp_path):
    path = make_epub(tmp_path / "book.epub", {"1.xhtml": ONE})
    path.write_bytes(_with_fields(path.read_bytes(), 8, 6, lambda old: old | 1))
    with pytest.raises(TextError, match="locked by a password"):
        read_book(path)
