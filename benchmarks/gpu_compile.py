"""`python -m benchmarks.gpu_compile`: what XLA makes of every stage for a GPU that is not there.

XLA compiles real executables for a GPU that is only described to it. It runs nothing, so no time is measured; but what
does not compile, what is copied in a loop, how many kernels are launched for a code and how much memory they take is
seen. It needs an environment of its own, with the GPU's libraries and without a driver:

    python3 -m venv .gpu && .gpu/bin/pip install -e '.[cuda12]'
    .gpu/bin/python -m benchmarks.gpu_compile --gpus=h100,a100,rtx4090,rtx3090 --json=compiled.json
    .gpu/bin/python -m benchmarks.gpu_compile --size=published-2.5

A launch is a fusion, a library call, a copy or anything else that is no mere view, in the entry or in a loop. Expected
times are a model: the floor of `benchmarks.roofline`, or the launches at `LAUNCH_SECONDS` each, whichever is longer.
Without a device XLA cannot try alternatives, so tile sizes and the choice between Triton and cuBLAS may differ from
what a real one picks.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import importlib
import itertools
import json
import multiprocessing
import os
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
from absl import flags

from benchmarks import gpu_program, roofline
from benchmarks.gpu_targets import TARGETS
from benchmarks.random_model import SIZES, code_rate, model_of
from indextts2_jax.config import DecodeConfig, ModelConfig
from indextts2_jax.errors import ConfigError
from indextts2_jax.gpt import decode
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave

PLUGINS = ("jax_plugins.xla_cuda12", "jax_plugins.xla_cuda13")
LAUNCH_SECONDS = 2.5e-6
"""Of one launch from the host; in a captured graph it is about half."""

SPOKEN_SECONDS, PROMPT_SECONDS, TEXT_TOKENS = 5.12, 10.0, 60
DECODER = {"decoder, prompt": "decode_prompt", "decoder, codes": "decode"}
HALF = "bfloat16"


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_list("gpus", list(TARGETS), f"Of {', '.join(TARGETS)}.", flag_values=own)
    flags.DEFINE_enum("size", "published", SIZES, "Size of the model.", flag_values=own)
    flags.DEFINE_list("requests", ["1", "8", "32"], "Sentences of the decoder at once.", flag_values=own)
    flags.DEFINE_list("beams", ["1", "3"], "Of the decoder.", flag_values=own)
    flags.DEFINE_list("dtypes", ["float32", HALF, "int8"], "Of the decoder.", flag_values=own)
    flags.DEFINE_list("stages", [], "Only these; by default all.", flag_values=own)
    flags.DEFINE_integer("jobs", 2 * (os.cpu_count() or 1), "Compile so many at once.", lower_bound=1, flag_values=own)
    flags.DEFINE_string("json", None, "File to write the rows to.", flag_values=own)


@functools.cache
def device_of(gpu: str) -> Any:
    """A device that can be compiled for, and nothing else.

    Raises:
      ConfigError: JAX has no plug-in for NVIDIA GPUs here.
    """
    os.environ.setdefault("JAX_SKIP_CUDA_CONSTRAINTS_CHECK", "1")  # the plug-in would ask the driver
    if importlib.util.find_spec("jax_plugins") is None or not any(map(importlib.util.find_spec, PLUGINS)):
        raise ConfigError("JAX cannot compile for an NVIDIA GPU here: pip install -e '.[cuda12]'.")
    from jax.experimental import topologies

    target = TARGETS[gpu]
    topology = topologies.get_topology_desc(target.name, "cuda", target_config=target.text(), topology="1x1x1")
    return topology.devices[0]


def compile_for(device: Any, function: jax.stages.Wrapped, inputs: Any) -> jax.stages.Compiled:
    """The executable of a jitted function for a device that is only described; `inputs` are shapes."""
    sharding = jax.sharding.SingleDeviceSharding(device)

    def placed(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

    return function.lower(*jax.tree.map(placed, inputs)).compile()


@contextlib.contextmanager
def as_on_gpu() -> Iterator[None]:
    """What is chosen by platform is chosen for a GPU; of what is traced on either side nothing is kept."""
    jax.clear_caches()
    with mock.patch.object(jax, "default_backend", lambda: "gpu"):
        yield
    jax.clear_caches()


@dataclasses.dataclass(frozen=True)
class Task:
    """A stage to be compiled for every GPU: traced once."""

    stage: str
    requests: int
    beams: int
    dtype: str
    size: str
    gpus: tuple[str, ...]


@functools.cache
def _work(size: str, beams: int, dtype: str, requests: int) -> dict[str, Any]:
    quantized, model = dtype == "int8", model_of(size)
    kind = HALF if quantized else dtype
    return roofline.workload(model, codes_of(model), PROMPT_SECONDS, TEXT_TOKENS, beams, kind, requests, quantized)


def codes_of(model: ModelConfig) -> int:
    """Codes of `SPOKEN_SECONDS`: 256 or 128."""
    return round(SPOKEN_SECONDS * code_rate(model))


def rows(task: Task) -> list[dict[str, Any]]:
    """What is known of a stage on each GPU: see the module; `error` where it does not compile."""
    work = _work(task.size, task.beams, task.dtype, task.requests)
    name = next(name for name in work if DECODER.get(name, name) == task.stage)
    function, inputs, times = work[name]
    program, given = (
        (function, inputs) if task.stage != "decode" else decoding_loop(task.size, task.beams, inputs, True)
    )
    floor = list(roofline.products(jax.make_jaxpr(function)(*inputs).jaxpr, times))
    with as_on_gpu():
        jitted = jax.jit(program)
        return [_row(task, gpu, jitted, given, times, floor) for gpu in task.gpus]


def _row(
    task: Task, gpu: str, function: jax.stages.Wrapped, inputs: Any, times: int, products: list[roofline.Product]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "gpu": gpu, "stage": task.stage, "requests": task.requests, "beams": task.beams, "dtype": task.dtype
    }  # fmt: skip
    start = time.perf_counter()
    try:
        compiled = compile_for(device_of(gpu), function, inputs)
    except jax.errors.JaxRuntimeError as error:
        return {**found, "compiled": False, "error": " ".join(str(error).split())[:300]}
    return {**found, "compiled": True, "compile_seconds": time.perf_counter() - start} | figures(
        compiled, times, task.stage == "decode", products, roofline.DEVICES[TARGETS[gpu].device]
    )


def figures(
    compiled: jax.stages.Compiled,
    times: int,
    looped: bool,
    products: list[roofline.Product],
    peaks: roofline.Device | None,
) -> dict[str, Any]:
    """What is known of an executable without running it.

    Args:
      times: how often it runs, or how often its outermost loop does.
      looped: which of the two.
      products: its own, those of all runs.
      peaks: of the device; None: nothing can be expected.
    """
    program, memory = gpu_program.read(compiled.as_text() or ""), compiled.memory_analysis()
    cost = compiled.cost_analysis() or {}
    a_step = program.loops[0].launches if program.loops else 0
    launches = program.launches + times * a_step if looped else times * program.total
    floor = sum(product.seconds(peaks) for product in products) if peaks else None
    return {
        "temporary_mb": memory.temp_size_in_bytes / 1e6 if memory else None,
        "launches": program.launches,
        "launches_a_step": a_step,
        "launches_in_all": launches,
        "library_calls": program.library_calls + sum(inner.library_calls for inner in program.loops),
        "copies_in_loops": sum(inner.copies for inner in program.loops),
        "xla_gflop": cost.get("flops", 0.0) / 1e9,
        "xla_gb": cost.get("bytes accessed", 0.0) / 1e9,
        "floor_ms": None if floor is None else 1e3 * floor,
        "expected_ms": None if floor is None else 1e3 * max(floor, launches * LAUNCH_SECONDS),
    }


def decoding_loop(
    size: str, beams: int, inputs: tuple[Any, ...], in_kernels: bool
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The decoder's loop, which runs as long as is asked, and its arguments, from those of a step."""
    rules = DecodeConfig(do_sample=True, num_beams=beams, max_mel_tokens=0)
    speech_lm, prefix, keys, state = inputs
    limit = jax.ShapeDtypeStruct((), jnp.int32)
    run = functools.partial(decode._run, model_of(size).gpt, rules, in_kernels)
    return run, (speech_lm, prefix, keys, limit, state)


def wanted(given: flags.FlagValues) -> Iterator[Task]:
    """The tasks asked for, the slowest first."""
    gpus, requests = tuple(given.gpus), [*map(int, given.requests)]
    beams = [*map(int, given.beams)]
    chosen = set(given.stages)
    others = [name for name in _work(given.size, 1, HALF, 1) if name not in DECODER]
    for stage in sorted(others, key=lambda name: name != "vocoder"):
        if not chosen or stage in chosen:
            yield Task(stage, 1, 1, HALF, given.size, gpus)
    for many, dtype in itertools.product(sorted(requests, reverse=True), given.dtypes):
        if not chosen or "decode_prompt" in chosen:  # it is the same for any number of beams but for the last choice
            yield Task("decode_prompt", many, max(beams), dtype, given.size, gpus)
        for at_once in beams:
            if not chosen or "decode" in chosen:
                yield Task("decode", many, at_once, dtype, given.size, gpus)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown, for docs/performance.md: a column a GPU."""
    gpus = list(dict.fromkeys(one["gpu"] for one in rows))
    lines = ["| stage | requests, beams, type | " + " | ".join(TARGETS[gpu].device for gpu in gpus) + " |"]
    lines.append("| --- " * (2 + len(gpus)) + "|")
    found: dict[tuple[Any, ...], dict[str, str]] = {}
    for one in rows:
        key = one["stage"], one["requests"], one["beams"], one["dtype"]
        found.setdefault(key, {})[one["gpu"]] = _cell(one)
    for (stage, requests, beams, dtype), cells in found.items():
        how = f"{requests}, {beams}, {dtype}" if stage in DECODER.values() else "1"
        lines.append(f"| {stage} | {how} | " + " | ".join(cells[gpu] for gpu in gpus) + " |")
    return "\n".join(lines)


def _cell(one: dict[str, Any]) -> str:
    """Launches of the entry and of each run of its outermost loop, MB beside the weights, expected ms."""
    if not one["compiled"]:
        return f"does not compile: {one['error'][:80]}"
    loop = f" + {one['launches_a_step']}" if one["launches_a_step"] else ""
    return f"{one['launches']}{loop}; {one['temporary_mb']:,.0f} MB; {one['expected_ms']:,.1f} ms"


def real_time_factor(rows: Sequence[dict[str, Any]], gpu: str, beams: int, size: str) -> float | None:
    """The expected one of a sentence alone in half precision; None where a stage is missing."""
    own = [one for one in rows if (one["gpu"], one["requests"], one["dtype"]) == (gpu, 1, HALF) and one["compiled"]]
    taken = [one for one in own if one["stage"] != "decode" or one["beams"] == beams]
    if {one["stage"] for one in taken} != {DECODER.get(name, name) for name in _work(size, 1, HALF, 1)}:
        return None
    return sum(one["expected_ms"] for one in taken) / 1e3 / SPOKEN_SECONDS


def main(given: flags.FlagValues) -> None:
    unknown = sorted(set(given.gpus) - set(TARGETS))
    if unknown:
        raise ConfigError(f"gpus has {unknown[0]!r}, but only {', '.join(TARGETS)} are known.")
    device_of(given.gpus[0])
    context = multiprocessing.get_context("spawn")  # a process that has used JAX must not be forked
    with concurrent.futures.ProcessPoolExecutor(given.jobs, mp_context=context) as pool:
        found = list(itertools.chain.from_iterable(pool.map(rows, wanted(given))))
    found.sort(key=lambda one: list(given.gpus).index(one["gpu"]))
    print(table(found))
    for gpu, beams in itertools.product(given.gpus, map(int, given.beams)):
        factor = real_time_factor(found, gpu, beams, given.size)
        if factor is not None:
            print(f"{TARGETS[gpu].device}, {beams} beams: expected real-time factor {factor:.3f}")
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
