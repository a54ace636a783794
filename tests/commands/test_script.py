"""`indextts2 script` on the tiny model: files, times, projects, and what is refused before a model is there."""

import json

import numpy as np
import pytest
import soundfile

from indextts2_jax.__main__ import main
from indextts2_jax.audio.write import write_audio
from indextts2_jax.config import replace
from indextts2_jax.dialogue.subtitles import read_subtitles
from indextts2_jax.synthesis.synthesizer import IndexTTS2
from tests.dialogue.fake import FakeTTS
from tests.tiny import RATE, tiny_artefact, tiny_config, voice_clip

PLAY = """# a play
Anna: Good evening.
Ben (sad): I would rather not.
(They sit.)
It is late.
"""
SRT = "1\n00:00:00,500 --> 00:00:01,500\nAnna: Good evening.\n\n2\n00:00:02,000 --> 00:00:02,500\nBEN: No.\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An artefact, two clips and a cast."""
    folder = tmp_path_factory.mktemp("script")
    tiny_artefact(folder / "tiny", defaults=replace(tiny_config(), model=None, random_seed=None))
    for name, pitch in (("low", 110.0), ("high", 190.0)):
        write_audio(folder / f"{name}.wav", voice_clip(1.5, pitch)[0], RATE)
    (folder / "cast.yaml").write_text("default: {voice: low.wav}\nAnna: high.wav\nBen: {speed: 1.2}\n", "utf-8")
    (folder / "play.txt").write_text(PLAY, "utf-8")
    (folder / "film.srt").write_text(SRT, "utf-8")
    return folder


def run(place, name, output, *more):
    return main(
        [
            "script",
            str(place / name),
            f"--checkpoint={place / 'tiny'}",
            f"--cast={place / 'cast.yaml'}",
            f"--output={output}",
            *more,
        ]
    )


@pytest.fixture
def loads(monkeypatch):
    """How often a model is loaded."""
    loaded, load = [], IndexTTS2.from_pretrained

    def noted(*arguments, **options):
        loaded.append(1)
        return load(*arguments, **options)

    monkeypatch.setattr(IndexTTS2, "from_pretrained", noted)
    return loaded


def test_a_play(place, tmp_path, capsys, loads):
    output, more = tmp_path / "play.wav", (f"--times={tmp_path / 'play.vtt'}", f"--lines={tmp_path / 'lines'}")
    assert run(place, "play.txt", output, *more) == 0
    assert "play.wav: 3 lines," in capsys.readouterr().out
    lines = json.loads((tmp_path / "play.project" / "project.json").read_text("utf-8"))["lines"]
    audio = soundfile.read(output, dtype="int16")[0]
    names = ["0001-Anna.wav", "0002-Ben.wav", "0003-default.wav"]
    assert sorted(path.name for path in (tmp_path / "lines").iterdir()) == names
    for line, name in zip(lines, names, strict=True):
        own = soundfile.read(tmp_path / "lines" / name, dtype="int16")[0]
        start = round(line["start"] * 22050)
        np.testing.assert_array_equal(audio[start : start + len(own)], own)
    assert len(audio) == round(lines[-1]["end"] * 22050)
    assert round((lines[2]["start"] - lines[1]["end"]) * 1000) == 1000  # the direction
    shown = read_subtitles((tmp_path / "play.vtt").read_text("utf-8"))
    assert [(line.speaker, line.text) for line in shown.lines] == [
        ("Anna", "Good evening."),
        ("Ben", "I would rather not."),
        ("", "It is late."),
    ]
    assert len(loads) == 1
    before = output.read_bytes()
    assert run(place, "play.txt", output, "--direction_pause=500") == 0  # no line sounds otherwise: no model is needed
    assert len(loads) == 1 and len(output.read_bytes()) == len(before) - 2 * 11025
    assert run(place, "play.txt", output, "--again=2") == 0
    assert len(loads) == 2 and len(list((tmp_path / "play.project" / "takes").glob("*.flac"))) == 4


def test_a_film(place, tmp_path, capsys):
    output = tmp_path / "film.flac"
    assert run(place, "film.srt", output, "--length=0:04.5", "--times=" + str(tmp_path / "film.json")) == 0
    audio = soundfile.read(output, dtype="int16")[0]
    assert len(audio) == round(4.5 * 22050)
    assert not audio[:11025].any() and audio[11025:11200].any() and audio[44100:44300].any()
    times = json.loads((tmp_path / "film.json").read_text("utf-8"))
    assert [(one["speaker"], one["start"], one["text"]) for one in times] == [
        ("Anna", 0.5, "Good evening."),
        ("BEN", 2.0, "No."),
    ]
    capsys.readouterr()


WRONG = {
    "unknown names and emotions": (
        "Cleo: Hi.\nAnna (whispering): Ho.\n",
        (),
        [
            "play, line 1: Cleo is not in",
            "play, line 2: (whispering) is no emotion",
            "cast.yaml, line 3: Ben says nothing",
        ],
    ),
    "no script": (None, (), ["Cannot read"]),
    "an empty script": ("# x\n", (), ["nothing to speak"]),
    "a length": (PLAY, ("--length=9",), ["no times"]),
    "longer than a WAV file": ("100:00:01,000 --> 100:00:02,000\nANNA: Hi.\nBEN: Ho.\n", (), ["write a .flac file"]),
    "longer than a WAV file by pauses": (PLAY + "[pause:60s]\n" * 1700, (), ["write a .flac file"]),
    "a length that is none": (PLAY, ("--length=soon",), ["--length is 'soon'"]),
    "lines that are not there": (PLAY, ("--again=4",), ["1 to 3"]),
    "a seed for nothing": (PLAY, ("--again_seed=4",), ["--again_seed"]),
    "another ending": (PLAY, ("--output=OUT/x.mp3",), [".wav or .flac"]),
    "times of another ending": (PLAY, ("--times=OUT/x.txt",), [".srt, .vtt or .json"]),
    "no cast": (PLAY, ("--cast=gone.yaml",), ["gone.yaml"]),
    "limits": (PLAY, ("--fit_longest=3",), ["longest is 3.0"]),
    "a target": (PLAY, ("--config.duration.target_seconds=9",), ["duration.target_seconds"]),
    "two scripts": (PLAY, ("more.txt",), ["needs a file"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name, place, tmp_path, capsys, loads):
    text, more, messages = WRONG[name]
    if text is not None:
        (tmp_path / "play").write_text(text, "utf-8")
    folder = tmp_path / "out"
    folder.mkdir()
    code = main(
        [
            "script",
            str(tmp_path / "play"),
            f"--checkpoint={place / 'tiny'}",
            f"--cast={place / 'cast.yaml'}",
            f"--output={folder / 'play.wav'}",
            *(argument.replace("OUT", str(folder)) for argument in more),
        ]
    )
    told = capsys.readouterr()
    lines = told.err.strip().split("\n")
    assert code == 2 and not loads and not told.out and len(lines) == len(messages)
    assert all(line.startswith("error: ") and part in line for line, part in zip(lines, messages, strict=True)), lines
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "times"),
    [
        ("low.wav", "x.srt"),
        ("high.wav", "x.srt"),
        ("sad.wav", "x.srt"),
        ("x.wav", "film.srt"),
        ("./a/../low.wav", "x.srt"),
    ],
)
def test_nothing_that_is_read_is_replaced(output, times, place, capsys, loads):
    write_audio(place / "sad.wav", voice_clip(1.5, 150.0)[0], RATE)
    (place / "film.srt").write_text(SRT.replace("BEN", "BEN (sad.wav)"), "utf-8")
    before = {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()}
    assert run(place, "film.srt", f"{place}/{output}", f"--times={place / times}") == 2
    told = capsys.readouterr().err
    assert told.startswith("error: Cannot write") and "files that are read" in told and told.count("\n") == 1
    assert not loads and before == {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()}


def test_a_line_that_stays_mute_gets_another_seed_every_time(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(IndexTTS2, "from_pretrained", lambda *_, **__: FakeTTS())
    (tmp_path / "play.txt").write_text("Anna: One.\n\nBen: Mute two.\n", "utf-8")
    seeds = []
    for more in ([], ["--again=2"], ["--again=2"]):
        assert run(place, tmp_path / "play.txt", tmp_path / "out.wav", *more) == 2
        assert "--again=2" in capsys.readouterr().err
        lines = json.loads((tmp_path / "out.project" / "project.json").read_text("utf-8"))["lines"]
        seeds.append(lines[1]["seed"])
    assert seeds == [0, 1, 2]
