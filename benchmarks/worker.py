"""One side of a comparison in a process of its own: reads stage names, runs each once, answers in seconds.

    {"run": "vocoder"} ──► {"seconds": 1.8, "compiling_s": 0.0}          {"stop": true} ──► {"peak_gb": 7.6}

The first answer, without a question, says what was loaded. So two sides can be timed in turns, each keeps its own
threads and allocator, and each peak of memory is its own.
"""

import json
import os
import pathlib
import resource
import sys
import time
from typing import Any

COMPILED: list[float] = []
"""What JAX says of the seconds that it traced, lowered, compiled or fetched what was compiled."""


def main() -> None:
    options = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print goes to the errors

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    confine(options["threads"])
    system, device, loaded_s = build(options)
    stages = system.stages()
    answer(loaded_s=loaded_s, device=device)
    for line in sys.stdin:
        question = json.loads(line)
        if "run" not in question:
            break
        start, compiled = time.perf_counter(), sum(COMPILED)
        stages[question["run"]]()
        answer(seconds=time.perf_counter() - start, compiling_s=sum(COMPILED) - compiled)
    answer(peak_gb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)


def confine(threads: int) -> None:
    """Before any library starts its threads: both XLA and OpenMP make as many as there are processors to run on."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ["OMP_NUM_THREADS"] = str(threads)


def build(options: dict[str, Any]) -> tuple[Any, str, float]:
    """The side, what it runs on, and the seconds that loading took, without imports."""
    import numpy as np

    text_ids = np.array(options["text_ids"], np.int32)
    if options["system"] == "torch":
        from benchmarks.torch_peer import TorchPeer
        from benchmarks.torch_peer_2_5 import TorchPeer25

        kind = {"2": TorchPeer, "2.5": TorchPeer25}[options["model"]]
        folder, clip = pathlib.Path(options["checkpoint"]), pathlib.Path(options["speaker"])
        start = time.perf_counter()
        peer = kind(folder, clip, text_ids, options["codes"], options["beams"], options["threads"])
        return peer, f"torch {peer.torch.__version__}, {peer.device}", time.perf_counter() - start
    if options["keep_memory"]:
        from indextts2_jax import keep_freed_memory

        keep_freed_memory()
    import jax
    import jax.monitoring

    def listen(event: str, duration_secs: float, **_: Any) -> None:
        if event.startswith("/jax/core/compile/"):
            COMPILED.append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(listen)
    if options.get("cache"):
        from indextts2_jax import use_compilation_cache

        use_compilation_cache(options["cache"])
    from benchmarks.our_stages import Ours
    from indextts2_jax import IndexTTS2
    from indextts2_jax.audio.clip import load_clip

    device = jax.devices()[0].device_kind  # JAX's own start is not loading
    start = time.perf_counter()
    tts = IndexTTS2.from_pretrained(options["artefact"])
    loaded_s = time.perf_counter() - start
    ours = Ours(tts, load_clip(options["speaker"]), text_ids, options["codes"], options["beams"])
    return ours, f"jax {jax.__version__}, {device}", loaded_s


if __name__ == "__main__":
    main()
