"""Plays as people type them: names, emotions, directions, pauses, comments, and what is wrong with them."""

import pytest

from indextts2_jax.dialogue.lines import header, is_name
from indextts2_jax.dialogue.play import read_play


def said(text, names=()):
    script = read_play(text, names)
    assert not script.faults
    return [(line.speaker, line.emotion, line.text) for line in script.lines]


def test_the_example():
    assert said("Anna: Good evening. [pause:400ms] Come in!\nBen (sad): I would rather not.\n") == [
        ("Anna", "", "Good evening. [pause:400ms] Come in!"),
        ("Ben", "sad", "I would rather not."),
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Anna:Hi", [("", "", "Anna:Hi")]),  # as 10:30 and http://
        ("At 10:30 he left.", [("", "", "At 10:30 he left.")]),
        ("He said: come in.", [("", "", "He said: come in.")]),
        ("\\Note: a text", [("", "", "Note: a text")]),
        ("安娜：你好。", [("安娜", "", "你好。")]),
        ("安娜（sad）：你好。", [("安娜", "sad", "你好。")]),
        ("Anna (happy:0.3, sad:0.1): Hi.", [("Anna", "happy:0.3, sad:0.1", "Hi.")]),
        ("Dr. O'Neil-Smith 2 : Hi.", [("Dr. O'Neil-Smith 2", "", "Hi.")]),
        ("# no\n// no\n\n  \nAnna: Hi.", [("Anna", "", "Hi.")]),
        ("José: Hi.", [("José", "", "Hi.")]),
        ("Jose\u0301: Hi.", [("Jose\u0301", "", "Hi.")]),
        ("राधिका: नमस्ते", [("राधिका", "", "नमस्ते")]),
        ("\u061cAnna: Hi.\n\u2060Ben: Ho\u00adho.", [("Anna", "", "Hi."), ("Ben", "", "Hoho.")]),
        ("Anna: I wait [pause for effect] and 【笑】 go.", [("Anna", "", "I wait and go.")]),
        ("(They sit\ndown.)\nAnna: Hi.", [("Anna", "", "Hi.")]),
        ("(They (both) sit.)\nAnna: Hi.", [("Anna", "", "Hi.")]),
        ("(They sit\n\ndown.)", [("", "", "(They sit"), ("", "", "down.)")]),
        ("(a) one and (b)", [("", "", "(a) one and (b)")]),
        ("Anna: Hi.\n   I go on,\n\tand on.", [("Anna", "", "Hi. I go on, and on.")]),
        ("Anna:\nHi.", [("Anna", "", "Hi.")]),
        ("Anna:\n\n  Hi.", [("Anna", "", "Hi.")]),
        ("It was late\nand dark.\n\nNobody came.", [("", "", "It was late and dark."), ("", "", "Nobody came.")]),
        ("Anna: Hi.\nIt was late.", [("Anna", "", "Hi."), ("", "", "It was late.")]),
        ("Anna: Come [waves] in (quickly).", [("Anna", "", "Come in (quickly).")]),
        ("\ufeffAnna: Hi.\r\nBen: Ho.\rAnna: Ha.", [("Anna", "", "Hi."), ("Ben", "", "Ho."), ("Anna", "", "Ha.")]),
        ("  Anna: Hi.\n  Ben: Ho.", [("Anna", "", "Hi."), ("Ben", "", "Ho.")]),
        ("\u200eAnna: Hi\u200b.\n\ufeffBen: \u202bשלום\u202c", [("Anna", "", "Hi."), ("Ben", "", "שלום")]),
        ("Anna: one\u2028two", [("Anna", "", "one two")]),
    ],
)
def test_lines(written, expected):
    assert said(written) == expected


def test_names_of_the_cast_count_whatever_they_look_like():
    assert said("the man in the hat: Hi.") == [("", "", "the man in the hat: Hi.")]
    assert said("The man  in the hat: Hi.", ["the man in the hat"]) == [("The man in the hat", "", "Hi.")]


@pytest.mark.parametrize("name", ["Anna", "anna", "The Old Man", "B2", "李雷", "Mrs. O'Hara"])
def test_names(name):
    assert is_name(name) and header(f"{name}: x", ()) == (name, "", "x")


@pytest.mark.parametrize("name", ["He said", "One Two Three Four Five", "12", "a+b", ""])
def test_no_names(name):
    assert not is_name(name) and header(f"{name}: x", ()) is None


def test_directions_and_pauses():
    script = read_play(
        "Anna: One. [pause:2s]\n(They sit.)\n[pause:1s]\nBen: [pause]Two.\nBen: …\nAnna: Three.[pause]\n"
    )
    assert [(line.text, line.pause_ms, line.after_direction) for line in script.lines] == [
        ("One.", None, False),
        ("Two.", 3500.0, True),  # all three add up
        ("Three.", None, True),  # behind a beat
    ]
    assert script.end_pause_ms == 500.0 and "Line 5 has no words" in script.notes[0] and not script.faults


def test_who_has_no_words_is_there_all_the_same():
    assert read_play("Anna: Hi.\nBen (sad): …\nCleo:\n").speakers == {"anna", "ben", "cleo"}


def test_where_lines_are():
    script = read_play("\n# x\nAnna: One.\n\n(x)\nBen: Two.")
    assert [(line.number, line.at) for line in script.lines] == [(1, 3), (2, 6)]


def test_all_faults_are_found():
    script = read_play("Anna:\nBen: [pause:long] x\n[pause:9h]\nAnna: fine\nBen:\n")
    assert [fault.at for fault in script.faults] == [1, 2, 3, 5]
    assert script.faults[0].what == "Anna says nothing." and "[pause:long]" in script.faults[1].what


@pytest.mark.parametrize("text", ["", "\n\n", "# only\n(a comment)\n"])
def test_nothing_to_speak(text):
    (fault,) = read_play(text).faults
    assert fault.at == 0 and "nothing to speak" in fault.what


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Anna (old): Hi.", ("Anna (old)", "", "Hi.")),
        ("Anna (old) (sad): Hi.", ("Anna (old)", "sad", "Hi.")),
        ("anna(sad): Hi.", ("anna", "sad", "Hi.")),
        ("Anna:Hi.", ("Anna", "", "Hi.")),
        ("the man: at the door: Hi: you.", ("the man: at the door", "", "Hi: you.")),
        ("12: Hi.", ("12", "", "Hi.")),
        ("12:30 is late.", ("", "", "12:30 is late.")),
        ("http://x is read.", ("", "", "http://x is read.")),
    ],
)
def test_names_of_the_cast_as_people_write_them(written, expected):
    names = ["Anna", "Anna (old)", "the man: at the door", "12", "http"]
    assert said(written, names) == [expected]


def test_a_wrong_text_hides_no_wrong_name():
    script = read_play("Ghost (foo): hi [pause:x]\nAnna: Hi.")
    assert [line.speaker for line in script.lines] == ["Ghost", "Anna"] and script.lines[0].emotion == "foo"
    assert [fault.at for fault in script.faults] == [1]


def test_an_open_parenthesis_costs_no_time():
    assert len(read_play("(a\n" * 20_000).lines) == 1
