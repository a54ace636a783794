"""What `benchmarks.gpu` measures, each a function that returns a part of its JSON.

Every time is of a second run. What the first took beyond it is mostly compiling; `compiling_s` is what JAX itself
counts of tracing, lowering and compiling in the first run.
"""

import dataclasses
import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np

from benchmarks.random_model import CODE_RATE, random_utterances, speak_all
from indextts2_jax.array_typing import Params
from indextts2_jax.audio.clip import Clip, clip_from_array
from indextts2_jax.config import Config, ModelConfig, replace
from indextts2_jax.pipeline import encode, generation, speak
from indextts2_jax.pipeline.recording import Stopwatch
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.s2mel.length_regulator import target_length

TEXT_TOKENS = 40


class Compiling:
    """Counts the seconds that JAX traces, lowers and compiles in this process."""

    def __init__(self) -> None:
        self.seconds = 0.0
        jax.monitoring.register_event_duration_secs_listener(self._listen)

    def _listen(self, event: str, duration_secs: float, **_: Any) -> None:
        self.seconds += duration_secs * event.startswith("/jax/core/compile/")


compiling = functools.cache(Compiling)  # one listener a process: they cannot be taken away again


@dataclasses.dataclass(frozen=True)
class Timed:
    """Two runs of some work."""

    seconds: float
    """Of the second."""
    first_run_s: float
    compiling_s: float
    """Of the first."""
    made: Any
    """What the second returned."""

    def row(self) -> dict[str, float]:
        return {"seconds": self.seconds, "first_run_s": self.first_run_s, "compiling_s": self.compiling_s}


def twice(work: Callable[[], Any]) -> Timed:
    clock, before, start = compiling(), compiling().seconds, time.perf_counter()
    work()
    compiled, middle = clock.seconds - before, time.perf_counter()
    made = work()
    return Timed(time.perf_counter() - middle, middle - start, compiled, made)


def config_of(codes: int, beams: int, kernels: bool = False) -> Config:
    return replace(Config(), decode={"max_mel_tokens": codes, "num_beams": beams, "kernels": kernels})


# --- is it right? ---------------------------------------------------------------------------------------------


def operators() -> dict[str, Any]:
    """Single operations, each compiled by itself, against NumPy and the CPU: jax#40633 is a GPU that fails at them."""
    key = jax.random.key(0)
    with jax.default_device(jax.devices("cpu")[0]):
        uniform = np.asarray(jax.random.uniform(jax.random.key(0), (1000,)))
        whole = np.asarray(jax.random.randint(jax.random.key(0), (1000,), 0, 1000))
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    found = {
        "sqrt": (jnp.sqrt(jnp.float32(512)), np.float32(22.627417)),
        "ones_plus_one": (jnp.ones(4) + 1, np.full(4, 2.0)),
        "uniform": (jax.random.uniform(key, (1000,)), uniform),
        "randint": (jax.random.randint(key, (1000,), 0, 1000), whole),
        "concatenate": (jnp.concatenate([rows, rows[:, ::-1]], axis=1).sum(axis=1), 2 * rows.sum(axis=1)),
        "product": (jnp.matmul(rows, rows.T, precision="highest"), rows @ rows.T),
    }
    wrong = [name for name, (own, wanted) in found.items() if not np.allclose(np.asarray(own), wanted, rtol=1e-6)]
    return {"right": not wrong, "wrong": wrong}


@dataclasses.dataclass(frozen=True)
class Side:
    """What one device made of the sentence and the clip."""

    codes: np.ndarray
    mel: np.ndarray
    audio: np.ndarray
    voice: ReferenceVoice


def parity(params: Params, model: ModelConfig, codes: int, steps: int) -> dict[str, Any]:
    """One sentence and one clip on the default device and on the CPU, in float32 without TF32, from the same weights.

    The codes are drawn with three beams; mel and waveform are compared of the codes that the CPU drew, so that one
    other code does not hide what the rest does. Errors are absolute and the largest, of log mels, waveforms in [-1, 1]
    and all arrays of the voice; without w2v-bert among the networks no clip is encoded.
    """
    config = replace(config_of(codes, 3), flow={"steps": steps})
    cpu = _side(jax.devices("cpu")[0], params, model, config, None)
    own = _side(jax.devices()[0], params, model, config, cpu.codes)
    pairs = [
        (getattr(cpu.voice, field.name), getattr(own.voice, field.name)) for field in dataclasses.fields(cpu.voice)
    ]
    return {
        "codes_equal": bool(np.array_equal(cpu.codes, own.codes)),
        "codes": len(cpu.codes),
        "mel_max_error": _error(cpu.mel, own.mel),
        "mel_max": float(np.abs(cpu.mel).max()),
        "waveform_max_error": _error(cpu.audio, own.audio),
        "voice_max_error": max(_error(a, b) for a, b in pairs if isinstance(a, np.ndarray)),
        "device": str(jax.devices()[0]),
    }


def _side(device: jax.Device, params: Params, model: ModelConfig, config: Config, codes: np.ndarray | None) -> Side:
    """Draws codes, and speaks these or the given ones."""
    with jax.default_device(device):
        params = jax.device_put(params, device)
        (one,) = random_utterances(model, 1, 1.0, text_tokens=12)
        voice = encode.encode_voice(params, model, _clip()) if "w2v_bert" in params else one.voice
        (drawn,) = generation.choose_codes(params, config, model, [one])
        spoken = drawn.codes if codes is None else codes
        conditions = speak.acoustic_conditions(params, model, [one], [spoken], [target_length(len(spoken))])
        prompt = speak.Prompt(one.voice.prompt_mel, one.voice.prompt_condition)
        mels = speak.infill(params, config, model, [one], [prompt], conditions)
        (audio,) = speak.waveforms(params, model, mels)
    return Side(drawn.codes, mels[0], audio, voice)


def _clip() -> Clip:
    """A buzz of 1.5 s."""
    seconds = np.arange(36000) / 24000
    buzz = np.sum([np.sin(2 * np.pi * 120 * k * seconds) / k for k in range(1, 20)], axis=0)
    return clip_from_array((0.1 * buzz).astype(np.float32), 24000)


def _error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(np.float64) - b).max())


# --- how fast is it? ------------------------------------------------------------------------------------------


def milliseconds_a_code(
    params: Params, model: ModelConfig, codes: int, prompt_seconds: float, beams: int, kernels: bool = False
) -> dict[str, Any]:
    """By the difference of two lengths, so that the prompt and the start do not count."""
    utterances = random_utterances(model, 1, prompt_seconds, TEXT_TOKENS)
    runs = {}
    for limit in (codes // 2, codes):
        decode = functools.partial(generation.choose_codes, params, config_of(limit, beams, kernels), model, utterances)
        runs[limit] = twice(decode)
    short, long = runs[codes // 2], runs[codes]
    few, many = (len(run.made[0].codes) for run in (short, long))
    rate = 1e3 * (long.seconds - short.seconds) / (many - few) if many > few else None
    first = {"first_run_s": short.first_run_s, "compiling_s": short.compiling_s + long.compiling_s}
    return {"ms_per_code": rate, "codes": many, "seconds": long.seconds, **first}


def requests(params: Params, model: ModelConfig, codes: int, prompt_seconds: float, count: int) -> dict[str, Any]:
    """So many requests at once, from encoded voices to waveforms, with the published three beams."""
    utterances = random_utterances(model, count, prompt_seconds, TEXT_TOKENS)
    watches = []

    def work() -> list[generation.SegmentCodes]:
        watches.append(Stopwatch())
        return speak_all(params, config_of(codes, 3), model, utterances, watches[-1])[0]

    timed = twice(work)
    audio = sum(len(part.codes) for part in timed.made) / CODE_RATE
    return {
        **timed.row(),
        "seconds_of_audio": audio,
        "real_time_factor": timed.seconds / audio if audio else None,
        "stages_s": watches[-1].seconds,
        "peak_gb": peak_gb(),
    }


def attention(model: ModelConfig, frames: int) -> dict[str, Any]:
    """The flow's attention in bfloat16, as XLA writes it and as cuDNN does: ms, and how far they are apart."""
    shape = 2, frames, model.s2mel.heads, model.s2mel.width // model.s2mel.heads
    q, k, v = (jax.random.normal(key, shape, jnp.bfloat16) for key in jax.random.split(jax.random.key(0), 3))
    found: dict[str, Any] = {"shape": list(shape)}
    made: dict[str, np.ndarray] = {}
    for name in ("xla", "cudnn"):
        call = jax.jit(functools.partial(jax.nn.dot_product_attention, implementation=name))
        try:
            run = twice(lambda: [jax.block_until_ready(call(q, k, v)) for _ in range(20)][-1])  # noqa: B023 (called at once)
        except Exception as error:  # a device without cuDNN, or a size that it does not take: that is the answer
            found[name] = failure(error)
        else:
            found[name] = {"ms": 1e3 * run.seconds / 20, "compiling_s": run.compiling_s}
            made[name] = np.asarray(run.made, np.float32)
    if len(made) == 2:
        found["max_difference"] = _error(made["xla"], made["cudnn"])
    return found


def failure(error: BaseException) -> dict[str, str]:
    """What stands in the place of a figure that could not be measured."""
    lines = str(error).strip().splitlines() or [""]
    return {"failed": f"{type(error).__name__}: {lines[0]}"}


def peak_gb() -> float | None:
    """Of the device since the start; None where it does not say."""
    stats = jax.devices()[0].memory_stats() or {}
    peak = stats.get("peak_bytes_in_use")
    return None if peak is None else peak / 1e9


# --- what it is measured against ------------------------------------------------------------------------------

TARGETS = {
    "H100": {"real_time_factor": 0.05, "ms_per_code": 1.0},
    "RTX 4090": {"real_time_factor": 0.1365},
}
"""What the best published system needs on the 4090, and what the H100's bandwidth makes of it; exact beam sampling."""


def targets(report: Mapping[str, Any]) -> dict[str, Any]:
    """Ours beside what we want to reach on this device."""
    found = {}
    for name, wanted in TARGETS.items():
        if name.lower() in str(report["device"]).lower():
            alone = report["requests"].get("1", {})
            codes = [row.get("ms_per_code") for key, row in report["ms_per_code"].items() if key.startswith("3 beams")]
            found = {"wanted": wanted, "real_time_factor": alone.get("real_time_factor"), "ms_per_code": codes}
    return found
