"""`python -m benchmarks.gpu --json=gpu.json` (or `benchmarks/gpu.sh`): what one GPU does with the published size.

    parity        the same requests on the GPU and on the CPU: tiny model, float32
    ms_per_code   generation of one request, by beams and numbers
    stages_s      one sentence, stage by stage
    requests      real-time factor of 1, 8 and 32 requests at once, and the peak of memory

Random weights, made on the device: no checkpoint, no network, no file but the one written. Every figure is of a second
run; the first, which compiles, is reported beside it. Whatever fails is reported in its place, so that one visit to a
machine brings back all else.
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
import numpy as np
from absl import flags

from benchmarks.random_model import CODE_RATE, in_precision, model_of, random_params, random_utterances, speak_all
from configs import tiny
from indextts2_jax import IndexTTS2
from indextts2_jax.array_typing import Params
from indextts2_jax.config import Config, ModelConfig, from_dict, replace
from indextts2_jax.pipeline.speak import Stopwatch, choose_codes
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave

DECODERS = ("gpt", "semantic_codec", "s2mel", "bigvgan")
"""The networks behind an encoded voice."""

TARGETS = {
    "H100": {"real_time_factor": 0.05, "ms_per_code": 1.0},
    "RTX 4090": {"real_time_factor": 0.1365},
}
"""What the best published system needs on the 4090, and what the H100's bandwidth makes of it; exact beam sampling."""


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_enum("size", "published", ["published", "tiny"], "Size of the model.", flag_values=own)
    flags.DEFINE_integer("codes", 250, "Codes of each request, 50 a second.", lower_bound=2, flag_values=own)
    flags.DEFINE_float(
        "prompt_seconds", 5.0, "Length of the prompt.", lower_bound=0.5, upper_bound=15.0, flag_values=own
    )
    flags.DEFINE_list("at_once", ["1", "8", "32"], "How many requests at once.", flag_values=own)
    flags.DEFINE_integer("seconds", 440, "Begin nothing new after so many seconds.", lower_bound=1, flag_values=own)
    flags.DEFINE_string("json", "gpu.json", "File to write.", flag_values=own)


def parity() -> dict[str, Any]:
    """The tiny model on the default device and on the CPU."""
    config = replace(from_dict(Config, tiny.get_config().to_dict()), decode={"max_mel_tokens": 40}, flow={"steps": 5})
    rng = np.random.default_rng(0)
    clip = (0.1 * np.cumsum(rng.standard_normal(36000)) / 50).clip(-1, 1).astype(np.float32), 24000
    made = []
    for device in (jax.devices("cpu")[0], jax.devices()[0]):
        with jax.default_device(device):
            made.append(IndexTTS2.from_random(config).synthesize("Hello there.", clip))
    cpu, own = made
    equal = [bool(np.array_equal(a, b)) for a, b in zip(cpu.codes, own.codes, strict=True)]
    error = float(np.abs(cpu.audio - own.audio).max()) if all(equal) else None
    return {"codes_equal": all(equal), "waveform_max_error": error, "device": str(jax.devices()[0])}


def twice(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds of the first run and of the second, and what the second gave."""
    seconds, made = [], None
    for _ in range(2):
        start = time.perf_counter()
        made = work()
        seconds.append(time.perf_counter() - start)
    return seconds[0], seconds[1], made


def config_of(codes: int, beams: int) -> Config:
    return replace(Config(), decode={"max_mel_tokens": codes, "num_beams": beams})


def milliseconds_a_code(
    params: Params, model: ModelConfig, codes: int, prompt_seconds: float, beams: int
) -> dict[str, Any]:
    """By the difference of two lengths, so that the prompt and the start do not count."""
    utterances = random_utterances(model, 1, prompt_seconds, text_tokens=40)
    figures: dict[int, tuple[float, float, int]] = {}
    for limit in (codes // 2, codes):
        decode = functools.partial(choose_codes, params, config_of(limit, beams), model, utterances)
        first, second, made = twice(decode)
        figures[limit] = first, second, len(made[0].codes)
    (_, short, few), (first, long, many) = figures[codes // 2], figures[codes]
    rate = 1e3 * (long - short) / (many - few) if many > few else None
    return {"ms_per_code": rate, "codes": many, "seconds": long, "first_run_s": first}


def requests(params: Params, model: ModelConfig, codes: int, prompt_seconds: float, count: int) -> dict[str, Any]:
    """So many requests at once, from encoded voices to waveforms, with the published three beams."""
    utterances = random_utterances(model, count, prompt_seconds, text_tokens=40)
    watches = []

    def work() -> list[Any]:
        watches.append(Stopwatch())
        return speak_all(params, config_of(codes, 3), model, utterances, watches[-1])[0]

    first, second, spoken = twice(work)
    audio = sum(len(part.codes) for part in spoken) / CODE_RATE
    return {
        "seconds": second,
        "first_run_s": first,
        "seconds_of_audio": audio,
        "real_time_factor": second / audio if audio else None,
        "stages_s": watches[-1].seconds,
        "peak_gb": peak_gb(),
    }


def peak_gb() -> float | None:
    """Of the device since the start; None where it does not say."""
    stats = jax.devices()[0].memory_stats() or {}
    peak = stats.get("peak_bytes_in_use")
    return None if peak is None else peak / 1e9


def targets(report: dict[str, Any]) -> dict[str, Any]:
    """Ours beside what we want to reach on this device."""
    found = {}
    for name, wanted in TARGETS.items():
        if name.lower() in str(report["device"]).lower():
            alone = report["requests"].get("1", {})
            codes = [row.get("ms_per_code") for key, row in report["ms_per_code"].items() if key.startswith("3 beams")]
            found = {"wanted": wanted, "real_time_factor": alone.get("real_time_factor"), "ms_per_code": codes}
    return found


def main(given: flags.FlagValues) -> None:
    start, model = time.perf_counter(), model_of(given.size)
    device = jax.devices()[0]
    report: dict[str, Any] = {
        "device": device.device_kind, "platform": device.platform, "jax": jax.__version__, "size": given.size,
        "ms_per_code": {}, "requests": {}, "skipped": [],
    }  # fmt: skip

    def attempt(name: str, place: dict[str, Any], key: str, work: Callable[[], Any]) -> None:
        """Writes the file after each part: whatever happens later, this much is there."""
        if time.perf_counter() - start > given.seconds:
            report["skipped"].append(name)
        else:
            try:
                place[key] = work()
            except Exception as error:  # a report of what failed is what this program is for
                traceback.print_exc()
                place[key] = {"failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
        report["seconds"] = time.perf_counter() - start
        pathlib.Path(given.json).write_text(json.dumps(report, indent=1), encoding="utf-8")
        print(f"{report['seconds']:6.0f} s  {name}: {place.get(key, 'no time left')}", file=sys.stderr)

    attempt("parity", report, "parity", parity)
    exact = random_params(model, DECODERS)
    common = model, given.codes, given.prompt_seconds
    quick = in_precision(exact, "bfloat16", "bfloat16")
    for count in map(int, given.at_once):
        work = functools.partial(requests, quick, *common, count)
        attempt(f"{count} at once, bfloat16", report["requests"], str(count), work)
    for gpt in ("bfloat16", "int8", "float32"):
        params = in_precision(exact if gpt == "float32" else quick, gpt, "bfloat16")  # int8 computes in bfloat16 here
        for beams in (3, 1):
            name = f"{beams} beam{'s' if beams > 1 else ''}, {gpt}"
            attempt(name, report["ms_per_code"], name, functools.partial(milliseconds_a_code, params, *common, beams))
    slow = in_precision(exact, "float32", "float32")
    attempt("1 at once, float32", report["requests"], "1, float32", lambda: requests(slow, *common, 1))
    report["targets"] = targets(report)
    pathlib.Path(given.json).write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
