"""Segmentation quirk by quirk, and what holds for every sequence of tokens."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from indextts2_jax.text.bpe.segment import split_segments


def split(text: str, max_tokens: int, quick_tokens: int = 0) -> list[str]:
    """Tokens separated by spaces, segments likewise."""
    return [" ".join(segment) for segment in split_segments(text.split(), max_tokens, quick_tokens)]


def test_empty():
    assert split("", 10) == []


def test_whole_when_it_fits():
    assert split("a b . c d . e f", 8) == ["a b . c d . e f"]


def test_cut_behind_sentences_and_merged_while_they_fit():
    assert split("a b . c d ! e f ? g h ▁. i j ▁?", 6) == ["a b . c d !", "e f ? g h ▁.", "i j ▁?"]
    assert split("a b ▁... c d .", 3) == ["a b ▁...", "c d ."]


def test_a_sentence_needs_more_than_two_tokens():
    assert split("a . b c d . e f g", 5) == ["a . b c d", ". e f g"]  # chopped: "a ." was no sentence


def test_chopped_where_there_is_no_punctuation():
    assert split("a b c d e f g", 3) == ["a b c", "d", "e f g"]  # what is over the limit stands alone


def test_a_comma_always_cuts():
    assert split("a b c , d e f ▁, g h .", 7) == ["a b c ,", "d e f ▁, g h ."]


def test_a_hyphen_cuts_too():
    assert split("a b c d - e f g", 6) == ["a b c d -", "e f g"]


def test_a_comma_inside_what_a_hyphen_closes():
    assert split(", - a b c d", 4) == [", -", "a b c d"]


def test_the_apostrophe_behind_a_sentence_comes_twice():
    assert split("a b . ' c d", 20) == ["a b . ' ' c d"]
    assert split("a b c . ▁' d e f", 4) == ["a b c . ▁'", "▁' d e f"]  # one token more than allowed
    assert split("a . ' b", 20) == ["a . ' b"]  # no cut, no second one


def test_quick_tokens_keep_the_first_segments_short():
    text = "a b . c d . e f . g h ."
    assert split(text, 12) == [text]
    assert split(text, 12, quick_tokens=9) == ["a b . c d .", "e f . g h ."]
    assert split(text, 12, quick_tokens=100) == ["a b . c d .", "e f . g h ."]
    assert split(text, 8, quick_tokens=100) == ["a b .", "c d .", "e f .", "g h ."]


TOKENS = st.lists(st.sampled_from(["a", "▁c", ".", "!", "▁?", ",", "▁,", "-", "'", "▁'"]), max_size=80)


@settings(max_examples=300, deadline=None)
@given(TOKENS, st.integers(2, 20), st.integers(0, 40))
def test_joined_they_are_the_tokens_but_for_apostrophes(tokens, max_tokens, quick_tokens):
    segments = split_segments(tokens, max_tokens, quick_tokens)
    assert all(segments)
    for segment in segments:
        assert len(segment) <= max_tokens or (len(segment) == max_tokens + 1 and segment[-1] in ("'", "▁'"))
    rest = iter(token for segment in segments for token in segment)
    extra = []
    for token in tokens:
        for found in rest:
            if found == token:
                break
            extra.append(found)
    assert set(extra) | set(rest) <= {"'", "▁'"}
    if "'" not in tokens and "▁'" not in tokens:
        assert list(itertools.chain(*segments)) == tokens
