"""The rules against WeTextProcessing, the parser between the grammars, and what is there when they are not."""

import concurrent.futures
import json
import lzma
import os
import pathlib
import subprocess
import sys
import time

import pytest

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.text import wetext

RECORDED = pathlib.Path(__file__).with_name("official_rules.jsonl")


def spoken(text: str, language: str) -> str | None:
    """None where no rule reads it."""
    try:
        return wetext.load_rules(language)(text)
    except ValueError:
        return None


@pytest.mark.parametrize("language", ["zh", "en"])
def test_as_the_official_library(language):
    """All that record_rules.py has recorded."""
    lines = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 600 and any(line["en"] is None for line in lines)
    different = [line for line in lines if spoken(line["text"], language) != line[language]]
    assert different == []


def test_empty_and_refused():
    assert spoken("", "zh") == spoken("", "en") == ""
    with pytest.raises(ValueError, match="no rule reads it"):
        wetext.load_rules("en")("\nfive")


def test_a_long_text_is_warned_about(monkeypatch, caplog):
    monkeypatch.setattr(wetext, "LONG_TEXT", 3)
    assert wetext.load_rules("zh")("你好你好") == "你好你好"
    assert "4 characters" in caplog.text


def test_together(monkeypatch):
    """Of threads that all begin with loading one loads, a grammar at a time; the others wait."""
    wetext._load.cache_clear()
    loading, seen = [], []

    def read(path: pathlib.Path, original=wetext._read):
        loading.append(path)
        seen.append(len(loading))
        try:
            time.sleep(0.05)
            return original(path)
        finally:
            loading.remove(path)

    monkeypatch.setattr(wetext, "_read", read)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        chinese = pool.map(lambda number: spoken(f"{number}年", "zh"), [1999] * 8)
        english = pool.map(lambda number: spoken(f"{number} cats", "en"), [5] * 8)
        assert list(chinese) == ["一九九九年"] * 8 and list(english) == ["five cats"] * 8
    assert seen == [1] * 4


def test_needs_no_folder_to_write_in():
    script = "from indextts2_jax.text import wetext; print(wetext.load_rules('en')('5 cats'))"
    nowhere = dict.fromkeys(["HOME", "TMPDIR", "XDG_CACHE_HOME", "INDEXTTS2_CACHE"], "/dev/null/nowhere")
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=os.environ | nowhere, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("five cats\n", "")


# --- what is not there, or damaged ----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the grammars, of which nothing is loaded."""
    for path in wetext.GRAMMARS.glob("*.xz"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(wetext, "GRAMMARS", tmp_path)
    wetext._load.cache_clear()
    yield tmp_path
    wetext._load.cache_clear()


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped", "another"])
def test_a_damaged_grammar_is_named(damage, folder):
    path = folder / "en_tagger.npz.xz"
    data = path.read_bytes()
    middle = len(data) // 2
    damaged = {
        "empty": b"",
        "cut": data[:middle],
        "flipped": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "another": lzma.compress(b"no arrays"),
    }
    path.unlink()
    if damage != "missing":
        path.write_bytes(damaged[damage])
    with pytest.raises(IndexTTSError, match=r"text rules .*en_tagger\.npz\.xz cannot be read .*install") as error:
        wetext.load_rules("en")
    assert "\n" not in str(error.value)
    assert wetext.load_rules("zh")("5") == "五"


def test_without_the_library(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaldifst", None)
    with pytest.raises(IndexTTSError, match="pip install kaldifst"):
        wetext.load_rules("en")


# --- the fields of a token ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "language, tagged, ordered",
    [
        ("en", 'w { v: "a" } w { v: "b" } ', 'w { v: "a" } w { v: "b" }'),
        ("en", 'money { currency_maj: "$" integer_part: "5" }', 'money { integer_part: "5" currency_maj: "$" }'),
        ("en", 'date { month: "may" day: "one" }', 'date { day: "one" month: "may" }'),
        ("en", 'date { month: "m" preserve_order: "true" }', 'date { month: "m" preserve_order: "true" }'),
        ("zh", 'money { currency: "元" value: "五" }', 'money { value: "五" currency: "元" }'),
        ("zh", 'time { hour: "十点" noon: "上午" other: "x" }', 'time { noon: "上午" hour: "十点" }'),
        ("zh", r'char { value: "\"" } char { value: "\\" }', r'char { value: "\"" } char { value: "\\" }'),
        ("zh", 'char { value: "}" }', 'char { value: "}" }'),
        # as the official parser reads what is not well formed
        ("zh", 'x { b: "1" a: "2" b: "3" }', 'x { b: "3" a: "2" b: "3" }'),
        ("zh", 'x { a: "1" ', 'x { a: "1" }'),
        ("zh", 'x { a"1"}y', 'x { a: "1" } y { }'),
        ("zh", "", ""),
    ],
)
def test_reorder(language, tagged, ordered):
    assert wetext.reorder(tagged, wetext.ORDERS[language]) == ordered


@pytest.mark.parametrize("tagged", ['w { v: "a', 'w { v: "a\\', "w { v", 'w { \tv: "1" }', "\tw { }"])
def test_tags_that_a_quote_has_upset(tagged):
    with pytest.raises(ValueError, match="tags cannot be read"):
        wetext.reorder(tagged, {})


@pytest.mark.parametrize("unit", ['w { v: "a" } ', "w ", "}", ' v: "a"', 'w { v: "' + "b" * 99_000, " ", "\\"])
def test_reordering_takes_linear_time(unit):
    start = time.thread_time()
    try:
        wetext.reorder(unit * (100_000 // len(unit)), wetext.ORDERS["en"])
    except ValueError as error:
        assert len(str(error)) < 200
    assert time.thread_time() - start < 5, "a tenth of a second on an idle machine"
