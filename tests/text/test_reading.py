"""Reading: segments and the silence before each, texts of any length, and how long they should take to speak."""

import pytest

from indextts2_jax.errors import TextError
from indextts2_jax.text import reading, script
from indextts2_jax.text.bpe.frontend import BpeFrontend
from indextts2_jax.text.pace import is_english, spelled_seconds
from indextts2_jax.text.tiny import train_tiny_tokenizer


@pytest.fixture
def frontend(plain_rules) -> BpeFrontend:
    return BpeFrontend(train_tiny_tokenizer())


def spoken(found: reading.Reading) -> list[tuple[str, float]]:
    """(text, silence before it) of every segment."""
    texts = ["".join(segment).replace("▁", " ").strip() for segment in found.segments]
    return list(zip(texts, found.silences_ms, strict=False))


def test_a_plain_text_is_read_in_one_go(frontend, plain_rules):
    found = reading.read(frontend, " The boat.\n\nThe pier. ", max_tokens=8)
    assert found.segments == frontend.segments(frontend.tokenize("The boat.\n\nThe pier."), 8)
    assert found.silences_ms == [0, 200, 0] and found.warnings == []
    assert plain_rules[0] == ("en", "The boat.\n\nThe pier.")


def test_pauses_replace_the_usual_silence(frontend):
    found = reading.read(frontend, "[pause:1s]The boat. [pause:0ms] The pier.[pause:2s]", interval_ms=300)
    assert spoken(found) == [("THE BOAT.", 1000), ("THE PIER.", 0)] and found.silences_ms[-1] == 2000


def test_paragraphs(frontend):
    text = "The boat. The pier.\n\nThe train.\n\n* * *\n\n[pause:2s]\n\nThe end."
    found = reading.read(frontend, text, max_tokens=8, paragraph_pause_ms=700)
    assert spoken(found) == [("THE BOAT.", 0), ("THE PIER.", 200), ("THE TRAIN.", 700), ("THE END.", 2000)]
    assert found.warnings == []  # nobody expects three stars to be spoken
    assert reading.read(frontend, "* * *\n\nThe end.", paragraph_pause_ms=700).silences_ms == [0, 0]
    assert reading.read(frontend, "The boat.\n\n* * *\n\nThe end.", paragraph_pause_ms=700).silences_ms == [0, 700, 0]


def test_what_stands_between_pauses_and_paragraphs_is_read_in_the_language_of_the_text(frontend, plain_rules):
    found = reading.read(frontend, "The boat? [pause:1s] 55 [pause:1s] e\n\n12:30", paragraph_pause_ms=700)
    assert spoken(found) == [("THE BOAT?", 0), ("55", 1000), ("E", 1000), ("12,30", 700)] and found.warnings == []
    assert {language for language, _ in plain_rules} == {"en"}
    plain_rules.clear()
    reading.read(frontend, "55 [pause:1s] 12")  # the pause is no English word
    assert plain_rules == [("zh", "55"), ("zh", "12")]


def test_a_text_of_one_letter(frontend):
    assert spoken(reading.read(frontend, "e")) == [("E", 0)]


def test_what_cannot_be_spoken_is_named(frontend):
    found = reading.read(frontend, "The end. [pause:1s] Жук, жук. [pause:1s] The sea.")
    assert spoken(found) == [("THE END.", 0), ("THE SEA.", 2000)]
    assert any("Left out" in warning and "Жук" in warning for warning in found.warnings)
    assert len(found.warnings) == 1
    (warning,) = reading.read(frontend, "The end, Ж and Ж. [pause:1s] The sea.").warnings
    assert warning == "Unknown to the tokenizer, and not spoken as written: Ж"


@pytest.mark.parametrize("text", ["", " \n ", "[pause:1s]", "...[pause:1s]?!", "Жук"])
def test_nothing_to_speak(frontend, text):
    with pytest.raises(TextError):
        reading.read(frontend, text)


def test_english_has_a_budget_of_its_own(frontend):
    text = "The boat waits. The wind was warm.\n\n你好 the 世界 boat 你好."
    short = reading.read(frontend, text, max_tokens=100, max_english_tokens=12, paragraph_pause_ms=500)
    english = [segment for segment, _ in spoken(short) if "BOAT WAITS" in segment or "WARM" in segment]
    assert len(english) > 1 and all(len(segment) <= 12 for segment in short.segments[:-1])
    assert len(short.segments[-1]) > 12
    assert len(reading.read(frontend, text, max_tokens=100, paragraph_pause_ms=500).segments) == 2


def test_quick_tokens_are_those_of_the_whole_text(frontend):
    text = "The boat. The pier. The sea. The end."
    first = reading.read(frontend, text, max_tokens=30, quick_tokens=40)
    assert len(first.segments) > 1
    behind = reading.read(frontend, text + "[pause:1s]" + text, max_tokens=30, quick_tokens=14)
    assert len(behind.segments) > len(reading.read(frontend, text, max_tokens=30).segments) + 1 or len(
        behind.segments[-1]
    ) == len(frontend.tokenize(text))


def test_markup_of_a_small_model_becomes_pauses():
    from indextts2_jax.checkpoint import bundled
    from indextts2_jax.text.phonemes.frontend import PhonemeFrontend

    small = PhonemeFrontend(bundled.model_folder() / "tokenizer.model")
    found = reading.read(small, 'Ready? <break time="1.5s"/> 3 [pause] 2 ⌘')
    assert [len(segment) for segment in found.segments] == [5, 4, 3] and found.silences_ms == [0, 1500, 500, 0]
    assert found.warnings == ["Unknown to the tokenizer, and not spoken as written: ⌘"]
    with pytest.raises(TextError, match="60 seconds"):
        reading.read(small, 'Ready? <break time="61s"/> Go.')


# --- long text ------------------------------------------------------------------------------------------------


def test_longer_texts_are_normalised_in_pieces(frontend, plain_rules):
    sentence = "The little boat waits at the end of the pier, and the wind was warm. "
    text = (sentence * 60).strip()
    assert len(text) > script.WHOLE
    found = reading.read(frontend, text)
    assert len(plain_rules) > 3 and max(len(given) for _, given in plain_rules) <= script.PIECE
    assert all(given.endswith("warm.") for _, given in plain_rules)  # never inside a sentence
    plain_rules.clear()
    assert found.tokens == frontend.tokenize(text)  # as if it had been read in one go
    assert len(plain_rules) == 1


def test_a_text_of_ordinary_length_is_normalised_whole(frontend, plain_rules):
    text = ("The boat. " * 200).strip()
    assert script.PIECE < len(text) <= script.WHOLE
    reading.read(frontend, text)
    assert plain_rules == [("en", text)]


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("one two\nthree four five", 12, ["one two\n", "three four ", "five"]),
        ("One more. Two words here.", 18, ["One more. ", "Two words here."]),
        ("With Dr. Smith, a doctor", 18, ["With Dr. Smith, ", "a doctor"]),
        ("你好。世界，你好世界", 6, ["你好。", "世界，", "你好世界"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("", 4, [""]),
    ],
)
def test_where_pieces_are_cut(text, most, expected):
    assert list(script.cut(text, most)) == expected


def test_a_reading_is_not_cut():
    for text in (
        "one <two words|T UW1 . W ER1 D Z> " * 20,
        "<two words|T UW1>" * 20,
        "x" * 90 + "<a|b c d e f g>" + "x" * 90,
    ):
        for most in (40, 57, 100):
            pieces = list(script.cut(text, most))
            assert "".join(pieces) == text and max(map(len, pieces)) <= most
            assert all(piece.count("<") == piece.count(">") for piece in pieces), pieces


def test_pieces_join_to_the_text_in_linear_time():
    for text in ("a" * 300_000, "! " * 150_000, '!"' * 150_000, "\n" * 300_000, "。" * 300_000):
        parts = list(script.cut(text))
        assert "".join(parts) == text and max(map(len, parts)) <= script.PIECE


def test_the_limit(frontend):
    with pytest.raises(TextError, match="300000"):
        reading.read(frontend, "a" * 300_001)


# --- pace -----------------------------------------------------------------------------------------------------


def test_seconds_grow_with_what_is_said():
    english = ["▁THE", "▁LITTLE", "▁BOAT", "▁WAITS", "."]
    assert 1.2 < spelled_seconds(english) < 2.5
    assert spelled_seconds(english * 2) == pytest.approx(2 * spelled_seconds(english))
    assert 0.7 < spelled_seconds(["▁", "你", "▁", "好", "▁", "世", "▁", "界"]) < 1.2
    assert spelled_seconds([]) == 0.0


def test_phonemes_have_a_pace_too():
    from indextts2_jax.text.phonemes.frontend import PhonemeFrontend

    seconds = PhonemeFrontend.seconds(None, ["▁HH", "AH0", "L", "OW1", ","])  # type: ignore[arg-type]
    assert 0.3 < seconds < 0.6


def test_which_text_is_english():
    assert is_english("The boat.") and is_english("Der Kahn") and is_english("the 船 in the sea")
    assert not is_english("你好世界") and not is_english("我用 Python 写 code") and not is_english("123")
