"""Ours and the PyTorch peer in turns, on the same weights, clip, text and number of codes; both on the same threads.

    python -m benchmarks.end_to_end --checkpoint=DIR --peer=torch --json=out.json --plot=out.png

--checkpoint is a folder in the published layout. Ours runs on what `indextts2 convert` makes of it (--artefact; made
beside the folder where it is missing). Each side lives in a process of its own and runs each stage once to warm up,
which with ours includes compiling; what is reported is the median of --repeats further runs, taken in turns.

The scripts of single stages (`benchmarks.generation`, `benchmarks.flow_matching`, ...) take the same flags.
"""

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from absl import flags

from benchmarks.stage_names import STAGES
from indextts2_jax.audio.write import write_audio
from indextts2_jax.errors import ConfigError
from indextts2_jax.runtime import command_line

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXT_IDS = tuple(range(100, 124))
"""Of a sentence of usual length; the tokens matter for no time."""


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("checkpoint", None, "Folder in the published layout.", required=True, flag_values=own)
    flags.DEFINE_string("artefact", None, "What `indextts2 convert` made of it; by default beside it.", flag_values=own)
    flags.DEFINE_enum("model", "2", list(STAGES), "Which IndexTTS the checkpoint is of.", flag_values=own)
    flags.DEFINE_enum("peer", "", ["", "torch"], "Whom to compare with; empty: nobody.", flag_values=own)
    flags.DEFINE_string("speaker", None, "Clip of the voice; by default a synthetic one.", flag_values=own)
    flags.DEFINE_float("prompt_seconds", 2.4, "Length of the synthetic clip.", lower_bound=0.5, flag_values=own)
    flags.DEFINE_integer("codes", 100, "Codes to generate.", lower_bound=1, flag_values=own)
    flags.DEFINE_integer("beams", 1, "1: greedy search; more: beam sampling.", lower_bound=1, flag_values=own)
    flags.DEFINE_integer("threads", None, "Processors to use; by default all.", lower_bound=1, flag_values=own)
    flags.DEFINE_integer("repeats", 5, "Timed runs of each stage.", lower_bound=1, flag_values=own)
    flags.DEFINE_string("json", None, "File to write the figures to.", flag_values=own)
    flags.DEFINE_string("plot", None, "File to draw the bars to (PNG).", flag_values=own)
    flags.DEFINE_bool(
        "keep_memory", True, "Let ours keep freed memory (indextts2_jax/runtime/malloc.py).", flag_values=own
    )


class Side(Protocol):
    """One of the two that are compared."""

    def run(self, stage: str) -> float:
        """Seconds of one run."""


class Process:
    """A `benchmarks.worker` with its answers."""

    def __init__(self, options: dict[str, Any]) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", json.dumps(options)]
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 (a pipe that nobody reads blocks when it is full)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True, cwd=ROOT
        )
        loaded = self._answer()
        self.loaded_s, self.device = loaded["loaded_s"], loaded["device"]
        self.compiling_s = 0.0  # of the last run

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._said.seek(0)
            last = (self._said.read().strip().splitlines() or ["it said nothing"])[-1]
            raise ConfigError(f"A process of the benchmark failed: {last}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ask(self, **question: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        return self._answer()

    def run(self, stage: str) -> float:
        answer = self._ask(run=stage)
        self.compiling_s = float(answer["compiling_s"])
        return float(answer["seconds"])

    def stop(self) -> float:
        """Ends the process; its peak of memory in GB."""
        return float(self._ask(stop=True)["peak_gb"])


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds of one stage on one side."""

    first: float
    """With compiling."""
    runs: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.runs)


def measure(sides: Mapping[str, Side], stages: Sequence[str], repeats: int) -> dict[str, dict[str, Times]]:
    """{stage: {side: times}}: each stage by each side in turns, so that a busy minute of the machine hits both."""
    results: dict[str, dict[str, Times]] = {}
    for stage in stages:
        first = {name: side.run(stage) for name, side in sides.items()}
        runs: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(repeats):
            for name, side in sides.items():
                runs[name].append(side.run(stage))
        results[stage] = {name: Times(first[name], runs[name]) for name in sides}
    return results


def figures(results: dict[str, dict[str, Times]], peak_gb: dict[str, float]) -> dict[str, Any]:
    """What is written as JSON."""

    def row(times: dict[str, Times]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, own in times.items():
            made |= {f"{name}_s": own.median, f"{name}_first_s": own.first, f"{name}_runs_s": own.runs}
        if "ours" in times and "peer" in times:
            made["ratio"] = made["ours_s"] / made["peer_s"]
        return made

    stages = {name: row(times) for name, times in results.items() if name != "end_to_end"}
    whole = {"end_to_end": row(results["end_to_end"])} if "end_to_end" in results else {}
    return {**whole, "stages": stages, "peak_gb": peak_gb}


def table(results: dict[str, dict[str, Times]]) -> str:
    lines = [f"{'stage':<16}{'ours, first':>12}{'ours':>10}{'peer':>10}{'ours/peer':>11}"]
    for stage, times in results.items():
        ours, peer = times["ours"], times.get("peer")
        other = f"{peer.median:>10.3f}{ours.median / peer.median:>11.2f}" if peer else f"{'':>21}"
        lines.append(f"{stage:<16}{ours.first:>12.2f}{ours.median:>10.3f}{other}")
    return "\n".join(lines)


def draw(results: dict[str, dict[str, Times]], path: str | os.PathLike[str], title: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 0.6 * len(results) + 1.5), layout="constrained")
    places = np.arange(len(results))
    for offset, (side, colour) in zip((0.2, -0.2), {"ours": "#2a6f97", "peer": "#c9ada7"}.items(), strict=True):
        medians = [times[side].median if side in times else 0.0 for times in results.values()]
        bars = axes.barh(places + offset, medians, 0.38, color=colour, label=side)
        axes.bar_label(bars, [f"{value:.2f} s" if value else "" for value in medians], padding=3, fontsize=8)
    axes.set_yticks(places, list(results))
    axes.invert_yaxis()
    axes.set_xlabel("seconds, median; shorter is better")
    axes.set_title(title, fontsize=9)
    axes.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def synthetic_clip(path: pathlib.Path, seconds: float) -> None:
    """A buzz with a moving loudness: not a voice, but the same work."""
    time = np.arange(int(seconds * 24000)) / 24000
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20))
    write_audio(path, (0.1 * buzz * (1 + 0.5 * np.sin(2 * np.pi * 3 * time))).astype(np.float32), 24000)


def artefact_of(checkpoint: pathlib.Path, given: str | None) -> pathlib.Path:
    """The converted checkpoint, made if it is not there."""
    folder = pathlib.Path(given) if given else checkpoint.with_name(f"{checkpoint.name}-artefact")
    if not folder.exists():
        print(f"converting {checkpoint} to {folder}", file=sys.stderr)
        command = [sys.executable, "-m", "convert", f"--source={checkpoint}", f"--output={folder}"]
        if subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL).returncode:
            raise ConfigError(f"{checkpoint} could not be converted.")
    return folder


def compare(given: flags.FlagValues, stages: Sequence[str]) -> None:
    """These stages, or with none all of the model's and the whole."""
    checkpoint = pathlib.Path(given.checkpoint).resolve()
    if not (checkpoint / "config.yaml").is_file():
        raise ConfigError(f"{checkpoint} is no checkpoint in the published layout: it has no config.yaml.")
    known = (*STAGES[given.model], "end_to_end")
    for stage in stages:
        if stage not in known:
            raise ConfigError(f"IndexTTS-{given.model} has no stage {stage}; it has {', '.join(known)}.")
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = given.threads or available
    if threads > available:
        raise ConfigError(f"--threads is {threads}, but there are {available} processors.")
    artefact = artefact_of(checkpoint, given.artefact).resolve()
    with tempfile.TemporaryDirectory() as folder:
        clip = pathlib.Path(given.speaker or pathlib.Path(folder) / "clip.wav").resolve()
        if not given.speaker:
            synthetic_clip(clip, given.prompt_seconds)
        options = {
            "checkpoint": str(checkpoint), "artefact": str(artefact), "speaker": str(clip), "text_ids": TEXT_IDS,
            "codes": given.codes, "beams": given.beams, "threads": threads, "keep_memory": given.keep_memory,
            "model": given.model,
        }  # fmt: skip
        systems = {"ours": "jax", **({"peer": "torch"} if given.peer else {})}
        sides = {name: Process({**options, "system": system}) for name, system in systems.items()}
        results = measure(sides, stages or known, given.repeats)
        peak_gb = {name: side.stop() for name, side in sides.items()}
    setting = f"IndexTTS-{given.model}, {given.codes} codes, {given.beams} beam(s), {threads} thread(s)"
    devices = "; ".join(f"{name}: {side.device}, loaded in {side.loaded_s:.1f} s" for name, side in sides.items())
    print(f"{setting}; {devices}\n{table(results)}")
    print("peak memory: " + ", ".join(f"{name} {value:.1f} GB" for name, value in peak_gb.items()))
    if given.json:
        about = {
            "model": given.model,
            "codes": given.codes,
            "beams": given.beams,
            "threads": threads,
            "repeats": given.repeats,
        }
        about |= {f"{name}_device": side.device for name, side in sides.items()}
        about |= {f"{name}_loaded_s": side.loaded_s for name, side in sides.items()}
        made = {**figures(results, peak_gb), "settings": about}
        pathlib.Path(given.json).write_text(json.dumps(made, indent=1), encoding="utf-8")
    if given.plot:
        draw(results, given.plot, f"{setting}; {devices}")


def run(*stages: str) -> int:
    """The whole of a script: these stages, or with none all of the model's and the whole. Returns the exit code."""
    return command_line.run(lambda given: compare(given, stages), define_flags, __doc__)
