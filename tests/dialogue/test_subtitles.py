"""Subtitle files of every odd kind."""

import time

import pytest

from indextts2_jax.dialogue.subtitles import looks_like_subtitles, read_subtitles, room_ends

SRT = "1\n00:00:01,000 --> 00:00:02,500\nGood evening.\n\n2\n00:00:03,000 --> 00:00:04,000\nCome in!\n"
EXPECTED = [(1000, 2500, "Good evening."), (3000, 4000, "Come in!")]


def cues(text, names=(), **options):
    script = read_subtitles(text, names, **options)
    assert not script.faults, script.faults
    return [(*line.cue, line.text) for line in script.lines]


def speakers(text, names=()):
    script = read_subtitles(text, names)
    assert not script.faults
    return [(line.speaker, line.emotion, line.text) for line in script.lines]


ODD = {
    "plain": SRT,
    "a mark": "\ufeff" + SRT,
    "CRLF": SRT.replace("\n", "\r\n"),
    "CR": SRT.replace("\n", "\r"),
    "no numbers": SRT.replace("1\n0", "0").replace("2\n0", "0"),
    "a blank line and no number": "\n" + SRT.removeprefix("1\n"),
    "one number missing": SRT.replace("2\n0", "0"),
    "numbers twice": SRT.replace("2\n0", "1\n0"),
    "numbers that are none": SRT.replace("1\n0", "-7\n0"),
    "no blank lines": SRT.replace("\n\n", "\n"),
    "twice as many lines": SRT.replace("\n", "\n\n"),
    "blank lines at both ends": "\n\n" + SRT.rstrip() + "\n\n\n",
    "no end": SRT.rstrip(),
    "positions": SRT.replace("500\n", "500 X1:100 X2:200 Y1:10 Y2:20\n"),
    "tags": SRT.replace("Come in!", "{\\an8}<i>Come</i> <font color='#fff'>in!</font>"),
    "stops for commas": SRT.replace(",", "."),
    "short times": SRT.replace("00:00:0", "0:0:"),
    "short fractions": SRT.replace(",500", ",5"),
    "another order": "2\n00:00:03,000 --> 00:00:04,000\nCome in!\n\n1\n00:00:01,000 --> 00:00:02,500\nGood evening.\n",
    "silent cues": SRT + "\n3\n00:00:05,000 --> 00:00:06,000\n\n\n4\n00:00:07,000 --> 00:00:08,000\n♪ ♪\n[door]\n",
    "WebVTT": "WEBVTT\n\n" + SRT.replace(",", "."),
    "a heading": "WEBVTT - a film\nKind: captions\n\n" + SRT.replace(",", "."),
    "no hours": "WEBVTT\n\n" + SRT.replace(",", ".").replace("00:00:", "00:"),
    "settings": "WEBVTT\n\n" + SRT.replace(",", ".").replace("500\n", "500 line:0 position:20% align:start\n"),
    "comments": "WEBVTT\n\nNOTE\nnot\nthis\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:x\n\n" + SRT.replace(",", "."),
    "identifiers": "WEBVTT\n\n" + SRT.replace(",", ".").replace("1\n0", "intro 1\n0"),
    "an arrow in a comment": "WEBVTT\n\nNOTE one --> two\n\n" + SRT.replace(",", "."),
    "times in a comment": "WEBVTT\n\nNOTE 00:01.000 --> 00:02.000\nno\n\n" + SRT.replace(",", "."),
    "an identifier that looks like a time": "WEBVTT\n\n" + SRT.replace(",", ".").replace("1\n0", "00:07.000\n0"),
    "an identifier with an arrow": "WEBVTT\n\n" + SRT.replace(",", ".").replace("1\n0", "a --> b\n0"),
    "a time map": "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n" + SRT.replace(",", "."),
    "numbers that look like times": SRT.replace("1\n0", "00:00:07,000\n0").replace("2\n0", "00:00:08,000\n0"),
    "two files in one": "\ufeff" + SRT.replace("2\n0", "\ufeff2\n0"),
    "space around the times": SRT.replace("00:00:01,000 --> ", "  00:00:01,000\t -->\t"),
    "nested tags": SRT.replace("Come in!", '<b><i>Come <font color="#fff">in!</i></font></b>'),
    "line ends of ASS": SRT.replace("Good evening", "{\\pos(1,2)}Good\\Nevening"),
    "karaoke": SRT.replace("Come in", "Come <00:00:03,500>in"),
    "marks of direction": SRT.replace("Come in!", "\u202bCome\u200f in!\u202c\u200b"),
    "classes and times": "WEBVTT\n\n" + SRT.replace(",", ".").replace("Come", "<c.x>Come</c> <00:03.500>"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files(name):
    assert cues(ODD[name]) == EXPECTED


@pytest.mark.parametrize("numbers", [True, False])
def test_numbers_that_are_said(numbers):
    one, two = ("1\n", "2\n") if numbers else ("", "")
    text = f"{one}00:00:01,000 --> 00:00:02,000\nThe answer is\n42\n\n{two}00:00:03,000 --> 00:00:04,000\nWas it\n42"
    assert cues(text) == [(1000, 2000, "The answer is 42"), (3000, 4000, "Was it 42")]


def test_blank_lines_in_a_cue_and_signs():
    text = "1\n00:00:01,000 --> 00:00:02,000\nOne &amp; two\n\n<3 is less than 4\n"
    assert cues(text) == [(1000, 2000, "One & two <3 is less than 4")]


@pytest.mark.parametrize("said", ["A --> B", "--> that way", "from 3 --> 4"])
def test_arrows_that_are_said(said):
    text = SRT.replace("evening.", f"evening.\n{said}")
    assert cues(text)[1:] == EXPECTED[1:] and cues(text)[0][2].endswith(said.lstrip("-"))
    (fault,) = read_subtitles("WEBVTT\n\n" + text.replace(",", ".")).faults
    assert fault.at == 6 and "--&gt;" in fault.what


def test_right_to_left():
    text = SRT.replace("Good evening.", "\u202bשלום עולם\u202c").replace("Come in!", "\u200eBEN: مرحبا")
    assert speakers(text) == [("", "", "שלום עולם"), ("BEN", "", "مرحبا")]


def test_hours():
    assert cues("100:00:01,000 --> 100:00:02,000\nLate.\n") == [(360_001_000, 360_002_000, "Late.")]


def test_no_time_and_less_than_none():
    text = SRT + "\n3\n00:00:05,000 --> 00:00:05,000\nNow.\n\n4\n00:00:07,000 --> 00:00:06,000\nBack.\n"
    script = read_subtitles(text)
    assert cues(text)[2:] == [(5000, 5000, "Now."), (7000, 7000, "Back.")]
    assert script.notes == ("Line 14: the cue ends before it begins, and is taken to end there.",)
    assert script.end_ms == 7000


def test_the_end_is_that_of_the_last_cue_to_end():
    text = (
        "00:00:01,000 --> 00:00:09,000\nOne.\n\n00:00:03,000 --> 00:00:04,000\nTwo.\n\n00:00:09,500 --> 00:00:10,000\n"
    )
    assert read_subtitles(text).end_ms == 10000


def test_room():
    times = [(1000, 2000), (2500, 4000), (3000, 3500), (3000, 3200), (6000, 6000)]
    text = "".join(f"00:00:0{a / 1000:.3f} --> 00:00:0{b / 1000:.3f}\nx\n\n" for a, b in times)
    assert room_ends(read_subtitles(text)) == [2500, 4000, 6000, 6000, 6000]


# --- who speaks ---------------------------------------------------------------------------------------------------


def test_voices_of_webvtt():
    text = "WEBVTT\n\n00:01.000 --> 00:03.000\n- <v.loud Anna &amp; Co>Hi <i>you</i></v>\n- <v Ben (sad)>Ho,\nho.</v>\n"
    assert speakers(text) == [("Anna & Co", "", "Hi you"), ("Ben", "sad", "Ho, ho.")]


def test_several_speakers_share_a_cue():
    text = "WEBVTT\n\n00:01.000 --> 00:03.000\n<v A>one</v> <v B>twothr\n"
    assert cues(text) == [(1000, 1666, "one"), (1666, 3000, "twothr")]


def test_names_of_srt():
    text = "1\n00:00:01,000 --> 00:00:02,000\n- <b>Anna</b>: Hi.\n- BEN (sad): Ho.\n- Look: there.\n"
    assert speakers(text, ["anna"]) == [("Anna", "", "Hi."), ("BEN", "sad", "Ho. Look: there.")]


def test_who_has_no_words_is_there_all_the_same():
    text = "1\n00:00:01,000 --> 00:00:02,000\nBen: [sighs]\nAnna: Hi.\n"
    script = read_subtitles(text, ["Ben", "Anna"])
    assert script.speakers == {"ben", "anna"} and [line.text for line in script.lines] == ["Hi."]


@pytest.mark.parametrize("name", ODD)
def test_what_looks_like_subtitles(name):
    assert looks_like_subtitles(ODD[name].replace("\r\n", "\n").replace("\r", "\n"))
    assert not looks_like_subtitles("Anna: At 00:00:01 it began.\n")


def test_dashes_and_directions():
    text = "1\n00:00:01,000 --> 00:00:02,000\n- Hi.\n– [laughs] Ho.\n(door slams)\n♪ la ♪\n"
    assert speakers(text) == [("", "", "Hi. Ho. la")]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("&lrm;Anna: Hi.", [("Anna", "", "Hi.")]),
        ("&rlm;Anna: Hi.&lrm;", [("Anna", "", "Hi.")]),
        (">> Anna: Hi.\n&gt;&gt; BEN: Ho.", [("Anna", "", "Hi."), ("BEN", "", "Ho.")]),
        ("Anna:Hi.", [("Anna", "", "Hi.")]),
        ("<v Anna>Hi.</v>\nThen he left.", [("Anna", "", "Hi."), ("", "", "Then he left.")]),
        ("<v Anna>Hi.</v> Then <v Ben>Ho.</v>", [("Anna", "", "Hi."), ("", "", "Then"), ("Ben", "", "Ho.")]),
        ("<v Anna\nSmith>Hi.", [("Anna Smith", "", "Hi.")]),
        ("<v Anna (Mom)>Hi.", [("Anna (Mom)", "", "Hi.")]),
        ("<v Anna (sad)>Hi.", [("Anna", "sad", "Hi.")]),
        ("<ruby>東京<rt>とうきょう</rt></ruby>です", [("", "", "東京です")]),
        ("<ruby>東京<rt>とうきょう</ruby>です", [("", "", "東京です")]),
        ("\\WARNING: do it", [("", "", "WARNING: do it")]),
        ("\\NOTE: do it", [("", "", "NOTE: do it")]),
        ("\\hello: x", [("", "", "hello: x")]),
        ("\\NAnna: Hi.", [("Anna", "", "Hi.")]),
        ("Hi.\n[pause:1s]\nHo.", [("", "", "Hi. [pause:1s] Ho.")]),
        ("(door\nslams)\nHi.", [("", "", "Hi.")]),
        ("【ドアの音】\nはい", [("", "", "はい")]),
    ],
)
def test_who_says_what(said, expected):
    text = f"WEBVTT\n\n00:01.000 --> 00:03.000\n{said}\n"
    assert speakers(text, ["Anna", "Anna (Mom)"]) == expected


def test_a_wrong_text_hides_no_wrong_name():
    script = read_subtitles("00:00:01,000 --> 00:00:02,000\nGHOST (foo): hi [pause:x]\n")
    assert [fault.at for fault in script.faults] == [1]
    assert [(line.speaker, line.emotion) for line in script.lines] == [("GHOST", "foo")]


# --- what is wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", [0]),
        ("hello", [0]),
        ("WEBVTT\n\nhello\n", [0]),
        (SRT.replace("00:00:02,500", "later"), [2]),
        (SRT.replace("00:00:02,500", "02,500"), [2]),
        (SRT.replace(" --> 00", "-->x"), [2, 6]),
        ("Subtitles by X\n\n" + SRT, [1]),
        ("WEBVTT\n\n" + SRT, [4, 8]),  # commas
        ("WEBVTT\n\n" + SRT.replace(",", ".").replace("02.500", "02.5001"), [4]),
        (SRT.replace("evening", "[pause:x]"), [2]),
        (SRT.replace("00:00:01,000", "-00:00:01,000"), [2]),
        (SRT.replace("00:00:01,000", "1000:00:01,000"), [2]),
        (SRT.replace("00:00:03,000", "03,000"), [6]),
        (SRT.replace("00:00:03,000", "٠٠:٠٠:٠٣,٠٠٠"), [6]),
        ("WEBVTT\n\n00:61.000 --> 01:02.000\nx\n", [3]),
    ],
)
def test_faults(text, at):
    script = read_subtitles(text)
    assert [fault.at for fault in script.faults] == at
    assert all(fault.what.endswith(".") for fault in script.faults)


def test_no_webvtt():
    (fault,) = read_subtitles(SRT.replace(",", "."), webvtt=True).faults
    assert fault.what == "it does not begin with WEBVTT."


@pytest.mark.parametrize("webvtt", [True, False])
def test_ten_thousand_cues(webvtt):
    text = "WEBVTT\n\n" if webvtt else ""
    for number in range(10_000):
        hours, minutes, seconds = number // 3600, number // 60 % 60, number % 60
        stamp = f"{hours:02}:{minutes:02}:{seconds:02}{'.' if webvtt else ','}"
        text += f"{number + 1}\n{stamp}000 --> {stamp}900\nLine {number}.\n\n"
    start = time.thread_time()
    found = cues(text)
    assert len(found) == 10_000 and found[9_999] == (9_999_000, 9_999_900, "Line 9999.")
    assert time.thread_time() - start < 20


@pytest.mark.parametrize("said", ["♪ ♪", "[door]", "…"])
def test_a_file_without_words(said):
    script = read_subtitles(f"1\n00:00:01,000 --> 00:00:02,500\n{said}\n")
    assert [fault.what for fault in script.faults] == ["no cue in it has words."]
