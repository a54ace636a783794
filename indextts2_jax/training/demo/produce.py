"""Speaks a plan: one process a core, every file whole or not there, what is done is kept."""

import dataclasses
import json
import multiprocessing
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import soundfile
import soxr
from tqdm import tqdm

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.runtime.atomic import replaced_file
from indextts2_jax.text.phonemes.frontend import PhonemeFrontend
from indextts2_jax.training.demo import labels, symbols, teacher
from indextts2_jax.training.demo.plan import Line

RATE = 22050
SECONDS = (0.5, 15.0)  # utterances outside are dropped: training takes no others
QUIETEST, LOUDEST = 0.03, 0.99  # peaks: quieter ones are dropped, louder ones made quieter
MAX_SYMBOLS = teacher.MAX_SYMBOLS
PROGRESS = "progress.jsonl"


@dataclasses.dataclass(frozen=True)
class Record:
    """What was made of one utterance: a line of the progress."""

    audio: str
    text: str
    voices: dict[str, float]
    speed: float
    spoken: str
    symbols: str
    durations: list[int]
    samples: int  # at `RATE`
    peak: float  # of the teacher's audio

    @property
    def seconds(self) -> float:
        """Of the file."""
        return self.samples / RATE

    @property
    def dropped(self) -> bool:
        """Whether there is no file: too short, too long, or silent."""
        return not SECONDS[0] <= self.seconds <= SECONDS[1] or self.peak < QUIETEST


@dataclasses.dataclass(frozen=True)
class Making:
    """Where everything is: what a process needs to begin."""

    teacher: pathlib.Path
    lexicon: pathlib.Path
    output: pathlib.Path


Speak = Callable[[str, dict[str, float], float], tuple[np.ndarray, np.ndarray]]


def make(folder: pathlib.Path, frontend: PhonemeFrontend, speak: Speak, utterance: Line) -> Record:
    """Speaks and writes one file, unless it is dropped. `speak` is `Teacher.speak`. Raises `IndexTTSError`."""
    spoken = symbols.read(frontend, utterance.text)
    given = symbols.symbols(spoken)
    audio, durations = speak(given, utterance.speaker.mixture, utterance.speed)
    if not np.isfinite(audio).all():
        raise IndexTTSError(f"The teacher's audio has values that are no numbers: {utterance.text}")
    peak = float(np.max(np.abs(audio), initial=0))
    resampled = soxr.resample(audio, teacher.RATE, RATE, quality="VHQ")
    top = float(np.max(np.abs(resampled), initial=0))
    samples = np.round(resampled * (min(1.0, LOUDEST / max(top, 1e-6)) * 32767)).astype(np.int16)
    record = Record(
        audio=utterance.audio,
        text=utterance.text,
        voices=utterance.speaker.mixture,
        speed=utterance.speed,
        spoken=" ".join(spoken),
        symbols=given,
        durations=[int(duration) for duration in durations],
        samples=len(samples),
        peak=round(peak, 4),
    )
    if not record.dropped:
        path = folder / utterance.audio
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(path) as new:
            soundfile.write(new, samples, RATE, subtype="PCM_16", format="FLAC")
    return record


def finished(folder: pathlib.Path, plan: Sequence[Line]) -> dict[str, Record]:
    """Records of an earlier, interrupted run that belong to this plan and whose audio is whole, by "audio"."""
    records: dict[str, Record] = {}
    try:
        lines = (folder / PROGRESS).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return records
    wanted = {utterance.audio: utterance for utterance in plan}
    for line in lines:
        try:
            record = Record(**json.loads(line))
        except (json.JSONDecodeError, TypeError):  # a kill in the middle of the line
            continue
        utterance = wanted.get(record.audio)
        if utterance and _same(record, utterance) and _whole(folder, record):
            records[record.audio] = record
    return records


def _same(record: Record, utterance: Line) -> bool:
    planned = (utterance.text, utterance.speaker.mixture, utterance.speed)
    return (record.text, record.voices, record.speed) == planned


def _whole(folder: pathlib.Path, record: Record) -> bool:
    if record.dropped:
        return True
    try:
        return bool(soundfile.info(folder / record.audio).frames == record.samples)
    except soundfile.LibsndfileError:
        return False


def phones(path: pathlib.Path, record: Record) -> list[list[Any]]:
    """[[phoneme or "pau", end in seconds], ...] of a file."""
    audio, _ = soundfile.read(path, dtype="float32")
    made = labels.phones(record.spoken.split(" "), record.durations, audio, RATE)
    return [[name, round(end, 4)] for name, end in made]


def generate(folder: pathlib.Path, plan: Sequence[Line], making: Making, jobs: int) -> None:
    """Speaks everything of the plan that is not there yet. Raises `IndexTTSError`."""
    teacher.check(making.teacher)
    folder.mkdir(parents=True, exist_ok=True)
    done = finished(folder, plan)
    todo = [utterance for utterance in plan if utterance.audio not in done]
    if not todo:
        return
    with (
        open(folder / PROGRESS, "a", encoding="utf-8") as log,
        tqdm(total=len(plan), initial=len(done), unit="utt", desc="speak", mininterval=10.0) as bar,
    ):
        log.write("\n")  # ends a line that a kill cut off
        for record in _spoken(todo, making, jobs):
            if isinstance(record, str):
                raise IndexTTSError(record)
            log.write(json.dumps(dataclasses.asdict(record), ensure_ascii=False) + "\n")
            log.flush()
            bar.update()


def _spoken(todo: Sequence[Line], making: Making, jobs: int) -> Iterator[Record | str]:
    if jobs == 1:
        _begin(making)
        yield from map(_one, todo)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(jobs, len(todo)), _begin, (making, os.getpid())) as workers:
        yield from workers.imap_unordered(_one, todo)


_ready: tuple[pathlib.Path, PhonemeFrontend, Speak] | None = None  # of the process that speaks


def _begin(making: Making, parent: int | None = None) -> None:
    global _ready
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    _ready = making.output, PhonemeFrontend(making.lexicon), teacher.Teacher(making.teacher).speak


def _follow(parent: int) -> None:
    """Ends this process when its parent was killed: nobody else would."""
    while os.getppid() == parent:
        time.sleep(2)
    os._exit(1)


def _one(utterance: Line) -> Record | str:
    if _ready is None:
        return "The process was not set up."
    try:
        return make(*_ready, utterance)
    except IndexTTSError as error:
        return str(error)
