"""A plan is spoken and put together.

tasks ─ groups of one setting, similar length ─ IndexTTS2 ─► takes ─┐
silences, or the times of cues ─────────────────────────────────────┴─ assemble ─► one recording, Recital
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from indextts2_jax.array_typing import Int
from indextts2_jax.config import SAMPLING_RATE, Config
from indextts2_jax.dialogue.cast import Cast
from indextts2_jax.dialogue.checks import Rules
from indextts2_jax.dialogue.fitting import Fitted, fit
from indextts2_jax.dialogue.lines import Script
from indextts2_jax.dialogue.plan import Plan, Task, plan_script
from indextts2_jax.dialogue.takes import MemoryTakes, Take, Takes
from indextts2_jax.dialogue.times import Said
from indextts2_jax.errors import IndexTTSError, TextError
from indextts2_jax.synthesis.request import CheckedRequest
from indextts2_jax.synthesis.speech import Speech
from indextts2_jax.synthesis.synthesizer import IndexTTS2

OnTake: TypeAlias = Callable[[Task, Take], None]

Sink16: TypeAlias = Callable[[np.ndarray], None]
"""Takes a recording piece by piece: int16 [n]."""


@dataclasses.dataclass(frozen=True)
class Placed:
    """A line where it stands in the recording."""

    task: Task
    take: Take
    start: int
    """Sample that it begins at."""

    @property
    def end(self) -> int:
        """Sample behind its last."""
        return self.start + self.take.samples


@dataclasses.dataclass(frozen=True)
class Recital:
    """What came of a plan."""

    placed: tuple[Placed, ...]
    """In the order of their beginnings."""
    samples: int
    sampling_rate: int = SAMPLING_RATE
    cut: int = 0
    """Samples that went beyond a length that was given, and are gone."""

    @property
    def late(self) -> list[Placed]:
        """Lines that do not fit into their cues."""
        return [one for one in self.placed if one.take.late]

    @property
    def suspect(self) -> list[Placed]:
        """Lines that should be listened to, and perhaps spoken again."""
        return [one for one in self.placed if one.take.suspect]


# --- speaking -----------------------------------------------------------------------------------------------------


def groups(tasks: Sequence[Task], at_once: int) -> list[list[Task]]:
    """Tasks that are spoken together, each key once: those of one setting and similar length.

    They do not depend on what has been spoken before, so a run that goes on has the batches of one that was not
    disturbed, and equal sound. Cues and lines with a seed of their own are spoken by themselves.
    """
    unique = list({task.key: task for task in tasks}.values())
    together: dict[Config, list[Task]] = {}
    for task in sorted(unique, key=lambda task: (-len(task.line.text), task.line.number)):
        if task.room is None and not task.alone:
            together.setdefault(task.config, []).append(task)
    batches = [own[first : first + at_once] for own in together.values() for first in range(0, len(own), at_once)]
    return batches + [[task] for task in unique if task.room is not None or task.alone]


def speak_plan(tts: IndexTTS2, plan: Plan, takes: Takes, *, at_once: int = 8, on_take: OnTake | None = None) -> None:
    """Speaks what has no take yet; each is kept as soon as it is spoken.

    A line of which the model says nothing has a take without samples, and is not tried again with the same seed.

    Args:
      at_once: lines spoken together, up to `synthesizer.MAX_AT_ONCE`.
      on_take: told of every line that has been spoken.
    Raises:
      TextError: lines that this model cannot read, before any is spoken.
    """
    wanted = [own for own in groups(plan.tasks, at_once) if any(takes.get(task.key) is None for task in own)]
    checked = _checked(tts, [task for own in wanted for task in own])
    for own in wanted:
        missing = [task for task in own if takes.get(task.key) is None]
        for task, (take, audio) in zip(own, _spoken(tts, plan, own, checked, at_once), strict=True):
            if task in missing:
                takes.put(take, audio)
                if on_take:
                    on_take(task, take)


def _checked(tts: IndexTTS2, tasks: Sequence[Task]) -> dict[str, CheckedRequest]:
    checked, wrong = {}, []
    for task in tasks:
        try:
            checked[task.key] = tts.check(task.request, task.config)
        except IndexTTSError as error:
            wrong.append(f"line {task.line.at}: {' '.join(str(error).split())}")
    if wrong:
        raise TextError("\n".join(wrong))
    return checked


def _spoken(
    tts: IndexTTS2, plan: Plan, tasks: Sequence[Task], checked: dict[str, CheckedRequest], at_once: int
) -> Iterator[tuple[Take, np.ndarray]]:
    if len(tasks) == 1:
        yield _alone(tts, plan, tasks[0], checked[tasks[0].key])
        return
    results = tts.speak_each([checked[task.key] for task in tasks], at_once=at_once)
    for task, result in zip(tasks, results, strict=True):
        yield _take(task, result, Fitted(0, task.pace, 0))


def _alone(tts: IndexTTS2, plan: Plan, task: Task, checked: CheckedRequest) -> tuple[Take, np.ndarray]:
    found = [Fitted(0, task.pace, 0)]

    def fitted(speech: int, silent: int) -> int:
        assert task.room is not None
        rules = plan.rules
        found[0] = fit(task.room, speech, silent, pace=task.pace, shortest=rules.shortest, longest=rules.longest)
        return found[0].samples

    try:
        result: Speech | IndexTTSError = tts.speak(checked, fit=fitted if task.room else None)
    except TextError as error:  # it stopped before its first code
        result = error
    return _take(task, result, found[0])


def _take(task: Task, result: Speech | IndexTTSError, made: Fitted) -> tuple[Take, np.ndarray]:
    if isinstance(result, TextError):
        nothing = np.zeros(0, np.float32)
        return Take(task.key, task.request.seed, 0, (), (), made.factor, 0, True, (str(result),)), nothing
    if isinstance(result, IndexTTSError):
        raise result
    return Take(
        key=task.key,
        seed=task.request.seed,
        samples=result.samples,
        spans=tuple(result.spans),
        words=tuple(result.words),
        factor=round(made.factor, 6),
        late=made.late,
        suspect=bool(result.suspect),
        warnings=tuple(result.warnings),
    ), result.audio


# --- putting together ---------------------------------------------------------------------------------------------


def place(plan: Plan, takes: Takes) -> Recital:
    """Where every line stands. Raises `TextError` where lines have no sound: it names them."""
    found = [(task, takes.get(task.key)) for task in plan.tasks]
    mute = [str(task.line.number) for task, take in found if take is None or not take.samples]
    if mute:
        numbers = ",".join(mute)
        raise TextError(f"The model says nothing of line {numbers}: try another seed, --again={numbers}.")
    placed, position = [], 0
    for (task, take), pause in zip(found, plan.silences, strict=False):
        assert take is not None
        start = task.room.start if task.room else position + pause
        placed.append(Placed(task, take, start))
        position = start + take.samples
    placed.sort(key=lambda one: one.start)
    end = max((one.end for one in placed), default=0)
    whole = end + plan.silences[-1] if plan.length is None else max(plan.length, 0 if plan.cut else end)
    return Recital(tuple(placed), whole, cut=max(0, end - whole))


def assemble(recital: Recital, takes: Takes, sink: Sink16) -> None:
    """Hands the recording on piece by piece, 16 bits; where lines overlap both are heard.

    Memory does not grow with the recording.
    """
    waiting = np.zeros(0, np.int32)
    position = 0
    for one in recital.placed:
        waiting, position = _flush(waiting, position, one.start, sink)
        audio = takes.audio(one.take.key).astype(np.int32)
        grown = np.zeros(max(len(waiting), len(audio)), np.int32)
        grown[: len(waiting)] += waiting
        grown[: len(audio)] += audio
        waiting = grown
    _flush(waiting, position, recital.samples, sink)


def _flush(waiting: np.ndarray, position: int, until: int, sink: Sink16) -> tuple[np.ndarray, int]:
    """Hands on the samples from `position` up to `until`: those that wait, then silence."""
    ready = waiting[: until - position]
    if len(ready):
        sink(np.clip(ready, -32767, 32767).astype(np.int16))
    silent = until - position - len(ready)
    while silent > 0:
        part = min(silent, SAMPLING_RATE)
        sink(np.zeros(part, np.int16))
        silent -= part
    return waiting[until - position :], until


def perform(
    tts: IndexTTS2,
    script: Script,
    cast: Cast,
    *,
    rules: Rules | None = None,
    seed: int = 0,
    seeds: Mapping[int, int] | None = None,
    length_seconds: float | None = None,
    takes: Takes | None = None,
    at_once: int = 8,
    sink: Sink16 | None = None,
    on_take: OnTake | None = None,
) -> tuple[Recital, Int[np.ndarray, " N"]]:
    """Speaks a whole script.

    Args:
      rules, seed, seeds, length_seconds: as of `plan.plan_script`.
      takes: where takes are kept, and looked for; None: in memory.
      at_once: lines spoken together.
      sink: takes the recording piece by piece; what is returned is then empty.
      on_take: told of every line when it has been spoken.
    Returns:
      where each line stands; the recording, 16 bits at `Recital.sampling_rate`.
    Raises:
      TextError: everything that is wrong with script and cast, a line each; lines of which the model says nothing.
    """
    plan = plan_script(
        script,
        cast,
        tts.config,
        tts.model,
        rules=rules,
        seed=seed,
        seeds=seeds,
        length_seconds=length_seconds,
        identity=tts.model_id,
    )
    takes = MemoryTakes() if takes is None else takes
    speak_plan(tts, plan, takes, at_once=at_once, on_take=on_take)
    recital = place(plan, takes)
    heard: list[np.ndarray] = []
    assemble(recital, takes, sink or heard.append)
    return recital, np.concatenate(heard) if heard else np.zeros(0, np.int16)


def utterances(recital: Recital) -> list[Said]:
    """What is said when, for `times.write_times`."""
    return [Said(one.take.words, one.start, one.task.line.speaker) for one in recital.placed]
