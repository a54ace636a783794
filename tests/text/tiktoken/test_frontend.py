"""Languages, tags and segments of the front-end, over the tiny vocabulary."""

import itertools

import pytest

from indextts2_jax.config import TextConfig
from indextts2_jax.errors import TextError
from indextts2_jax.text import frontend as frontends
from indextts2_jax.text.reading import read
from indextts2_jax.text.tiktoken.frontend import TiktokenFrontend
from indextts2_jax.text.tiktoken.normalize import Normalizer
from indextts2_jax.text.tiktoken.script import language_of
from indextts2_jax.text.tiktoken.segment import split_text
from indextts2_jax.text.tiktoken.tiny import tiny_vocabulary

pytest.importorskip("tiktoken")


@pytest.fixture(scope="module")
def frontend() -> TiktokenFrontend:
    return TiktokenFrontend(tiny_vocabulary())


def text_of(frontend, segment) -> str:
    return frontend.vocabulary.text(segment)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello there.", "en"),
        ("你好，世界", "zh"),
        ("我用 Python 写 code", "zh"),
        ("The word 你好 means hello to me", "en"),
        ("これは本です", "ja"),
        ("東京タワー", "ja"),
        ("東京都", "zh"),
        ("ｶﾞﾝﾊﾞﾚ", "ja"),
        ("¿Qué tal?", "es"),
        ("El niño come", "es"),
        ("Café naïve in Zürich", "en"),
        ("مرحبا كيف حالك", "ar"),
        ("مرحبا OK", "ar"),
        ("2024: 30%", None),
        ("!?", None),
        ("<going|G OW1> on", "en"),
        ("<行|HANG2>", "zh"),
        ("<|happy|> 你好", "zh"),
    ],
)
def test_languages_by_script(text, language):
    assert language_of(text) == language


def test_a_piece_is_read_in_the_language_of_the_whole(frontend):
    for whole, piece, language in [
        ("¿Qué? Hola amigo", "Hola amigo", "es"),
        ("これは東京です", "東京", "ja"),
        ("你好。3", "3", "zh"),
        ("مرحبا 3", "3", "ar"),
        ("One. 你好", "你好", "zh"),
        ("3", "3", "en"),
    ]:
        assert frontend.within(whole).language(piece) == language
    told = frontend.configured(TextConfig(language="ar"))
    assert told.within("Hello").language("Hello") == "ar"


def test_a_segment_begins_with_its_language(frontend):
    tokens = frontend.tokenize("Hello there")
    assert tokens[:2] == ["<|en|>", "▁"] and text_of(frontend, tokens) == "<|en|> hello there"
    assert frontend.tokenize("   ") == []
    (segment,) = frontend.segments(tokens, 120)
    assert segment == tokens and frontend.encode(segment)[0] == 271


def test_a_reading_in_japanese(frontend):
    pytest.importorskip("fugashi")
    assert Normalizer().steps("<明日|あした>", "ja", by_rules=False).tagged == " あした "


def test_cases_and_tags(frontend):
    normalizer = Normalizer()
    assert normalizer("¡Hola <niño|K OW1>!", "es") == "¡HOLA <|SPECIAL_TOKEN_1|>K OW1<|SPECIAL_TOKEN_1|>!"
    assert normalizer("<|happy|> Ab", "ar") == "<|HAPPY|> Ab"
    assert normalizer.steps("<行|xing2>", "zh", by_rules=False).tagged == "<|SPECIAL_TOKEN_2|>XING2<|SPECIAL_TOKEN_2|>"
    assert normalizer.steps("a<b|c\nd>", "ar").tagged == "a<b|c d>" or "<|SPECIAL" in normalizer("a<b|c\nd>", "ar")


def test_numbers_before_characters():
    plain, first = Normalizer(), Normalizer().reading(TextConfig(normalize_first=True, spell_numbers=True))
    assert plain("Son las 14:30", "es") == "SON LAS 14,30"
    pytest.importorskip("num2words")
    assert first("Son las 14:30", "es") == "SON LAS CATORCE Y TREINTA"


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("25%", "veinticinco por ciento"),
        ("$1.299,50", "mil doscientos noventa y nueve coma cinco cero dólares"),
        ("1 €", "un euro"),
        ("3º y 2ª", "tercero y segunda"),
        ("en 2024", "en dos mil veinticuatro"),
        ("-5 grados", "menos cinco grados"),
        ("F5-3", "Fcinco-tres"),
        ("007", "cero cero siete"),
        ("9" * 20, " ".join(["nueve"] * 20)),
        ("sin", "sin"),
    ],
)
def test_spanish_numbers(text, spoken):
    pytest.importorskip("num2words")
    from indextts2_jax.text.tiktoken.spanish import spell_numbers

    assert spell_numbers(text) == spoken


def count(text: str) -> int:
    return len(text)


def test_splitting():
    text = "One, two. Three four five! 六七八"
    for budget in (4, 7, 12, 100):
        segments = split_text(text, budget, count)
        assert "".join(segments) == text and all(len(segment) <= budget for segment in segments)
    assert split_text("abcdefgh", 3, count) == ["abc", "def", "gh"]
    assert split_text("", 5, count) == [""]
    assert split_text("a b", 0, count) == ["a", " ", "b"]


def test_words_stay_whole_where_they_fit():
    text = "the little boat waits, 你好世界的船"
    for budget in (7, 9, 13):
        segments = split_text(text, budget, count, whole_words=True)
        assert "".join(segments) == text and all(len(segment) <= budget for segment in segments)
        for first, second in itertools.pairwise(segments):
            assert not (first[-1].isascii() and first[-1].isalpha() and second[0].isascii() and second[0].isalpha())
    assert split_text("supercalifragilistic", 6, count, whole_words=True)[0] == "superc", "a word too long by itself"


def test_a_reading_is_never_cut():
    marked = "<|SPECIAL_TOKEN_1|>G OW1 . IH0 NG<|SPECIAL_TOKEN_1|>"
    segments = split_text(f"ab {marked} cd", 5, count)
    assert "".join(segments) == f"ab {marked} cd" and any(marked in segment for segment in segments)


def test_short_segments_while_a_stream_begins():
    text = "one, two, three, four, five, six, seven, eight."
    whole, quick = split_text(text, 20, count), split_text(text, 20, count, quick_tokens=10)
    assert "".join(quick) == "".join(whole) and len(quick[0]) <= 10 < len(whole[0])


def test_reading_a_text(frontend):
    found = read(frontend, "Hello there. [pause:1s] 你好 [pause:2s] !!")
    assert [text_of(frontend, one) for one in found.segments] == ["<|en|> hello there.", "<|zh|> 你好"]
    assert found.silences_ms == [0, 1000, 2000] and not found.warnings
    spanish = read(frontend, "Hola. [pause:1s] ¡Hola!")
    assert [text_of(frontend, one) for one in spanish.segments] == ["<|es|> HOLA.", "<|es|> ¡HOLA!"]
    with pytest.raises(TextError, match="empty"):
        read(frontend, "  ")
    for silent in ("!", "…", "😀", "<|HAPPY|>"):
        with pytest.raises(TextError, match="no letter or digit"):
            read(frontend, silent)


def test_words_of_a_segment(frontend):
    tokens = frontend.tokenize("the boat, 你 the")
    spoken = ["".join(tokens[begin:end]) for begin, end in frontends.words(tokens)]
    assert spoken[0].startswith("▁the") and all("<|" not in word for word in spoken)


def test_seconds_are_of_what_is_spoken(frontend):
    assert 0.5 < frontend.seconds(frontend.tokenize("Hello there, my friend.")) < 3.0
