"""The demo model's benchmark where it needs no recogniser: who reads what, what is kept, the sums, the table."""

import math

import numpy as np
import pytest
import soundfile

from benchmarks import demo_judge, demo_report, demo_speech, demo_voices
from benchmarks import speech_metrics as metrics
from benchmarks.demo_voices import Heard, Voice
from indextts2_jax.errors import IndexTTSError
from indextts2_jax.text.phonemes.frontend import PhonemeFrontend
from indextts2_jax.training.demo.corpus import LEXICON
from indextts2_jax.training.demo.speakers import KEPT_OUT, MAIN, speakers

SENTENCES = demo_speech.read_lines(demo_speech.SENTENCES)
HARD = demo_speech.read_lines(demo_speech.HARD)


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    return demo_voices.teachers_voices(tmp_path_factory.mktemp("voices"), 0)


# --- voices -------------------------------------------------------------------------------------------------------


def test_the_voices_are_those_of_the_corpus(voices):
    by_group = {group: [v.name for v in voices if v.group == group] for group in (*demo_voices.GROUPS, "others")}
    assert tuple(by_group["trained"]) == MAIN and tuple(by_group["kept"]) == KEPT_OUT
    kept_out = {speaker.name: speaker.mixture for speaker, _ in speakers(1.0, 0) if not speaker.seen}
    unseen = {v.name: v.mixture for v in voices if v.group in ("kept", "mixtures")}
    assert unseen == kept_out and len(unseen) == 24
    assert all(len(v.clips) == len(v.compared) == 3 and not set(v.clips) & set(v.compared) for v in voices)


def test_the_nearest_is_one_of_twelve(voices):
    heard = [Heard(voice, []) for voice in voices]
    for voice in heard:
        among = demo_voices.candidates(voice, heard)
        assert len({other.voice.name for other in among}) == 12 and voice in among
    person = Heard(Voice("me", "clips", {}, (), ()), [])
    assert demo_voices.candidates(person, [*heard, person]) == [person]


def test_people(tmp_path):
    for name in ("b.wav", "a.flac"):
        soundfile.write(tmp_path / name, np.zeros(22050), 22050)
    (tmp_path / "notes.txt").touch()
    assert [(voice.name, voice.clips) for voice in demo_voices.people(tmp_path)] == [
        ("a", (tmp_path / "a.flac",)),
        ("b", (tmp_path / "b.wav",)),
    ]
    (tmp_path / "empty").mkdir()
    (tmp_path / "short").mkdir()
    soundfile.write(tmp_path / "short" / "short.wav", np.zeros(2000), 22050)
    for folder in (tmp_path / "empty", tmp_path / "nowhere", tmp_path / "b.wav", tmp_path / "short"):
        with pytest.raises(IndexTTSError, match=folder.name):
            demo_voices.people(folder)


def test_who_reads_what(voices):
    """Every voice at least sixty sentences, the mixtures together all of them, the hard texts in three voices."""
    plan = demo_speech.plan(voices, demo_voices.GROUPS, SENTENCES, HARD, 15)
    by_voice = {}
    for reading in plan:
        by_voice.setdefault((reading.voice.name, reading.group), []).append(reading)
    for name in (*MAIN, *KEPT_OUT):
        (group,) = {group for voice, group in by_voice if voice == name} - {"hard"}
        assert len(by_voice[name, group]) == len(SENTENCES) >= 60
    mixtures = [reading for reading in plan if reading.group == "mixtures"]
    assert len(mixtures) == 300 and {reading.text for reading in mixtures} == set(SENTENCES)
    assert {name for name, group in by_voice if group == "hard"} == set(demo_speech.HARD_VOICES)
    assert all(reading.text == SENTENCES[reading.index] for reading in plan if reading.group != "hard")
    keys = [(reading.voice.name, reading.index) for reading in plan]
    assert len(set(keys)) == len(keys) and "others" not in {reading.group for reading in plan}


def test_the_hard_texts_are_what_was_asked_for():
    assert {"Hmm! Be quiet.", "Shhh!", "Four four four four."} <= set(HARD)
    lengths = [len(text.split()) for text in HARD]
    assert lengths.count(1) >= 3 and sum(length >= 40 for length in lengths) >= 3
    frontend = PhonemeFrontend(LEXICON)
    assert all(not frontend.unknown(frontend.tokenize(text)) for text in HARD)


# --- judging ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "heard", "errors", "words"),
    [
        ("Four four four four.", " 4, 4, 4, 4.", 0, 4),
        ("Four four four four.", "4444", 0, 4),
        ("Four four four four.", "Four, four, four.", 1, 4),
        ("Shhh!", "Shh.", 0, 1),
        ("Hmm! Be quiet.", "Hm, be quiet.", 0, 3),
        ("Wednesday.", "", 1, 1),
        ("We have twenty-five hens.", "We have 25 hens.", 0, 5),
        ("It is a quarter past four.", "It's a quarter past 4.", 2, 6),
    ],
)
def test_words_are_compared_as_they_are_read(text, heard, errors, words):
    pytest.importorskip("jiwer", reason="needs the extra `eval`: pip install -e '.[eval]'")
    judge = demo_judge.Judge.__new__(demo_judge.Judge)
    judge.read = PhonemeFrontend(LEXICON).normalize
    assert judge.word_errors(text, heard) == (errors, words)


@pytest.mark.parametrize(
    ("text", "heard", "missed"),
    [
        ("Hmm! Be quiet.", "Be quiet.", 0),
        ("Hmm! Be quiet.", "I'm gonna be quiet.", 0),
        ("Hmm! Be quiet.", "And then I'm gonna be quiet.", 2),
        ("Hmm! Be quiet.", "Hmm, quiet.", 1),
        ("Shhh!", "Behind.", 0),
        ("Four four four four.", "444", 1),
        ("No, no, no, no, no.", "No, no, no, no, no, no.", 1),
        ("Wednesday.", "", 1),
    ],
)
def test_what_was_left_out_of_a_hard_text(text, heard, missed):
    pytest.importorskip("jiwer", reason="needs the extra `eval`: pip install -e '.[eval]'")
    judge = demo_judge.Judge.__new__(demo_judge.Judge)
    judge.read = PhonemeFrontend(LEXICON).normalize
    assert judge.missed(text, heard) == missed


# --- what is kept -------------------------------------------------------------------------------------------------


def test_rows_outlive_a_kill(tmp_path):
    path = tmp_path / "new" / "rows.jsonl"
    found = demo_judge.Found(path, {"model": "a"})
    found.add(row(voice="x", seed=0))
    found.add(row(voice="x", seed=1))
    with open(path, "a") as file:
        file.write('{"voice": "x", "te')
    again = demo_judge.Found(path, {"model": "a"})
    again.add(row(voice="y", seed=0))
    last = demo_judge.Found(path, {"model": "a"})
    assert set(last.rows) == {("x", "One two.", 0), ("x", "One two.", 1), ("y", "One two.", 0)}
    assert last.get("x", "One two.", 1) == row(voice="x", seed=1) and last.get("x", "Two.", 1) is None
    with pytest.raises(IndexTTSError, match=r"rows\.jsonl was measured with"):
        demo_judge.Found(path, {"model": "b"})


# --- sums ---------------------------------------------------------------------------------------------------------


def row(**changes):
    """As `Judge.judge` gives it."""
    powers = np.full(len(metrics.BANDS), 1 / len(metrics.BANDS)).tolist()
    spoken = {"system": "ours", "voice": "x", "index": 0, "text": "One two.", "path": None, "took": 0.5, "stages": {}}
    spoken |= {"stopped": True, "clip": 0, "seed": 0, "failure": None, "group": "trained", "run": 0}
    judged = {"duration": 1.0, "heard": "one two", "errors": 0, "words": 2, "missed": 0}
    judged |= {"cosine": 0.9, "nearest": "x"}
    judged |= {"right_voice": True, "pitch": 100.0, "melody": 4.0, "p808": 4.0, "overall": 3.0, "powers": powers}
    return spoken | judged | changes


def compared(rows, readings):
    return demo_judge.beside(rows, {(r["voice"], r["text"]): r for r in readings})


def test_the_teachers_reading_says_what_fits():
    reading = row(system="teacher", missed=1)
    cases = [
        ({}, True, True, True),
        ({"duration": 0.59}, False, False, True),
        ({"duration": 1.61}, False, False, True),
        ({"stopped": False}, False, False, True),
        ({"missed": 1}, True, True, True),  # the teacher's own was not heard better
        ({"missed": 2}, True, False, True),
        ({"pitch": 108.1}, True, True, False),
        ({"pitch": math.nan}, True, True, False),
    ]
    for changes, ended, whole, pitch in cases:
        (found,) = compared([row(**changes)], [reading])
        assert (found["ended"], found["whole"], found["pitch_fits"]) == (ended, whole, pitch), changes
    assert "ended" not in compared([row(voice="a person")], [reading])[0]


def test_summary():
    readings = [row(system="teacher", voice=v, text=t) for v in "xy" for t in ("One two.", "Three.")]
    rows = [
        row(errors=1, melody=2.0),
        row(text="Three.", words=1, melody=math.nan, p808=math.nan),
        row(voice="y", errors=2, right_voice=False, cosine=0.5, duration=3.0, took=2.5, melody=6.0),
    ]
    found = demo_judge.summarize(compared(rows, readings), readings)
    assert found["wer"] == pytest.approx(3 / 5) and found["wer_worst"] == 1.0
    assert found["right_voice"] == pytest.approx(2 / 3) and found["cosine"] == pytest.approx((0.9 + 0.9 + 0.5) / 3)
    assert found["melody_ratio"] == pytest.approx((0.5 + 1.5) / 2) and found["spectrum"] == 0
    assert found["ended"] == pytest.approx(2 / 3) and found["p808"] == 4.0
    assert found["real_time_factor"] == pytest.approx(3.5 / 5)


def test_the_spectrum_is_compared_on_the_same_sentences():
    """A reading of another text, and another voice's, do not count."""
    tilted = np.linspace(1, 2, len(metrics.BANDS))
    readings = [row(system="teacher"), row(system="teacher", text="Other.", powers=(tilted / tilted.sum()).tolist())]
    readings.append(row(system="teacher", voice="y", powers=(tilted / tilted.sum()).tolist()))
    assert demo_judge.summarize([row()], readings)["spectrum"] == 0
    assert demo_judge.summarize([row(text="Other.")], readings)["spectrum"] > 0.1


# --- the table ----------------------------------------------------------------------------------------------------


def groups_of(**changes):
    groups = ("trained", "kept", "mixtures", "hard")
    rows = [row(group=group, voice=group, seed=run, run=run, **changes) for group in groups for run in range(3)]
    readings = [row(system="teacher", group=group, voice=group) for group in groups]
    rows[0] |= {"errors": 1}
    return compared(rows, readings), compared(readings, readings)


def test_table():
    """A line for all that must hold; three seeds, from the lowest to the highest."""
    rows, readings = groups_of()
    of_teacher, of_ours = (demo_speech.summaries(part, readings) for part in (readings, rows))
    lines = demo_report.table(of_teacher, of_ours).splitlines()
    cells = {line.split(" | ")[0].removeprefix("| "): line.strip("|").split("|")[1:] for line in lines[2:]}
    first = [cell.strip() for cell in cells["words misheard, six training voices, %"]]
    assert first == ["0.0", "16.7", "0.0 to 50.0", "4", "2", "no"]
    melody = [cell.strip() for cell in cells["melody: span of the pitch, as a share of the teacher's"]]
    assert melody == ["", "1.00", "1.00 to 1.00", "0.7", "", "yes"]
    wanted = [line for line in demo_report.LINES if line.group != "clips"]
    assert list(cells) == [line.title for line in wanted]
    assert {line.key for line in demo_report.LINES if line.must is not None} >= {
        *("wer", "wer_worst", "cosine", "right_voice", "p808", "overall", "pitch_fits", "melody_ratio"),
        *("spectrum", "ended", "whole"),
    }


def test_voices_and_hard_texts():
    rows, readings = groups_of(errors=2, missed=2, heard="nothing like it")
    text = demo_report.voices_table(demo_speech.by_voice(readings, readings), demo_speech.by_voice(rows, readings))
    assert len(text.splitlines()) == 2 + 3 * 2 and "| mixtures | the model |" in text and "nan" not in text
    hard = demo_report.hard_table([row for row in rows if row["group"] == "hard"]).splitlines()
    assert hard[2] == "| One two. | 0 of 3 | nothing like it |"


def test_what_is_no_number_is_null(tmp_path):
    demo_report.write_json(tmp_path / "new" / "out.json", {"a": math.nan, "b": [1.5, math.inf]})
    assert (tmp_path / "new" / "out.json").read_text() == '{\n "a": null,\n "b": [\n  1.5,\n  null\n ]\n}\n'
