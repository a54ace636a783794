"""Memory stays flat however many requests are spoken."""

import gc
import pathlib

import jax
import pytest

from indextts2_jax.errors import TextError
from tests.tiny import tiny_config, tiny_synthesizer, tiny_voice

REQUESTS, WARM_UP = 200, 30
STATM = pathlib.Path("/proc/self/statm")


def live() -> tuple[int, int]:
    """Arrays that JAX keeps, and their bytes."""
    gc.collect()
    arrays = jax.live_arrays()
    return len(arrays), sum(array.nbytes for array in arrays)


def resident() -> float:
    """MB of this process in memory."""
    return int(STATM.read_text().split()[1]) * 4096 / 1e6


@pytest.mark.skipif(not STATM.exists(), reason="needs /proc")
def test_memory_is_flat_over_many_requests():
    """Other seeds, so other codes and lengths; the first requests compile and fill what is kept on purpose."""
    tts, voice = tiny_synthesizer(), tiny_voice()
    config = tiny_config(decode={"max_mel_tokens": 8}, flow={"steps": 1})
    codes, before = set(), ((0, 0), 0.0)
    for seed in range(REQUESTS):
        if seed == WARM_UP:
            before = live(), resident()
        try:
            speech = tts.synthesize("Hello there.", voice, seed=seed, config=config)
        except TextError:  # random weights may stop before the first code: a request as well
            continue
        codes.add(tuple(speech.codes[0]))
        del speech
    buffers, size = live(), resident()
    assert len(codes) > REQUESTS // 2
    assert buffers == before[0]
    # a request's own arrays are 0.3 MB and more: kept, they would be 50 MB
    assert size - before[1] < 20, f"{size - before[1]:.0f} MB more after {REQUESTS - WARM_UP} requests"
