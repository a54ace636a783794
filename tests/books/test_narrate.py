"""Books to files, by a synthesiser that takes no time: chapters, marks, covers; what a kill or a change leaves."""

import json
import shutil

import av
import numpy as np
import pytest
import soundfile

from indextts2_jax.audio.write import write_audio
from indextts2_jax.books.book import BREAK, HEADING, TEXT, Block, Book, Cover, numbered
from indextts2_jax.books.encode import is_readable
from indextts2_jax.books.narrate import narrate, output_of
from indextts2_jax.errors import AudioError, ConfigError, TextError
from tests.books.make import PNG
from tests.dialogue.fake import WORD, FakeTTS
from tests.tiny import RATE, voice_clip

ONE = [Block(HEADING, "The Beginning", 1), Block(TEXT, "A word said."), Block(BREAK), Block(TEXT, "And more.")]
TWO = [Block(HEADING, "What?", 1), Block(TEXT, "Second of two.")]
PAUSE = 22050


def book_of(*parts, cover=None):
    return Book("The Böok", ("Anna", "Ben"), "en", numbered(parts), cover)


BOOK = book_of(("The Beginning: a/b", ONE), ("¿What?", TWO), cover=Cover(PNG, ".png"))


@pytest.fixture
def voice(tmp_path):
    write_audio(tmp_path / "voice.wav", voice_clip()[0], RATE)
    return tmp_path / "voice.wav"


@pytest.fixture
def make(tmp_path, voice):
    """Narrates into tmp_path; returns the files, and what was spoken for it."""

    def made(book=BOOK, name="out", tts=None, **options):
        tts = tts or FakeTTS()
        files = narrate(tts, book, voice, tmp_path / name, **options)
        return files, [text for texts in tts.asked for text in texts]

    return made


def samples(path):
    return soundfile.read(path, dtype="int16")[0]


def test_a_file_a_chapter(make, tmp_path):
    files, asked = make()
    assert [path.name for path in files] == ["001-The_Beginning_a_b.flac", "002-What.flac"]
    assert asked == ["The Beginning.", "A word said.", "And more.", "What?", "Second of two."]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *sorted(one.name for one in files),
        "cover.png",
    ]
    assert (tmp_path / "out" / "cover.png").read_bytes() == PNG
    audio = samples(files[0])
    assert len(audio) == 7 * WORD + int(0.9 * PAUSE) + int(1.5 * PAUSE) + 2 * PAUSE
    silent = audio[2 * WORD :][: int(0.9 * PAUSE)]
    assert (
        not silent.any() and audio[: 2 * WORD].any() and audio[2 * WORD + int(0.9 * PAUSE)] and not audio[-PAUSE:].any()
    )
    with soundfile.SoundFile(files[1]) as file:
        assert (file.title, file.artist, file.album) == ("¿What?", "Anna, Ben", "The Böok")
        assert (file.tracknumber, file.genre) == ("2", "Audiobook")


@pytest.mark.parametrize("name", ["out.m4b", "out.m4a", "out.mp3"])
def test_one_file_with_marks(make, tmp_path, name):
    (path,), _ = make(name=name)
    assert path == tmp_path / name and not list(tmp_path.glob(".*"))
    lengths = [7 * WORD + int(0.9 * PAUSE) + int(1.5 * PAUSE) + 2 * PAUSE, 4 * WORD + int(0.9 * PAUSE) + 2 * PAUSE]
    with av.open(str(path)) as file:
        chapters = file.chapters()
        assert [chapter["metadata"]["title"] for chapter in chapters] == ["The Beginning: a/b", "¿What?"]
        ends = [float(chapter["end"] * chapter["time_base"]) for chapter in chapters]
        assert ends == pytest.approx(np.cumsum(lengths) / PAUSE, abs=0.002)
        assert float(chapters[1]["start"] * chapters[1]["time_base"]) == pytest.approx(ends[0], abs=0.002)
        told = {key: file.metadata.get(key) for key in ("title", "artist", "album", "genre")}
        assert told == {"title": "The Böok", "artist": "Anna, Ben", "album": "The Böok", "genre": "Audiobook"}
        (picture,) = file.streams.video
        assert (picture.width, picture.height, picture.codec_context.name) == (1, 1, "png")
        assert bytes(next(file.demux(picture))) == PNG
        file.seek(0)
        heard = sum(frame.samples for frame in file.decode(audio=0))
    assert heard == pytest.approx(sum(lengths), abs=3000)
    if name == "out.m4b":
        assert path.read_bytes()[4:12] == b"ftypM4B "


def test_mp3_files_of_chapters(make):
    files, _ = make(kind="mp3")
    with av.open(str(files[1])) as file:
        assert (file.metadata["title"], file.metadata["track"]) == ("¿What?", "2")
        assert len(file.streams.video) == 1 and not file.chapters()


def test_the_sound_is_what_was_spoken(make, tmp_path):
    (one, two), _ = make()
    (whole,), asked = make(name="out.m4b")
    assert not asked  # another kind of file costs no model
    with av.open(str(whole)) as file:
        decoded = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    expected = np.concatenate([samples(one), samples(two)]) / 32768
    error = decoded[: len(expected)] - expected[: len(decoded)]
    assert np.sqrt(np.mean(error**2)) < 0.03 < np.sqrt(np.mean(expected**2))


class Killed(BaseException):
    pass


class Mortal(FakeTTS):
    """Dies at its n-th passage."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def speak(self, checked, **options):
        if len(self.asked) == self.at:
            raise Killed
        return super().speak(checked, **options)


@pytest.mark.parametrize(("name", "at"), [("out", 1), ("out", 3), ("out.m4b", 4)])
def test_a_run_that_goes_on_equals_one_that_was_not_disturbed(make, tmp_path, name, at):
    expected = [path.read_bytes() for path in make(name=name)[0]]
    for made in tmp_path.glob("out*"):
        shutil.rmtree(made) if made.is_dir() else made.unlink()
    with pytest.raises(Killed):
        make(name=name, tts=Mortal(at))
    there = sorted(path.name for path in tmp_path.glob("out/*") if path.suffix == ".flac")
    assert there == (["001-The_Beginning_a_b.flac"] if name == "out" and at >= 3 else [])
    assert not (tmp_path / "out.m4b").exists()
    files, asked = make(name=name)
    assert len(asked) == 5 - at and [path.read_bytes() for path in files] == expected


def test_a_kill_while_files_are_written(make, tmp_path, monkeypatch):
    def killed(*arguments):
        yield np.ones(100, np.int16)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("indextts2_jax.books.narrate.assemble", killed)
        for name in ("out", "book.m4b"):
            with pytest.raises(Killed):
                make(name=name)
    left = [*tmp_path.glob("out/*.flac"), *tmp_path.glob("*.m4b"), *tmp_path.glob(".*")]
    assert not left
    assert make()[1] == ["What?", "Second of two."] and make(name="book.m4b")[1] == []


def test_what_changes_is_spoken_again_and_the_rest_stays(make):
    (one, two), _ = make()
    times = [path.stat().st_mtime_ns for path in (one, two)]
    files, asked = make()
    assert asked == [] and [path.stat().st_mtime_ns for path in files] == times
    changed = book_of(("The Beginning: a/b", ONE), ("Now", [*TWO[:1], Block(TEXT, "Third.")]))
    files, asked = make(changed)
    assert asked == ["Third."] and files[0].stat().st_mtime_ns == times[0]
    assert files[1].name == "002-Now.flac" and not two.exists()  # renamed: not there twice
    one.write_bytes(b"")
    assert make(changed)[1] == [] and len(samples(one)) > PAUSE


def test_some_chapters_keep_their_numbers(make, tmp_path):
    make(BOOK.chosen("2"))
    assert [path.name for path in (tmp_path / "out").glob("*.flac")] == ["002-What.flac"]
    assert make(BOOK)[1] == ["The Beginning.", "A word said.", "And more."]


def names(folder):
    return sorted(path.name for path in folder.glob("*.flac"))


def test_a_book_that_shrinks_leaves_no_chapters(make, tmp_path):
    three, two = (
        book_of(*((f"C{number}", [Block(TEXT, f"Text {number}.")]) for number in range(1, 1 + count)))
        for count in (3, 2)
    )
    out, record = tmp_path / "out", tmp_path / "out.project" / "book.json"
    make(three)
    make(three, kind="wav")
    for mine in ("004-Mine.flac", "003-C3.mp3"):
        (out / mine).write_bytes(b"mine")
    make(two.chosen("1"))  # which says nothing of the others
    assert names(out) == ["001-C1.flac", "002-C2.flac", "003-C3.flac", "004-Mine.flac"]
    make(two.chosen("1-2"))
    assert names(out) == ["001-C1.flac", "002-C2.flac", "004-Mine.flac"]
    assert (out / "003-C3.wav").exists() and (out / "003-C3.mp3").exists()  # of another kind
    assert sorted(json.loads(record.read_text("utf-8"))) == [
        *("001-C1.flac", "001-C1.wav", "002-C2.flac", "002-C2.wav", "003-C3.wav")
    ]


@pytest.mark.parametrize("name", ["003-C3.flac", "003-../003-C3.flac", "../003-C3.flac", "002-Old.flac", "cover.png"])
def test_nothing_is_removed_that_was_not_written_here(make, tmp_path, name):
    make()
    record = tmp_path / "out.project" / "book.json"
    known = json.loads(record.read_text("utf-8"))
    record.write_text(json.dumps({**known, name: {"key": "", "size": 5}}), "utf-8")
    for folder in (tmp_path, tmp_path / "out"):
        (folder / name.rpartition("/")[2]).write_bytes(b"mine")
    make()
    for folder in (tmp_path, tmp_path / "out"):
        assert (folder / name.rpartition("/")[2]).exists()


def test_what_cannot_be_spoken_is_told(make, tmp_path):
    takes = []
    blocks = [Block(TEXT, "Mute."), Block(BREAK), Block(TEXT, "Unreadable."), Block(BREAK), Block(TEXT, "Said.")]
    (path,), _ = make(book_of(("One", blocks)), on_take=lambda planned, task, take: takes.append(take))
    assert [take.samples for take in takes] == [0, 0, WORD] and len(samples(path)) == WORD + 2 * 33075 + 44100
    assert "stopped before the first code" in takes[0].warnings[0] and takes[1].warnings == ("This cannot be read.",)
    with pytest.raises(TextError, match=r"Nothing of chapter 1 \('One'\) could be spoken: The model stopped"):
        make(book_of(("One", blocks[:1])))


def test_covers_that_no_player_shows(make):
    damaged = Cover(PNG[:8] + b"no picture", ".png")
    assert is_readable(Cover(PNG, ".png")) and not is_readable(damaged)
    (path,), _ = make(book_of(("One", TWO), cover=damaged), name="out.m4b")
    with av.open(str(path)) as file:
        assert not file.streams.video


def test_outputs(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder.mp3").mkdir()
    assert output_of(tmp_path / "Mr. Brown").project == tmp_path / "Mr. Brown.project"
    assert output_of(tmp_path / "a.b.M4B").project == tmp_path / "a.b.project"
    assert not output_of(tmp_path / "folder.mp3").is_file
    for name, options, kind, message in (
        ("a.flac", {}, ConfigError, "no marks of chapters; give .m4b"),
        ("file", {}, ConfigError, "is a file"),
        ("a", {"kind": "ogg"}, ConfigError, "format is 'ogg'"),
        ("a.mp3", {"kilobits": 1}, ConfigError, "kilobits is 1"),
        ("file/a", {}, AudioError, "Cannot write"),
        ("file/a.m4b", {}, AudioError, "Cannot write"),
        ("n" * 300, {}, AudioError, "Cannot write"),
    ):
        with pytest.raises(kind, match=message):
            output_of(tmp_path / name, **options)


def test_a_disk_that_is_full(make, tmp_path, monkeypatch):
    def full(self, *arguments):
        raise av.error.OSError(28, "No space left on device")

    monkeypatch.setattr("indextts2_jax.books.encode._metadata", full)
    with pytest.raises(AudioError, match=r"Cannot write .*out.m4b.*: No space left on device"):
        make(name="out.m4b")
    assert not (tmp_path / "out.m4b").exists() and not list(tmp_path.glob(".*"))
