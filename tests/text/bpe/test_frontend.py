"""The byte-pair front-end over the tiny tokenizer, and that tokenizer itself."""

import itertools
import subprocess
import sys

import pytest

from indextts2_jax.errors import CheckpointError, ConfigError, TextError
from indextts2_jax.text.bpe.frontend import BpeFrontend, split_ideographs
from indextts2_jax.text.frontend import build_frontend, check_speakable
from indextts2_jax.text.tiny import CHARACTERS, VOCABULARY, train_tiny_tokenizer


@pytest.fixture
def frontend(plain_rules) -> BpeFrontend:
    return BpeFrontend(train_tiny_tokenizer())


def test_ideographs_are_words_of_their_own():
    assert split_ideographs(" 你好 hello,世界 ") == "你 好 HELLO, 世 界"
    assert split_ideographs("カナ한글abc。") == "カ ナ 한 글 ABC 。"
    assert split_ideographs("straße") == "STRASSE"
    assert split_ideographs(" ") == ""


def test_tokens_join_to_the_spoken_text(frontend):
    tokens = frontend.tokenize("There is the boat, isn't it?")
    assert "".join(tokens).replace("▁", " ").strip() == "THERE IS THE BOAT, ISN'T IT?"
    assert frontend.unknown(tokens) == []
    assert all(2 < number < frontend.vocab_size for number in frontend.encode(tokens))


def test_empty(frontend):
    assert frontend.tokenize("") == []
    assert frontend.tokenize("  \n") == []
    assert frontend.encode([]) == frontend.segments([], 10) == frontend.unknown([]) == []


def test_a_single_character_is_left_alone(frontend, plain_rules):
    assert frontend.tokenize(" E ")[-1].endswith("E")
    assert frontend.unknown(frontend.tokenize("E")) == []
    assert frontend.unknown(frontend.tokenize("e")) == ["e"]  # not upper-cased
    assert plain_rules == []  # nor normalised
    assert frontend.unknown(frontend.tokenize("ee")) == []


def test_a_single_character_of_a_text_is_spoken(frontend, plain_rules):
    piece = frontend.within("E or e?")
    assert piece.unknown(piece.tokenize(" e ")) == []
    assert plain_rules == [("en", " e ")]
    for known in ("E", "5", "?", "-", "*", ""):  # the vocabulary has it, or it is silent
        assert piece.tokenize(known) == frontend.tokenize(known)
    assert plain_rules == [("en", " e ")]
    with pytest.raises(TextError, match="not valid Unicode"):
        piece.tokenize("\ud800")


@pytest.mark.parametrize("text, language", [("One, two.", "en"), ("一，二。", "zh"), ("一, two", "zh"), ("1, 2", "zh")])
def test_a_piece_without_letters_has_the_language_of_its_text(text, language, frontend, plain_rules):
    piece = frontend.within(text)
    for part in ("12:30", "the", "你好"):
        piece.tokenize(part)
    assert plain_rules == [(language, "12:30"), ("en", "the"), ("zh", "你好")]
    assert frontend.tokenize("12:30") and plain_rules[-1] == ("zh", "12:30")  # alone, as the official code


def test_unknown_pieces_are_named_in_order(frontend):
    tokens = frontend.tokenize("the Ж and 你 of Ж")
    assert frontend.unknown(tokens) == ["Ж", "你", "Ж"]
    assert [number for number in frontend.encode(tokens) if number == 2] == [2, 2, 2]


def test_half_a_character(frontend):
    for text in ("\ud800", "ab\udfff"):
        with pytest.raises(TextError, match="not valid Unicode"):
            frontend.tokenize(text)


def test_segments_are_those_of_the_tokens(frontend):
    tokens = frontend.tokenize("The boat waits. The cat reads.")
    assert len(frontend.segments(tokens, 12)) > 1
    assert list(itertools.chain(*frontend.segments(tokens, 12))) == tokens


def test_glossary(plain_rules):
    frontend = BpeFrontend(train_tiny_tokenizer(), {"R.9": "R nine"})
    assert frontend.normalize("the r.9") == "the R nine"


def test_tokenizer_from_a_file(frontend, tmp_path):
    path = tmp_path / "bpe.model"
    path.write_bytes(train_tiny_tokenizer())
    for source in (path, str(path)):
        assert BpeFrontend(source).tokenize("the sea") == frontend.tokenize("the sea")


@pytest.mark.parametrize(
    "content", [b"", b"no model", b"\x00" * 100, b"x" * 5000], ids=["empty", "text", "zeros", "long"]
)
def test_no_tokenizer(content, tmp_path):
    path = tmp_path / "broken.model"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"broken\.model is not a SentencePiece model"):
        BpeFrontend(path)
    with pytest.raises(CheckpointError, match="not a SentencePiece model"):
        BpeFrontend(content)


def test_half_a_tokenizer():
    with pytest.raises(CheckpointError, match="not a SentencePiece model"):
        BpeFrontend(train_tiny_tokenizer()[:-100])


def test_missing_tokenizer(tmp_path):
    for path in (tmp_path / "none.model", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be read"):
            BpeFrontend(path)


def test_front_ends_by_name(plain_rules):
    assert build_frontend("bpe", train_tiny_tokenizer()).tokenize("the sea")
    with pytest.raises(CheckpointError, match="not a phoneme lexicon"):
        build_frontend("phonemes", train_tiny_tokenizer())
    with pytest.raises(ConfigError, match="'letters', but only 'bpe', 'phonemes' and 'tiktoken' are known"):
        build_frontend("letters", train_tiny_tokenizer())


@pytest.mark.parametrize("text", ["The sea.", "E", "5", "a?!", "你 sea"])
def test_speakable(text, frontend):
    check_speakable(frontend, text, frontend.tokenize(text))


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("?!", "no letter or digit"),
        ("... - '", "no letter or digit"),
        ("\u200b\u200b", "no letter or digit"),
        ("🙂🙂", "no letter or digit"),
        ("你好。", "knows no character"),
        ("e", "knows no character"),
        ("?" * 100, "\\?{40}…'"),
    ],
)
def test_nothing_to_speak(text, message, frontend):
    with pytest.raises(TextError, match=message) as error:
        check_speakable(frontend, text, frontend.tokenize(text))
    assert "\n" not in str(error.value)


# --- the tiny tokenizer ---------------------------------------------------------------------------------------


def test_tiny_tokenizer_has_the_published_layout(frontend):
    pieces = frontend._pieces
    assert frontend.vocab_size == VOCABULARY
    assert [pieces.id_to_piece(i) for i in range(3)] == ["<s>", "</s>", "<unk>"]
    assert (pieces.bos_id(), pieces.eos_id(), pieces.unk_id(), pieces.pad_id()) == (0, 1, 2, -1)
    for character in CHARACTERS.split():
        assert frontend.unknown(pieces.encode(character, out_type=str)) == [], character


def test_tiny_tokenizer_is_the_same_every_time():
    script = "from indextts2_jax.text.tiny import *; print(train_tiny_tokenizer().hex())"
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True) for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout != ""
    assert runs[0].stderr == "", "training is silent"
