"""The kernels of a GPU give what the layers give that they stand for; the interpreter of Pallas runs them here."""

import functools
import itertools
import types
from collections.abc import Iterator
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import pallas as pl

from indextts2_jax.config import DecodeConfig, GptConfig
from indextts2_jax.gpt import decode, kernels
from indextts2_jax.gpt.kv_cache import KVCache
from indextts2_jax.gpt.speech_lm import SpeechLM
from indextts2_jax.gpt.transformer import Transformer
from indextts2_jax.nn.packed_weights import Int8, map_kernels
from tests.conftest import assert_close

CONFIG = GptConfig(width=64, layers=2, heads=4)
HEAD = CONFIG.width // CONFIG.heads
PREFIX, SLOTS = 48, 64


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    with mock.patch.object(pl, "pallas_call", functools.partial(pl.pallas_call, interpret=True)):
        yield


def numbers(seed: int, *shape: int, dtype=jnp.float32) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def parameters(dtype) -> dict:
    x = jnp.zeros((1, 3, CONFIG.width))
    shapes = jax.eval_shape(Transformer(CONFIG).init, jax.random.key(0), x, jnp.ones((1, 3), bool))
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(0, 0.2, leaf.shape), dtype), shapes)["params"]


def memory(seed: int, groups: int, size: int, dtype) -> KVCache:
    return KVCache(numbers(seed, groups, HEAD, size, dtype=dtype), numbers(seed + 1, groups, size, HEAD, dtype=dtype))


def situation(batch: int, beams: int, offset: int, dtype) -> tuple:
    """The arguments of a step: a prefix with padding, slots of all beams, each of which sees some of them."""
    groups = batch * CONFIG.heads
    slot = np.arange(SLOTS)
    rng = np.random.default_rng(5)
    visible = (rng.random((batch, beams, SLOTS)) < 0.4) & (slot < offset)
    visible |= slot == offset + np.arange(beams)[:, None]
    valid = np.arange(PREFIX) < rng.integers(1, PREFIX, (batch, 1, 1))
    seen = np.concatenate([np.broadcast_to(valid, (batch, beams, PREFIX)), visible], axis=-1)
    return (
        numbers(1, batch, beams, CONFIG.width, dtype=dtype),
        tuple(memory(10 + layer, groups, PREFIX, dtype) for layer in range(CONFIG.layers)),
        tuple(memory(20 + layer, groups, SLOTS, dtype) for layer in range(CONFIG.layers)),
        jnp.int32(offset),
        jnp.asarray(seen),
    )


def step(params: dict, dtype, *arguments, in_kernels: bool = False):
    model = Transformer(CONFIG, dtype=dtype, param_dtype=dtype)

    @jax.jit
    def run(params, *given):
        return model.apply({"params": params}, *given, in_kernels, method="step")

    return run(params, *arguments)


SITUATIONS = [(1, 1, 0), (1, 1, 37), (1, 3, 0), (1, 3, 33), (3, 3, 61), (2, 10, 40), (25, 3, 7), (70, 1, 1)]


@pytest.mark.parametrize(("batch", "beams", "offset"), SITUATIONS)
def test_a_step_is_the_same(batch: int, beams: int, offset: int):
    params, given = parameters(jnp.float32), situation(batch, beams, offset, jnp.float32)
    expected, remembered = step(params, jnp.float32, *given)
    with mock.patch.object(kernels, "attend", wraps=kernels.attend) as attend:
        hidden, memories = step(params, jnp.float32, *given, in_kernels=True)
    assert attend.call_count >= 1
    assert_close(hidden, expected, 2e-5)
    for found, wanted in zip(jax.tree.leaves(memories), jax.tree.leaves(remembered), strict=True):
        assert_close(found, wanted, 2e-5)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_is_as_near_to_float32(dtype):
    """The kernels round less than the layers."""
    params, given = parameters(dtype), situation(1, 3, 33, dtype)
    widened = jax.tree.map(lambda x: x.astype(jnp.float32) if jnp.issubdtype(x.dtype, jnp.floating) else x, given)
    exact, _ = step(jax.tree.map(lambda x: x.astype(jnp.float32), params), jnp.float32, *widened)
    plain, _ = step(params, dtype, *given)
    hidden, _ = step(params, dtype, *given, in_kernels=True)
    assert hidden.dtype == dtype
    away, plainly_away = (float(jnp.linalg.norm(x.astype(jnp.float32) - exact)) for x in (hidden, plain))
    assert 0 < away < 1.2 * plainly_away


def test_int8():
    params, given = map_kernels(parameters(jnp.float32), Int8.of), situation(1, 3, 33, jnp.float32)
    expected, _ = step(params, jnp.float32, *given)
    hidden, _ = step(params, jnp.float32, *given, in_kernels=True)
    assert_close(hidden, expected, 2e-5)


def test_free_slots_are_not_read():
    """What lies in them, be it infinite, does not matter; a slot is written for every beam and no other is."""
    qkv, prefix = numbers(1, 16, 3 * CONFIG.width), memory(2, CONFIG.heads, PREFIX, jnp.float32)
    *_, offset, seen = situation(1, 3, 30, jnp.float32)
    clean = memory(4, CONFIG.heads, SLOTS, jnp.float32)
    dirty = KVCache(clean.keys.at[:, :, 30:].set(1e30), clean.values.at[:, 30:].set(-1e30))
    mixed, _ = kernels.attend(qkv, prefix, clean, offset, seen)
    again, after = kernels.attend(qkv, prefix, dirty, offset, seen)
    assert np.array_equal(mixed, again)
    assert not mixed[3:].any() and mixed[:3].all()
    written = np.flatnonzero((after.values != dirty.values).any(axis=(0, 2)))
    assert written.tolist() == [30, 31, 32]


@pytest.mark.parametrize("sampling", [False, True])
@pytest.mark.parametrize("beams", [1, 3])
def test_the_same_codes(beams: int, sampling: bool, monkeypatch: pytest.MonkeyPatch):
    config = GptConfig(
        width=64, layers=2, heads=4, text_vocab=20, code_vocab=60, max_mel_tokens=60, max_text_tokens=40,
        start_mel_token=58, stop_mel_token=59,
    )  # fmt: skip
    rng = np.random.default_rng(3)
    text = jnp.ones((2, 5), jnp.int32)
    shapes = jax.eval_shape(
        SpeechLM(config).init, jax.random.key(0), numbers(0, 2, 3, 64), text, jnp.array([5, 4]), text, jnp.array([5, 4])
    )
    params = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(0, 0.4, leaf.shape), leaf.dtype), shapes["params"])
    conds, ids = numbers(7, 2, 34, 64), jnp.asarray(rng.integers(2, 20, (2, 11)), jnp.int32)  # a prompt of 48
    rules = DecodeConfig(do_sample=sampling, num_beams=beams, max_mel_tokens=30, kernels=True)
    keys = jax.random.split(jax.random.key(1), 2)
    given = (params, config, rules, conds, ids, np.array([11, 7]))
    expected = decode.generate(*given, keys=keys)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    with mock.patch.object(kernels, "attend", wraps=kernels.attend) as attend:
        found = decode.generate(*given, keys=keys)
    assert attend.call_count >= 1
    assert np.array_equal(found.codes, expected.codes) and len(np.unique(found.codes)) > 3


def test_sizes_that_the_kernels_do_not_take():
    own = memory(0, 4, SLOTS, jnp.float32)
    assert kernels.fit(64, memory(0, 4, PREFIX, jnp.float32), own)
    assert not kernels.fit(64, memory(0, 4, 37, jnp.float32), own)
    assert not kernels.fit(60, memory(0, 4, PREFIX, jnp.float32), own)
    odd = KVCache(jnp.zeros((4, 24, 48)), jnp.zeros((4, 48, 24)))
    assert not kernels.fit(96, odd, odd)


def test_where_the_kernels_are_chosen(monkeypatch: pytest.MonkeyPatch):
    """On one GPU, by default; not on a CPU, and not for parameters on several devices."""
    params = {"kernel": jnp.zeros(3)}
    several = {"kernel": types.SimpleNamespace(sharding=types.SimpleNamespace(device_set={0, 1}))}
    assert not kernels.chosen(params)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert kernels.chosen(params) and not kernels.chosen(several)


def test_what_a_program_shares():
    """The pieces of all stages fit into the shared memory of the smallest of the GPUs, and are no empty ones."""
    for rows, (inner, outer), bytes_each in itertools.product(
        (16, 32, 64, 128), ((1280, 3840), (1280, 1280), (1280, 5120), (5120, 1280), (64, 192)), (1, 2, 4)
    ):
        columns = kernels._columns(outer)
        deep = rows * max(2, bytes_each) + columns * bytes_each
        depth = kernels._power_of_two(inner, kernels.SHARED // (kernels.STAGES * deep))
        assert depth >= 16 and inner % depth == 0 and outer % columns == 0 and columns >= 16
        assert depth * deep * kernels.STAGES <= 96 * 1024
