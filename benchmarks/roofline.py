"""`python -m benchmarks.roofline`: what each stage has to compute and to read, and how fast a GPU could be at best.

A stage is traced at its real size (no number is computed, no weight is made) and its matrix products and convolutions
are counted, those in a loop as often as the loop runs. A product costs its floating-point operations, or reading its
operands and writing its result, whichever takes a device longer at its peak; everything else is taken to be free, as if
merged into the products. So the times are floors. XLA's own cost analysis (--xla, in the JSON) counts the other
operations too, but a loop's body only once.
"""

import dataclasses
import functools
import json
import math
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from absl import flags

from benchmarks.random_model import CODE_RATE, FBANK_RATE, MEL_RATE, SIZES, code_rate, model_of
from indextts2_jax.array_typing import Params
from indextts2_jax.checkpoint import networks
from indextts2_jax.config import DecodeConfig, ModelConfig
from indextts2_jax.gpt import decode
from indextts2_jax.gpt import kv_cache as slots_of_memory
from indextts2_jax.nn.buckets import bucket_size, prompt_size, regulated_size, size_beside
from indextts2_jax.nn.packed_weights import Int8, map_kernels
from indextts2_jax.pipeline import speak, stages
from indextts2_jax.pipeline.generation import DECODER_MARKERS
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_enum("size", "published", SIZES, "Size of the model.", flag_values=own)
    flags.DEFINE_integer("codes", 500, "Codes to speak, 50 or 25 a second.", lower_bound=1, flag_values=own)
    flags.DEFINE_float(
        "prompt_seconds", 10.0, "Length of the reference clip.", lower_bound=0.5, upper_bound=15.0, flag_values=own
    )
    flags.DEFINE_integer("text_tokens", 60, "Tokens of text.", lower_bound=1, flag_values=own)
    flags.DEFINE_integer("beams", 3, "Beams of the decoder.", lower_bound=1, flag_values=own)
    flags.DEFINE_enum(
        "dtype", "bfloat16", ["float32", "bfloat16"], "Of decoder, flow, vocoder; the rest: float32.", flag_values=own
    )
    flags.DEFINE_bool("xla", False, "Also lower every stage and ask XLA.", flag_values=own)
    flags.DEFINE_string("json", None, "File to write the figures to.", flag_values=own)


@dataclasses.dataclass(frozen=True)
class Device:
    """Peaks as the maker states them, dense."""

    float32: float  # FLOP/s outside the tensor cores: what "highest" precision uses
    half: float  # FLOP/s of bfloat16 products summed in float32
    bandwidth: float  # bytes/s


DEVICES = {
    "RTX 3090": Device(35.6e12, 71e12, 936e9),
    "RTX 4090": Device(82.6e12, 165e12, 1008e9),
    "A100": Device(19.5e12, 312e12, 1555e9),
    "H100": Device(67e12, 989e12, 3350e9),
}


@dataclasses.dataclass(frozen=True)
class Product:
    """A matrix product or convolution, run `times` times."""

    flops: float
    nbytes: float
    half: bool
    times: int

    def seconds(self, device: Device) -> float:
        computing = self.flops / (device.half if self.half else device.float32)
        return self.times * max(computing, self.nbytes / device.bandwidth)


def products(jaxpr: Any, times: int = 1) -> Iterator[Product]:
    """All products of a jaxpr, those in scans as often as they run and those in while loops once."""
    stored: dict[int, int] = {}  # bytes a number of what is only widened before its product
    for equation in jaxpr.eqns:
        if equation.primitive.name == "convert_element_type":
            (before,), (after,) = equation.invars, equation.outvars
            stored[id(after)] = min(before.aval.dtype.itemsize, after.aval.dtype.itemsize)
        flops = _flops(equation)
        if flops:
            variables = (*equation.invars, *equation.outvars)
            sizes = [stored.get(id(v), v.aval.dtype.itemsize) for v in variables]
            nbytes = sum(math.prod(v.aval.shape) * size for v, size in zip(variables, sizes, strict=True))
            yield Product(flops, nbytes, variables[0].aval.dtype.itemsize == 2, times)
        inner = times * (equation.params["length"] if equation.primitive.name == "scan" else 1)
        for value in equation.params.values():
            for part in value if isinstance(value, tuple | list) else (value,):
                part = getattr(part, "jaxpr", part)
                if hasattr(part, "eqns"):
                    yield from products(part, inner)


def _flops(equation: Any) -> float:
    name, params = equation.primitive.name, equation.params
    if name == "dot_general":
        (contracted, _), _ = params["dimension_numbers"]
        size = math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)
        return 2.0 * math.prod(equation.outvars[0].aval.shape) * size
    if name == "conv_general_dilated":
        kernel = equation.invars[1].aval.shape
        taps = math.prod(kernel[axis] for axis in params["dimension_numbers"].rhs_spec[1:])
        # of a transposed convolution only every stride-th tap meets a number
        return 2.0 * math.prod(equation.outvars[0].aval.shape) * taps / math.prod(params["lhs_dilation"])
    return 0.0


def _array(*shape: int, dtype: Any = jnp.float32) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


def _typed(tree: Any, dtype: Any) -> Any:
    return jax.tree.map(lambda leaf: _array(*leaf.shape, dtype=dtype), tree)


@functools.cache
def _shapes(model: ModelConfig) -> dict[str, Params]:
    return {name: networks.shapes(name, model) for name in networks.NETWORKS}


def workload(
    model: ModelConfig,
    codes: int,
    prompt_seconds: float,
    text_tokens: int,
    beams: int,
    dtype: Any,
    requests: int = 1,
    quantized: bool = False,
) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...], int]]:
    """{stage: (function, shapes of its arguments, how often it runs)} of sentences, padded as in synthesis.

    Args:
      requests: so many sentences of the same lengths at once.
      quantized: the decoder's matrices in int8.
    """
    params = {name: {**shapes} for name, shapes in _shapes(model).items()}
    speech_lm = _typed(params["gpt"]["speech_lm"], dtype)
    if quantized:
        int8 = jax.eval_shape(functools.partial(map_kernels, change=Int8.of), speech_lm["transformer"])
        speech_lm = {**speech_lm, "transformer": int8}
    params["gpt"]["speech_lm"] = speech_lm
    params["s2mel"]["dit"], params["bigvgan"] = _typed(params["s2mel"]["dit"], dtype), _typed(params["bigvgan"], dtype)
    semantic, mels = bucket_size(int(prompt_seconds * CODE_RATE)), int(prompt_seconds * MEL_RATE)
    fbank = bucket_size(int(prompt_seconds * FBANK_RATE))
    natural = speak.natural_frames(model, codes)
    frames = bucket_size(natural)
    size, gpt, s2mel = prompt_size(mels) + frames, model.gpt, model.s2mel
    latents = gpt.condition_rows
    text = size_beside(text_tokens, latents + DECODER_MARKERS)
    one = _array(requests, dtype=jnp.int32)
    conds = _array(requests, latents, gpt.width)
    ids = _array(requests, text, dtype=jnp.int32)
    features, mel = _array(requests, semantic, model.w2v_bert.width), _array(requests, size, s2mel.mel_bins)

    def stage(name: str, *inputs: Any, times: int = 1, **settings: Any) -> Any:
        return functools.partial(getattr(stages, name), model=model, **settings), (params, *inputs), times

    def regulator(size: int, frames: int) -> Any:
        inputs = (
            _array(requests, size, model.semantic_codec.hidden_size),
            _array(requests, regulated_size(size, frames), dtype=jnp.int32),
        )
        return stage("regulate_length", *inputs, one)

    spoken = bucket_size(codes)
    spoken_ids = _array(requests, spoken, dtype=jnp.int32)
    rules = DecodeConfig(do_sample=True, num_beams=beams, max_mel_tokens=0)
    slots = slots_of_memory.first(beams)
    while slots < (codes if beams == 1 else 1.3 * codes):
        slots = slots_of_memory.more(slots)
    begin = functools.partial(decode.begin, gpt, rules, slots)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), requests))
    prefix, state = jax.eval_shape(begin, speech_lm, conds, ids, one, keys)
    step = functools.partial(decode.advance, gpt, rules, False)
    flow: dict[str, Any] = {"steps": 25, "guidance": 0.7, "temperature": 1.0, "target_frames": frames}
    style, mu = _array(requests, s2mel.style_dim), _array(requests, size, s2mel.width)
    speaker = stage("speaker_latents", features, one) if gpt.speaker_perceiver else stage("speaker_row", style)
    made = {
        "w2v-bert, twice": stage(
            "semantic_features", _array(requests, semantic, model.w2v_bert.input_dim), one, times=2
        ),
        "codec": stage("quantize", features, one),
        "campplus": stage("speaker_embedding", _array(requests, fbank, model.campplus.feat_dim), one),
        "length regulator, prompt": regulator(semantic, mels),
        "conditioning": speaker,
        "emotion": stage("emotion_vector", features, one),
        "decoder, prompt": (begin, (speech_lm, conds, ids, one, keys), 1),
        "decoder, codes": (step, (speech_lm, prefix, keys, state), codes - 1),
        "second pass": stage("code_latents", conds, ids, one, spoken_ids, one),
        "acoustic condition": stage("acoustic_condition", _array(requests, spoken, gpt.width), spoken_ids),
        "codec's decoder": stage("decode_codes", spoken_ids, one),
        "length regulator, codes": regulator(spoken * model.semantic_codec.frames_per_code, natural),
        "flow matching": stage("flow", mel, mel, one, style, mu, one, **flow),
        "vocoder": stage("vocode", _array(requests, frames, s2mel.mel_bins), one),
    }
    unused = ("codec", "second pass", "acoustic condition") if model.semantic_codec.decoder else ("codec's decoder",)
    return {name: work for name, work in made.items() if name not in unused}


def analyse(work: dict[str, tuple[Callable[..., Any], tuple[Any, ...], int]], xla: bool) -> dict[str, dict[str, Any]]:
    """{stage: {"flops", "bytes", "seconds": {device: floor}, "bound": {device: what bounds most of it}}}."""
    rows: dict[str, dict[str, Any]] = {}
    for name, (function, inputs, times) in work.items():
        found = list(products(jax.make_jaxpr(function)(*inputs).jaxpr, times))
        row: dict[str, Any] = {
            "flops": sum(p.times * p.flops for p in found),
            "bytes": sum(p.times * p.nbytes for p in found),
            "seconds": {device: sum(p.seconds(peaks) for p in found) for device, peaks in DEVICES.items()},
            "bound": {},
        }
        for device, peaks in DEVICES.items():
            computing = sum(p.times * p.flops / (peaks.half if p.half else peaks.float32) for p in found)
            row["bound"][device] = "arithmetic" if computing > row["bytes"] / peaks.bandwidth else "memory"
        if xla:
            cost = jax.jit(function).lower(*inputs).cost_analysis() or {}
            row["xla_flops_loops_once"] = cost.get("flops")
        rows[name] = row
    return rows


def table(rows: dict[str, dict[str, Any]], seconds_of_audio: float) -> str:
    """Markdown, for docs/performance.md."""
    head = ["stage", "GFLOP", "GB", *(f"{device}, ms" for device in DEVICES)]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    total = dict.fromkeys(DEVICES, 0.0)
    for name, row in rows.items():
        cells = [name, f"{row['flops'] / 1e9:,.1f}", f"{row['bytes'] / 1e9:,.2f}"]
        for device in DEVICES:
            total[device] += row["seconds"][device]
            cells.append(f"{1e3 * row['seconds'][device]:,.1f} ({row['bound'][device]})")
        lines.append("| " + " | ".join(cells) + " |")
    sums = [f"{1e3 * total[device]:,.0f}; {total[device] / seconds_of_audio:.3f}" for device in DEVICES]
    lines.append("| all; real-time factor | | | " + " | ".join(sums) + " |")
    return "\n".join(lines)


def main(given: flags.FlagValues) -> None:
    model, dtype = model_of(given.size), jnp.dtype(given.dtype)
    work = workload(model, given.codes, given.prompt_seconds, given.text_tokens, given.beams, dtype)
    rows = analyse(work, given.xla)
    print(table(rows, given.codes / code_rate(model)))
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
