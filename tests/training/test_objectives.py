"""What holds for every objective: it learns, all of it learns, and what comes out is the network of synthesis."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from indextts2_jax.checkpoint import networks
from indextts2_jax.training.objectives import NETWORKS
from tests.training.tiny import draw_params, first_batch, tiny_model, tiny_objective

# network: (changed settings, steps, rate, the loss that must be reached as a share of the first one)
LEARNS = {
    "w2v_bert": ({}, 30, 1e-2, 0.8),
    "semantic_codec": ({}, 30, 1e-2, 0.8),
    "campplus": ({}, 20, 1e-2, 0.5),
    "gpt": ({"guided_weight": 1.0, "guided_layer": 0, "phone_weight": 1.0, "phone_layer": 1}, 30, 1e-2, 0.7),
    "s2mel": ({"latents": True}, 30, 1e-2, 0.8),
    "bigvgan": ({}, 25, 1e-3, 0.6),
}
FROZEN = {
    "w2v_bert": r"network/(mean|var)",
    "semantic_codec": r"heads/usage",
    "campplus": r"network/.*/(mean|var)",
    "gpt": r"(?!)",
    "s2mel": r"(?!)",
    "bigvgan": r"network/.*_filter",
}
WITHOUT_GRADIENT = {
    # a bias of the keys adds the same to all scores of a query
    "w2v_bert": r"network/layers/attention/k/bias",
    "gpt": r"(?!)",
}


def names(tree):
    return {"/".join(str(part.key) for part in path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


@pytest.mark.parametrize("network", NETWORKS)
def test_learns(network, data):
    settings, steps, rate, share = LEARNS[network]
    model = tiny_model("phonemes" if network == "gpt" else "bpe")
    objective = tiny_objective(network, data, model=model, objective=settings)
    params, batch = draw_params(objective), first_batch(objective)
    optimizer = optax.adam(rate)

    @jax.jit
    def step(params, memory, batch, key):
        def loss(params):
            value, metrics, carried = objective.loss(params, batch, key, True)
            return value, (metrics, carried)

        (value, (metrics, carried)), gradients = jax.value_and_grad(loss, has_aux=True)(params)
        updates, memory = optimizer.update(gradients, memory)
        held = jax.tree_util.tree_map_with_path(
            lambda path, leaf: jnp.zeros_like(leaf) if objective.frozen(joined(path)) else leaf, updates
        )
        return objective.update(optax.apply_updates(params, held), carried), memory, gradients, value, metrics

    memory, key, reached, losses = optimizer.init(params), jax.random.key(1), set(), []
    first = params
    for _ in range(steps):
        params, memory, gradients, value, metrics = step(params, memory, batch, key)
        losses.append(float(value))
        reached |= {name for name, leaf in names(gradients).items() if np.any(leaf)}
    assert np.isfinite(losses).all() and losses[-1] < share * losses[0], losses
    assert all(np.isfinite(leaf).all() and np.shape(leaf) == () for leaf in metrics.values()), metrics

    paths = set(names(params))
    frozen = {path for path in paths if objective.frozen(path)}
    assert frozen == {path for path in paths if re.fullmatch(FROZEN[network], path)}
    assert bool(frozen) == (FROZEN[network] != "(?!)")
    exempt = {path for path in paths if re.fullmatch(WITHOUT_GRADIENT.get(network, "(?!)"), path)}
    assert paths - reached - frozen - exempt == set()

    for path in frozen - {path for path in frozen if path.endswith(("/mean", "/var", "usage"))}:
        np.testing.assert_array_equal(names(first)[path], names(params)[path])
    exported = objective.finish(params)
    expected = names(networks.shapes(network, model))
    assert {path: leaf.shape for path, leaf in names(exported).items()} == {p: s.shape for p, s in expected.items()}
    assert all(np.asarray(leaf).dtype == np.float32 and np.isfinite(leaf).all() for leaf in names(exported).values())


def joined(path):
    return "/".join(str(part.key) for part in path)


@pytest.mark.parametrize("network", NETWORKS)
def test_batches_depend_on_the_generator_alone(network, data):
    objective = tiny_objective(network, data)
    longest = data.indices("train")[-4:]
    first, again, other = (objective.batch(longest, np.random.default_rng(seed), True) for seed in (0, 0, 1))
    assert {name: len(array) for name, array in first.items()} == dict.fromkeys(first, 4)
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
    assert any(not np.array_equal(array, other[name]) for name, array in first.items())


@pytest.mark.parametrize("network", NETWORKS)
def test_orders_keep_the_splits_apart(network, data):
    objective = tiny_objective(network, data)
    for split in ("train", "valid"):
        order = objective.order(split)
        read = np.concatenate([order.at(step) for step in range(8)])
        assert set(read.tolist()) == set(data.indices(split).tolist())
