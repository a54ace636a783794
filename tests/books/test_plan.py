"""Books to passages: what is spoken in one go, the silence behind it, and what their keys depend on."""

import pytest

from indextts2_jax.audio.write import write_audio
from indextts2_jax.books.book import BREAK, HEADING, TEXT, Block, Book, chosen_numbers, count_words, numbered
from indextts2_jax.books.plan import LONGEST, Pauses, plan_book, with_language
from indextts2_jax.config import replace
from indextts2_jax.errors import ConfigError, TextError
from indextts2_jax.synthesis.request import Emotion
from tests.models import PUBLISHED, PUBLISHED_2_5
from tests.tiny import RATE, tiny_config, voice_clip

TINY = tiny_config()
CONFIG = replace(TINY, model=None, random_seed=None)


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    write_audio(path, voice_clip()[0], RATE)
    return path


def book_of(*blocks):
    return Book("Book", (), "", numbered([("One", blocks)]))


def passages(voice, *blocks, config=CONFIG, **options):
    (planned,) = plan_book(book_of(*blocks), voice, config, TINY.model, **options).chapters
    return [(task.request.text, round(task.pause / 22.05)) for task in planned.tasks]


def test_passages_and_silences(voice):
    blocks = (Block(HEADING, "One", 1), Block(TEXT, "a"), Block(TEXT, "b!"), Block(BREAK), Block(TEXT, "c"))
    assert passages(voice, *blocks) == [("One.", 900), ("a.\n\nb!", 1500), ("c.", 2000)]
    pauses = Pauses(heading_ms=0, break_ms=1000, chapter_ms=10)
    assert passages(voice, *blocks, pauses=pauses) == [("One.", 0), ("a.\n\nb!", 1000), ("c.", 10)]
    assert passages(voice, Block(HEADING, "一")) == [("一。", 2000)]


@pytest.mark.parametrize(("settings", "pause"), [({"text": {"paragraph_pause_ms": 700}}, 700), ({}, 200)])
def test_paragraphs_go_together_up_to_a_length(voice, settings, pause):
    paragraphs = [Block(TEXT, f"{letter} " * 149 + "end.") for letter in "abcde"]
    found = passages(voice, *paragraphs, config=replace(CONFIG, **settings))
    assert [text.count("end.") for text, _ in found] == [3, 2] and [ms for _, ms in found] == [pause, 2000]
    assert "\n\n".join(text for text, _ in found) == "\n\n".join(block.text for block in paragraphs)


def test_long_paragraphs_are_cut_at_sentences(voice):
    text = "Here is a sentence. " * 500
    found = passages(voice, Block(TEXT, "Before."), Block(TEXT, text.strip()), Block(TEXT, "Behind."))
    assert all(len(text) <= LONGEST + 20 and text.endswith(".") for text, _ in found)
    assert " ".join(" ".join(text.split()) for text, _ in found) == f"Before. {text}Behind."


def test_keys(voice, tmp_path):
    def keys(*texts, name=voice, config=CONFIG, **options):
        blocks = [block for text in texts for block in (Block(HEADING, text),)]
        (planned,) = plan_book(book_of(*blocks), name, config, TINY.model, **options).chapters
        return [task.key for task in planned.tasks]

    base = keys("a", "b")
    assert keys("b", "a") == base[::-1] and keys("a", "c")[0] == base[0] != keys("a", "c")[1]
    moved = tmp_path / "moved.wav"
    moved.write_bytes(voice.read_bytes())
    same = [{"name": moved}, {"config": replace(CONFIG, segments_at_once=4)}, {"pauses": Pauses(0, 0, 0)}]
    assert all(keys("a", "b", **options) == base for options in same)
    other = [{"seed": 1}, {"identity": "x"}, {"emotion": Emotion(weights="sad:0.5")}]
    other.append({"config": replace(CONFIG, duration={"factor": 1.1})})
    assert len({keys("a", **options)[0] for options in [*other, {}]}) == 5


REFUSED = [
    (Block(TEXT, "a [pause:99h]"), {}, TextError, r"Chapter 1 \('One'\): '\[pause:99h\]' in the text is no pause"),
    (Block(TEXT, "a \ud800"), {}, TextError, "Chapter 1 .* half a character"),
    (Block(TEXT, "a"), {"polish": {"even_loudness": True}}, ConfigError, "even_loudness goes by the first segment"),
    (Block(TEXT, "a"), {"duration": {"target_seconds": 3.0}}, ConfigError, "a book is as long as its text"),
]


@pytest.mark.parametrize(("block", "settings", "kind", "message"), REFUSED)
def test_what_is_refused(voice, block, settings, kind, message):
    with pytest.raises(kind, match=message):
        plan_book(book_of(block), voice, replace(CONFIG, **settings), TINY.model)


def test_pauses_out_of_range():
    with pytest.raises(ConfigError, match="heading_pause is -1"):
        Pauses(heading_ms=-1)


LANGUAGES = [
    ("en-GB", PUBLISHED, "auto", "auto", False),
    ("en-GB", PUBLISHED_2_5, "auto", "en", False),
    ("JA", PUBLISHED_2_5, "auto", "ja", False),
    ("zh_Hans", PUBLISHED_2_5, "es", "es", False),
    ("de", PUBLISHED_2_5, "auto", "auto", True),
    ("", PUBLISHED_2_5, "auto", "auto", False),
]


@pytest.mark.parametrize(("language", "model", "given", "expected", "told"), LANGUAGES)
def test_the_language_of_the_book(language, model, given, expected, told):
    config = replace(CONFIG, text={"language": given})
    found, notice = with_language(config, Book("", (), language, ()), model)
    assert found.text.language == expected and bool(notice) == told


def test_numbers_of_chapters():
    assert chosen_numbers("1, 3-4,6-", 7) == {1, 3, 4, 6, 7}
    for wish in ("", "a", "0", "3-2", "8", "1-8", "1,,2", "-3", "1.5"):
        with pytest.raises(ConfigError, match="--chapters"):
            chosen_numbers(wish, 7)


def test_words():
    assert [count_words(text) for text in ("", "It's 3,000 - or so.", "你好 world", "—")] == [0, 4, 3, 0]
