"""`python -m benchmarks.gpu --json=gpu.json` (or `benchmarks/gpu.sh`): what one GPU does with the published size.

What matters most comes first, and the file is written after each part:

    device        what it is, and that single operations on it are right
    parity        a sentence and a clip on the GPU and on the CPU: codes, mel, waveform; tiny model, float32
    ms_per_code   generation of one request in bfloat16: three beams, by XLA alone and by our kernels; one
    requests      real-time factor of 1 and 8 requests at once, and the peak of memory
    stages        each beside what is expected of its program, and the kernels of fifty codes (gpu_stages.py)
    attention     of the flow, by XLA and by cuDNN
    settings      of XLA, each in a process of its own (gpu_settings.py)
    more          float32, one beam by our kernels, int8, and the published size beside the CPU

Random weights, made on the device: no checkpoint, no network, no file but the one written. Every figure is of a second
run; the first run and the compiling in it are reported beside it. Whatever fails is reported in its place, so that one
visit to a machine brings back all else.
"""

import functools
import json
import pathlib
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import jax
import jaxlib
from absl import flags

from benchmarks import gpu_parts, gpu_settings, gpu_stages
from benchmarks.random_model import DECODERS, in_precision, model_of, random_params
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave

PARTS = ("device", "parity", "ms_per_code", "requests", "stages", "attention", "settings", "more")


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_enum("size", "published", ["published", "tiny"], "Size of the model.", flag_values=own)
    flags.DEFINE_integer("codes", 250, "Codes of each request, 50 a second.", lower_bound=2, flag_values=own)
    flags.DEFINE_float(
        "prompt_seconds", 5.0, "Length of the prompt.", lower_bound=0.5, upper_bound=15.0, flag_values=own
    )
    flags.DEFINE_list("at_once", ["1", "8"], "How many requests at once.", flag_values=own)
    flags.DEFINE_list("settings", list(gpu_settings.SETTINGS), "Which settings of XLA.", flag_values=own)
    flags.DEFINE_multi_enum("part", list(PARTS), PARTS, "Do these only; may be given again.", flag_values=own)
    flags.DEFINE_integer("seconds", 440, "Begin nothing new after so many seconds.", lower_bound=1, flag_values=own)
    flags.DEFINE_string("json", "gpu.json", "File to write.", flag_values=own)


class Report:
    """A dict that is written as JSON after each part."""

    def __init__(self, path: str, seconds: float) -> None:
        self.path, self.seconds, self.start = pathlib.Path(path), seconds, time.perf_counter()
        self.rows: dict[str, Any] = {"ms_per_code": {}, "requests": {}, "settings": {}, "skipped": []}

    def spent(self) -> float:
        return time.perf_counter() - self.start

    def left(self) -> float:
        return self.seconds - self.spent()

    def attempt(self, name: str, place: dict[str, Any], key: str, work: Callable[[], Any]) -> None:
        """A part, or how it failed, or that no time was left for it."""
        if self.left() < 0:
            self.rows["skipped"].append(name)
        else:
            try:
                place[key] = work()
            except Exception as error:  # a report of what failed is what this program is for
                traceback.print_exc()
                place[key] = gpu_parts.failure(error)
        self.write()
        print(f"{self.spent():6.0f} s  {name}: {place.get(key, 'no time left')}", file=sys.stderr)

    def write(self) -> None:
        self.rows["seconds"] = self.spent()
        self.path.write_text(json.dumps(self.rows, indent=1), encoding="utf-8")


def main(given: flags.FlagValues) -> None:
    report, model = Report(given.json, given.seconds), model_of(given.size)
    rows, parts = report.rows, set(given.part)
    device = jax.devices()[0]
    versions = {"jax": jax.__version__, "jaxlib": jaxlib.__version__, "size": given.size}
    rows.update({"device": device.device_kind, "platform": device.platform, **versions})
    gpu_parts.compiling()
    if "device" in parts:
        report.attempt("single operations", rows, "operators", gpu_parts.operators)
    tiny = model_of("tiny")
    if "parity" in parts:
        report.attempt("parity", rows, "parity", lambda: gpu_parts.parity(random_params(tiny), tiny, 40, 5))

    common = model, given.codes, given.prompt_seconds
    made: dict[str, Any] = {}

    def weights() -> dict[str, float]:
        """Of the decoders on the device, float32 and bfloat16."""
        timed = time.perf_counter()
        made["exact"] = jax.block_until_ready(random_params(model, DECODERS))
        made["quick"] = jax.block_until_ready(in_precision(made["exact"], "bfloat16", "bfloat16"))
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(made["exact"]))
        return {"seconds": time.perf_counter() - timed, "gb": size / 1e9}

    def a_code(gpt: str, beams: int, kernels: bool = False) -> None:
        name = f"{beams} beam{'s' if beams > 1 else ''}, {gpt}{', kernels of ours' if kernels else ''}"

        def work() -> dict[str, Any]:
            base = made["exact" if gpt == "float32" else "quick"]  # int8 computes in bfloat16 here
            return gpu_parts.milliseconds_a_code(in_precision(base, gpt, "bfloat16"), *common, beams, kernels)

        report.attempt(name, rows["ms_per_code"], name, work)

    def at_once(key: str, count: int, gpt: str) -> None:
        def work() -> dict[str, Any]:
            params = in_precision(made["exact"], "float32", "float32") if gpt == "float32" else made["quick"]
            return gpu_parts.requests(params, *common, count)

        report.attempt(f"{count} at once, {gpt}", rows["requests"], key, work)

    if parts & {"ms_per_code", "requests", "more"}:
        report.attempt("weights", rows, "weights", weights)
    if "ms_per_code" in parts:
        a_code("bfloat16", 3)
        a_code("bfloat16", 3, kernels=True)
        a_code("bfloat16", 1)
    if "requests" in parts:
        for count in given.at_once:
            at_once(count, int(count), "bfloat16")
    if "stages" in parts:
        # Made here and gone with the part: the encoders' weights are 2.5 GB.
        work: dict[str, dict[str, gpu_stages.Program]] = {}

        def all_stages() -> dict[str, Any]:
            params = in_precision(random_params(model), "bfloat16", "bfloat16")
            work["made"] = gpu_stages.programs(params, model, given.size, given.codes, given.prompt_seconds)
            return gpu_stages.stages(work["made"])

        report.attempt("stages", rows, "stages", all_stages)
        report.attempt("profile", rows, "profile", lambda: gpu_stages.profile(work["made"]))
        work.clear()
    if "attention" in parts:
        frames = 512 if given.size == "tiny" else 1024
        report.attempt("attention", rows, "attention", lambda: gpu_parts.attention(model, frames))
    if "settings" in parts:
        common_job = {"size": given.size, "codes": given.codes, "prompt_seconds": given.prompt_seconds, "steps": 5}
        for name in given.settings:
            job = common_job | gpu_settings.JOBS.get(name, gpu_settings.DECODER)
            ask = functools.partial(gpu_settings.attempt, gpu_settings.SETTINGS[name], job)
            report.attempt(name, rows["settings"], name, lambda: ask(seconds=max(report.left(), 1)))  # noqa: B023 (called at once)
    if "more" in parts:
        a_code("float32", 3)
        a_code("bfloat16", 1, kernels=True)
        a_code("int8", 3)
        a_code("int8", 1)
        a_code("float32", 1)
        at_once("1, float32", 1, "float32")
        if device.platform != "cpu":
            wide = functools.partial(gpu_parts.parity, codes=40, steps=5)
            report.attempt("parity, published", rows, "parity_published", lambda: wide(made["exact"], model))
    rows["targets"] = gpu_parts.targets(rows)
    report.write()
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
