"""Which word of a text as written each token stands for, whatever the front-end makes of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indextts2_jax.checkpoint import bundled
from indextts2_jax.text.frontend import build_frontend
from indextts2_jax.text.reading import read
from indextts2_jax.text.tiny import tiny_tokenizer
from indextts2_jax.text.written import words_of_tokens, written_words

KINDS = ("phonemes", "bpe", "tiktoken")
FRONTENDS = {
    kind: build_frontend(
        kind, (bundled.MODEL / "tokenizer.model").read_bytes() if kind == KINDS[0] else tiny_tokenizer(kind)
    )
    for kind in KINDS
}
PROSE = 'The old man, who had never (not once) been late, said: "Let\'s go home!" Nobody moved. Why should they?'


def read_words(kind, text, most=60):
    """(word, its tokens joined) in order, over all segments."""
    frontend = FRONTENDS[kind]
    segments = read(frontend, text, max_tokens=most).segments
    prepared = frontend.prepare(text)
    words = written_words(prepared)
    owners = list(words_of_tokens(frontend, prepared, words, segments))
    assert [len(own) for own in owners] == [len(segment) for segment in segments]
    flat = np.concatenate(owners)
    assert all(np.diff(flat) >= 0) and flat[0] >= 0 and flat[-1] < max(1, len(words))
    tokens = [token for segment in segments for token in segment]
    found = {}
    for token, owner in zip(tokens, flat, strict=True):
        found[words[owner].text] = found.get(words[owner].text, "") + token
    return found


def plain(text):
    return "".join(filter(str.isalnum, text.casefold()))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("He came — and went.", ["He", "came —", "and", "went."]),
        ("-- Yes, R & D < 5 …", ["-- Yes,", "R &", "D <", "5 …"]),
        ("— 😀 Hello 😀", ["— 😀 Hello 😀"]),
        ("他说：“你好！”", ["他", "说：", "“你", "好！”"]),
        ("《书》（很好）hello（你）", ["《书》", "（很", "好）", "hello", "（你）"]),
        ("«Oui», dit-il.", ["«Oui»,", "dit-il."]),
        ("…", ["…"]),
        ("", []),
        ("a\n —\nb", ["a —", "b"]),
    ],
)
def test_marks_are_no_words(text, words):
    found = written_words(text)
    assert [word.text for word in found] == words
    assert not found or not found[0].spaced


@pytest.mark.parametrize("kind", ["bpe", "tiktoken"])
def test_prose_is_found_letter_by_letter(kind):
    for word, tokens in read_words(kind, PROSE).items():
        assert plain(tokens.replace("<|en|>", "")) == plain(word), word


def test_phonemes_are_found_by_what_words_sound_like_alone():
    found = read_words("phonemes", PROSE)
    assert list(found) == PROSE.split()
    assert found["man,"] == "▁MAE1N," and found['home!"'].startswith("▁HH") and found["they?"] == "▁DHEY1?"


@pytest.mark.parametrize("kind", ["phonemes", "bpe"])
def test_numbers_and_signs_go_to_the_words_that_they_are_written_as(kind):
    found = read_words(kind, "In 1994 we paid $5.50 for it, Dr. Smith.", 200)
    assert list(found) == ["In", "1994", "we", "paid", "$5.50", "for", "it,", "Dr.", "Smith."]
    said = "DAA1KTER0" if kind == "phonemes" else "DOCTOR"
    assert said in found["Dr."].replace("▁", "") and len(found["1994"]) > 12 and len(found["$5.50"]) > 12


def test_a_script_without_spaces_has_a_word_a_character():
    found = read_words("tiktoken", "你好吗？我很好。")
    assert list(found) == ["你", "好", "吗？", "我", "很", "好。"]


def test_what_is_not_spoken_has_no_tokens():
    found = read_words("phonemes", "One — two * three … four.")
    assert list(found) == ["One —", "two *", "three …", "four."]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120), st.sampled_from(KINDS))
def test_any_text(text, kind):
    frontend = FRONTENDS[kind]
    segments = [frontend.tokenize("One two three."), []]
    words = written_words(text)
    owners = list(words_of_tokens(frontend, text, words, segments))
    assert [len(own) for own in owners] == [len(segment) for segment in segments]
    flat = np.concatenate(owners)
    assert all(np.diff(flat) >= 0) and all((flat >= 0) & (flat < max(1, len(words))))


def test_a_long_text_takes_linear_time():
    text = "One, two three four five. " * 2000
    frontend = FRONTENDS["phonemes"]
    segments = read(frontend, text, max_tokens=80).segments
    words = written_words(text)
    owners = list(words_of_tokens(frontend, text, words, segments))
    assert len(set(np.concatenate(owners))) == len(words) == 10_000
