"""Schedules, what decays, what Muon updates, what stays."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from indextts2_jax.training.config import OptimizerConfig
from indextts2_jax.training.optimizer import build_optimizer, clip_by_side, schedule


@pytest.mark.parametrize(
    ("kind", "fraction", "expected"),
    [  # at the steps 0, 5, 10, 35, 60, 110 and beyond
        ("linear", 0.0, [0, 1, 2, 1.5, 1, 0, 0]),
        ("linear", 0.5, [0, 1, 2, 1.75, 1.5, 1, 1]),
        ("cosine", 0.1, [0, 1, 2, 0.2 + 1.8 * (0.5 + 0.5 * np.cos(np.pi / 4)), 1.1, 0.2, 0.2]),
        ("constant", 0.0, [0, 1, 2, 2, 2, 2, 2]),
    ],
)
def test_schedule(kind, fraction, expected):
    config = OptimizerConfig(schedule=kind, warmup_steps=10, final_fraction=fraction)
    rate = schedule(config, 110, 2.0)
    np.testing.assert_allclose([rate(step) for step in (0, 5, 10, 35, 60, 110, 200)], expected, atol=1e-6)


def test_schedule_without_warm_up():
    rate = schedule(OptimizerConfig(schedule="linear", warmup_steps=0), 10, 1.0)
    np.testing.assert_allclose([rate(step) for step in (0, 5, 10)], [1.0, 0.5, 0.0], atol=1e-6)


def parameters():
    rng = np.random.default_rng(0)

    def draw(*shape):
        return jnp.asarray(rng.standard_normal(shape), jnp.float32)

    return {
        "network": {
            "wide": {"kernel": draw(32, 24), "bias": draw(24)},
            "stack": {"kernel": draw(3, 16, 20)},
            "small": {"kernel": draw(15, 32)},
            "table": {"embedding": draw(32, 32)},
            "norm": {"scale": draw(32)},
            "kept": {"kernel": draw(32, 32)},
        },
        "heads": {"out": {"kernel": draw(32, 32)}},
    }


def frozen(path):
    return path.startswith("network/kept")


def one_update(config, gradients, params):
    optimizer = build_optimizer(config, 100, frozen)
    return optimizer.update(gradients, optimizer.init(params), params)[0]


def flat(tree):
    return {"/".join(str(part.key) for part in path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


PLAIN = {"warmup_steps": 0, "schedule": "constant", "learning_rate": 0.01, "muon_rate": 0.02, "clip_norm": 1e9}


def test_muon_updates_the_matrices_of_the_network_only():
    params = parameters()
    config = OptimizerConfig(name="muon", weight_decay=0.0, **PLAIN)
    gradients = jax.tree.map(lambda leaf: leaf, params)
    left, _, right = np.linalg.svd(np.asarray(params["network"]["wide"]["kernel"]), full_matrices=False)
    uneven = np.geomspace(1.0, 100.0, 24)
    gradients["network"]["wide"]["kernel"] = jnp.asarray((left * uneven) @ right, jnp.float32)
    updates = flat(one_update(config, gradients, params))
    for name, update in updates.items():
        update = np.asarray(update)
        if name == "network/kept/kernel":
            assert not update.any()
        elif name in ("network/wide/kernel", "network/stack/kernel"):
            sizes = np.linalg.svd(update, compute_uv=False)
            assert sizes.max() / sizes.min() < 2 and 0.01 < sizes.max() < 0.06, (
                name
            )  # orthogonal, each matrix by itself
        else:
            np.testing.assert_allclose(np.abs(update), 0.01, rtol=1e-3, err_msg=name)  # Adam's first step


def test_adamw_updates_them_all_alike():
    params = parameters()
    updates = flat(one_update(OptimizerConfig(name="adamw", weight_decay=0.0, **PLAIN), params, params))
    for name, update in updates.items():
        expected = 0.0 if name == "network/kept/kernel" else 0.01
        np.testing.assert_allclose(np.abs(update), expected, rtol=1e-3, err_msg=name)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_only_kernels_decay(name):
    params = parameters()
    nothing = jax.tree.map(jnp.zeros_like, params)
    updates = flat(one_update(OptimizerConfig(name=name, weight_decay=0.1, **PLAIN), nothing, params))
    for path, before in flat(params).items():
        if not path.endswith("kernel") or frozen(path):
            assert not np.any(updates[path]), path
        else:
            muon = name == "muon" and path in ("network/wide/kernel", "network/stack/kernel")
            rate = 0.02 if muon else 0.01
            np.testing.assert_allclose(updates[path], -rate * 0.1 * np.asarray(before), rtol=1e-5, err_msg=path)


def test_long_gradients_are_clipped():
    """Of two steps with gradients 1 and 1000: unclipped, Adam's second moment would be full of the second."""
    params = {"network": {"a": {"bias": jnp.zeros(4)}}, "heads": {}}
    optimizer = build_optimizer(OptimizerConfig(**{**PLAIN, "clip_norm": 2.0}), 100, lambda path: False)
    memory = optimizer.init(params)
    steps = []
    for size in (1.0, 1000.0):  # norms 2 and 2000: alike once clipped
        gradients = jax.tree.map(lambda leaf, size=size: jnp.full_like(leaf, size), params)
        update, memory = optimizer.update(gradients, memory, params)
        steps.append(np.asarray(update["network"]["a"]["bias"]))
    np.testing.assert_allclose(steps[0], steps[1], rtol=1e-4)


def test_sides_are_clipped_apart_and_the_other_one_learns_slower():
    """A long gradient of one side does not shorten the other's; without sides all are one."""
    gradients = {"network": {"bias": jnp.full((2,), 3.0)}, "heads": {"bias": jnp.full((2,), 3000.0)}}

    def side(path):
        return "other" if path.startswith("heads/") else ""

    apart = clip_by_side(1.0, side).update(gradients, optax.EmptyState())[0]
    np.testing.assert_allclose(apart["network"]["bias"], apart["heads"]["bias"], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(apart["network"]["bias"]), 1.0, rtol=1e-6)
    for one in (clip_by_side(1.0, lambda path: ""), optax.clip_by_global_norm(1.0)):
        together = one.update(gradients, optax.EmptyState())[0]
        np.testing.assert_allclose(together["network"]["bias"], 3.0 / np.sqrt(2 * 3000.0**2 + 18), rtol=1e-6)
    short = {"network": {"bias": jnp.full((2,), 0.1)}}
    np.testing.assert_array_equal(
        clip_by_side(1.0, side).update(short, optax.EmptyState())[0]["network"]["bias"], short["network"]["bias"]
    )

    config = OptimizerConfig(**{**PLAIN, "other_rate": 0.25, "weight_decay": 0.0})
    optimizer = build_optimizer(config, 100, lambda path: False, side)
    updates, _ = optimizer.update(gradients, optimizer.init(gradients), gradients)
    np.testing.assert_allclose(updates["heads"]["bias"], 0.25 * updates["network"]["bias"], rtol=1e-4)
