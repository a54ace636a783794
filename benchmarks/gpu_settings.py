"""Settings of XLA for GPUs that are known to change speed or values, each tried in a process of its own.

XLA reads its flags once, when it starts, and a wrong program may take its process with it: so each setting is a child,
`python -m benchmarks.gpu_settings NAME`, which prints a line of JSON. What fails stands in the place of the figures.

    loops             are they replayed as captured graphs: launches bound a code of the published size on an H100
    products          by Triton or cuBLAS: the prompt of eight requests finds no tile sizes for Triton without a device
    deterministic     what operations with a fixed order of sums cost
    autotuning        what compiling costs without trying alternatives, and what is lost
    verified          every Triton fusion beside the emitter's own (jax#39486 and #40588: wrong concatenations)
"""

import json
import os
import subprocess
import sys
import time
from typing import Any

SETTINGS = {
    "as it is": "",
    "loops captured": "--xla_gpu_enable_command_buffer=+WHILE,+CONDITIONAL --xla_gpu_graph_min_graph_size=1",
    "nothing captured": "--xla_gpu_enable_command_buffer=",
    "no Triton products": "--xla_gpu_enable_triton_gemm=false",
    "deterministic": "--xla_gpu_deterministic_ops=true",
    "verified": "--xla_gpu_verify_triton_fusion_numerics=true",
    "not autotuned": "--xla_gpu_autotune_level=0",
}
"""What is added to XLA_FLAGS, in the order of what matters."""

DECODER: dict[str, Any] = {"job": "decoder", "beams": [3]}
JOBS: dict[str, dict[str, Any]] = {
    "as it is": {"job": "decoder", "beams": [3, 1]},
    "loops captured": {"job": "decoder", "beams": [3, 1]},
    "nothing captured": {"job": "decoder", "beams": [3, 1]},
    "verified": {"job": "parity", "codes": 40},
}
"""What is asked under a setting: milliseconds a code with so many beams (where none is named: `DECODER`). "verified"
costs time of its own and is asked for the tiny model's parity."""


def attempt(flags: str, job: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What a child with these flags answers to a job of `work`, or how it failed; no longer than that."""
    environment = dict(os.environ, XLA_FLAGS=f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip())
    command = [sys.executable, "-m", "benchmarks.gpu_settings", json.dumps(job)]
    start = time.perf_counter()
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return {"flags": flags, "failed": f"not done after {seconds:.0f} s"}
    took = {"flags": flags, "process_s": time.perf_counter() - start}
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        return {**took, "failed": f"exit code {done.returncode}: {said[-1][:300]}"}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**took, **answer}


def work(job: dict[str, Any]) -> dict[str, Any]:
    """A child's part: {"job": "parity" or "decoder", "beams", "size", "codes", "prompt_seconds", "steps"}."""
    from benchmarks import gpu_parts
    from benchmarks.random_model import DECODERS, in_precision, model_of, random_params

    if job["job"] == "parity":
        model = model_of("tiny")
        return gpu_parts.parity(random_params(model, DECODERS), model, job["codes"], job["steps"])
    model = model_of(job["size"])
    params = in_precision(random_params(model, DECODERS), "bfloat16", "bfloat16")
    common = params, model, job["codes"], job["prompt_seconds"]
    return {str(beams): gpu_parts.milliseconds_a_code(*common, beams) for beams in job["beams"]}


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))
