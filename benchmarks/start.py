"""`python -m benchmarks.start --artefact=DIR`: what passes before the first sentence.

    imports    this package beside Flax alone, each in a process of its own
    loading    beside reading the same files, from the system's cache and from the disk
    compiling  all stages with an empty cache on the disk, and again in a new process with what the first one left

--artefact is a converted checkpoint.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from absl import flags

from benchmarks.comparison import ROOT, TEXT_IDS, Process, synthetic_clip
from benchmarks.stage_names import STAGES
from indextts2_jax.errors import ConfigError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave

IMPORT = """
import time
start = time.perf_counter()
import flax.linen
middle = time.perf_counter()
import indextts2_jax.synthesis.synthesizer
print(middle - start, time.perf_counter() - middle)
"""


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("artefact", None, "Converted checkpoint.", required=True, flag_values=own)
    flags.DEFINE_integer("codes", 100, "Codes of the sentence.", lower_bound=1, flag_values=own)
    flags.DEFINE_float("prompt_seconds", 2.4, "Length of the clip.", lower_bound=0.5, upper_bound=15.0, flag_values=own)
    flags.DEFINE_enum("stage", "end_to_end", [*STAGES["2"], "end_to_end"], "What is compiled.", flag_values=own)
    flags.DEFINE_integer("repeats", 3, "Runs of what is quick.", lower_bound=1, flag_values=own)
    flags.DEFINE_string("json", None, "File to write the figures to.", flag_values=own)


def imports(repeats: int) -> dict[str, float]:
    """Median seconds of importing Flax, and of this package on top of it."""
    runs = []
    for _ in range(repeats + 1):  # the first fills the system's cache
        done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True, cwd=ROOT)
        runs.append([float(value) for value in done.stdout.split()])
    flax, ours = (statistics.median(column) for column in zip(*runs[1:], strict=True))
    return {"flax_s": flax, "added_s": ours}


def reading(folder: pathlib.Path) -> float:
    """Seconds to read all its files once."""
    start, block = time.perf_counter(), bytearray(2**24)
    for path in sorted(folder.iterdir()):
        with open(path, "rb", buffering=0) as file:
            while file.readinto(block):
                pass
    return time.perf_counter() - start


def forget(folder: pathlib.Path) -> None:
    """Takes the files out of the system's cache."""
    for path in folder.iterdir():
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def from_disk(artefact: pathlib.Path, options: dict[str, Any]) -> dict[str, float]:
    """Seconds of reading the files and of loading the model, neither of which finds them in the system's cache."""
    forget(artefact)
    read = reading(artefact)
    forget(artefact)
    process = Process(options)
    process.stop()
    return {"reading_s": read, "loaded_s": process.loaded_s}


def compiling(options: dict[str, Any], stage: str) -> dict[str, float]:
    """Seconds of loading, of compiling as JAX counts them, and what the first run of a stage takes beyond the second.

    The last is more: weights are paged in and memory is first touched, too.
    """
    process = Process(options)
    first = process.run(stage)
    compiled = process.compiling_s
    second = process.run(stage)
    process.stop()
    times = {"compiling_s": compiled, "first_sentence_more_s": first - second, "sentence_s": second}
    return {"loaded_s": process.loaded_s, **times}


def measure(given: flags.FlagValues) -> None:
    artefact = pathlib.Path(given.artefact).resolve()
    if not (artefact / "config.json").is_file():
        raise ConfigError(f"{artefact} is no artefact: it has no config.json.")
    reading(artefact)
    made: dict[str, Any] = {"imports": imports(given.repeats)}
    made["reading_s"] = statistics.median(reading(artefact) for _ in range(given.repeats))
    with tempfile.TemporaryDirectory() as folder:
        clip = pathlib.Path(folder) / "clip.wav"
        synthetic_clip(clip, given.prompt_seconds)
        options = {
            "system": "jax", "artefact": str(artefact), "speaker": str(clip), "text_ids": TEXT_IDS,
            "codes": given.codes, "beams": 1, "threads": os.cpu_count(), "keep_memory": True,
            "cache": str(pathlib.Path(folder) / "xla"),
        }  # fmt: skip
        made["cold"] = compiling(options, given.stage)
        made["cached"] = compiling(options, given.stage)
        made["disk"] = from_disk(artefact, options)
    print(
        f"import: Flax {made['imports']['flax_s']:.2f} s, this package {made['imports']['added_s']:.2f} s more\n"
        f"reading the files {made['reading_s']:.2f} s, loading the model {made['cached']['loaded_s']:.2f} s\n"
        f"from the disk: reading {made['disk']['reading_s']:.2f} s, loading {made['disk']['loaded_s']:.2f} s\n"
        f"compiling {made['cold']['compiling_s']:.1f} s, from the cache {made['cached']['compiling_s']:.1f} s\n"
        f"the first sentence takes {made['cold']['first_sentence_more_s']:.1f} s more than the second, from the cache "
        f"{made['cached']['first_sentence_more_s']:.1f} s"
    )
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(made, indent=1), encoding="utf-8")


if __name__ == "__main__":
    leave(command_line.run(measure, define_flags, __doc__))
