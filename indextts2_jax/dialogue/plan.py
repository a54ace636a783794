"""Script and cast -> a task a line: what is asked of the synthesiser, checked before there is one, and its key.

Script ─┐                 ┌─ request, settings, room (of a cue), key ─► Task of each line
Cast ───┴─ plan_script ───┴─ every fault of both, with its line, as one error
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from indextts2_jax.config import SAMPLING_RATE, Config, ModelConfig, TimesConfig
from indextts2_jax.dialogue.cast import Cast
from indextts2_jax.dialogue.checks import Checker, Rules, check_untimed
from indextts2_jax.dialogue.fitting import Room, samples_of
from indextts2_jax.dialogue.lines import Fault, Line, Script, folded
from indextts2_jax.dialogue.subtitles import room_ends
from indextts2_jax.errors import IndexTTSError, TextError, require
from indextts2_jax.pipeline.voice import fingerprint
from indextts2_jax.synthesis.request import Request


@dataclasses.dataclass(frozen=True)
class Task:
    """A line, ready to be spoken."""

    line: Line
    request: Request
    config: Config
    pace: float
    """Factor on the length of what is spoken; in `config` too, but for cues."""
    room: Room | None
    """Of a cue: the time that it may fill."""
    key: str
    """Changes with everything that its sound depends on."""
    alone: bool = False
    """Has a seed of its own, and is spoken by itself."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """A whole script, ready to be spoken."""

    tasks: tuple[Task, ...]
    rules: Rules
    silences: tuple[int, ...]
    """Samples before each line that has no cue, and behind the last."""
    length: int | None
    """Samples of the whole where the script has times; None: as long as it comes."""
    cut: bool
    """Whether the length was given, and what goes beyond it is cut."""
    notes: tuple[str, ...]

    @property
    def least(self) -> int:
        """Samples that the recording has at least."""
        return sum(self.silences) if self.length is None else self.length


def plan_script(
    script: Script,
    cast: Cast,
    config: Config,
    model: ModelConfig,
    *,
    rules: Rules | None = None,
    seed: int = 0,
    seeds: Mapping[int, int] | None = None,
    length_seconds: float | None = None,
    identity: str = "",
    cast_faults: Sequence[Fault] = (),
    names: tuple[str, str] = ("the script", "the cast"),
) -> Plan:
    """Checks a script against its cast and a model's settings.

    Args:
      config: the settings that parts of the cast change.
      model: the networks that are to speak.
      seed: of every line, so that a line sounds the same wherever it stands.
      seeds: of single lines, by their number.
      length_seconds: of the whole, for a script with times: what goes beyond it is cut. None: up to the last cue.
      identity: of the model, a part of every key.
      cast_faults: what `load_cast` found.
      names: of the two files, for messages.
    Raises:
      TextError: everything that is wrong with the script and the cast, a line each. ConfigError: settings that do not
      go with scripts.
    """
    rules, seeds = rules or Rules(), seeds or {}
    timed = script.end_ms is not None
    check_untimed(config, timed)
    checker = Checker(cast, config, model, rules, timed, names[1])
    rooms: Sequence[Room | None] = _rooms(script) if timed else [None] * len(script.lines)
    faults, tasks = list(script.faults), []
    for line, room in zip(script.lines, rooms, strict=True):
        try:
            manner = checker.manner(line)
        except IndexTTSError as error:
            faults.append(Fault(line.at, " ".join(str(error).split())))
            continue
        if manner is None:
            continue
        own = seeds.get(line.number, seed)
        request = Request(line.text, manner.voice, manner.emotion, own)
        key = fingerprint([identity, manner.identity, line.text, own, room and [room.length, room.most]])
        spoken = dataclasses.replace(manner.config, times=TimesConfig(words=model.semantic_codec.encoder))
        tasks.append(Task(line, request, spoken, manner.pace, room, key, line.number in seeds))
    wrong = [*cast_faults, *checker.faults]
    if script.lines:  # else nobody could be read
        wrong += _unused(script, cast, names[0])
    if faults or wrong:
        raise TextError("\n".join([*_told(faults, names[0]), *_told(wrong, names[1])]))
    length = _length(script, length_seconds)
    return Plan(tuple(tasks), rules, _silences(script, rules), length, length_seconds is not None, script.notes)


def _unused(script: Script, cast: Cast, name: str) -> list[Fault]:
    return [
        Fault(part.at, f"{speaker} says nothing in {name}; take the entry out.")
        for speaker, part in cast.parts.items()
        if folded(speaker) not in script.speakers
    ]


def _told(faults: Iterable[Fault], name: str) -> list[str]:
    """A line for each, in the order of the file."""
    ordered = sorted(dict.fromkeys(faults), key=lambda fault: fault.at)
    return [f"{f'{name}, line {fault.at}' if fault.at else name}: {fault.what}" for fault in ordered]


def _rooms(script: Script) -> list[Room]:
    rooms = []
    for line, end in zip(script.lines, room_ends(script), strict=True):
        assert line.cue is not None
        start = samples_of(line.cue[0])
        rooms.append(Room(start, samples_of(line.cue[1]) - start, samples_of(end) - start))
    return rooms


def _silences(script: Script, rules: Rules) -> tuple[int, ...]:
    """Samples before each line, and behind the last."""
    result: list[int] = []
    before: str | None = None
    for line in script.lines:
        speaker = folded(line.speaker)
        usual = rules.line_pause_ms if speaker == before else rules.speaker_pause_ms
        if line.after_direction:
            usual = rules.direction_pause_ms
        if before is None:
            usual = 0
        result.append(samples_of(usual if line.pause_ms is None else line.pause_ms))
        before = speaker
    return (*result, samples_of(script.end_pause_ms))


def _length(script: Script, seconds: float | None) -> int | None:
    """Raises `ConfigError` for a length that a script cannot have."""
    if script.end_ms is None:
        require(seconds is None, "length", seconds, "left out, as this script has no times")
        return None
    if seconds is None:
        return samples_of(script.end_ms)
    last = max(line.cue[0] for line in script.lines if line.cue) / 1000
    require(last < seconds <= 360_000, "length", seconds, f"above {last:g}, where the last cue begins, up to 360000 s")
    return round(seconds * SAMPLING_RATE)
