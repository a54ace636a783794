"""`python -m benchmarks.tpu_compile`: does every stage compile for a TPU that is not there, and with how much memory?

As `benchmarks.gpu_compile`, for one request in bfloat16 with three beams. It needs an environment of its own, with the
TPU's library and without a TPU:

    python3 -m venv .tpu && .tpu/bin/pip install -e . 'jax[tpu]'
    .tpu/bin/python -m benchmarks.tpu_compile --tpu=v5e:2x2
"""

import importlib.util
import json
import os
import pathlib
import time
from collections.abc import Collection
from typing import Any

import jax
from absl import flags

from benchmarks import gpu_compile, roofline
from benchmarks.random_model import SIZES, model_of
from indextts2_jax.errors import ConfigError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("tpu", "v5e:2x2", "Kind and shape; one of its chips is compiled for.", flag_values=own)
    flags.DEFINE_enum("size", "published", SIZES, "Size of the model.", flag_values=own)
    flags.DEFINE_multi_string("stage", [], "Only this one; may be given again.", flag_values=own)
    flags.DEFINE_string("json", None, "File to write the rows to.", flag_values=own)


def device_of(tpu: str) -> Any:
    """A device that can be compiled for, and nothing else.

    Raises:
      ConfigError: the TPU's library is not here.
    """
    if importlib.util.find_spec("libtpu") is None:
        raise ConfigError("JAX cannot compile for a TPU here: pip install 'jax[tpu]'.")
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")  # there is no cloud to be asked
    os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")  # a chip has one user, and here is no chip
    jax.config.update("jax_platforms", "cpu")  # nothing runs on a TPU
    from jax.experimental import topologies

    return topologies.get_topology_desc(tpu, "tpu").devices[0]


def rows(size: str, device: Any, stages: Collection[str] = ()) -> list[dict[str, Any]]:
    """Of every stage, or of these: `compiled`, seconds and MB beside the weights, or `error`."""
    made: list[dict[str, Any]] = []
    model = model_of(size)
    codes, text = gpu_compile.codes_of(model), gpu_compile.TEXT_TOKENS
    work = roofline.workload(model, codes, gpu_compile.PROMPT_SECONDS, text, 3, gpu_compile.HALF)
    for stage, (function, inputs, _) in work.items():
        if stages and stage not in stages:
            continue
        if stage == "decoder, codes":
            function, inputs = gpu_compile.decoding_loop(size, 3, inputs, in_kernels=False)
        start = time.perf_counter()
        row: dict[str, Any] = {"tpu": device.device_kind, "stage": stage}
        try:
            compiled = gpu_compile.compile_for(device, jax.jit(function), inputs)
        except jax.errors.JaxRuntimeError as error:
            made.append({**row, "compiled": False, "error": " ".join(str(error).split())[:300]})
        else:
            memory = compiled.memory_analysis()
            assert memory is not None
            seconds = time.perf_counter() - start
            made.append({**row, "compiled": True, "seconds": seconds, "temporary_mb": memory.temp_size_in_bytes / 1e6})
        print(json.dumps(made[-1]), flush=True)
    return made


def main(given: flags.FlagValues) -> None:
    found = rows(given.size, device_of(given.tpu), given.stage)
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
