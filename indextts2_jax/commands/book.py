"""A book to audio with chapters, of EPUB, Markdown or plain text:

    indextts2 book novel.epub --checkpoint=demo --speaker=anna.wav --output=novel
    indextts2 book novel.epub --checkpoint=demo --speaker=anna.wav --output=novel.m4b
    indextts2 book novel.epub --list

The first writes a file a chapter into a folder (--format), the second one file with marks of chapters and the cover.
--list says which chapters there are, without a model; --chapters=1,3-5 speaks some of them. After a kill, or a change
of the book, the same command goes on. Unless --config says otherwise the settings are those of configs/chapters.py.
docs/books.md has the details.
"""

import functools
import pathlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from absl import flags
from tqdm import tqdm

from indextts2_jax.audio import write as audio_write
from indextts2_jax.books import book as books
from indextts2_jax.books.book import Book, Choices
from indextts2_jax.books.encode import CONTAINERS, SUFFIXES
from indextts2_jax.books.narrate import RECORD, Output, left, output_of, produce, samples_of, with_readable_cover
from indextts2_jax.books.plan import Pauses, Plan, PlannedChapter, Task, plan_book, with_language
from indextts2_jax.books.read import read_book
from indextts2_jax.checkpoint import bundled, digests
from indextts2_jax.commands import settings
from indextts2_jax.config import SAMPLING_RATE, replace
from indextts2_jax.dialogue.takes import FolderTakes, Take, Takes
from indextts2_jax.errors import ConfigError
from indextts2_jax.pipeline.voice import fingerprint
from indextts2_jax.runtime import command_line, streams
from indextts2_jax.runtime.cache import cache_folder, use_compilation_cache
from indextts2_jax.runtime.malloc import keep_freed_memory
from indextts2_jax.synthesis.request import read_emotion
from indextts2_jax.text.glossary import Glossary, load_glossary

if TYPE_CHECKING:
    from indextts2_jax.synthesis.synthesizer import IndexTTS2

SHOWN = 20
"""So many warnings are printed; the takes have all."""

_EMOTION = ("emotion", "emotion_audio", "emotion_alpha")


def _define(own: command_line.Flags, command: list[str]) -> None:
    choices, pauses = Choices(), Pauses()
    text, number, integer, switch = (
        functools.partial(define, flag_values=own)
        for define in (flags.DEFINE_string, flags.DEFINE_float, flags.DEFINE_integer, flags.DEFINE_bool)
    )
    one_of = functools.partial(flags.DEFINE_enum, flag_values=own)
    settings.define(own, command, "chapters")
    text("output", None, "Folder for a file a chapter; or .m4b, .m4a or .mp3: one file with marks of chapters.")
    text("speaker", None, "Reference clip of the narrator, or a saved voice.")
    switch("list", False, "Print the chapters, their words and about how long they will be; speak nothing.")
    text("chapters", None, "Chapters to speak, 1,3-5 or 7-; by default all.")
    integer("depth", choices.depth, "Levels of the table of contents, or of headings in Markdown, that make chapters.")
    one_of("notes", choices.notes, list(books.NOTES), "Footnotes: left out, at the end of their chapter, or inline.")
    one_of("tables", choices.tables, list(books.TABLES), "Tables: a sentence a row, or left out.")
    one_of("code", choices.code, list(books.CODE), "Blocks of code: left out, or spoken.")
    one_of("images", choices.images, list(books.IMAGES), "Images: left out, or spoken by their alternative text.")
    switch("front_matter", choices.front_matter, "Speak cover, title page, contents, copyright page and index too.")
    one_of("format", "flac", [suffix[1:] for suffix in SUFFIXES], "Of the files in the folder.")
    integer("kilobits", 64, "A second, of MP3, M4A and M4B.")
    integer("heading_pause", pauses.heading_ms, "Milliseconds of silence behind a heading.")
    integer("break_pause", pauses.break_ms, "Milliseconds where the scene changes.")
    integer("chapter_pause", pauses.chapter_ms, "Milliseconds behind a chapter.")
    text("project", None, "Folder for the takes; by default beside the output, novel.project for novel.m4b.")
    integer("seed", 0, "Seed of every passage.", lower_bound=0, upper_bound=2**32 - 1)
    integer("at_once", None, "Segments of a passage spoken together.", lower_bound=1, upper_bound=64)
    text("language", None, "auto, zh, en, ja, es or ar, for a model of several languages; by default the book's.")
    text("glossary", None, "YAML or JSON file: how to read certain terms.")
    text("emotion", None, "Emotions by name, the others 0: happy:0.6,sad:0.2.")
    text("emotion_audio", None, "Clip whose emotion is taken over.")
    number("emotion_alpha", None, "Weight of the emotion clip, or factor on the weights.")
    integer("interval_silence", None, "Milliseconds of silence between segments.")
    integer("paragraph_pause", None, "Milliseconds of silence between paragraphs.")
    number("duration_factor", None, "0.5 (twice as fast) to 2 (half as fast).")
    integer("redraw", None, "Draw a suspect segment again, at most so many times.")
    number("loudness", None, "LUFS that every segment gets, such as -20.", upper_bound=-5.0)


class Job(NamedTuple):
    """Everything of the command line, checked; no model has been touched yet."""

    chosen: settings.Chosen
    plan: Plan
    output: Output
    project: pathlib.Path
    glossary: Glossary | None


def _book(own: command_line.Flags, names: Sequence[str]) -> Book:
    if len(names) != 1:
        raise ConfigError("book needs one file: indextts2 book novel.epub --output=novel.m4b.")
    choices = Choices(own.notes, own.tables, own.code, own.images, own.front_matter, own.depth)
    book = read_book(names[0], choices)
    return book if own.chapters is None else book.chosen(own.chapters)


def _job(own: command_line.Flags, book: Book) -> Job:
    if not own.output:
        raise ConfigError("book needs --output: a folder, or a name that ends in .m4b; or --list.")
    output = output_of(pathlib.Path(own.output), own.format, own.kilobits)
    project = pathlib.Path(own.project) if own.project else output.project
    audio_write.check_place(project / RECORD)
    chosen = settings.choose(own)
    if not chosen.checkpoint:
        raise ConfigError("book needs --checkpoint: a configuration with random weights has nothing to say.")
    config, notice = with_language(chosen.config, book, chosen.model)
    notices = [notice] if notice else []
    for note in [*book.notes, *notices]:
        print(f"note: {note}", file=sys.stderr)
    glossary = load_glossary(own.glossary) if own.glossary else None
    if own.at_once is not None:
        config = replace(config, segments_at_once=own.at_once)
    plan = plan_book(
        with_readable_cover(book) if output.suffix in CONTAINERS else book,
        _speaker(own, chosen),
        config,
        chosen.model,
        emotion=read_emotion({name: own[name].value for name in _EMOTION}, "--{}".format),
        seed=own.seed,
        pauses=Pauses(own.heading_pause, own.break_pause, own.chapter_pause),
        identity=fingerprint([digests.identity(bundled.resolve(chosen.checkpoint)), glossary]),
    )
    return Job(chosen, plan, output, project, glossary)


def _speaker(own: command_line.Flags, chosen: settings.Chosen) -> str:
    if own.speaker is None and bundled.is_demo(chosen.checkpoint):
        return str(bundled.voice_clip())
    if own.speaker is None:
        raise ConfigError("--speaker is needed: a clip of the narrator's voice, at least half a second long.")
    return str(own.speaker)


def work(own: command_line.Flags, names: Sequence[str]) -> None:
    """Lists; or speaks what has no take yet, and writes the files."""
    book = _book(own, names)
    if own.list:
        with streams.until_closed():
            _list(book)
        return
    job = _job(own, book)
    takes = FolderTakes(job.project / "takes")
    total, missing = job.plan.words, left(job.plan, takes)
    if missing < total:
        print(f"{total - missing:,} of {total:,} words were spoken before.")
    tts = _load(job) if missing else None
    with tqdm(total=missing, unit="word", disable=None) as bar:

        def told(planned: PlannedChapter, task: Task, take: Take) -> None:
            bar.update(task.words)
            bar.set_description(f"chapter {planned.chapter.number} of {job.plan.chapters[-1].chapter.number}")

        for _ in produce(tts, job.plan, takes, job.output, job.project, told):
            pass  # a file is there
    _report(job, takes)


def _load(job: Job) -> "IndexTTS2":
    keep_freed_memory()  # before the first computation
    use_compilation_cache()
    from indextts2_jax import IndexTTS2

    tts = IndexTTS2.from_pretrained(job.chosen.checkpoint, config=job.plan.config, glossary=job.glossary)
    tts.voices.folder = cache_folder("voices")
    return tts


def _list(book: Book) -> None:
    for chapter in book.chapters:
        print(f"{chapter.number:>4}  {chapter.words:>9,} words  {_clock(chapter.seconds):>8}  {chapter.title}")
    words, seconds = (sum(values) for values in zip(*((one.words, one.seconds) for one in book.chapters), strict=True))
    by = f" by {', '.join(book.authors)}" if book.authors else ""
    print(f"{book.title}{by}: {len(book.chapters)} chapters, {words:,} words, about {_clock(seconds)} of audio.")
    for note in book.notes:
        print(f"note: {note}", file=sys.stderr)


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _report(job: Job, takes: Takes) -> None:
    told = []
    for planned in job.plan.chapters:
        for task in planned.tasks:
            take = takes.get(task.key)
            for warning in take.warnings if take else ():
                what = "not spoken: " if take and not take.samples else ""
                told.append(f"chapter {planned.chapter.number}, {task.request.text[:30]!r}: {what}{warning}")
    for line in told[:SHOWN]:
        print(f"warning: {line}", file=sys.stderr)
    if len(told) > SHOWN:
        print(f"warning: {len(told) - SHOWN} more; {job.project} has all.", file=sys.stderr)
    seconds = sum(samples_of(planned, takes) for planned in job.plan.chapters) / SAMPLING_RATE
    count = len(job.plan.chapters)
    chapters = f"{count} chapter{'s' * (count != 1)}"
    print(f"{job.output.path}: {chapters}, {_clock(seconds)} of audio; the takes are in {job.project}.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    names: list[str] = []
    return command_line.run(lambda own: work(own, names), _define, __doc__, arguments, names)
