"""What is compiled once is not compiled again: neither by a second call, nor by a second process."""

import contextlib
import json
import os
import subprocess
import sys

import jax
import pytest

from indextts2_jax import Emotion
from tests.tiny import tiny_config, tiny_synthesizer, voice_clip

COMPILE = "/jax/core/compile/backend_compile_duration"


@contextlib.contextmanager
def compilations():
    """The names of the functions that XLA compiles, or reads from the cache on the disk."""
    names = []

    def listen(event: str, seconds: float, **details) -> None:
        if event == COMPILE:
            names.append(details.get("fun_name", event))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def test_the_count_counts():
    with compilations() as names:
        jax.jit(lambda x: x * 3 + 1)(1.0).block_until_ready()
    assert names


@pytest.mark.parametrize("num_beams", [1, 3])
def test_a_second_call_compiles_nothing(num_beams):
    tts, config = tiny_synthesizer(), tiny_config(decode={"num_beams": num_beams, "max_mel_tokens": 30})

    def speak():
        return tts.synthesize(
            "Hello there.", voice_clip(), emotion=Emotion(clip=voice_clip(pitch=200.0)), config=config
        )

    speak()
    with compilations() as names:
        speak()
    assert names == []


PROCESS = """
import jax
from indextts2_jax import use_compilation_cache
use_compilation_cache({folder!r})
counts = dict.fromkeys(["/jax/compilation_cache/cache_hits", "/jax/compilation_cache/cache_misses"], 0)
def listen(event, **details):
    if event in counts:
        counts[event] += 1
jax.monitoring.register_event_listener(listen)
jax.jit(lambda x: x * 2 + 1)(1.0)
import json
print(json.dumps([jax.config.jax_compilation_cache_dir, *counts.values()]))
"""


def process(folder, **environment):
    code = PROCESS.format(folder=folder)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        env={**os.environ, "JAX_PLATFORMS": "cpu", **environment},
    )
    return json.loads(done.stdout)


def test_a_second_process_compiles_nothing(tmp_path):
    folder, hits, misses = process(str(tmp_path / "xla"))
    assert (folder, hits) == (str(tmp_path / "xla"), 0) and misses > 0
    assert process(str(tmp_path / "xla"))[1:] == [misses, 0]


def test_where_the_cache_is(tmp_path):
    assert process(None, INDEXTTS2_CACHE=str(tmp_path / "own"))[0] == str(tmp_path / "own" / "xla")
    jax_says = str(tmp_path / "jax")
    assert process(None, JAX_COMPILATION_CACHE_DIR=jax_says, INDEXTTS2_CACHE=str(tmp_path / "own"))[0] == jax_says
    assert process("", JAX_COMPILATION_CACHE_DIR=jax_says)[0] is None
