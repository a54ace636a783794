"""When words are heard, and subtitles as subtitles are."""

import dataclasses
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.dialogue.subtitles import read_subtitles
from indextts2_jax.dialogue.times import (
    ROW,
    Said,
    captions,
    check_times,
    said_in,
    subtitles,
    timed_words,
    times_json,
    write_times,
)
from indextts2_jax.errors import AudioError, ConfigError
from indextts2_jax.pipeline import batches
from indextts2_jax.synthesis.request import Request
from indextts2_jax.synthesis.words import divided
from indextts2_jax.text.script import without_pauses
from indextts2_jax.text.written import written_words
from tests.dialogue.fake import FakeTTS
from tests.tiny import voice_clip

S = SAMPLING_RATE
LONG = (
    "Good evening. [pause:400ms] Come in! It has been a long day, and I would rather not go out again, said the old "
    "man to nobody in particular, and sat down."
)


def utterance(text=LONG, spans=((0, 1), (2, 5)), start=S, speaker=""):
    """The words of the text, shared out among spans of seconds by their number."""
    words = written_words(text)
    share = max(1, -(-len(words) // len(spans)))
    timed = []
    for (first, last), own in zip(spans, batches.slices(words, share), strict=False):
        timed += [word.moved(first) for word in divided(own, last - first)]
    return Said(timed, start, speaker)


def test_words_are_moved_to_where_the_utterance_is():
    words = timed_words(utterance())
    assert [word.text for word in words] == LONG.replace("[pause:400ms] ", "").split()
    assert words[0].start == 1.0 and words[-1].end == 6.0
    assert all(word.start < word.end for word in words)


def test_a_speech_has_times_where_they_were_asked_for():
    tts = FakeTTS()
    speech = tts.speak(tts.check(Request("ok good.", voice_clip())))
    assert [word.text for word in said_in(speech).words] == ["ok", "good."]
    with pytest.raises(ConfigError, match=r"times\.words"):
        said_in(dataclasses.replace(speech, words=[]))


def test_by_word(tmp_path):
    said = utterance("Good evening, all.", ((0, 1),))
    assert [caption.rows for caption in captions([said], "word")] == [("Good",), ("evening,",), ("all.",)]
    write_times(tmp_path / "a.json", [said], "word")
    entries = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert [entry["text"] for entry in entries] == ["Good", "evening,", "all."]
    assert all(entry["confidence"] == 0 for entry in entries) and entries[0]["end"] == entries[1]["start"]
    write_times(tmp_path / "a.vtt", [said], "word")
    assert (tmp_path / "a.vtt").read_text("utf-8").count("-->") == 3


def test_by_line_and_by_sentence():
    assert len(captions([utterance(), utterance(start=9 * S)])) == 4
    shown = captions([utterance(LONG, ((0, 5),))], "sentence")
    assert [shown[0].rows, shown[1].rows] == [("Good evening.",), ("Come in!",)]


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=60), max_size=60), st.integers(1, 4))
def test_rows_hold_all_and_are_short(words, segments):
    text = " ".join(words)
    said = utterance(text, tuple((2 * n, 2 * n + 1) for n in range(segments)))
    for by in ("line", "sentence", "word"):
        shown = captions([said], by)
        assert all(len(caption.rows) <= 2 and all(columns(row) <= ROW for row in caption.rows) for caption in shown)
        joined = "".join("".join(caption.rows) for caption in shown)
        assert joined.replace(" ", "") == "".join(without_pauses(text).split())
        ends = [time for caption in shown for time in caption[:2]]
        assert ends == sorted(ends)


def columns(text):
    """As terminals and players count them, for what these tests have."""
    seen = [one for one in text if unicodedata.category(one) not in ("Mn", "Me", "Cf") and not "ᅠ" <= one <= "ᇿ"]
    return len(seen) + sum(unicodedata.east_asian_width(one) in "WF" for one in seen)


def test_ideographs_break_anywhere_but_before_a_stop():
    first, second = captions([utterance("你好，" * 16, ((0, 1),))])
    assert [len(row) for row in first.rows] == [21, 21] and [len(row) for row in second.rows] == [6]
    assert all(row[0] == "你" for row in (*first.rows, *second.rows))


WIDTHS = {
    "Chinese": ("我今天想去看一场电影但是外面下着大雨所以我只好留在家里读书喝茶然后早点睡觉", [19, 18]),
    "Japanese": ("きょうは天気がいいから散歩に行きましょうと彼女は言ったけれど僕は家にいたかった", [20, 19]),
    "Japanese in parts": (unicodedata.normalize("NFD", "がぎぐげご" * 8), [20, 20]),
    "Korean": ("오늘은 날씨가 좋아서 공원에 갔지만 사람이 너무 많아서 그냥 집으로 돌아왔습니다", [23, 20]),
    "Korean in parts": (
        unicodedata.normalize("NFD", "오늘은 날씨가 좋아서 공원에 갔지만 사람이 너무 많아서 그냥 집으로 돌아왔습니다"),
        [23, 20],
    ),
    "full width": ("ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ", [21, 5]),
    "mixed": ("IndexTTS 是一个语音合成模型 it speaks English 也说中文 and more besides", [28, 29]),
    "English": ("The quick brown fox jumps over the lazy dog and runs away from it", [34, 30]),
    "marks": (" ".join(["cafe\u0301s"] * 10), [29, 29]),
}


@pytest.mark.parametrize("kind", WIDTHS)
def test_rows_are_measured_in_columns(kind):
    text, lengths = WIDTHS[kind]
    (caption,) = captions([utterance(text, ((0, 4),))])
    assert [len(unicodedata.normalize("NFC", row)) for row in caption.rows] == lengths
    assert all(ROW // 4 <= columns(row) <= ROW for row in caption.rows)


def test_sentences_do_not_end_behind_abbreviations():
    said = utterance("Mr. Smith paid $3.50 to Dr. Jones at 5 p.m. on Friday. He left.", ((0, 5),))
    entries = json.loads(times_json([said], "sentence"))
    assert [entry["text"] for entry in entries] == [
        "Mr. Smith paid $3.50 to Dr. Jones at 5 p.m. on Friday.",
        "He left.",
    ]
    long = "He has met all of them and was on his way to the house of Mr. Smith and his large family in the old town"
    first, _ = captions([utterance(long, ((0, 5),))])
    assert " ".join(first.rows).endswith("Mr. Smith and his large")


def test_files_can_be_read_again(tmp_path):
    said = [utterance("One --> two & <three>.", ((0, 1),), speaker="Anna"), utterance("Four.", ((0, 1),))]
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
    text = subtitles(captions([utterance("Hi.", ((0, 0.00005),), start=3_661 * S + 5)]), False)
    assert "01:01:01,000 --> 01:01:01,001\nHi." in text


@pytest.mark.parametrize("name", ["a.txt", "a", "a.ass"])
def test_other_formats(name, tmp_path):
    with pytest.raises(AudioError, match=r"\.srt, \.vtt or \.json"):
        check_times(tmp_path / name)
