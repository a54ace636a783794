"""Schedule, step, guidance, loop and noise of the flow."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.s2mel import cpu
from indextts2_jax.s2mel import flow_matching as fm
from indextts2_jax.s2mel.dit import DiT, context
from tests.s2mel import plain
from tests.s2mel.tiny import TINY, init, normal, row_lengths

STEPS = 3
FRAMES, PROMPTS, BUCKET = (11, 7), (4, 2), 16


def request(seed: int = 0):
    """(noise, prompt mel, prompt lengths, style, mu, lengths): two requests in one bucket, rubbish in the padding."""
    shapes = [(2, BUCKET, TINY.mel_bins)] * 2 + [(2, TINY.style_dim), (2, BUCKET, TINY.width)]
    noise, prompt, style, mu = (normal(seed + k, *shape) for k, shape in enumerate(shapes))
    for row, (frames, prompt_frames) in enumerate(zip(FRAMES, PROMPTS, strict=True)):
        noise[row, frames:] *= 100
        mu[row, frames:] *= 100
        prompt[row, prompt_frames:] *= 100
    return noise, prompt, row_lengths(*PROMPTS), style, mu, row_lengths(*FRAMES)


@pytest.fixture(scope="module")
def params():
    noise, prompt, _, style, mu, lengths = request()
    return init(DiT(TINY), noise, prompt, jnp.zeros((2,)), style, mu, lengths)


@functools.partial(jax.jit, static_argnames=("guidance", "dtype", "target_frames"))
def jitted_solve(params, temperature, *inputs, **settings):
    return fm.solve(params, TINY, *inputs, steps=STEPS, temperature=temperature, **settings)


def solve(params, *inputs, temperature=1.0, guidance=0.7, dtype=jnp.float32, target_frames=None):
    return jitted_solve(params, temperature, *inputs, guidance=guidance, dtype=dtype, target_frames=target_frames)


def test_schedule():
    made = fm.time_schedule(25)
    assert made.dtype == np.float32 and made.shape == (26,) and made[0] == 0 and made[-1] == 1
    np.testing.assert_allclose(made, np.arange(26) / 25, rtol=6e-8)
    np.testing.assert_array_equal(fm.time_schedule(1), [0, 1])


def test_schedule_is_torch_linspace_to_one_unit_in_the_last_place():
    torch = pytest.importorskip("torch")
    for steps in (1, 10, 25, 50):
        np.testing.assert_allclose(fm.time_schedule(steps), torch.linspace(0, 1, steps + 1).numpy(), atol=6e-8)


def test_guidance_moves_away_from_the_unconditional():
    conditional, unconditional = jnp.full((1, 2, 3), 2.0), jnp.ones((1, 2, 3))
    np.testing.assert_allclose(fm.guide(conditional, unconditional, 0.7), 2.7, rtol=1e-6)
    np.testing.assert_allclose(fm.guide(conditional, unconditional, 0.0), 2.0)


def test_euler_step():
    np.testing.assert_allclose(fm.euler_step(jnp.ones((1, 2, 3)), jnp.full((1, 2, 3), -3.0), np.float32(0.5)), -0.5)


@pytest.mark.parametrize("guidance", [0.0, 0.7])
def test_every_row_of_a_padded_batch_is_the_plain_loop(params, guidance):
    """Against one unpadded row at a time, with the zeroed inputs of guidance written out."""
    inputs = request(1)
    made = np.asarray(solve(params, *inputs, guidance=guidance))
    noise, prompt, _, style, mu, _ = inputs
    for row, (frames, prompt_frames) in enumerate(zip(FRAMES, PROMPTS, strict=True)):
        x, own = noise[row, :frames].astype(np.float64), prompt[row, :frames].copy()
        x[:prompt_frames] = 0
        own[prompt_frames:] = 0
        fixed = (style[row], mu[row, :frames])
        for k in range(STEPS):
            velocity = plain.velocity(params, TINY, x, own, k / STEPS, *fixed)
            null = plain.velocity(params, TINY, x, 0 * own, k / STEPS, *(0 * a for a in fixed))
            x = x + ((1 + guidance) * velocity - guidance * null) / STEPS
            x[:prompt_frames] = 0
        np.testing.assert_allclose(made[row, :frames], x, atol=3e-5)
        assert not made[row, frames:].any() and made[row, prompt_frames:frames].all()


@pytest.mark.parametrize("target_frames", [7, 9])
def test_the_wavenet_is_spared_the_prompts(params, target_frames):
    """Long prompts, a short one (shorter than the WaveNet sees), none; the shapes inside really are smaller."""
    prompts, frames, size = (20, 3, 23, 0), (27, 9, 28, 5), 32
    shapes = [(4, size, TINY.mel_bins)] * 2 + [(4, TINY.style_dim), (4, size, TINY.width)]
    noise, prompt, style, mu = (normal(k, *shape) for k, shape in enumerate(shapes))
    inputs = noise, prompt, row_lengths(*prompts), style, mu, row_lengths(*frames)
    whole, part = solve(params, *inputs), solve(params, *inputs, target_frames=target_frames)
    assert np.abs(whole).max() > 1
    np.testing.assert_allclose(part, whole, atol=2e-5)
    text = str(jax.make_jaxpr(lambda *a: fm.solve(params, TINY, *a, steps=1, guidance=0.7, target_frames=7))(*inputs))
    assert f"[8,{7 + context(TINY) + 4},{TINY.width}]" in text  # what the convolutions read, padded by two and two


def test_without_guidance_the_batch_is_not_doubled(params):
    def flops(guidance: float) -> float:
        lowered = jitted_solve.lower(params, 1.0, *request(), guidance=guidance, dtype=jnp.float32)
        return lowered.cost_analysis()["flops"]

    assert flops(0.0) < 0.6 * flops(0.7)


def products(jaxpr) -> int:
    """Matrix products, those inside scans apart (the scanned blocks and layers)."""
    total = 0
    for equation in jaxpr.eqns:
        total += equation.primitive.name == "dot_general"
        if equation.primitive.name != "scan":
            inner = [getattr(value, "jaxpr", value) for value in equation.params.values()]
            total += sum(products(value) for value in inner if hasattr(value, "eqns"))
    return total


def test_what_no_step_changes_is_computed_outside_the_loop(params):
    """No time MLP, no projection of mu and no modulation among the matrix products of a step."""
    jaxpr = jax.make_jaxpr(lambda *a: fm.solve(params, TINY, *a, steps=STEPS, guidance=0.7))(*request())
    (loop,) = [e for e in jaxpr.eqns if e.primitive.name == "scan" and e.params["length"] == STEPS]
    # merge; qkv, scores, mix, out, gate, up, down of the middle block; skip_merge; wavenet_in, last layer; residual,
    # final, out; and the points of the last layer's convolution, or its taps
    assert products(loop.params["jaxpr"].jaxpr) == 14 + (cpu.SIZE if cpu.short_wavenet(TINY, jnp.float32) else 5)
    # conditions of both rows (cond_proj, three parts of merge); two MLPs; attention, ffn, norm, wavenet, final
    assert products(jaxpr.jaxpr) == 2 * 4 + 2 * 2 + 5


def test_temperature_scales_the_noise(params):
    noise, *rest = request(2)
    cool = solve(params, noise, *rest, temperature=0.5)
    np.testing.assert_allclose(cool, solve(params, 0.5 * noise, *rest), atol=1e-5)
    assert np.abs(solve(params, noise, *rest) - cool).max() > 1e-3


def test_bfloat16_integrates_in_float32(params):
    rough, exact = solve(params, *request(3), dtype=jnp.bfloat16), solve(params, *request(3))
    assert rough.dtype == jnp.float32
    assert 0 < np.abs(rough - exact).max() < 0.1 * np.abs(exact).max()


@pytest.mark.parametrize("frames", [1, 5, 33])
def test_noise_does_not_depend_on_the_bucket(frames):
    key = jax.random.key(3)
    long = fm.sample_noise(key, 64, 80)
    np.testing.assert_array_equal(fm.sample_noise(key, frames, 80), long[:frames])
    jitted = jax.jit(fm.sample_noise, static_argnums=(1, 2))(key, 48, 80)
    np.testing.assert_array_equal(jitted, long[:48])


def test_noise_is_standard_normal_and_differs_by_key():
    noise = np.asarray(fm.sample_noise(jax.random.key(0), 1000, 80))
    assert noise.shape == (1000, 80) and noise.dtype == np.float32
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02
    assert (noise != np.asarray(fm.sample_noise(jax.random.key(1), 1000, 80))).mean() > 0.99
