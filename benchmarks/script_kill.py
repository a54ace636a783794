"""A long script, killed again and again, beside a run that nobody disturbed: is every byte the same?

    python -m benchmarks.script_kill --folder=build/script_kill [--lines=1000] [--voices=10] [--kills=10] [--json=FILE]

The lines have two to four words, the voices are two seconds of the bundled clip at other heights. `indextts2 script`
speaks them twice: from beginning to end, and killed (SIGKILL) before the first take, at moments between, and while the
recording is put together, each time started again. Compared are the recording, its times, and the whole project: takes
and seeds.
What a folder holds already is spoken no more, so the benchmark itself may be killed too.
"""

import filecmp
import json
import pathlib
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import soundfile
import soxr
from absl import flags

from benchmarks.comparison import ROOT
from indextts2_jax.audio.clip import load_clip
from indextts2_jax.audio.write import write_audio, write_text
from indextts2_jax.checkpoint import bundled
from indextts2_jax.errors import IndexTTSError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave

NAMES = ("Ada", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivo", "June", "Karl", "Lena")
FIRST = ("Come", "Wait", "Listen", "Look", "Stay", "Run", "Sit", "Stop", "Sing", "Sleep", "Walk", "Write")
SECOND = ("here", "there", "now", "again", "outside", "alone", "quietly", "today", "tonight", "slowly")
THIRD = ("my friend", "my dear", "please", "Mary", "Peter", "brother", "sister", "children", "everyone")
HIGHEST, LOWEST = 1.19, 0.84
"""Heights of the voices, as factors on the bundled clip's."""
CLIP_SECONDS = 2.0
"""Of the bundled clip: for lines so short most of the flow is spent on the prompt."""


def script_of(lines: int, voices: int) -> str:
    """Lines of one to four words, no two of which are the same; every speaker has his turn."""
    texts = [f"{first} {second}, {third}." for first in FIRST for second in SECOND for third in THIRD]
    texts = random.Random(0).sample(texts, lines)
    texts[::5] = [f"{text.split(',')[0]}!" for text in texts[::5]]
    return "\n".join(f"{NAMES[place % voices]}: {text}" for place, text in enumerate(texts)) + "\n"


def prepare(folder: pathlib.Path, lines: int, voices: int) -> None:
    """Writes play.txt, cast.json and the clips."""
    samples, rate = soundfile.read(bundled.voice_clip(), dtype="float32")
    samples = samples[: round(CLIP_SECONDS * rate)]
    cast = {}
    for place, name in enumerate(NAMES[:voices]):
        height = LOWEST * (HIGHEST / LOWEST) ** (place / max(1, voices - 1))
        path = folder / f"{name}.wav"
        write_audio(path, soxr.resample(samples, rate, rate / height, quality="HQ"), rate)
        load_clip(path)
        cast[name] = {"voice": path.name}
    write_text(folder / "cast.json", json.dumps(cast, indent=1) + "\n")
    write_text(folder / "play.txt", script_of(lines, voices))


class Command:
    """`indextts2 script`, in a process of its own, its output in a folder."""

    def __init__(self, folder: pathlib.Path, name: str, at_once: int) -> None:
        self.output = folder / name
        self.output.mkdir(exist_ok=True)
        self._command = [sys.executable, "-m", "indextts2_jax", "script", str(folder / "play.txt"), "--checkpoint=demo"]
        self._command += [f"--cast={folder / 'cast.json'}", f"--at_once={at_once}"]
        self._command += [f"--output={self.output / 'play.wav'}", f"--times={self.output / 'play.srt'}"]

    def takes(self) -> int:
        """So many lines are spoken."""
        return sum(1 for _ in (self.output / "play.project" / "takes").glob("*.json"))

    def run(self) -> float:
        """To its end. Returns the seconds it took; raises `IndexTTSError` where it fails."""
        begun = time.perf_counter()
        with open(self.output / "log.txt", "ab") as log:
            code = subprocess.run(self._command, cwd=ROOT, stdout=log, stderr=log).returncode
        if code:
            raise IndexTTSError(f"indextts2 script ended with {code}; {self.output / 'log.txt'} says why.")
        return time.perf_counter() - begun

    def kill_at(self, takes: int, later: float) -> int:
        """Starts it, kills it so many seconds after there are so many takes. Returns how many there are then."""
        with open(self.output / "log.txt", "ab") as log:
            process = subprocess.Popen(self._command, cwd=ROOT, stdout=log, stderr=log)
            try:
                while process.poll() is None and self.takes() < takes:
                    time.sleep(0.01)
                time.sleep(later)
            finally:
                ended = process.poll()
                process.kill()
                process.wait()
        if ended is not None:
            raise IndexTTSError(f"It ended with {ended} before it was killed; {self.output / 'log.txt'} says more.")
        return self.takes()


def moments(whole: int, kills: int) -> list[tuple[int, float]]:
    """(takes, seconds after them) of every kill: before the first take, in between, and behind the last."""
    draw = random.Random(1)
    between = sorted(draw.randrange(1, whole) for _ in range(max(0, kills - 2)))
    inner = [(takes, draw.uniform(0.0, 2.0)) for takes in between]
    return [(0, draw.uniform(1.0, 6.0)), *inner, (whole, 0.0)][:kills]


def differences(one: pathlib.Path, other: pathlib.Path) -> list[str]:
    """The names of the files that only one has, or that differ in any byte; but for the log."""
    names = {path.relative_to(root) for root in (one, other) for path in root.rglob("*") if path.is_file()}
    names.discard(pathlib.Path("log.txt"))
    return sorted(
        str(name)
        for name in names
        if not ((one / name).is_file() and (other / name).is_file() and filecmp.cmp(one / name, other / name, False))
    )


def measure(folder: pathlib.Path, lines: int, voices: int, kills: int, at_once: int) -> dict[str, Any]:
    """The report of both runs."""
    prepare(folder, lines, voices)
    undisturbed, killed = (Command(folder, name, at_once) for name in ("undisturbed", "killed"))
    seconds = undisturbed.run()
    print(f"undisturbed: {undisturbed.takes()} takes, {seconds:.0f} s", flush=True)
    at: list[int] = []
    for takes, later in moments(undisturbed.takes(), kills):  # equal lines of a speaker are one take
        at.append(killed.kill_at(takes, later))
        print(f"killed at {at[-1]} takes, {later:.2f} s behind {takes}", flush=True)
    last = killed.run()
    found = differences(undisturbed.output, killed.output)
    info = soundfile.info(undisturbed.output / "play.wav")
    return {
        "lines": lines,
        "voices": voices,
        "recording_s": info.frames / info.samplerate,
        "undisturbed_s": seconds,
        "killed_at_takes": at,
        "last_run_s": last,
        "files_compared": sum(path.is_file() for path in undisturbed.output.rglob("*")) - 1,
        "files_that_differ": len(found),
        "which": found[:20],
    }


def define_flags(own: flags.FlagValues, command: Sequence[str]) -> None:
    flags.DEFINE_string("folder", None, "Where all is written.", required=True, flag_values=own)
    flags.DEFINE_integer("lines", 1000, "Of the script.", 1, 1000, flag_values=own)
    flags.DEFINE_integer("voices", 10, "That speak it.", 1, len(NAMES), flag_values=own)
    flags.DEFINE_integer("kills", 10, "Of the second run.", 0, 100, flag_values=own)
    flags.DEFINE_integer("at_once", 8, "Lines spoken together.", 1, 64, flag_values=own)
    flags.DEFINE_string("json", None, "File to write the figures to.", flag_values=own)


def main(given: flags.FlagValues) -> int:
    """Returns 1 where anything differs."""
    folder = pathlib.Path(given.folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    report = measure(folder, given.lines, given.voices, given.kills, given.at_once)
    print(json.dumps(report, indent=1))
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return int(report["files_that_differ"] > 0)


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
