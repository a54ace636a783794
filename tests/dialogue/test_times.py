"""When words are heard, and subtitles as subtitles are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.dialogue.subtitles import read_subtitles
from indextts2_jax.dialogue.times import (
    ROW,
    Utterance,
    Word,
    captions,
    check_times,
    subtitles,
    timed_words,
    write_times,
)
from indextts2_jax.errors import AudioError

S = SAMPLING_RATE
LONG = (
    "Good evening. [pause:400ms] Come in! It has been a long day, and I would rather not go out again, said the old "
    "man to nobody in particular, and sat down."
)


def utterance(text=LONG, spans=((0, S), (2 * S, 5 * S)), tokens=(5, 30), **more):
    return Utterance(text, more.pop("start", S), spans, tokens, **more)


def test_words_lie_in_their_segments():
    words = timed_words(utterance())
    assert [word.text for word in words] == LONG.replace("[pause:400ms] ", "").split()
    assert [word.text for word in words if word.end <= 2.0] == ["Good", "evening."]  # the stop near its share
    assert words[0].start == 1.0 and words[1].end == 2.0 and words[2].start == 3.0 and words[-1].end == 6.0
    assert all(word.start < word.end for word in words)


def test_words_that_the_model_knows_are_taken():
    known = [Word("Good", 1.0, 1.5), Word("evening.", 1.7, 2.0)]
    assert timed_words(utterance(words=known)) == known
    assert captions([utterance(words=known)]) == [(1.0, 2.0, ("Good evening.",), "")]


def test_by_line_and_by_sentence():
    assert len(captions([utterance(), utterance(start=9 * S)])) == 4
    shown = captions([utterance()], "sentence")
    assert [shown[0].rows, shown[1].rows] == [("Good evening.",), ("Come in!",)]


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=60), max_size=60), st.integers(1, 4))
def test_rows_hold_all_and_are_short(words, segments):
    spans = tuple((2 * S * n, 2 * S * n + S) for n in range(segments))
    said = utterance(" ".join(words), spans, (3,) * segments)
    for by in ("line", "sentence"):
        shown = captions([said], by)
        assert all(len(caption.rows) <= 2 and all(len(row) <= ROW for row in caption.rows) for caption in shown)
        joined = "".join("".join(caption.rows) for caption in shown)
        assert joined.replace(" ", "") == "".join(said.text.replace("[pause]", "").split())
        ends = [time for caption in shown for time in caption[:2]]
        assert ends == sorted(ends)


def test_ideographs_break_anywhere_but_before_a_stop():
    (caption,) = captions([utterance("你好，" * 16, ((0, S),), (5,))])
    assert [len(row) for row in caption.rows] == [24, 24] and caption.rows[1][0] == "你"


def test_a_long_text_takes_linear_time():
    text = "One two, three four five. " * 4000
    words = timed_words(utterance(text, tuple((n, n + 1) for n in range(1000)), (7,) * 1000))
    assert len(words) == 20_000


def test_files_can_be_read_again(tmp_path):
    said = [utterance("One --> two & <three>.", ((0, S),), (5,), speaker="Anna"), utterance("Four.", ((0, S),), (5,))]
    write_times(tmp_path / "a.vtt", said)
    write_times(tmp_path / "a.srt", said)
    for name, speaker in (("a.vtt", "Anna"), ("a.srt", "")):
        script = read_subtitles((tmp_path / name).read_text("utf-8"))
        assert not script.faults and [line.cue for line in script.lines] == [(1000, 2000), (1000, 2000)]
        assert [line.speaker for line in script.lines] == [speaker, ""] and script.lines[1].text == "Four."
    assert "One --&gt; two &amp; &lt;three&gt;." in (tmp_path / "a.vtt").read_text("utf-8")
    write_times(tmp_path / "a.json", said, "sentence")
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == [
        {"start": 1.0, "end": 2.0, "speaker": "Anna", "text": "One --> two & <three>."},
        {"start": 1.0, "end": 2.0, "speaker": "", "text": "Four."},
    ]


def test_long_and_short_times():
    text = subtitles(captions([utterance("Hi.", ((0, 1),), (5,), start=3_661 * S + 5)]), False)
    assert "01:01:01,000 --> 01:01:01,001\nHi." in text


@pytest.mark.parametrize("name", ["a.txt", "a", "a.ass"])
def test_other_formats(name, tmp_path):
    with pytest.raises(AudioError, match=r"\.srt, \.vtt or \.json"):
        check_times(tmp_path / name)
