"""Languages, tags and segments of the front-end, over the tiny vocabulary."""

import itertools
import re

import pytest

from indextts2_jax.config import TextConfig
from indextts2_jax.errors import TextError
from indextts2_jax.text import frontend as frontends
from indextts2_jax.text import script
from indextts2_jax.text.reading import read
from indextts2_jax.text.tiktoken.frontend import TiktokenFrontend
from indextts2_jax.text.tiktoken.normalize import Normalizer
from indextts2_jax.text.tiktoken.script import language_of
from indextts2_jax.text.tiktoken.segment import split_text
from indextts2_jax.text.tiktoken.tiny import tiny_vocabulary

pytest.importorskip("tiktoken")

FIRST = TextConfig(normalize_first=True)


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
        ("3×4", None),
        ("3÷4", None),
        ("man\u0303ana", "es"),
        ("٢٥", "ar"),
        ("۲۵ and more", "en"),
        ("你好 ٢٥", "zh"),
        ("I ate the jalapeño and it was hot.", "en"),
        ("El Niño is warming the sea", "en"),
        ("¡Hola! El libro de la casa, and the end", "es"),
        ("奈雪の茶" + "很好喝我们去买吧" * 12, "zh"),
        ("The word です is polite in Japanese", "en"),
        ("Привет 你", "zh"),
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
        ("I ate the jalapeño and it was hot. Good", "Good", "en"),
        ("I ate the jalapeño and it was hot. Jalapeño", "Jalapeño", "en"),
        ("This is Spanish: ¡Hola!", "¡Hola!", "es"),
        ("¿Qué dice? El libro de la casa. Is it the end", "Is it the end", "en"),
        ("奈雪の茶" + "很好喝我们去买吧" * 12, "好喝", "zh"),
        ("これは東京です。奈雪の茶很好喝我们去买", "奈雪の茶很好喝我们去买", "ja"),
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
        ("3/4 y 1/2 y 5/12", "tres cuartos y un medio y cinco doceavos"),
        ("24/7", "veinticuatro siete"),
        ("el 12/05/2024", "el doce de mayo de dos mil veinticuatro"),
        ("2024-05-12", "doce de mayo de dos mil veinticuatro"),
        ("el 12/05", "el doce de mayo"),
        ("-5%", "menos cinco por ciento"),
        ("-5 €", "menos cinco euros"),
        ("-$5", "menos cinco dólares"),
        ("\u22125 grados", "menos cinco grados"),
        ("5\u22123", "cinco menos tres"),
        ("10-20 €", "diez-veinte euros"),
        ("0º", "cero grados"),
        ("25ºC y 1 °C", "veinticinco grados centígrados y un grado centígrado"),
        ("hace 25° hoy", "hace veinticinco grados hoy"),
        ("el 3er piso, la 1era vez, 11º", "el tercer piso, la primera vez, undécimo"),
        ("18º", "decimoctavo"),
        ("10km", "diez kilómetros"),
        ("100 km/h", "cien kilómetros por hora"),
        ("18h", "dieciocho horas"),
        ("14:30 h", "catorce y treinta"),
        ("US$ 20", "veinte dólares"),
        ("3.14", "tres coma uno cuatro"),
        ("0.123", "cero coma uno dos tres"),
        ("1.299", "mil doscientos noventa y nueve"),
        ("$1,299.50", "mil doscientos noventa y nueve coma cinco cero dólares"),
        ("192.168.1.1", "ciento noventa y dos punto ciento sesenta y ocho punto uno punto uno"),
        ("1.000.000 €", "un millón de euros"),
        ("$1 millón", "un millón de dólares"),
        ("21 millones", "veintiún millones"),
        ("5 mil €", "cinco mil euros"),
        ("21 €", "veintiún euros"),
        ("21 años", "veintiún años"),
        ("31.000 años", "treinta y un mil años"),
        ("1 hora y 21 horas", "una hora y veintiuna horas"),
        ("a la 1:00, a la 1", "a la una, a la una"),
        ("12:30:45", "doce horas, treinta minutos y cuarenta y cinco segundos"),
        ("500 £", "quinientas libras"),
        ("200 horas", "doscientas horas"),
        ("200 personas", "doscientos personas"),
        ("2,1 horas", "dos coma uno horas"),
        ("4K", "cuatro K"),
        ("capítulo 21.", "capítulo veintiuno."),
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


@pytest.mark.parametrize(
    "text", ["السعر 3.5 دولار ثم 12.75 دولار", "at 14:30, or 3.5, for 1,299.50 or so", "你好,世界.再见"]
)
def test_marks_within_a_word_are_no_place_to_cut(text):
    for budget in (9, 10, 12):
        segments = split_text(text, budget, count, whole_words=True)
        assert "".join(segments) == text
        for first, second in itertools.pairwise(segments):
            assert not (re.search(r"[a-z0-9][.,:]?$", first) and re.match("[a-z0-9]", second)), segments


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


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("See page. [pause] 25.", "<|en|> twenty five."),
        ("The train leaves. [pause] 14:30", "<|en|> fourteen thirty"),
        ("看书。[pause] 25.", "<|zh|> 二十五."),
        ("他说[pause]3×4", "<|zh|> 三乘四"),
        ("Hello. [pause] 55 [pause] ٢٥", "<|ar|> ٢٥"),
        ("25.", "<|en|> 二十五."),
    ],
)
def test_digits_between_pauses_are_read_by_the_rules_of_the_whole(frontend, text, last):
    assert text_of(frontend, read(frontend.configured(FIRST), text).segments[-1]) == last


def test_line_breaks_before_the_rules(frontend):
    (segment,) = read(frontend.configured(FIRST), "The quick brown dog.\nIt is 14:30.").segments
    assert text_of(frontend, segment).startswith("<|en|> the quick brown dog. it is ")


def test_tags_are_no_markup():
    careful = Normalizer().reading(TextConfig(english="careful"))
    assert careful.prepare("to see <a & b|X> and <b>c</b>.") == "to see <a & b|X> and c."
    assert careful.prepare('go <a href="x|y">there</a>') == "go there"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("We walked along the pier and then went home again. " * 60, "en"),
        ("¿Qué tal? " + "Hoy vamos a la playa con mucha gente buena. " * 70, "es"),
        ("今天天气很好，我们去公园散步吧。" * 200, "zh"),
        ("このごろ東京駅前再開発計画発表。" + "東京都知事選挙現職当選確実報道。" * 150, "zh"),
        ("これからの東京。" * 100 + "東京都知事選挙現職当選確実報道。" * 80, "ja"),
    ],
)
def test_a_long_text_has_one_language_and_full_segments(frontend, text, language, monkeypatch):
    monkeypatch.setattr("indextts2_jax.text.tiktoken.japanese.spaced", str)
    monkeypatch.setattr(
        "indextts2_jax.text.bpe.normalize.TextNormalizer.normalize", lambda self, text, whole=None: text
    )
    tokens = script.tokenize(frontend, text)
    assert sum(token.startswith("<|") for token in tokens) > 1
    segments = frontend.segments(tokens, 120)
    assert {segment[0] for segment in segments} == {f"<|{language}|>"}
    sizes = [len(segment) for segment in segments]
    assert max(sizes) <= 120 and min(sizes[:-1]) > 60, "no piece ends a segment"
    spoken = " ".join(text_of(frontend, segment).split(" ", 1)[1].strip() for segment in segments).split()
    if language in ("en", "es"):
        assert [word.lower() for word in spoken] == text.lower().split()


def test_words_of_a_segment(frontend):
    tokens = frontend.tokenize("the boat, 你 the")
    spoken = ["".join(tokens[begin:end]) for begin, end in frontends.words(tokens)]
    assert spoken[0].startswith("▁the") and all("<|" not in word for word in spoken)


def test_seconds_are_of_what_is_spoken(frontend):
    assert 0.5 < frontend.seconds(frontend.tokenize("Hello there, my friend.")) < 3.0
