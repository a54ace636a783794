"""Where the rules come from: the cache folder, the wheel, the other package, or nowhere."""

import concurrent.futures
import os
import sys
import types

import pytest

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.text import wetext


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("INDEXTTS2_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / wetext.FOLDER


def accepts(text: str):
    """A grammar that turns `text` into itself."""
    import pynini

    return pynini.accep(text)


def unexpected():
    raise AssertionError("built again")


def test_built_once_and_kept(folder, grammars):
    assert wetext._stored("x", lambda: accepts("a")).string() == "a"
    assert wetext._stored("x", unexpected).string() == "a"
    assert os.listdir(folder) == ["x.fst"]  # nothing temporary is left


def test_a_damaged_file_is_built_again(folder, grammars, caplog):
    wetext._stored("x", lambda: accepts("a" * 50))
    (folder / "x.fst").write_bytes((folder / "x.fst").read_bytes()[:100])
    assert wetext._stored("x", lambda: accepts("b")).string() == "b"
    assert "cannot be read" in caplog.text
    assert wetext._stored("x", unexpected).string() == "b"


def test_a_folder_that_cannot_be_written_costs_only_time(folder, grammars, caplog):
    folder.parent.parent.mkdir(exist_ok=True)
    folder.parent.write_text("a file where the folder should be")
    assert wetext._stored("x", lambda: accepts("a")).string() == "a"
    assert "cannot be kept" in caplog.text


def test_a_build_that_fails_leaves_nothing(folder, grammars):
    with pytest.raises(AssertionError):
        wetext._stored("x", unexpected)
    assert not folder.exists()


def test_together(folder, grammars):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        built = list(pool.map(lambda i: wetext._stored("x", lambda: accepts("a")).string(), range(32)))
    assert built == ["a"] * 32
    assert os.listdir(folder) == ["x.fst"]


def test_a_long_text_is_warned_about(grammars, monkeypatch, caplog):
    monkeypatch.setattr(wetext, "LONG_TEXT", 3)
    assert wetext._grammar_rules("zh")("你好你好") == "你好你好"
    assert "4 characters" in caplog.text


# --- without the pinned version -------------------------------------------------------------------------------


@pytest.fixture
def unpinned(monkeypatch):
    monkeypatch.setattr(wetext, "PINNED", "0.0")
    wetext.load_rules.cache_clear()
    wetext._warn_portable.cache_clear()
    yield
    wetext.load_rules.cache_clear()


def test_the_other_package_with_one_warning(unpinned, monkeypatch, caplog):
    made = []

    class Normalizer:
        def __init__(self, **options):
            made.append(options)

        def normalize(self, text):
            return text + "!"

    package = types.ModuleType("wetext")
    package.Normalizer = Normalizer
    package.__spec__ = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "wetext", package)
    assert wetext.load_rules("zh")("a") == wetext.load_rules("en")("a") == "a!"
    assert [(options["lang"], options["traditional_to_simple"]) for options in made] == [("zh", True), ("en", False)]
    (message,) = caplog.messages
    assert "reads some texts differently" in message


def test_nothing_installed(unpinned, monkeypatch):
    monkeypatch.setitem(sys.modules, "wetext", None)
    with pytest.raises(IndexTTSError, match="pip install WeTextProcessing"):
        wetext.load_rules("en")
