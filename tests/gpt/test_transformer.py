import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import GptConfig
from indextts2_jax.gpt.kv_cache import KVCache
from indextts2_jax.gpt.transformer import Transformer
from tests.conftest import assert_close

CONFIG = GptConfig(width=16, layers=2, heads=2)
MODEL = Transformer(CONFIG)


@pytest.fixture(scope="module")
def variables():
    x = jnp.zeros((1, 3, CONFIG.width))
    shapes = jax.eval_shape(MODEL.init, jax.random.key(0), x, jnp.ones((1, 3), bool))
    rng = np.random.default_rng(0)  # not the initialisation: its biases and norms are trivial
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(0, 0.3, leaf.shape), leaf.dtype), shapes)


def sequence(seed: int, batch: int, size: int) -> jnp.ndarray:
    return jnp.asarray(np.random.default_rng(seed).normal(size=(batch, size, CONFIG.width)), jnp.float32)


def everything(x):
    return jnp.ones(x.shape[:2], bool)


@jax.jit
def forward(variables, x, valid):
    return MODEL.apply(variables, x, valid)


@jax.jit
def step(variables, *arguments):
    return MODEL.apply(variables, *arguments, method="step")


def test_causal(variables):
    x = sequence(1, 2, 6)
    changed = x.at[:, 4].multiply(-1)  # adding a constant would be undone by the norms
    hidden, _ = forward(variables, x, everything(x))
    other, _ = forward(variables, changed, everything(x))
    assert_close(other[:, :4], hidden[:, :4], 1e-5)
    assert float(jnp.abs(other[:, 4:] - hidden[:, 4:]).max()) > 1e-3


def test_a_masked_gap_changes_nothing(variables):
    x = sequence(2, 1, 7)
    gap = jnp.concatenate([x[:, :3], 100 * sequence(3, 1, 2), x[:, 3:]], axis=1)
    valid = jnp.array([[True] * 3 + [False] * 2 + [True] * 4])
    hidden, _ = forward(variables, x, everything(x))
    gapped, _ = forward(variables, gap, valid)
    assert_close(gapped[:, [0, 1, 2, 5, 6, 7, 8]], hidden, 1e-5)


def test_two_norms_in_series(variables):
    x = sequence(4, 1, 3)
    doubled = {"params": {**variables["params"], "ln_f": jax.tree.map(lambda p: 2 * p, variables["params"]["ln_f"])}}
    hidden, _ = forward(variables, x, everything(x))
    other, _ = forward(doubled, x, everything(x))
    assert_close(other, hidden, 1e-4)  # the second norm takes the factor of the first one out again


def test_beams_see_their_own_history_only(variables):
    """Steps with random reorderings equal whole passes over each beam's own sequence of embeddings."""
    batch, beams, steps, prefix_size = 2, 3, 5, 4
    rng = np.random.default_rng(5)
    prefix = sequence(6, batch, prefix_size)
    valid = jnp.array([[True] * 4, [True, True, True, False]])
    _, shared = forward(variables, prefix, valid)
    slots, heads, head_dim = steps * beams, CONFIG.heads, CONFIG.width // CONFIG.heads
    generated = tuple(
        KVCache(jnp.zeros((batch * heads, head_dim, slots)), jnp.zeros((batch * heads, slots, head_dim)))
        for _ in range(CONFIG.layers)
    )
    visible = np.zeros((batch, beams, slots), bool)
    histories = [[[] for _ in range(beams)] for _ in range(batch)]
    for index in range(steps):
        parents = rng.integers(0, beams, (batch, beams))
        x = sequence(100 + index, batch * beams, 1).reshape(batch, beams, -1)
        for b in range(batch):
            visible[b] = visible[b][parents[b]]
            histories[b] = [[*histories[b][parents[b][w]], x[b, w]] for w in range(beams)]
        visible[:, np.arange(beams), index * beams + np.arange(beams)] = True
        seen = np.concatenate([np.repeat(valid[:, None], beams, 1), visible], axis=-1)
        hidden, generated = step(variables, x, shared, generated, index * beams, seen)
    for b in range(batch):
        for w in range(beams):
            whole = jnp.concatenate([prefix[b, valid[b]], jnp.stack(histories[b][w])])[None]
            expected, _ = forward(variables, whole, everything(whole))
            assert_close(hidden[b, w], expected[0, -1], 1e-5)
