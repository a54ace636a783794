"""The demo model from nothing, in one command:

    python -m indextts2_jax.training.demo.recipe --work=DIR

Lexicon, teacher, corpus, data set, the six networks in the order in which they need each other, artefact. Needs the
extra demo-corpus, npm and the texts that `corpus.py` names. Finished steps are skipped and interrupted ones go on, so
the command can be repeated; DIR/times.json keeps what each step took.
"""

import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from absl import flags

from indextts2_jax.errors import TrainingError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave

CONFIG = "configs/train_demo.py"
# glibc gives large buffers back to the kernel after each step and faults them in again: up to half of the time
MALLOC = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=68719476736",
    "MALLOC_ARENA_MAX": "1",
}


class Step(NamedTuple):
    """A command, and the file that stands when it is done."""

    name: str
    module: str
    arguments: tuple[str, ...]
    result: pathlib.Path


def _train(work: pathlib.Path, network: str, *settings: str) -> Step:
    run = work / "runs" / network
    arguments = (f"--config={CONFIG}:{network}", f"--config.data={work / 'data'}", f"--config.output={run}", *settings)
    return Step(network, "indextts2_jax.training.train", arguments, run / "last.safetensors")


def _encode(work: pathlib.Path, network: str, name: str) -> Step:
    arguments = (f"--data={work / 'data'}", f"--run={work / 'runs' / network}")
    return Step(f"encode_{name}", "indextts2_jax.training.encode", arguments, work / "data" / name / "source.json")


def steps(work: pathlib.Path, scale: float) -> list[Step]:
    """Everything in order. BigVGAN and CAM++ need the data only, the others the one before."""
    corpus, lexicon, data, teacher = work / "corpus", work / "lexicon.model", work / "data", work / "teacher"
    manifest = corpus / "manifest.jsonl"
    return [
        Step("lexicon", "indextts2_jax.training.demo.lexicon", (f"--output={lexicon}", "--weak"), lexicon),
        Step("teacher", "indextts2_jax.training.demo.fetch_teacher", (f"--output={teacher}",), teacher / "voices"),
        Step(
            "corpus",
            "indextts2_jax.training.demo.corpus",
            (f"--teacher={teacher}", f"--lexicon={lexicon}", f"--output={corpus}", f"--scale={scale}"),
            manifest,
        ),
        Step(
            "data",
            "indextts2_jax.training.prepare",
            (f"--manifest={manifest}", f"--output={data}"),
            data / "rows.jsonl",
        ),
        _train(work, "w2v_bert"),
        _encode(work, "w2v_bert", "semantic"),
        _train(work, "semantic_codec"),
        _encode(work, "semantic_codec", "codes"),
        _train(work, "campplus"),
        _encode(work, "campplus", "style"),
        _train(work, "bigvgan"),
        _train(work, "gpt", f"--config.objective.tokenizer={lexicon}"),
        _encode(work, "gpt", "latents"),
        _train(
            work,
            "s2mel",
            f"--config.objective.codec={work / 'runs' / 'semantic_codec'}",
            "--config.objective.latents=True",
        ),
        Step(
            "artefact",
            "indextts2_jax.training.export",
            (
                f"--runs={work / 'runs'}",
                f"--tokenizer={lexicon}",
                f"--data={data}",
                f"--output={work / 'model'}",
                "--defaults=configs/demo.py",
            ),
            work / "model" / "manifest.json",
        ),
    ]


def run(work: pathlib.Path, scale: float, only: Sequence[str]) -> None:
    """Raises `TrainingError` where a step fails; what it printed says why."""
    times_file = work / "times.json"
    work.mkdir(parents=True, exist_ok=True)
    times: dict[str, float] = json.loads(times_file.read_text()) if times_file.exists() else {}
    for step in steps(work, scale):
        if (only and step.name not in only) or step.result.exists():
            continue
        print(f"== {step.name}", flush=True)
        start = time.perf_counter()
        command = [sys.executable, "-m", step.module, *step.arguments]
        code = subprocess.run(command, env=MALLOC | dict(os.environ), check=False).returncode
        times[step.name] = round(times.get(step.name, 0.0) + time.perf_counter() - start, 1)
        times_file.write_text(json.dumps(times, indent=1))
        if code:
            raise TrainingError(f"The step {step.name} ended with exit code {code}; its last line says why.")
    print(f"{work / 'model'}: done; " + ", ".join(f"{name} {seconds / 60:.0f} min" for name, seconds in times.items()))


def define(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("work", None, "Folder for everything that is made.", required=True, flag_values=own)
    flags.DEFINE_float("scale", 1.0, "Size of the corpus; 1: 16,648 utterances.", lower_bound=0.001, flag_values=own)
    flags.DEFINE_list("only", None, "Just these steps.", flag_values=own)


def work(options: flags.FlagValues) -> None:
    run(pathlib.Path(options.work), options.scale, options.only or ())


if __name__ == "__main__":
    leave(command_line.run(work, define, __doc__))
