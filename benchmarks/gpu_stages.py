"""Each stage on the device that is here, beside what is expected of it; and which kernels the decoding of codes is.

The stages are those of `benchmarks.roofline`, at its shapes, with random arrays. What is expected is the model of
`benchmarks.gpu_compile`, by the launches of the very program that is timed: its floor, or its launches, whichever is
longer. The decoder's weights and memory, the flow and the vocoder are bfloat16, as in its rows.
"""

import collections
import dataclasses
import functools
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import gpu_compile, roofline
from indextts2_jax.array_typing import Params
from indextts2_jax.config import DecodeConfig, ModelConfig
from indextts2_jax.gpt import kernels

REPEATS = 3
CODES_OF_PROFILE = 50
KERNELS = 40
"""So many kernels of a profile are reported, the longest first."""


@dataclasses.dataclass(frozen=True)
class Program:
    """A stage with real arrays; of the decoder its loop, for as many codes as its slots hold without being emptied."""

    function: Callable[..., Any]
    arrays: tuple[Any, ...]
    times: int
    """How often it runs in a synthesis."""
    products: list[roofline.Product]
    """Of all runs."""
    steps: int = 1
    """Of its loop, in one run."""


LOOP = "decoder, codes"


def programs(params: Params, model: ModelConfig, size: str, codes: int, prompt_seconds: float) -> dict[str, Program]:
    """{stage: its program}; `params` are of all networks, in bfloat16 where they may be."""
    work = roofline.workload(model, codes, prompt_seconds, gpu_compile.TEXT_TOKENS, 3, gpu_compile.HALF)
    made: dict[str, Program] = {}
    arrays: tuple[Any, ...]
    for name, (function, inputs, times) in work.items():
        products = list(roofline.products(jax.make_jaxpr(function)(*inputs).jaxpr, times))
        own = params["gpt"]["speech_lm"] if name in gpu_compile.DECODER else params
        steps = 1
        if name == LOOP:
            begin = made["decoder, prompt"]
            prefix, state = jax.jit(begin.function)(*begin.arrays)
            function, _ = gpu_compile.decoding_loop(size, 3, inputs, DecodeConfig().kernels and kernels.chosen(own))
            steps = min(times, state.visible.shape[-1] // 3 - 1)
            arrays = own, prefix, begin.arrays[-1], state.step + steps, state
        else:
            arrays = own, *(_array(shape) for shape in inputs[1:])
        made[name] = Program(function, arrays, times, products, steps)
    return made


def _array(shape: jax.ShapeDtypeStruct) -> jax.Array:
    """Random numbers, ones for whole numbers (a length, a token), keys."""
    if jnp.issubdtype(shape.dtype, jax.dtypes.prng_key):
        return jax.random.split(jax.random.key(0), shape.shape)
    if jnp.issubdtype(shape.dtype, jnp.integer):
        return jnp.ones(shape.shape, shape.dtype)
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape.shape), shape.dtype)


def stages(made: dict[str, Program]) -> dict[str, dict[str, Any]]:
    """{stage: ms of all its runs in a synthesis, beside what is expected, and what its program is made of}."""
    kind = jax.devices()[0].device_kind.lower()
    peaks = next((peaks for name, peaks in roofline.DEVICES.items() if name.lower() in kind), None)
    rows = {}
    for name, one in made.items():
        start = time.perf_counter()
        compiled = jax.jit(one.function).lower(*one.arrays).compile()
        compiling = time.perf_counter() - start
        seconds = _seconds(functools.partial(compiled, *one.arrays)) * one.times / one.steps
        found = gpu_compile.figures(compiled, one.times, name == LOOP, one.products, peaks)
        rows[name] = {"ms": 1e3 * seconds, "compile_seconds": compiling, **found}
    return rows


def _seconds(work: Callable[[], Any]) -> float:
    """The median of some runs, after one that does not count."""
    jax.block_until_ready(work())
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        jax.block_until_ready(work())
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def profile(made: dict[str, Program]) -> dict[str, Any]:
    """Fifty codes of one request, summed by kernel."""
    params, prefix, keys, _, state = made[LOOP].arrays
    codes = min(CODES_OF_PROFILE, made[LOOP].steps)
    run = functools.partial(jax.jit(made[LOOP].function), params, prefix, keys, state.step + codes, state)
    jax.block_until_ready(run())
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        with jax.profiler.trace(folder):
            jax.block_until_ready(run())
        seconds = time.perf_counter() - start
        (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
        events = _device_events(jax.profiler.ProfileData.from_file(str(path)))
    spent: dict[str, float] = collections.defaultdict(float)
    count: dict[str, int] = collections.Counter()
    for name, nanoseconds in events:
        spent[name] += nanoseconds
        count[name] += 1
    return {
        "codes": codes,
        "traced_ms": 1e3 * seconds,
        "device_ms": sum(spent.values()) / 1e6,
        "launches_a_code": len(events) / codes,
        "kernels": [
            {"name": name, "ms": spent[name] / 1e6, "launches_a_code": count[name] / codes}
            for name in sorted(spent, key=lambda name: -spent[name])[:KERNELS]
        ],
    }


def _device_events(data: jax.profiler.ProfileData) -> list[tuple[str, float]]:
    """(name, nanoseconds) of all that ran on the device: a GPU's streams, or XLA's own threads of a CPU."""
    planes = list(data.planes)
    own = [plane for plane in planes if plane.name.startswith("/device:GPU")]
    marks = ("Stream",) if own else ("tf_XLA",)
    return [
        (event.name, event.duration_ns)
        for plane in own or planes
        for line in plane.lines
        if line.name.startswith(marks)
        for event in line.events
        if "::" not in event.name and not event.name.startswith("end: ")
    ]
