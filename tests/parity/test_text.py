"""The text front-end against the official one: every recorded text, exactly."""

import json
import re

import pytest

from indextts2_jax.text.bpe.frontend import BpeFrontend
from indextts2_jax.text.reading import read
from tests.conftest import SHARED

GOLDENS = SHARED / "goldens"


def texts() -> list:
    path = GOLDENS / "text_frontend.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [pytest.param(json.loads(line), id=f"line{number}") for number, line in enumerate(lines, 1)]


@pytest.fixture(scope="module")
def frontend(shared) -> BpeFrontend:
    return BpeFrontend(shared / "assets" / "bpe.model")


def test_every_text_is_there(shared):
    assert len(texts()) == 52


@pytest.mark.parametrize("golden", texts())
def test_text(golden, frontend):
    assert frontend.normalize(golden["text"]) == golden["normalized"]
    tokens = frontend.tokenize(golden["text"])
    assert tokens == golden["tokens"]
    assert frontend.encode(tokens) == golden["ids"]
    assert golden["segments"], "the recorded segments"
    for name, lengths in golden["segments"].items():
        max_tokens, quick_tokens = map(int, re.fullmatch(r"max=(\d+),quick=(\d+)", name).groups())
        assert [len(segment) for segment in frontend.segments(tokens, max_tokens, quick_tokens)] == lengths, name


@pytest.mark.parametrize(
    "text, segments",
    [
        ("Ready? [pause:1s] 3 [pause:1s] 2 [pause:1s] 1 [pause:1s] Go!", ["READY?", "THREE", "TWO", "ONE", "GO!"]),
        ("第一章\n\n5\n\n你好", ["第 一 章", "五", "你 好"]),
        ("Chapter one.\n\n*\n\n12\n\nIt was.", ["CHAPTER ONE.", "TWELVE", "IT WAS."]),
        ("5", ["五"]),
        ("a", ["A"]),
    ],
)
def test_pieces_that_the_official_program_never_sees(text, segments, frontend):
    found = read(frontend, text, paragraph_pause_ms=500)
    assert ["".join(segment).replace("▁", " ").strip() for segment in found.segments] == segments
    assert found.warnings == []


def test_single_characters_that_the_vocabulary_has_stay_official(frontend):
    """What `read` makes of a text of one character is what the official program makes of it, unless that is nothing."""
    for character in ["A", "I", "五", "時", "億", "？", "-", "+", "$", "*"]:
        assert frontend.within(character).tokenize(character) == frontend.tokenize(character)


def test_glossary(shared):
    golden = json.loads((shared / "goldens" / "text_glossary.json").read_text(encoding="utf-8"))
    frontend = BpeFrontend(shared / "assets" / "bpe.model", golden["glossary"])
    assert len(golden["cases"]) == 4
    for case in golden["cases"]:
        assert frontend.normalize(case["text"]) == case["normalized"]
