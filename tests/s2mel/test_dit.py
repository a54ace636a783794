"""DiT: against plain loops, its skips, rotary tables, padding, and the split into once and every step."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.checkpoint import networks
from indextts2_jax.config import ModelConfig
from indextts2_jax.s2mel import dit
from indextts2_jax.s2mel.dit import DiT
from tests.s2mel import plain
from tests.s2mel.tiny import TINY, init, normal, row_lengths


def inputs(seed: int, batch: int, frames: int):
    shapes = [(batch, frames, TINY.mel_bins)] * 2 + [(batch, TINY.style_dim), (batch, frames, TINY.width)]
    x, prompt, style, mu = (normal(seed + k, *shape) for k, shape in enumerate(shapes))
    return x, prompt, np.linspace(0.1, 0.7, batch, dtype=np.float32), style, mu


@pytest.fixture(scope="module")
def params():
    return init(DiT(TINY), *inputs(0, 1, 8), row_lengths(8))


def apply(params, *args, config=TINY, **kwargs):
    return np.asarray(jax.jit(lambda p, *a: DiT(config).apply({"params": p}, *a, **kwargs))(params, *args))


@pytest.mark.parametrize("depth", [3, 6, 13])
def test_every_row_of_a_padded_batch_is_the_plain_loop(depth):
    """Blocks, skips (last in, first out), modulation, attention over valid frames only."""
    config, frames, bucket = dataclasses.replace(TINY, depth=depth), (13, 6), 16
    args = inputs(5, 2, bucket)
    params = init(DiT(config), *args, row_lengths(*frames))
    for array in args[:2] + args[4:]:
        array[0, 13:] *= 100
    together = apply(params, *args, row_lengths(*frames), config=config)
    assert together.shape == (2, bucket, TINY.mel_bins) and np.isfinite(together).all()
    for row, n in enumerate(frames):
        x, prompt, mu = (args[k][row, :n] for k in (0, 1, 4))
        expected = plain.velocity(params, config, x, prompt, args[2][row], args[3][row], mu)
        np.testing.assert_allclose(together[row, :n], expected, atol=3e-5)


def test_one_time_for_all_rows_equals_a_time_for_every_row(params):
    x, prompt, _, style, mu = map(jnp.asarray, inputs(6, 2, 9))
    lengths, t = row_lengths(9, 9), jnp.asarray([0.4])

    def shared(module, *args):
        return module.velocity(x, module.conditions(prompt, style, mu), module.modulation(t), lengths)

    np.testing.assert_allclose(
        apply(params, method=shared), apply(params, x, prompt, jnp.repeat(t, 2), style, mu, lengths), atol=1e-5
    )


def test_unconditional_input_is_one_constant_frame_but_not_zero(params):
    _, prompt, _, style, mu = (0 * a for a in inputs(7, 1, 5))
    made = apply(params, prompt, style, mu, method="conditions")
    np.testing.assert_allclose(made, np.broadcast_to(made[:, :1], made.shape), atol=1e-7)
    assert np.abs(made).max() > 0.01


def test_rope_turns_interleaved_pairs_and_sees_distances_only():
    table = dit.rope_table(50, 8)
    assert table.dtype == np.float32 and table.shape == (50, 4, 2)
    query, key = (np.broadcast_to(normal(seed, 1, 1, 2, 8), (1, 50, 2, 8)) for seed in (0, 1))
    q, k = (np.asarray(dit.rotate(jnp.asarray(a), jnp.asarray(table))) for a in (query, key))
    scores = np.einsum("BTHK,BSHK->BHTS", q, k)
    np.testing.assert_allclose(scores[..., 1:, 1:], scores[..., :-1, :-1], atol=1e-4)
    turned = (query[0, 1, 0, 0] + 1j * query[0, 1, 0, 1]) * np.exp(1j)
    np.testing.assert_allclose(q[0, 1, 0, :2], [turned.real, turned.imag], atol=1e-6)


def test_rope_table_is_torch_polar():
    torch = pytest.importorskip("torch")
    frequencies = 1.0 / (10000 ** (torch.arange(0, 64, 2).float() / 64))
    angle = torch.outer(torch.arange(2000), frequencies)
    reference = torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1).numpy()
    np.testing.assert_allclose(dit.rope_table(2000, 64), reference, atol=2e-7)


@pytest.mark.parametrize(("width", "hidden"), [(512, 1536), (16, 256), (384, 1024), (768, 2048)])
def test_ffn_width(width, hidden):
    assert dit.ffn_width(width) == hidden


def test_published_shapes():
    shapes = networks.shapes("s2mel", ModelConfig())["dit"]
    assert shapes["down"]["qkv"]["kernel"].shape == (6, 512, 1536)
    assert shapes["up"]["skip"]["kernel"].shape == (6, 1024, 512)
    assert "skip" not in shapes["middle"] and "skip" not in shapes["down"]
    assert shapes["time"]["attention"]["kernel"].shape == (13, 512, 1024)
    assert shapes["wavenet"]["layers"]["conv"]["kernel"].shape == (7, 5, 512, 1024)
