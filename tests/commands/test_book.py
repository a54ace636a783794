"""`indextts2 book`: its files and lists; what is refused before a model is there."""

import json
from types import SimpleNamespace

import av
import pytest
import soundfile

from indextts2_jax.__main__ import main
from indextts2_jax.audio.write import write_audio
from indextts2_jax.synthesis.synthesizer import IndexTTS2
from tests.books.make import make_epub, page
from tests.dialogue.fake import FakeTTS
from tests.tiny import RATE, voice_clip

TOC = [("One", "1.xhtml", 1), ("Two", "2.xhtml", 1)]
DOCUMENTS = {"1.xhtml": page("<h1>One</h1><p>It was late.</p>"), "2.xhtml": page("<h1>Two</h1><p>Good night.</p>")}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A clip and a book."""
    folder = tmp_path_factory.mktemp("book")
    write_audio(folder / "voice.wav", voice_clip()[0], RATE)
    make_epub(folder / "book.epub", DOCUMENTS, TOC)
    return folder


def run(place, output, *more, name="book.epub"):
    speaker = f"--speaker={place / 'voice.wav'}"
    return main(["book", str(place / name), "--checkpoint=demo", speaker, f"--output={output}", *more])


@pytest.fixture
def loaded(monkeypatch):
    """The models that were loaded, none of which takes any time."""
    models = []

    def load(*arguments, **options):
        models.append(FakeTTS())
        return models[-1]

    monkeypatch.setattr(IndexTTS2, "from_pretrained", load)
    monkeypatch.setattr(FakeTTS, "voices", SimpleNamespace(), raising=False)
    return models


def test_a_book(place, tmp_path, capsys, loaded):
    assert run(place, tmp_path / "out") == 0 and len(loaded) == 1
    assert "out: 2 chapters, 0:00:06 of audio; the takes are in" in capsys.readouterr().out
    assert loaded[0].asked == [["One."], ["It was late."], ["Two."], ["Good night."]]
    assert run(place, tmp_path / "out.m4b", "--chapters=2", "--chapter_pause=500") == 0 and len(loaded) == 1
    with av.open(str(tmp_path / "out.m4b")) as file:
        (chapter,) = file.chapters()
        assert chapter["metadata"]["title"] == "Two"
        seconds = float(chapter["end"] * chapter["time_base"])
    assert seconds == pytest.approx(soundfile.info(tmp_path / "out" / "002-Two.flac").duration - 1.5, abs=0.002)
    record = json.loads((tmp_path / "out.project" / "book.json").read_text("utf-8"))
    assert sorted(record) == ["001-One.flac", "002-Two.flac", "out.m4b"]
    assert run(place, tmp_path / "out", "--seed=1", "--chapters=1") == 0
    assert loaded[1].asked == [["One."], ["It was late."]]
    capsys.readouterr()
    assert run(place, tmp_path / "out", "--seed=1") == 0
    assert "4 of 7 words were spoken before." in capsys.readouterr().out


def test_what_could_not_be_spoken_is_told(place, tmp_path, capsys, loaded):
    (tmp_path / "a.md").write_text("# Odd\n\n" + "One.\n\n* * *\n\nMute.\n\n* * *\n\n" * 30, "utf-8")
    assert run(place, tmp_path / "out", name=tmp_path / "a.md") == 0
    captured = capsys.readouterr()
    assert "spoken before" not in captured.out  # passages that are equal are spoken once, and counted once
    assert loaded[0].asked == [["Odd."], ["One."], ["Mute."]]
    warnings = captured.err.splitlines()
    assert warnings[0] == "warning: chapter 1, 'Odd.': Segment 1 (3 text tokens) is clipped."
    assert warnings[1].startswith("warning: chapter 1, 'Mute.': not spoken: The model stopped before the first code")
    assert warnings[-1].startswith("warning: 11 more; ") and len(warnings) == 21


def test_the_glossary_is_a_part_of_what_is_spoken(place, tmp_path, loaded):
    (tmp_path / "terms.json").write_text('{"late": "later"}', "utf-8")
    assert run(place, tmp_path / "out") == run(place, tmp_path / "out", f"--glossary={tmp_path / 'terms.json'}") == 0
    assert len(loaded) == 2 and loaded[0].asked == loaded[1].asked


def test_a_list(place, capsys, loaded):
    assert main(["book", str(place / "book.epub"), "--list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "   1          4 words   0:00:01  One",
        "   2          3 words   0:00:01  Two",
        "The Book by Anna: 2 chapters, 7 words, about 0:00:02 of audio.",
    ]
    assert main(["book", str(place / "book.epub"), "--list", "--chapters=2"]) == 0
    assert "One" not in capsys.readouterr().out and not loaded


WRONG = {
    "no file": ((), None, "book needs one file"),
    "no output": (("--output=",), "book.epub", "book needs --output"),
    "no such book": ((), "none.epub", "Cannot read"),
    "no book": ((), "voice.wav", "of no kind that is read here"),
    "chapters": (("--chapters=3",), "book.epub", "--chapters has 3, but the chapters of this book are 1 to 2"),
    "depth": (("--depth=0",), "book.epub", "depth is 0"),
    "notes": (("--notes=loud",), "book.epub", "notes"),
    "a single FLAC": (("--output=x.flac",), "book.epub", "no marks of chapters"),
    "a place": (("--output=/proc/x/y.m4b",), "book.epub", "Cannot write"),
    "a project": (("--project=/proc/x",), "book.epub", "Cannot write"),
    "a speaker": (("--speaker=none.wav",), "book.epub", "none.wav"),
    "a checkpoint": (("--checkpoint=none",), "book.epub", "none"),
    "a glossary": (("--glossary=none.yaml",), "book.epub", "The glossary none.yaml cannot be read"),
    "a pause": (("--break_pause=-1",), "book.epub", "break_pause is -1"),
    "an emotion": (("--emotion=cross:1",), "book.epub", "--emotion"),
    "loudness that goes by segments": (("--config.polish.even_loudness",), "book.epub", "--loudness=-20"),
    "a setting that is none": (("--config.nothing=1",), "book.epub", "nothing"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_refused(place, tmp_path, capsys, loaded, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    more, name, message = WRONG[kind]
    if name is None:
        assert main(["book", f"--output={tmp_path / 'x'}"]) == 2
    else:
        assert run(place, tmp_path / "x", *more, name=name) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and message in error
    assert not loaded and not list(tmp_path.iterdir())


def test_without_a_configuration_the_bundled_model_speaks(capsys, tmp_path):
    (tmp_path / "a.txt").write_text("a", "utf-8")
    assert main(["book", str(tmp_path / "a.txt"), f"--output={tmp_path / 'x'}", "--emotion=cross:1"]) == 2
    assert "no --checkpoint is given, so the bundled model speaks" in capsys.readouterr().err
