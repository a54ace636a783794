"""Text as editors save it, and JSON as programs write it."""

import codecs
import json

import pytest

from indextts2_jax.runtime.text_files import TextFileError, decode, parse_json, read_text

SAID = "Café, 你好.\nSecond line."


@pytest.mark.parametrize("data", [SAID.encode(), codecs.BOM_UTF8 + SAID.encode(), SAID.replace("\n", "\r\n").encode()])
def test_utf8_with_or_without_a_mark(data, tmp_path):
    (tmp_path / "text").write_bytes(data)
    assert read_text(tmp_path / "text") == SAID


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (SAID.encode("utf-16"), "UTF-16"),
        (codecs.BOM_UTF16_BE + SAID.encode("utf-16-be"), "UTF-16"),
        (SAID.encode("utf-32"), "UTF-32"),
        ("Plain".encode("utf-16-le"), "UTF-16"),
        ("Plain".encode("utf-16-be") + b"\xff", "UTF-16"),
        ("First.\nCafé.".encode("cp1252"), "line 2 is not UTF-8, perhaps Windows-1252"),
        ("“Quoted”".encode("cp1252"), "Windows-1252"),
        ("你好吗".encode("gb18030"), "GB 18030"),
    ],
)
def test_what_is_not_utf8_is_named(data, words):
    with pytest.raises(TextFileError, match=words) as error:
        decode(data)
    assert "save it as UTF-8" in str(error.value) and "\n" not in str(error.value)


def test_what_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "nothing", "/dev/zero", tmp_path / ("x" * 300), "a\0b"):
        with pytest.raises(TextFileError):
            read_text(path)


@pytest.mark.parametrize("value", [{"a": [1, -2.5e10, None, True, "x"]}, [], 10**299, 1e308])
def test_json(value):
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    "text", ["", "{", "[1,]", "NaN", "[-Infinity]", "1e999", "-1e999", "1" * 5000, "[" * 100_000, '{"a":' * 100_000]
)
def test_json_that_nothing_can_take(text):
    with pytest.raises(TextFileError, match="not JSON"):
        parse_json(text)
