"""However attention is computed, it is the same attention."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.nn import attention as module
from indextts2_jax.nn.attention import attention


def inputs(dtype=np.float32):
    rng = np.random.default_rng(0)
    query, key, value = (rng.standard_normal((2, size, 3, 8)).astype(np.float32) for size in (13, 17, 17))
    return [jnp.asarray(x, dtype) for x in (query, key, value)]


def masks():
    rng = np.random.default_rng(1)
    for shape in ((2, 1, 1, 17), (2, 1, 13, 17), (2, 3, 13, 17)):
        mask = rng.random(shape) < 0.7
        mask[..., 0] = True
        yield jnp.asarray(mask)


def spelled_out(query, key, value, mask, bias, scale):
    scores = np.einsum("bthk,bshk->bhts", *(np.asarray(x, np.float64) for x in (query, key)))
    scores = (scores + (0 if bias is None else np.asarray(bias))) * scale
    weights = np.exp(scores - scores.max(-1, keepdims=True)) * (1 if mask is None else np.asarray(mask))
    return np.einsum("bhts,bshk->bthk", weights / weights.sum(-1, keepdims=True), np.asarray(value, np.float64))


@pytest.mark.parametrize("many", [2**22, 0], ids=["plain", "blocks"])
def test_attention(many, monkeypatch):
    """Blocks of five queries do not divide thirteen."""
    monkeypatch.setattr(module, "MANY", many)
    monkeypatch.setattr(module, "BLOCK", 5 * 17)
    rng = np.random.default_rng(2)
    for mask in (None, *masks()):
        for bias in (None, jnp.asarray(rng.standard_normal((1, 3, 13, 17)), jnp.float32)):
            made = attention(*inputs(), mask=mask, bias=bias, scale=0.3)
            np.testing.assert_allclose(made, spelled_out(*inputs(), mask, bias, 0.3), atol=1e-5)


def test_blocks_have_the_same_gradient(monkeypatch):
    mask = next(masks())

    def gradient(many):
        monkeypatch.setattr(module, "MANY", many)
        return jax.grad(lambda *a: jnp.sum(attention(*a, mask=mask, scale=0.3) ** 2), argnums=(0, 1, 2))(*inputs())

    monkeypatch.setattr(module, "BLOCK", 5 * 17)
    for plain, blocks in zip(gradient(2**22), gradient(0), strict=True):
        np.testing.assert_allclose(blocks, plain, atol=1e-5)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="blocks are for CPUs")
def test_blocks_keep_the_scores_small(monkeypatch):
    """No array of all scores is made, nor of all of one head."""
    monkeypatch.setattr(module, "BLOCK", 64 * 1024)
    query, key, value = (jax.ShapeDtypeStruct((2, 1024, 8, 16), jnp.float32) for _ in range(3))
    text = str(jax.make_jaxpr(lambda *a: attention(*a, scale=1.0))(query, key, value))
    assert "[64,1024]" in text and "1024,1024]" not in text


def test_the_fused_kernel_gets_a_whole_mask(monkeypatch):
    """cuDNN refuses one that is to be broadcast over the queries; `benchmarks.gpu_compile` found that."""
    rng, seen, honest = np.random.default_rng(3), [], jax.nn.dot_product_attention
    query, key, value = (jnp.asarray(rng.standard_normal((2, 16, 3, 64)), jnp.bfloat16) for _ in range(3))

    def fused(*arrays, mask, scale, implementation):
        seen.append((mask.shape, implementation))
        return honest(*arrays, mask=mask, scale=scale, implementation="xla")

    for shape in ((2, 1, 1, 16), (2, 1, 16, 16)):
        mask = jnp.broadcast_to(jnp.asarray(np.arange(16) < 11), shape)
        expected = attention(query, key, value, mask=mask, scale=0.125)
        with monkeypatch.context() as patched:
            patched.setattr(jax, "default_backend", lambda: "gpu")
            patched.setattr(jax.nn, "dot_product_attention", fused)
            made = attention(query, key, value, mask=mask, scale=0.125)
        np.testing.assert_allclose(np.asarray(made, np.float32), np.asarray(expected, np.float32), atol=2e-2)
    assert seen == [((2, 1, 16, 16), "cudnn")] * 2


@pytest.mark.gpu
def test_the_fused_kernel_is_the_same_attention():
    rng = np.random.default_rng(3)
    query, key, value = (jnp.asarray(rng.standard_normal((2, 128, 8, 64)), jnp.bfloat16) for _ in range(3))
    mask = np.arange(128)[None, None, None, :] < np.array([128, 77])[:, None, None, None]
    made = attention(query, key, value, mask=jnp.asarray(mask), scale=0.125)
    np.testing.assert_allclose(
        np.asarray(made, np.float32), spelled_out(query, key, value, mask, None, 0.125), atol=3e-2
    )
