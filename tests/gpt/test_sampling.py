import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import DecodeConfig
from indextts2_jax.gpt import sampling
from tests.gpt import plain

VOCAB = 60
START = VOCAB - 2


def logits(seed: int, beams: int = 3, vocab: int = VOCAB) -> jnp.ndarray:
    return jnp.asarray(np.random.default_rng(seed).normal(0, 2, (beams, vocab)), jnp.float32)


def spread(values, codes, vocab: int) -> np.ndarray:
    """Survivors back in the order of the vocabulary."""
    full = np.full((values.shape[0], vocab), -np.inf)
    np.put_along_axis(full, np.asarray(codes), np.asarray(values), axis=1)
    return full


def test_penalty_moves_both_signs_down_and_forbids_the_start():
    scores = jnp.array([[2.0, -2.0, 3.0, 0.0, 1.0]])
    history = jnp.array([[True, True, False, True, True]])
    processed = sampling.penalise(scores, history, 10.0, start_token=4)
    np.testing.assert_allclose(processed, [[0.2, -20.0, 3.0, 0.0, -np.inf]], rtol=1e-6)


@pytest.mark.parametrize("top_k", [0, 1, 2, 7, 30, 100])
@pytest.mark.parametrize("top_p", [0.05, 0.8, 0.99, 1.0])
@pytest.mark.parametrize("keep", [1, 2])
def test_survivors(top_k, top_p, keep):
    decode = DecodeConfig(top_k=top_k, top_p=top_p, temperature=0.7)
    scores = logits(top_k).at[:, START].set(-jnp.inf)
    found = spread(*sampling.survivors(scores, decode, keep), VOCAB)
    small = DecodeConfig(top_k=min(top_k, VOCAB), top_p=top_p, temperature=0.7)
    expected = np.stack([plain.warp(np.asarray(row, np.float64), small, keep) for row in scores])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_survivors_against_torch():
    """The processors of the reference, written with the same torch calls as theirs."""
    torch = pytest.importorskip("torch")
    scores = logits(3)
    x = torch.from_numpy(np.array(scores)) / 0.8
    x = x.masked_fill(x < torch.topk(x, 30)[0][..., -1, None], -torch.inf)
    ordered, index = torch.sort(x, descending=False)
    remove = ordered.softmax(-1).cumsum(-1) <= 1 - 0.8
    remove[..., -2:] = False
    x = x.masked_fill(remove.scatter(1, index, remove), -torch.inf)
    found = spread(*sampling.survivors(scores, DecodeConfig(), keep=2), VOCAB)
    np.testing.assert_allclose(found, x.numpy(), rtol=1e-6)


@pytest.mark.parametrize("top_p", [0.5, 0.9, 1.0])
def test_equal_scores_at_the_edge_survive(top_p):
    """Values repeat, so the k-th best has equals: all stay in top-k, and top-p drops the lower codes first."""
    scores = jnp.round(logits(4) / 2)
    decode = DecodeConfig(top_k=5, top_p=top_p, temperature=1.0)
    found = spread(*sampling.survivors(scores, decode, keep=2), VOCAB)
    expected = np.stack([plain.warp(np.asarray(row, np.float64), decode, 2) for row in scores])
    assert (np.isfinite(expected).sum(axis=1) > 5).any() or top_p < 1.0
    np.testing.assert_allclose(found, expected)


def test_single_draws_follow_the_distribution():
    scores = logits(5, beams=1)
    decode = DecodeConfig(num_beams=1, top_k=6, top_p=0.9)
    draws = 20_000

    def draw(key):
        return sampling.sample(scores, jnp.zeros(1), jax.random.gumbel(key, (VOCAB,)), decode).codes[0]

    codes = np.asarray(jax.jit(jax.vmap(draw))(jax.random.split(jax.random.key(0), draws)))
    expected = np.exp(plain.log_softmax(plain.warp(np.asarray(scores[0], np.float64), decode, 1)))
    assert (expected > 0).sum() > 2
    observed = np.bincount(codes, minlength=VOCAB) / draws
    assert not observed[expected == 0].any()
    assert np.abs(observed - expected).max() < 4 * np.sqrt(0.25 / draws)


def test_joint_draws_are_without_replacement_and_sorted():
    """The first draw follows the joint softmax; the candidates are distinct, in order, and carry their scores."""
    scores, totals = logits(6, beams=2, vocab=8), jnp.array([-0.5, -1.0])
    decode = DecodeConfig(num_beams=2, top_k=0, top_p=1.0, temperature=1.0)
    draws = 4_000

    def draw(key):
        return sampling.beam_sample(scores, totals, jax.random.gumbel(key, (16,)), decode)

    found = jax.jit(jax.vmap(draw))(jax.random.split(jax.random.key(1), draws))
    places = np.asarray(found.beams * 8 + found.codes)
    assert all(len(set(row)) == 4 for row in places)
    assert (np.diff(found.scores, axis=1) <= 0).all()
    joint = np.asarray(scores + totals[:, None], np.float64).reshape(-1)
    np.testing.assert_allclose(found.scores, joint[places], rtol=1e-5)
    p = np.exp(plain.log_softmax(joint))
    included = np.zeros(16)
    rng = np.random.default_rng(0)
    for _ in range(draws):
        included[rng.choice(16, 4, replace=False, p=p)] += 1
    observed = np.bincount(places.reshape(-1), minlength=16)
    assert np.abs(observed - included).max() / draws < 6 * np.sqrt(0.5 / draws)


def test_fillers_are_dead_and_never_stop():
    """One living beam with two survivors: of six candidates four have no probability."""
    scores = logits(7).at[:, VOCAB - 1].set(5.0)  # the stop token is the best of every beam
    decode = DecodeConfig(top_k=1, top_p=0.8)
    totals = jnp.array([0.0, -1e9, -1e9])
    noise = jax.random.gumbel(jax.random.key(2), (3 * VOCAB,))
    found = sampling.beam_sample(scores, totals, noise, decode)
    assert np.isfinite(found.scores[:2]).all()
    assert np.isneginf(found.scores[2:]).all()
    assert VOCAB - 1 in found.codes[:2].tolist()
    assert VOCAB - 1 not in found.codes[2:].tolist()


@pytest.mark.parametrize(("gap", "alive"), [(103.0, True), (105.0, False)])
def test_beams_too_far_behind_have_no_probability(gap, alive):
    """float32 probabilities end at exp(-104), subnormal numbers included."""
    scores = jnp.log(jnp.array([[0.5, 0.5], [0.5, 0.5]]))
    decode = DecodeConfig(num_beams=2, top_k=0, top_p=1.0, temperature=1.0)
    found = sampling.beam_sample(scores, jnp.array([0.0, -gap]), jnp.zeros(4), decode)
    assert np.isfinite(found.scores).tolist() == [True, True, alive, alive]


def test_beam_search_takes_the_best_of_all_beams():
    scores = logits(8)
    totals = jnp.array([0.0, -0.3, -9.0])
    found = sampling.beam_search(scores, totals)
    joint = np.asarray(scores + totals[:, None])
    best = np.argsort(-joint.reshape(-1))[:6]
    assert (found.beams * VOCAB + found.codes).tolist() == best.tolist()
    np.testing.assert_array_equal(found.scores, joint.reshape(-1)[best])


def test_replay_noise_is_counter_based():
    noise = sampling.replay_noise(11, 4, 3, 50)
    u = np.random.Generator(np.random.Philox(key=[11, 2])).random((1, 150))
    np.testing.assert_allclose(noise[2], -np.log(-np.log(u[0])), rtol=1e-6)
    np.testing.assert_array_equal(sampling.replay_noise(11, 9, 3, 50)[:4], noise)
    assert not np.array_equal(sampling.replay_noise(12, 4, 3, 50), noise)
