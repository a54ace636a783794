"""`python -m benchmarks.scaling`: how the cost grows with the codes, the beams and the requests at once.

    ms_per_code   of one beam after few and after many codes, and of three beams
    at_once       one request after the other and all together: generation alone, and from codes to the waveform too

Published size by default, random weights, float32, encoded voices. Every figure is of a second run.
"""

import functools
import json
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import jax
from absl import flags

from benchmarks.gpu_parts import config_of, twice
from benchmarks.random_model import DECODERS, model_of, random_params, random_utterances, speak_all
from indextts2_jax import keep_freed_memory
from indextts2_jax.config import PrecisionConfig
from indextts2_jax.pipeline.generation import Utterance, choose_codes
from indextts2_jax.pipeline.precision import arrange
from indextts2_jax.pipeline.speak import Stopwatch
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_enum("size", "published", ["published", "tiny"], "Size of the model.", flag_values=own)
    flags.DEFINE_multi_integer(
        "codes", [60, 120, 240, 480], "Lengths, each of which must be at least 2.", lower_bound=2, flag_values=own
    )
    flags.DEFINE_integer("spoken", 60, "Codes of each of the requests at once.", lower_bound=2, flag_values=own)
    flags.DEFINE_integer("requests", 8, "Requests at once.", lower_bound=2, flag_values=own)
    flags.DEFINE_float(
        "prompt_seconds", 2.4, "Length of the prompt.", lower_bound=0.5, upper_bound=15.0, flag_values=own
    )
    flags.DEFINE_string("json", None, "File to write.", flag_values=own)


def main(given: flags.FlagValues) -> None:
    keep_freed_memory()  # as run_inference.py does
    model = model_of(given.size)
    params = arrange(random_params(model, DECODERS), PrecisionConfig())
    several = random_utterances(model, given.requests, given.prompt_seconds, text_tokens=40)

    def generate(utterances: list[Utterance], codes: int, beams: int) -> int:
        made = choose_codes(params, config_of(codes, beams), model, utterances, at_once=len(utterances))
        return min(len(own.codes) for own in made)

    def one_by_one(work: Callable[[list[Utterance]], Any]) -> None:
        for utterance in several:
            work([utterance])

    report: dict[str, Any] = {"device": jax.devices()[0].device_kind, "ms_per_code": {}, "at_once": {}}
    for beams in (1, 3):
        two = twice(functools.partial(generate, several[:1], 2, beams))
        for codes in sorted(given.codes) if beams == 1 else [min(given.codes), max(given.codes)]:
            run = twice(functools.partial(generate, several[:1], codes, beams))
            name = f"{beams} beam(s), {codes} codes"
            rate = 1e3 * (run.seconds - two.seconds) / (run.made - two.made) if run.made > two.made else None
            report["ms_per_code"][name] = rate
            print(f"{name}: {rate} ms a code", file=sys.stderr)
    for beams in (1, 3):
        work = functools.partial(generate, codes=given.spoken, beams=beams)
        together = twice(functools.partial(work, several)).seconds
        alone = twice(functools.partial(one_by_one, work)).seconds
        report["at_once"][f"generation, {beams} beam(s)"] = {"one_by_one_s": alone, "together_s": together}
        print(f"generation, {beams} beam(s): {alone:.2f} s one by one, {together:.2f} s together", file=sys.stderr)

    def speak(utterances: list[Utterance]) -> dict[str, float]:
        watch = Stopwatch()
        speak_all(params, config_of(given.spoken, 1), model, utterances, watch)
        return watch.seconds

    batch, alone = twice(lambda: speak(several)), twice(lambda: one_by_one(speak)).seconds
    sound = {"one_by_one_s": alone, "together_s": batch.seconds, "stages_s": batch.made}
    report["at_once"]["codes and sound, 1 beam"] = sound
    for row in report["at_once"].values():
        row["ratio"] = row["together_s"] / row["one_by_one_s"]
    print(json.dumps(report, indent=1))
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
