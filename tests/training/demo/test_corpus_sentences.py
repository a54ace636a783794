"""The texts of the demo corpus: harvested, made from templates, counted, short; the pool of them."""

import collections
import random

import pytest

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.training.demo import counting, pool, sentences, short, templates


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Exhale when you lift the weight", "Exhale when you lift the weight."),
        ("hold your breath!", "Hold your breath!"),
        ("a well-known  man, isn't he?", "A well-known man, isn't he?"),
        ("We met Ann in Rome", "We met Ann in Rome."),
        ("two words", "Two words."),
        ("alone", None),  # too short
        (" ".join(["word"] * 26), None),  # too long
        ("it cost 5 dollars", None),
        ("ask Mr. Smith about it", None),
        ("the U.S. is a country", None),
        ("the NASA people came", None),
        ("he said: come here; then -- he left", "He said: come here; then - he left."),
        ('"come here," she said', '"Come here," she said.'),
        ("well... it is \u201cgood\u201d", 'Well... it is "good".'),
        ('an "open quotation', None),
        ('here." And he said, "there', None),  # the ends of two quotations
        ("stop (or go)", None),
        ("a caf\u00e9 in Paris", None),
        ("hmm that is good", "Hmm that is good."),
        ("brr that is cold", None),  # a word without vowels
        ("the 'quoted' word here", None),
        ("The Rise And Fall Of Rome", None),  # a title
        ("option b is better", None),
    ],
)
def test_clean_keeps_plain_prose_with_its_marks(raw, expected):
    assert sentences.clean(raw) == expected


def test_words_and_key_ignore_case_and_punctuation():
    assert sentences.words("I'm here, Ann.") == ["i'm", "here", "ann"]
    assert sentences.key("Come here, Ann!") == sentences.key("come here ann")
    assert sentences.keys('Who knows? "Come here, Ann!"') == {"who knows come here ann", "who knows", "come here ann"}


def test_wordnet_examples_and_meanings(tmp_path):
    (tmp_path / "data.verb").write_text(
        "  1 This software and database is licensed\n"
        '00004227 29 v 01 exhale 0 000 | expel air; "Exhale when you lift"; "one"; "She left. He wept a lot."\n'
        '00004228 29 v 01 hold 0 000 | keep; "exhale, when you lift!"; "the 3 of us went"\n'
    )
    (tmp_path / "data.noun").write_text(
        "  1 This software and database is licensed\n"
        '00004229 06 n 01 kettle 0 000 | a metal pot for stewing or boiling; usually has a lid; "a big kettle"\n'
        "00004230 06 n 01 widget 0 000 | a device whose name is not known\n"
        "00004231 06 n 01 kettle 0 000 | (geology) a hollow\n"
    )
    (tmp_path / "index.verb").write_text('| "this file is not read"\n')
    examples = ["A big kettle.", "Exhale when you lift.", "She left.", "He wept a lot."]
    assert sentences.wordnet_sentences(tmp_path) == examples
    assert sentences.wordnet_meanings(tmp_path, ["kettle"]) == ["Kettle: a metal pot for stewing or boiling."]


def test_fortunes(tmp_path):
    (tmp_path / "wisdom").write_text(
        "A stitch in time\nsaves nine.  Who would have\tthought so?\n\t\t-- Some Wise Man said this.\n%\n"
        'int main() { return 0; }\n%\nTHE END OF ALL.\n%\n"Do not feed the bears."\n%\nno capital here at all.\n'
    )
    (tmp_path / "wisdom.dat").write_text("This is an index.")
    (tmp_path / "ethnic").write_text("This file is left out.")
    expected = ["A stitch in time saves nine.", "Who would have thought so?", '"Do not feed the bears."']
    assert sentences.fortune_sentences(tmp_path) == expected


def test_words_are_ranked_by_tags_and_by_use_and_names_keep_their_capital(tmp_path):
    counts = tmp_path / "cntlist.rev"
    senses = ["house%1:06:00:: 1 50", "house%1:06:01:: 2 50", "big_house%1:06:00:: 1 80", "xiv%5:00:00:: 1 80"]
    counts.write_text("\n".join([*senses, "rare%3:00:00:: 1 1"]))
    used = ["We saw Paris, horses in Paris.", "No horses in Paris.", "Give me horses in it."]
    best = sentences.ranked_words(counts, used, 3)
    assert best == ["house", "horses", "Paris"]
    assert "rare" in sentences.ranked_words(counts, used, 99)


def test_templates_are_clean_different_and_the_same_for_the_same_seed():
    made = templates.template_sentences(500, random.Random("x"))
    assert made == templates.template_sentences(500, random.Random("x"))
    assert len({sentences.key(s) for s in made}) == len(made) == 500
    assert all(sentences.clean(s) == s for s in made)
    assert max(len(sentences.words(s)) for s in made) > 18
    for mark in ('"', "?", "!", ":", ";", " - ", "..."):
        assert any(mark in s for s in made)


def test_long_sentences_have_24_to_40_words():
    made = templates.long_sentences(30, random.Random(0))
    assert len(made) == 30 and all(24 <= len(sentences.words(s)) <= 40 for s in made)


@pytest.mark.parametrize("lines", [templates.STATEMENTS, templates.QUESTIONS, templates.COMMANDS])
def test_every_template_can_be_filled(lines):
    for template in templates.lines(lines):
        text = templates.fill(template, random.Random(0))
        assert sentences.clean(text, 1) == text


@pytest.mark.parametrize("lines", [templates.dialogue.SAID, templates.dialogue.TALK, templates.dialogue.LISTS])
def test_every_line_of_the_dialogues_can_be_filled(lines):
    for template in templates.lines(lines):
        text = templates.fill(template, random.Random(0))
        assert sentences.clean(text, 1) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety-nine"),
        (342, "three hundred forty-two"),
        (1000, "one thousand"),
        (70_015, "seventy thousand fifteen"),
        (2_000_001, "two million one"),
    ],
)
def test_cardinals(number, text):
    assert counting.cardinal(number) == text


def test_ordinals_years_and_british_and():
    assert counting.cardinal(342, "and") == "three hundred and forty-two"
    assert counting.cardinal(7005, "and") == "seven thousand and five"
    said = {1: "first", 3: "third", 12: "twelfth", 20: "twentieth", 21: "twenty-first", 100: "one hundredth"}
    assert {number: counting.ordinal(number) for number in said} == said
    years = {1905: "nineteen oh five", 1800: "eighteen hundred", 2003: "two thousand three", 2026: "twenty twenty-six"}
    assert {number: counting.year(number) for number in years} == years


def test_number_sentences_have_no_digit_and_no_place_left():
    made = counting.number_sentences(400, random.Random(1))
    assert len(made) == 400
    assert not any(set(s) & set("0123456789<>{}") for s in made)


def test_short_texts_interjections_repeats_and_letters():
    rng = random.Random(2)
    common = ["house", "Paris", "seven"]
    shorts = short.short_texts(200, common, rng)
    assert len(shorts) == 200 and all(1 <= len(sentences.words(s)) <= 4 for s in shorts)
    assert "House." in shorts or "House?" in shorts
    assert any(s.startswith("Hm") for s in short.interjections(200, rng))
    again = short.repeated(200, common, rng)
    assert "Four four four four." in [short._capitals(t.replace("{w}", "four")) for t in short._AGAIN]
    assert all(collections.Counter(sentences.words(s)).most_common(1)[0][1] > 1 for s in again)
    letters = short.spelled(200, ["Anna"], rng)
    assert not any("{" in s for s in letters) and any("A N N A" in s for s in letters)


def test_word_string_says_its_words():
    content = ["garden", "Monday", "seven"]
    for seed in range(20):
        made = sentences.word_string(content, random.Random(seed))
        assert sentences.clean(made) == made
        assert [w for w in sentences.words(made) if w in ("garden", "monday", "seven")] == ["garden", "monday", "seven"]


# No vowelless letter among them, so that every combination is a speakable word.
NOUNS = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in "nrt"]


def source(common: int = 40) -> pool.Source:
    rng = random.Random(1)
    harvest = [" ".join(rng.choices(NOUNS, k=length)).capitalize() + "." for length in range(3, 21) for _ in range(60)]
    meanings = [f"{noun}: a kind of {noun[::-1]}.".capitalize() for noun in NOUNS]
    return pool.Source(harvest, meanings, NOUNS[:common], lambda text: "xyz" not in text)


def test_the_pool_has_all_kinds_leaves_out_what_is_held_back_and_says_every_word():
    made = pool.make_pool(source(), 600, 0, set())
    assert len(made) == 600
    times = collections.Counter(map(sentences.key, made))
    assert all(number == 1 or len(key.split()) < 3 for key, number in times.items())
    assert max(times.values()) <= pool.REPEATS
    said = collections.Counter(word for text in made for word in sentences.words(text))
    assert min(said[word] for word in NOUNS[:40]) >= 3
    lengths = [len(sentences.words(text)) for text in made]
    assert min(lengths) == 1 and 26 < max(lengths) <= 40
    held_back = {sentences.key(s) for s in made[:50]}
    again = pool.make_pool(source(), 600, 0, held_back)
    assert len(again) == 600 and not any(held_back & sentences.keys(s) for s in again)


def test_the_pool_follows_the_seed_and_what_can_be_read():
    pools = [pool.make_pool(source(), 300, seed, set()) for seed in (0, 0, 1)]
    assert pools[0] == pools[1] != pools[2]
    mute = source()._replace(readable=lambda text: False)
    with pytest.raises(IndexTTSError, match="Only 0 of 300"):
        pool.make_pool(mute, 300, 0, set())
