"""A project: the folder in which a script's lines, seeds and takes are kept, so that it goes on where it was.

    play.project/
      project.json    every line: who says what, its seed, the seeds it was spoken with, where it stands
      late.txt        the lines that do not fit into their cues, for people
      takes/          see `takes.FolderTakes`

`project.json` is written before anything is spoken, so that seeds are known, and when all is done.
"""

import collections
import dataclasses
import functools
import json
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from indextts2_jax.audio.write import write_text
from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.dialogue.lines import Line, Script, folded
from indextts2_jax.dialogue.perform import Recital
from indextts2_jax.dialogue.plan import Plan
from indextts2_jax.dialogue.takes import FolderTakes
from indextts2_jax.errors import ConfigError
from indextts2_jax.pipeline.voice import fingerprint
from indextts2_jax.runtime import text_files

NAME = "project.json"
LATE = "late.txt"
FORMAT = 1
MAX_SEED = 2**32 - 1

SUSPECT = "suspect"
NUMBER = re.compile("[0-9]{1,9}")


@dataclasses.dataclass
class Project:
    """What a project knows of its lines from earlier runs."""

    folder: pathlib.Path
    seeds: dict[str, int] = dataclasses.field(default_factory=dict)
    """Of lines that have their own, by `names_of`."""
    tried: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    """The seeds that lines were spoken with, in that order, by the same names."""
    unfinished: str = ""
    """Names the wish, and the lines that it meant, with which the last run began, where it did not end. (Suspect are
    other lines once some were spoken again.)"""

    @functools.cached_property
    def takes(self) -> FolderTakes:
        return FolderTakes(self.folder / "takes")

    def own_seeds(self, script: Script) -> dict[int, int]:
        """Those of this script's lines, by their numbers."""
        names = names_of(script.lines)
        return {
            line.number: self.seeds[name] for line, name in zip(script.lines, names, strict=True) if name in self.seeds
        }


def names_of(lines: Sequence[Line]) -> list[str]:
    """A name for each line that stays when others are added or taken out: who says what, and for which time."""
    times: collections.Counter[str] = collections.Counter()
    names = []
    for line in lines:
        said = "\n".join((folded(line.speaker), line.emotion, line.text))
        times[said] += 1
        names.append(f"{said}\n{times[said]}")
    return names


def open_project(folder: pathlib.Path) -> Project:
    """A project as an earlier run left it, or an empty one.

    Raises:
      ConfigError: there is something that is no project.
    """
    path = folder / NAME
    if not path.exists():
        return Project(folder)
    try:
        data = text_files.parse_json(text_files.read_text(path))
        if data["format"] != FORMAT:
            raise ConfigError(f"{path} is of another version of this program; choose another --project.")
        project = Project(folder, unfinished=str(data["unfinished"]))
        entries = [dict(entry) for entry in data["lines"]]
        lines = [Line(0, 0, str(entry["text"]), str(entry["speaker"]), str(entry["emotion"])) for entry in entries]
        for name, entry in zip(names_of(lines), entries, strict=True):
            project.tried[name] = [int(seed) for seed in entry["tried"]]
            if entry["again"]:
                project.seeds[name] = int(entry["seed"])
    except (text_files.TextFileError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path} is no project of this program; choose another --project, or remove it.") from None
    return project


def chosen_lines(wish: str, plan: Plan, project: Project) -> list[int]:
    """The numbers of the lines that are to be spoken again: of "17,20-22", or of "suspect".

    Raises:
      ConfigError: it is neither, or there are no such lines.
    """
    if wish.strip().lower() == SUSPECT:
        takes = ((task.line.number, project.takes.get(task.key)) for task in plan.tasks)
        return [number for number, take in takes if take is not None and take.suspect]
    known = {task.line.number for task in plan.tasks}
    numbers: list[int] = []
    for part in wish.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not NUMBER.fullmatch(first) or (dash and not (NUMBER.fullmatch(last) and int(first) <= int(last))):
            raise ConfigError(
                f"--again is {wish!r:.60}, but it must be numbers of lines, as in 17,20-22, or {SUSPECT}."
            )
        for number in range(int(first), min(int(last or first), max(known)) + 1):
            numbers.append(number)
        if int(first) not in known or int(last or first) not in known:
            raise ConfigError(f"--again has {part.strip()}, but the lines of this script are 1 to {max(known)}.")
    return sorted(set(numbers))


def speak_again(project: Project, plan: Plan, wish: str, seed: int | None = None) -> dict[int, int]:
    """Gives lines another seed: the one that is asked for, else one that they were not spoken with before.

    The same wish, of a run that was killed, gives the same seeds.

    Returns:
      the seeds of all lines that have their own, by number.
    """
    lines = [task.line for task in plan.tasks]
    names = dict(zip((line.number for line in lines), names_of(lines), strict=True))
    current = {task.line.number: task.request.seed for task in plan.tasks}
    chosen = chosen_lines(wish, plan, project)
    whose = [] if wish.strip().lower() == SUSPECT else [names[number] for number in chosen]
    asked = fingerprint([wish, seed, whose])
    if project.unfinished != asked:
        for number in chosen:
            tried = {current[number], *project.tried.get(names[number], [])}
            following = (max(tried) + 1) % (MAX_SEED + 1)
            project.seeds[names[number]] = following if seed is None else seed
        project.unfinished = asked
    return {number: project.seeds[name] for number, name in names.items() if name in project.seeds}


def save_project(project: Project, plan: Plan, script: str, recital: Recital | None = None) -> None:
    """Writes `project.json`: before anything is spoken, and with a recital when all is. Raises `AudioError`."""
    placed = {one.task.line.number: one for one in recital.placed} if recital else {}
    lines = [task.line for task in plan.tasks]
    entries: list[Mapping[str, Any]] = []
    for task, name in zip(plan.tasks, names_of(lines), strict=True):
        line, seed = task.line, task.request.seed
        tried = project.tried.get(name, [])
        entry: dict[str, Any] = {
            "line": line.number,
            "at": line.at,
            "speaker": line.speaker,
            "emotion": line.emotion,
            "text": line.text,
            "seed": seed,
            "again": task.alone,
            "tried": tried if seed in tried else [*tried, seed],
            "take": task.key,
        }
        if one := placed.get(line.number):
            take = one.take
            entry |= {
                "start": round(one.start / SAMPLING_RATE, 6),
                "end": round(one.end / SAMPLING_RATE, 6),
                "factor": take.factor,
                "late": round(take.late / SAMPLING_RATE, 3),
                "suspect": take.suspect,
                "warnings": list(take.warnings),
            }
        entries.append(entry)
    if recital:
        project.unfinished = ""
    data = {"format": FORMAT, "script": script, "unfinished": project.unfinished, "lines": entries}
    write_text(project.folder / NAME, json.dumps(data, ensure_ascii=False, indent=1) + "\n")


def late_list(recital: Recital) -> list[str]:
    """What does not fit into its cue and by how much, a sentence each."""
    result = []
    for one in recital.late:
        line, seconds = one.task.line, one.take.late / SAMPLING_RATE
        who = f"{line.speaker}: " if line.speaker else ""
        result.append(
            f"line {line.number} at {one.start / SAMPLING_RATE:.3f} s (line {line.at} of the file) is {seconds:.2f} s "
            f"too long, though spoken in {one.take.factor:.2f} of its time: {who}{line.text}"
        )
    return result


def write_late(project: Project, recital: Recital) -> pathlib.Path | None:
    """Writes the list for people, where there is anything to list; else takes an earlier one away."""
    path = project.folder / LATE
    sentences = late_list(recital)
    if not sentences:
        path.unlink(missing_ok=True)
        return None
    write_text(path, "\n".join(sentences) + "\n")
    return path
