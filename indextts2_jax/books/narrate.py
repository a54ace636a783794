"""A planned book is spoken, and put together: a file a chapter, or one file with marks.

    novel/                    or novel.m4b
      001-The_beginning.flac
      cover.jpg
    novel.project/
      book.json               the files as they were written last
      takes/                  see `dialogue.takes.FolderTakes`

A passage is kept as soon as it is spoken. So whoever is killed goes on behind the last one, and ends with the very
samples of a run that was not disturbed; where the text changes, what it changes is spoken again.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from indextts2_jax.array_typing import Int
from indextts2_jax.audio.write import check_place, write_text, writing_errors
from indextts2_jax.books.book import Book
from indextts2_jax.books.encode import CONTAINERS, SUFFIXES, Mark, Tags, check_encoder, is_readable, write_recording
from indextts2_jax.books.plan import Pauses, Plan, PlannedChapter, Task, plan_book
from indextts2_jax.config import SAMPLING_RATE, replace
from indextts2_jax.dialogue.takes import FolderTakes, Take, Takes
from indextts2_jax.errors import ConfigError, TextError, require
from indextts2_jax.pipeline.voice import ReferenceVoice, fingerprint
from indextts2_jax.runtime import atomic, text_files
from indextts2_jax.synthesis.request import Emotion
from indextts2_jax.synthesis.speech import AudioSource
from indextts2_jax.synthesis.synthesizer import IndexTTS2

OnTake: TypeAlias = Callable[[PlannedChapter, Task, Take], None]

RECORD = "book.json"
_SECOND = SAMPLING_RATE
_NO_NUMBER = 1_000_000
"""More chapters has no book."""


@dataclasses.dataclass(frozen=True)
class Output:
    """What is written where."""

    path: pathlib.Path
    """A folder; or a file, which then has all chapters."""
    suffix: str
    """Of the files."""
    is_file: bool
    kilobits: int = 64
    """A second, of what is compressed with loss."""

    @property
    def project(self) -> pathlib.Path:
        """Where takes are kept unless somebody says otherwise."""
        stem = self.path.stem if self.is_file else self.path.name
        return self.path.parent / f"{stem}.project"


def output_of(path: pathlib.Path, kind: str = "flac", kilobits: int = 64) -> Output:
    """What a path means: a file with marks of chapters (.m4b, .m4a, .mp3), or a folder for files of a `kind`.

    Raises:
      ConfigError: neither, or the library for it is missing. AudioError: a place that cannot be written.
    """
    require(16 <= kilobits <= 320, "kilobits", kilobits, "from 16 to 320")
    suffix = path.suffix.lower()
    if suffix in SUFFIXES and not os.path.isdir(path):
        if suffix not in CONTAINERS:
            raise ConfigError(f"{path}: a single {suffix} has no marks of chapters; give .m4b, .mp3 or a folder.")
        output = Output(path, suffix, True, kilobits)
    else:
        require(f".{kind}" in SUFFIXES, "format", kind, f"one of {', '.join(one[1:] for one in SUFFIXES)}")
        if os.path.exists(path) and not os.path.isdir(path):
            raise ConfigError(f"{path} is a file: give a folder, or a name that ends in .m4b, .m4a or .mp3.")
        output = Output(path, f".{kind}", False, kilobits)
    check_encoder(output.suffix)
    check_place(path if output.is_file else path / "x")
    return output


# --- speaking -----------------------------------------------------------------------------------------------------


def speak_chapter(
    tts: IndexTTS2, plan: Plan, planned: PlannedChapter, takes: Takes, on_take: OnTake | None = None
) -> None:
    """Speaks the passages of a chapter that have no take yet; each is kept as soon as it is spoken.

    A passage of which nothing can be spoken has a take without samples, whose warning says why.
    """
    for task in planned.tasks:
        if takes.get(task.key) is not None:
            continue
        take, audio = _spoken(tts, plan, task)
        takes.put(take, audio)
        if on_take:
            on_take(planned, task, take)


def _spoken(tts: IndexTTS2, plan: Plan, task: Task) -> tuple[Take, np.ndarray]:
    seed = task.request.seed
    try:
        speech = tts.speak(tts.check(task.request, plan.config))
    except TextError as error:  # nothing in it that this model can read, or no code came
        return Take(task.key, seed, 0, (), (), 1.0, 0, True, (str(error),)), np.zeros(0, np.float32)
    warnings, suspect = tuple(speech.warnings), bool(speech.suspect)
    return Take(task.key, seed, speech.samples, tuple(speech.spans), (), 1.0, 0, suspect, warnings), speech.audio


def _check_spoken(planned: PlannedChapter, takes: Takes) -> None:
    """Raises `TextError` where nothing of a chapter could be spoken."""
    spoken = [_take(task, takes) for task in planned.tasks]
    if not any(take.samples for take in spoken):
        chapter = planned.chapter
        raise TextError(
            f"Nothing of chapter {chapter.number} ({chapter.title!r:.60}) could be spoken: {spoken[0].warnings[0]}"
        )


def left(plan: Plan, takes: Takes) -> int:
    """Words that have no take yet."""
    missing = {task.key: task.words for own in plan.chapters for task in own.tasks if takes.get(task.key) is None}
    return sum(missing.values())


# --- putting together ---------------------------------------------------------------------------------------------


def samples_of(planned: PlannedChapter, takes: Takes) -> int:
    """How long a chapter is that has been spoken, its silences included."""
    return sum(_take(task, takes).samples + task.pause for task in planned.tasks)


def assemble(planned: PlannedChapter, takes: Takes) -> Iterator[Int[np.ndarray, " _"]]:
    """The recording of a chapter, piece by piece: 16 bits. Memory does not grow with it."""
    for task in planned.tasks:
        if _take(task, takes).samples:
            yield takes.audio(task.key)
        for start in range(0, task.pause, _SECOND):
            yield np.zeros(min(_SECOND, task.pause - start), np.int16)


def _take(task: Task, takes: Takes) -> Take:
    take = takes.get(task.key)
    if take is None:
        raise TextError(f"{task.request.text[:40]!r} has not been spoken yet.")
    return take


class Shelf:
    """The files of a book, and what is known of those that were written before: what would be equal stays."""

    def __init__(self, output: Output, plan: Plan, takes: Takes, project: pathlib.Path) -> None:
        self.output, self._plan, self._takes = output, plan, takes
        self._record = project / RECORD
        self._known = _read_record(self._record)

    def chapter_path(self, planned: PlannedChapter) -> pathlib.Path:
        """Where the file of a chapter is."""
        chapter = planned.chapter
        return self.output.path / f"{chapter.number:03d}-{_safe(chapter.title)}{self.output.suffix}"

    def write_chapter(self, planned: PlannedChapter) -> pathlib.Path:
        """Writes a chapter that has been spoken as a file; one of its number with another title goes."""
        chapter, book = planned.chapter, self._plan.book
        path = self.chapter_path(planned)
        tags = Tags(chapter.title, ", ".join(book.authors), book.title, chapter.number)
        self._write(path, [planned], tags, ())
        self._remove(range(chapter.number, chapter.number + 1), path.name)
        return path

    def remove_rest(self) -> None:
        """Removes the files of chapters behind the last one, which a longer book had."""
        if self._plan.book.whole:
            self._remove(range(self._plan.chapters[-1].chapter.number + 1, _NO_NUMBER))

    def _remove(self, numbers: range, kept: str = "") -> None:
        """Removes the files of chapters of some numbers, as far as the record has them and they are as it says."""
        for name, entry in list(self._known.items()):
            number = _numbered(name, self.output.suffix)
            if number not in numbers or name == kept:
                continue
            path = self.output.path / name
            with writing_errors(path):
                if path.is_file() and path.stat().st_size == entry.get("size"):
                    path.unlink()
            self._note(name, None)

    def write_cover(self) -> None:
        """Writes the cover beside the chapters, where there is one."""
        cover = self._plan.book.cover
        if cover:
            path = self.output.path / f"cover{cover.suffix}"
            with writing_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                with atomic.replaced_file(path) as new:
                    new.write_bytes(cover.data)

    def bind(self) -> pathlib.Path:
        """Writes all chapters, which have been spoken, as one file with marks."""
        book, marks, position = self._plan.book, [], 0
        for planned in self._plan.chapters:
            end = position + samples_of(planned, self._takes)
            marks.append(Mark(planned.chapter.title, position, end))
            position = end
        tags = Tags(book.title, ", ".join(book.authors), book.title)
        self._write(self.output.path, self._plan.chapters, tags, marks)
        return self.output.path

    def _write(self, path: pathlib.Path, chapters: Sequence[PlannedChapter], tags: Tags, marks: Sequence[Mark]) -> None:
        cover = self._plan.book.cover if path.suffix.lower() in CONTAINERS else None
        spoken = [[task.key, task.pause] for planned in chapters for task in planned.tasks]
        picture = hashlib.sha256(cover.data).hexdigest() if cover else None
        key = fingerprint([spoken, list(tags), [list(mark) for mark in marks], picture, self.output.kilobits])
        known = self._known.get(path.name)
        if known and known.get("key") == key and path.is_file() and path.stat().st_size == known.get("size"):
            return
        pieces = (piece for planned in chapters for piece in assemble(planned, self._takes))
        write_recording(path, pieces, tags, cover=cover, marks=marks, kilobits=self.output.kilobits)
        self._note(path.name, {"key": key, "size": path.stat().st_size})

    def _note(self, name: str, entry: dict[str, Any] | None) -> None:
        if entry is None:
            del self._known[name]
        else:
            self._known[name] = entry
        write_text(self._record, json.dumps(self._known, ensure_ascii=False, indent=1) + "\n")


def _read_record(path: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Empty where there is none that can be read: then all files are written again, from the takes."""
    if not path.is_file():
        return {}
    try:
        data = text_files.parse_json(text_files.read_text(path))
    except text_files.TextFileError:
        return {}
    whole = data if isinstance(data, dict) else {}
    return {str(name): entry for name, entry in whole.items() if isinstance(entry, dict)}


def _numbered(name: str, suffix: str) -> int | None:
    """The number of the chapter that a file of such a name has; None for a name that no chapter gets."""
    match = re.fullmatch(rf"([0-9]{{3,6}})-[\w'-]+{re.escape(suffix)}", name)
    return int(match[1]) if match else None


def _safe(title: str) -> str:
    """A title as a part of a file's name."""
    return re.sub(r"[^\w'-]+", "_", title).strip("_")[:60].rstrip("_") or "chapter"


def with_readable_cover(book: Book) -> Book:
    """The book without a cover that no player could show; a note says so."""
    if book.cover is None or is_readable(book.cover):
        return book
    return dataclasses.replace(book, cover=None, notes=(*book.notes, "left out: the cover, which is damaged"))


def narrate(
    tts: IndexTTS2,
    book: Book,
    voice: ReferenceVoice | AudioSource,
    path: str | pathlib.Path,
    *,
    kind: str = "flac",
    kilobits: int = 64,
    emotion: Emotion | None = None,
    seed: int = 0,
    config: Mapping[str, Any] | None = None,
    pauses: Pauses | None = None,
    on_take: OnTake | None = None,
) -> list[pathlib.Path]:
    """Speaks a whole book; what an earlier call did stays.

    Args:
      path, kind, kilobits: as of `output_of`.
      config: changes to the model's settings.
      on_take: told of every passage when it has been spoken.
    Returns:
      the files: one a chapter, or the one with all.
    Raises:
      As `output_of` and `plan_book` do, before anything is spoken.
    """
    output = output_of(pathlib.Path(path), kind, kilobits)
    check_place(output.project / RECORD)
    if output.suffix in CONTAINERS:
        book = with_readable_cover(book)
    settings = replace(tts.config, **(config or {}))
    plan = plan_book(book, voice, settings, tts.model, emotion=emotion, seed=seed, pauses=pauses, identity=tts.model_id)
    takes = FolderTakes(output.project / "takes")
    return list(produce(tts, plan, takes, output, output.project, on_take))


def produce(
    tts: IndexTTS2 | None,
    plan: Plan,
    takes: Takes,
    output: Output,
    project: pathlib.Path,
    on_take: OnTake | None = None,
) -> Iterator[pathlib.Path]:
    """Speaks and writes chapter by chapter: the files, each when it is there.

    Args:
      tts: None where all has been spoken before.
    """
    shelf = Shelf(output, plan, takes, project)
    if not output.is_file:
        shelf.write_cover()
    for planned in plan.chapters:
        if tts is not None:
            speak_chapter(tts, plan, planned, takes, on_take)
        _check_spoken(planned, takes)
        if not output.is_file:
            yield shelf.write_chapter(planned)
    if output.is_file:
        yield shelf.bind()
    else:
        shelf.remove_rest()
