"""Latent projection, length regulator, DiT and flow matching against the recorded official activations."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convert.maps import s2mel as table
from convert.rules import plan
from indextts2_jax.checkpoint import networks
from indextts2_jax.s2mel import flow_matching, timestep
from indextts2_jax.s2mel.dit import DiT
from indextts2_jax.s2mel.length_regulator import LatentProjection, LengthRegulator, resize_index, target_length
from tests.conftest import GOLDENS, assert_close, convert_component
from tests.models import PUBLISHED, SMALL

CONFIG = SMALL.s2mel
STEPS, GUIDANCE = 25, 0.7
REGULATED = [(name, suffix) for name in GOLDENS for suffix in ("", ".1")] + [("small_stop_segments", ".2")]
SEGMENTS = [(name, "") for name in GOLDENS] + [("small_stop_segments", ".1")]


@pytest.fixture(scope="module")
def source(small_component):
    return small_component("s2mel")


@pytest.fixture(scope="module")
def params(source):
    tree = convert_component("s2mel", table.rules(SMALL), source, networks.shapes("s2mel", SMALL))
    return jax.tree.map(jnp.asarray, tree)


def lengths(array: np.ndarray) -> jax.Array:
    return jnp.full((array.shape[0],), array.shape[1], jnp.int32)


class Flow:
    """The inputs of one segment's flow, channels last."""

    def __init__(self, arrays, suffix: str):
        self.noise = arrays[f"cfm_noise{suffix}"].transpose(0, 2, 1)
        self.mu, self.style = arrays[f"cfm_cond{suffix}"], arrays["style"]
        self.prompt = np.zeros_like(self.noise)
        self.prompt_frames = arrays["ref_mel"].shape[2]
        self.prompt[:, : self.prompt_frames] = arrays["ref_mel"].transpose(0, 2, 1)
        self.start = self.noise.copy()
        self.start[:, : self.prompt_frames] = 0


@functools.cache
def estimator():
    return jax.jit(lambda params, *inputs: DiT(CONFIG).apply({"params": params}, *inputs))


@functools.cache
def solver():
    return jax.jit(lambda params, *inputs: flow_matching.solve(params, CONFIG, *inputs, steps=STEPS, guidance=GUIDANCE))


@pytest.mark.parametrize(("name", "suffix"), SEGMENTS)
def test_latent_projection(params, golden, name, suffix):
    arrays = golden(name)
    made = LatentProjection(CONFIG).apply(
        {"params": params["latent_projection"]}, jnp.asarray(arrays[f"gpt_latent{suffix}"])
    )
    assert_close(made, arrays[f"gpt_layer_out{suffix}"], 1e-4)


@pytest.mark.parametrize(("name", "suffix"), REGULATED)
def test_length_regulator(params, golden, name, suffix):
    arrays = golden(name)
    x, frames = arrays[f"length_regulator_in{suffix}"], int(arrays[f"length_regulator_ylens{suffix}"][0])
    if suffix:  # segments; the prompt's frame count comes from its mel
        assert frames == target_length(x.shape[1])
    index = resize_index(x.shape[1], frames)[None]
    made = LengthRegulator(CONFIG).apply(
        {"params": params["length_regulator"]}, *map(jnp.asarray, (x, index, lengths(index)))
    )
    assert_close(made, arrays[f"length_regulator_out{suffix}"], 1e-4)


@pytest.mark.parametrize(("name", "suffix"), SEGMENTS)
def test_velocity(params, golden, name, suffix):
    """The second call is fed from the first one's recorded velocity, so that each is compared on its own."""
    arrays = golden(name)
    flow = Flow(arrays, suffix)
    recorded = [arrays[f"dit_velocity_step{k}{suffix}"].transpose(0, 2, 1) for k in (0, 1)]
    guided = (1 + GUIDANCE) * recorded[0][:1] - GUIDANCE * recorded[0][1:]
    second = flow.start + guided / STEPS
    second[:, : flow.prompt_frames] = 0
    null = [np.concatenate([a, np.zeros_like(a)]) for a in (flow.prompt, flow.style, flow.mu)]
    for x, t, reference in zip((flow.start, second), (0.0, 1 / STEPS), recorded, strict=True):
        rows = np.concatenate([x, x])
        times = np.full((2,), t, np.float32)
        made = estimator()(params["dit"], rows, null[0], times, null[1], null[2], lengths(rows))
        assert_close(made, reference, 1e-4)


@pytest.mark.parametrize(("name", "suffix"), SEGMENTS)
def test_flow_matching(params, golden, name, suffix):
    arrays = golden(name)
    flow = Flow(arrays, suffix)
    prompt_lengths = jnp.full((1,), flow.prompt_frames, jnp.int32)
    total = lengths(flow.noise)
    mel = solver()(params["dit"], flow.noise, flow.prompt, prompt_lengths, flow.style, flow.mu, total)
    assert_close(mel, arrays[f"cfm_mel{suffix}"].transpose(0, 2, 1), 1e-3)
    vocoded = arrays[f"vocoder_mel{suffix}"].transpose(0, 2, 1)
    assert_close(mel[:, flow.prompt_frames :], vocoded, 1e-3)


def test_stored_frequencies_are_the_constant(source):
    for embedder in ("t_embedder", "t_embedder2"):
        stored = source.read(f"models.cfm.estimator.{embedder}.freqs")
        np.testing.assert_array_equal(timestep.frequencies(CONFIG.time_features), stored)
    np.testing.assert_array_equal(source.read("models.cfm.estimator.input_pos"), np.arange(16384))


def test_binds_to_the_published_checkpoint(shared):
    manifest = json.loads((shared / "manifests" / "s2mel.full.json").read_text())["tensors"]
    shapes = {name: tuple(shape) for name, (shape, _) in manifest.items()}
    made = plan("s2mel", table.rules(PUBLISHED), shapes, networks.shapes("s2mel", PUBLISHED))
    assert made.used + len(made.dropped) == len(shapes) and all(made.dropped.values())
