"""A script with several speakers, or subtitles, to one recording:

    indextts2 script play.txt --checkpoint=demo --cast=cast.yaml --output=play.wav --times=play.srt
    indextts2 script film.srt --checkpoint=demo --cast=cast.yaml --output=film.wav

The names in the script are those of the cast, cast.yaml: `Anna: {voice: anna.wav, emotion: sad, speed: 1.1}`; lines
without a name, and what a part leaves out, are of its `default`. Cues of SRT and WebVTT begin at their times, to the
sample. The takes are kept in a project folder: after a kill, or a change of the script, the same command goes on, and
--again=17 speaks line 17 with another seed. docs/scripts.md has the details.
"""

import functools
import pathlib
import re
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from absl import flags
from tqdm import tqdm

from indextts2_jax.audio import write as audio_write
from indextts2_jax.audio.write import AudioWriter
from indextts2_jax.checkpoint import bundled, digests
from indextts2_jax.commands import settings
from indextts2_jax.config import SAMPLING_RATE, check_can_tell_where, replace
from indextts2_jax.dialogue.cast import Cast, Part, load_cast
from indextts2_jax.dialogue.checks import Rules
from indextts2_jax.dialogue.lines import Script
from indextts2_jax.dialogue.perform import Recital, assemble, place, speak_plan, utterances
from indextts2_jax.dialogue.plan import Plan, plan_script
from indextts2_jax.dialogue.play import read_play
from indextts2_jax.dialogue.project import Project, open_project, save_project, speak_again, write_late
from indextts2_jax.dialogue.subtitles import looks_like_subtitles, read_subtitles
from indextts2_jax.dialogue.times import check_times, write_times
from indextts2_jax.errors import ConfigError, TextError
from indextts2_jax.runtime import command_line, streams, text_files
from indextts2_jax.runtime.cache import use_compilation_cache
from indextts2_jax.runtime.malloc import keep_freed_memory

SUBTITLES = (".srt", ".vtt")
SHOWN = 20
"""So many warnings of a kind are printed; the project has all."""


def _define(own: command_line.Flags, command: list[str]) -> None:
    rules = Rules()
    text, number, integer = (
        functools.partial(define, flag_values=own)
        for define in (flags.DEFINE_string, flags.DEFINE_float, flags.DEFINE_integer)
    )
    settings.define(own, command)
    text("cast", None, "YAML or JSON file: who speaks how.")
    text("speaker", None, "Clip or voice file of `default`, where the cast has none.")
    text("output", None, "Audio file to write, .wav or .flac.")
    text("lines", None, "Folder for a file a line too, such as 0017-Anna.wav.")
    text("times", None, "Write what was spoken when: .srt, .vtt or .json.")
    kinds = ["line", "sentence", "word"]
    flags.DEFINE_enum("times_by", "line", kinds, "What is one entry of --times.", flag_values=own)
    text("project", None, "Folder for lines, seeds and takes; by default beside the output, play.project for play.wav.")
    text("again", None, "Lines to speak again with another seed: 17,20-22, or suspect.")
    integer("again_seed", None, "The seed for them.", lower_bound=0, upper_bound=2**32 - 1)
    integer("seed", 0, "Seed of every line.", lower_bound=0, upper_bound=2**32 - 1)
    integer("at_once", 8, "Lines spoken together.", lower_bound=1, upper_bound=64)
    text("length", None, "Of the whole, for subtitles: seconds or H:MM:SS.mmm. By default up to the last cue.")
    number("fit_shortest", rules.shortest, "A cue's speech may be shortened to so much of its length.")
    number("fit_longest", rules.longest, "And drawn out to so much.")
    integer("line_pause", rules.line_pause_ms, "Milliseconds between two lines of one speaker.")
    integer("speaker_pause", rules.speaker_pause_ms, "Milliseconds where another one speaks.")
    integer("direction_pause", rules.direction_pause_ms, "Milliseconds where a stage direction stands between them.")
    number(
        "loudness", None, f"LUFS of every line ({rules.loudness_lufs:g}) unless the cast has another; 0: as it comes."
    )


class Job(NamedTuple):
    """Everything of the command line, checked; no model has been touched yet."""

    chosen: settings.Chosen
    plan: Plan
    project: Project
    name: str


def _job(own: command_line.Flags, names: Sequence[str]) -> Job:
    if len(names) != 1 or not own.output:
        raise ConfigError("script needs a file and --output: indextts2 script play.txt --output=play.wav.")
    name = names[0]
    chosen = settings.choose(own)
    if not chosen.checkpoint:
        raise ConfigError("script needs --checkpoint: a configuration with random weights has nothing to say.")
    if own.times:
        check_can_tell_where(replace(chosen.config, times={"words": True}), chosen.model)
    loudness = Rules().loudness_lufs if own.loudness is None else own.loudness
    rules = Rules(own.line_pause, own.speaker_pause, own.direction_pause, own.fit_shortest, own.fit_longest, loudness)
    length = None if own.length is None else _seconds(own.length)
    cast, faults = load_cast(own.cast) if own.cast else (Cast(), ())
    cast = _with_speaker(cast, own, chosen)
    script = _read(name, cast)
    _check_outputs(own)
    output = pathlib.Path(own.output)
    project = open_project(pathlib.Path(own.project) if own.project else output.with_suffix(".project"))
    audio_write.check_place(project.folder / "x")

    def plan(seeds: dict[int, int]) -> Plan:
        return plan_script(
            script,
            cast,
            chosen.config,
            chosen.model,
            rules=rules,
            seed=own.seed,
            seeds=seeds,
            length_seconds=length,
            identity=digests.identity(bundled.resolve(chosen.checkpoint)),
            cast_faults=faults,
            names=(streams.shown(name), own.cast or "the cast"),
        )

    made = plan(project.own_seeds(script))
    if own.again:
        made = plan(speak_again(project, made, own.again, own.again_seed))
    elif own.again_seed is not None:
        raise ConfigError("--again_seed is the seed for --again=LINES; --seed is that of all lines.")
    audio_write.check_apart((own.output, own.times), [name, own.cast, own.speaker, *_clips(cast, made)])
    audio_write.check_length(own.output, made.least)
    return Job(chosen, made, project, name)


def _read(name: str, cast: Cast) -> Script:
    """Raises `TextError` where the file cannot be read; what is wrong in it is told with the plan."""
    try:
        text = text_files.read_text(name)
    except text_files.TextFileError as error:
        raise TextError(f"Cannot read {streams.shown(name)}: {error}.") from None
    suffix = pathlib.Path(name).suffix.lower()
    if suffix in SUBTITLES or looks_like_subtitles(text):
        return read_subtitles(text, list(cast.parts), webvtt=True if suffix == ".vtt" else None)
    return read_play(text, list(cast.parts))


def _with_speaker(cast: Cast, own: command_line.Flags, chosen: settings.Chosen) -> Cast:
    """The cast with a voice for `default`, where it has none: the bundled model has one of its own."""
    voice = own.speaker
    if voice is None and bundled.is_demo(chosen.checkpoint):
        voice = str(bundled.voice_clip())
    return Cast(cast.parts, cast.default.over(Part(voice)), cast.folder)


def _seconds(text: str) -> float:
    """Of "95.5" or "1:01:35.500". Raises `ConfigError`."""
    match = re.fullmatch(r"(?:(?:(\d{1,3}):)?(\d{1,2}):)?(\d{1,7}(?:[.,]\d{1,6})?)", text.strip())
    if not match:
        raise ConfigError(f"--length is {text!r:.40}, but it must be seconds, or as in 1:01:35.500.")
    return int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + float(match[3].replace(",", "."))


def _clips(cast: Cast, plan: Plan) -> Iterator[object]:
    """Whatever is heard: of voices and emotions, as the cast has them and as single lines do."""
    for part in (*cast.parts.values(), cast.default):
        yield part.voice
        yield part.emotion and part.emotion.clip
    for task in plan.tasks:
        yield task.request.emotion and task.request.emotion.clip


def _check_outputs(own: command_line.Flags) -> None:
    audio_write.check_writable(own.output)
    if own.times:
        check_times(own.times)
    if own.lines:
        audio_write.check_place(pathlib.Path(own.lines) / "x")


def work(own: command_line.Flags, names: Sequence[str]) -> None:
    """Plans, speaks what has no take yet, puts it together."""
    job = _job(own, names)
    plan, project = job.plan, job.project
    save_project(project, plan, job.name)
    _speak(own, job)
    try:
        recital = place(plan, project.takes)
    except TextError:  # of a line with no sound: the wish is over, and the same one again means another seed
        project.unfinished = ""
        save_project(project, plan, job.name)
        raise
    with AudioWriter(own.output) as file:
        assemble(recital, project.takes, file.write)
    if own.times:
        write_times(own.times, utterances(recital), own.times_by)
    if own.lines:
        _write_lines(pathlib.Path(own.lines), recital, project)
    late = write_late(project, recital)
    save_project(project, plan, job.name, recital)
    _report(own.output, plan, recital, project, late)


def _speak(own: command_line.Flags, job: Job) -> None:
    takes, tasks = job.project.takes, job.plan.tasks
    unique = {task.key for task in tasks}
    left = sum(takes.get(key) is None for key in unique)
    if not left:
        return
    if left < len(unique):
        print(f"{len(unique) - left} of {len(unique)} lines were spoken before.")
    keep_freed_memory()
    use_compilation_cache()
    from indextts2_jax import IndexTTS2

    tts = IndexTTS2.from_pretrained(job.chosen.checkpoint, config=job.chosen.config)
    with tqdm(total=left, unit="line", disable=None) as bar:
        speak_plan(tts, job.plan, takes, at_once=own.at_once, on_take=lambda task, take: bar.update())


def _write_lines(folder: pathlib.Path, recital: Recital, project: Project) -> None:
    for one in recital.placed:
        line = one.task.line
        who = re.sub(r"[^\w-]+", "_", line.speaker).strip("_")[:60] or "default"
        audio_write.write_audio(folder / f"{line.number:04d}-{who}.wav", project.takes.audio(one.take.key))


def _report(output: str, plan: Plan, recital: Recital, project: Project, late: pathlib.Path | None) -> None:
    for note in plan.notes[:SHOWN]:
        print(f"note: {note}", file=sys.stderr)
    warned: dict[str, list[str]] = {}
    for one in recital.placed:
        for warning in one.take.warnings:
            warned.setdefault(warning, []).append(str(one.task.line.number))
    for warning, numbers in list(warned.items())[:SHOWN]:
        print(f"warning: line {', '.join(numbers[:SHOWN])}: {warning}", file=sys.stderr)
    if recital.suspect:
        count = len(recital.suspect)
        print(f"warning: {count} suspect: listen, or speak again with --again=suspect.", file=sys.stderr)
    if late:
        worst = max(one.take.late for one in recital.late) / SAMPLING_RATE
        print(f"warning: {len(recital.late)} cues do not fit, by up to {worst:.2f} s: see {late}.", file=sys.stderr)
    if recital.cut:
        print(f"warning: {recital.cut / SAMPLING_RATE:.2f} s of speech behind --length are cut.", file=sys.stderr)
    seconds = recital.samples / SAMPLING_RATE
    print(f"{output}: {len(recital.placed)} lines, {seconds:.2f} s of audio; the takes are in {project.folder}.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    names: list[str] = []
    return command_line.run(lambda own: work(own, names), _define, __doc__, arguments, names, lines=True)
