"""The byte-pair vocabulary, on a tiny one of its own."""

import base64

import pytest

from indextts2_jax.errors import CheckpointError, TextError
from indextts2_jax.text.frontend import build_frontend
from indextts2_jax.text.tiktoken import languages, vocabulary
from indextts2_jax.text.tiktoken.tiny import MERGES, tiny_vocabulary
from indextts2_jax.text.tiktoken.vocabulary import NAMES, Vocabulary

pytest.importorskip("tiktoken")
RANKS = 256 + len(MERGES)
TEXTS = ["<|en|> hello there!", "你好 \u2581 😀", "a\n b\t", "¿Qué?", "<|HAPPY|>x<|30.00|>", "<0x41> _ ▁", ""]


@pytest.fixture(scope="module")
def own() -> Vocabulary:
    return Vocabulary(tiny_vocabulary())


def test_special_tokens_follow_the_ranks(own):
    assert len(NAMES) == 1673 and own.size == RANKS + 1673
    assert own.encode("<|endoftext|><|en|><|zh|><|su|><|30.00|>") == [RANKS + n for n in (0, 2, 3, 100, 1672)]
    assert len(own.encode("<|yue|>")) > 1, "the first language without a token"
    assert own.encode('!"') == [0, 1]


@pytest.mark.parametrize("text", TEXTS)
def test_there_and_back(own, text):
    tokens = own.tokens(text)
    assert own.ids(tokens) == own.encode(text) and own.text(tokens) == text
    assert all(token.isprintable() or token.isspace() for token in tokens)


def test_how_tokens_are_shown(own):
    assert own.tokens(" the 你") == ["▁the", "▁", "你"]
    assert own.tokens("好") == ["<0xE5>", "<0xA5>", "<0xBD>"]
    with pytest.raises(TextError, match="no token"):
        own.ids(["nothing of the kind"])


def test_rows_of_languages():
    assert [languages.row_of(code) for code in ("en", "zh", "es", "ja", "ar", "YUE", "zhen", "zh/en", "xx")] == [
        0, 1, 3, 7, 13, 99, 105, 103, 105,
    ]  # fmt: skip
    assert len(languages.CODES) == 106


LINES = tiny_vocabulary().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no rank for the byte 0x00"),
        (b"".join(LINES[:200]), "no rank for the byte"),
        (b"".join(LINES[1:]), "Line 1 of the vocabulary"),
        (b"".join([*LINES, LINES[-1]]), f"Line {RANKS + 1} of"),
        (b"".join([*LINES, base64.b64encode(b"the") + b" %d\n" % RANKS]), f"Line {RANKS + 1} of"),
        (b"".join([*LINES, b"!!! %d\n" % RANKS]), f"Line {RANKS + 1} of"),
        (b"\x00\x01 not a vocabulary", "Line 1 of"),
    ],
)
def test_what_is_no_vocabulary(data, message, tmp_path):
    with pytest.raises(CheckpointError, match=message):
        vocabulary.parse(data)
    path = tmp_path / "vocab.tiktoken"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=f"vocab.tiktoken is not usable: .*{message[:4]}"):
        build_frontend("tiktoken", path)


def test_an_empty_token_keeps_its_rank():
    """The published file has one, written "="."""
    ranks = vocabulary.parse(b"".join([*LINES, b"= %d\n" % RANKS]))
    assert ranks[b""] == RANKS


def test_the_converter_counts_as_the_front_end_does(tmp_path):
    from convert import vocabulary as counted

    path = tmp_path / "x.tiktoken"
    assert counted.size(path, tiny_vocabulary()) == Vocabulary(tiny_vocabulary()).size
    assert NAMES.index("en") == counted.FIRST_LANGUAGE
    for data in (b"", b"".join(LINES[1:]), b"".join(LINES[:200]), b"\xff\xfe"):
        with pytest.raises(CheckpointError, match=r"x\.tiktoken is"):
            counted.size(path, data)


def test_long_texts_take_no_time(own):
    for text in ("a" * 200_000, "你" * 100_000, " " * 200_000):
        assert len(own.encode(text)) > 1000
