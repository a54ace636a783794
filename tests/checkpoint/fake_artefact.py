"""Artefacts of a few hundred bytes, for tests of writing, checking and loading."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.checkpoint import artefact, networks
from indextts2_jax.config import ModelConfig

SHAPES = {"a": {"dense": {"kernel": (8, 16), "bias": (16,)}}, "b": {"odd": (3, 5), "deep": {"w": {"x": (64,)}}}}
FILES = {"a.safetensors", "b.safetensors", "config.json", "manifest.json", "tokenizer.model"}


def tree(make, node):
    return make(node) if isinstance(node, tuple) else {key: tree(make, value) for key, value in node.items()}


@pytest.fixture(autouse=True)
def fake_networks(monkeypatch, tmp_path_factory):
    fakes = {name: lambda model, s=shapes: lambda key: tree(jnp.zeros, s) for name, shapes in SHAPES.items()}
    monkeypatch.setattr(networks, "NETWORKS", fakes)
    monkeypatch.setenv("INDEXTTS2_CACHE", str(tmp_path_factory.mktemp("cache")))


def parameters(seed=0):
    rng = np.random.default_rng(seed)
    return tree(lambda shape: rng.normal(size=shape).astype(np.float32), SHAPES)


def save(folder, seed=0, **options):
    options = {"model": ModelConfig(), "params": parameters(seed), "tokenizer": b"pieces", **options}
    artefact.save_artefact(folder, **options)
    return folder


def assert_is(folder, seed, **options):
    loaded = artefact.load_artefact(folder, **options)
    jax.tree.map(np.testing.assert_array_equal, loaded.params, parameters(seed))
