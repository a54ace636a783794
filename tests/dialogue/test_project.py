"""Projects remember seeds and takes, whatever becomes of the script."""

import json

import pytest

from indextts2_jax.dialogue.cast import Cast, Part
from indextts2_jax.dialogue.perform import place, speak_plan
from indextts2_jax.dialogue.plan import plan_script
from indextts2_jax.dialogue.play import read_play
from indextts2_jax.dialogue.project import chosen_lines, late_list, open_project, save_project, speak_again, write_late
from indextts2_jax.dialogue.subtitles import read_subtitles
from indextts2_jax.errors import ConfigError
from tests.dialogue.fake import FakeTTS
from tests.tiny import voice_clip

CAST = Cast({}, Part(voice_clip()))
PLAY = "One.\n\nOdd two.\n\nThree.\n\nOne.\n\nOdd five.\n"


def run(folder, text=PLAY, again="", seed=None, end=True, reader=read_play):
    """What `indextts2 script` does; returns the texts that were spoken, and the entries of the project."""
    tts, script, project = FakeTTS(), reader(text), open_project(folder)

    def plan(seeds):
        return plan_script(script, CAST, tts.config, tts.model, seeds=seeds)

    made = plan(project.own_seeds(script))
    if again:
        made = plan(speak_again(project, made, again, seed))
    save_project(project, made, "play.txt")
    speak_plan(tts, made, project.takes)
    if end:
        save_project(project, made, "play.txt", place(made, project.takes))
    asked = [text for texts in tts.asked for text in texts]
    return asked, json.loads((folder / "project.json").read_text("utf-8"))["lines"]


def seeds(entries):
    return [entry["seed"] for entry in entries]


def test_a_line_again(tmp_path):
    asked, entries = run(tmp_path)
    assert len(asked) == 4 and seeds(entries) == [0] * 5  # two lines are one
    assert entries[1]["suspect"] and entries[1]["start"] > entries[0]["end"] > 0
    asked, entries = run(tmp_path, again="3")
    assert asked == ["Three."] and seeds(entries) == [0, 0, 1, 0, 0] and entries[2]["tried"] == [0, 1]
    assert run(tmp_path)[0] == [] and seeds(run(tmp_path)[1]) == [0, 0, 1, 0, 0]
    asked, entries = run(tmp_path, again="3-4")
    assert sorted(asked) == ["One.", "Three."] and seeds(entries) == [0, 0, 2, 1, 0]
    asked, entries = run(tmp_path, again="3", seed=0)  # the first one was better
    assert asked == [] and seeds(entries) == [0, 0, 0, 1, 0] and entries[2]["tried"] == [0, 1, 2]
    assert seeds(run(tmp_path, again="3")[1])[2] == 3


def test_all_that_is_suspect(tmp_path):
    run(tmp_path)
    asked, entries = run(tmp_path, again="suspect")
    assert asked == ["Odd two.", "Odd five."] and not any(entry["suspect"] for entry in entries)
    assert run(tmp_path, again="suspect")[0] == []


def test_lines_that_are_not_there_or_backwards(tmp_path):
    for wish in ("9", "0", "5-3", "2-", "two"):
        with pytest.raises(ConfigError, match="--again"):
            run(tmp_path, again=wish)


def test_a_run_that_was_killed_has_the_same_seeds(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "a", again="3")
    run(tmp_path / "b")
    run(tmp_path / "b", again="3", end=False)
    asked, entries = run(tmp_path / "b", again="3")
    assert asked == [] and entries == json.loads((tmp_path / "a" / "project.json").read_text("utf-8"))["lines"]
    run(tmp_path / "b", again="3", end=False)
    assert seeds(run(tmp_path / "b")[1])[2] == 2  # without the flag, too


def test_a_wish_is_of_the_lines_that_it_meant(tmp_path):
    """A line comes in before the same numbers are asked for again: that is another wish."""
    run(tmp_path)
    run(tmp_path, again="2", end=False)
    assert seeds(run(tmp_path, "New.\n\n" + PLAY, again="2")[1]) == [0, 1, 1, 0, 0, 0]


def test_seeds_stay_with_their_lines(tmp_path):
    run(tmp_path)
    run(tmp_path, again="3,4")
    asked, entries = run(tmp_path, "New.\n\n" + PLAY.replace("Odd two.\n\n", "").replace("five", "six"))
    assert {"New.", "Odd six."} <= set(asked) and "Three." not in asked
    assert [(entry["text"], entry["seed"]) for entry in entries] == [
        ("New.", 0),
        ("One.", 0),
        ("Three.", 1),
        ("One.", 1),
        ("Odd six.", 0),
    ]


def test_what_is_late_is_listed(tmp_path):
    text = "00:00:01.000 --> 00:00:01.100\nOne two three.\n\n00:00:01.150 --> 00:00:09.000\nFour.\n"
    run(tmp_path, text, reader=read_subtitles)
    project, tts, script = open_project(tmp_path), FakeTTS(), read_subtitles(text)
    recital = place(plan_script(script, CAST, tts.config, tts.model), project.takes)
    (sentence,) = late_list(recital)
    assert sentence.startswith(
        "line 1 at 1.000 s (line 1 of the file) is 0.08 s too long, though spoken in 0.75 of its"
    )
    assert sentence.endswith(": One two three.")
    path = write_late(project, recital)
    assert path.read_text("utf-8") == sentence + "\n"
    run(tmp_path, "One.\n")
    plain = plan_script(read_play("One."), CAST, tts.config, tts.model)
    assert write_late(project, place(plain, project.takes)) is None and not path.exists()


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ("x", "numbers of lines"),
        ("1-", "numbers"),
        ("", "numbers"),
        ("0", "1 to 5"),
        ("4-6", "4-6"),
        ("7-999999999", "1 to 5"),
        ("7-99999999999", "numbers"),
        (5000 * "1", "numbers"),
        ("1-" + 5000 * "1", "numbers"),
    ],
)
def test_wishes_that_make_no_sense(wish, message, tmp_path):
    tts = FakeTTS()
    with pytest.raises(ConfigError, match=message):
        chosen_lines(wish, plan_script(read_play(PLAY), CAST, tts.config, tts.model), open_project(tmp_path))


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": 1, "unfinished": "", "lines": [{}]}', '{"format": 2}', "\xff"]
)
def test_no_project(text, tmp_path):
    (tmp_path / "project.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match="choose another --project"):
        open_project(tmp_path)
