"""The network and its greedy generation against transformers, through the real table; buckets and padding."""

import functools
import math

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.checkpoint import networks
from indextts2_jax.config import ModelConfig, QwenConfig
from indextts2_jax.emotion_text import greedy
from indextts2_jax.emotion_text.qwen import Qwen, empty_cache
from tests.conftest import assert_close
from tests.emotion_text.tiny import RANDOM, converted, random_tensors

LENGTHS = np.array([24, 17, 1], np.int32)
IDS = np.random.default_rng(1).integers(0, RANDOM.vocab_size, (3, 24)).astype(np.int32)
LIMIT = 140  # more than a bucket


@functools.cache
def params() -> dict:
    return converted(RANDOM, random_tensors())


@functools.cache
def official():
    """`Qwen3ForCausalLM` with the same weights."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers", minversion="4.51")
    config = transformers.Qwen3Config(
        vocab_size=RANDOM.vocab_size,
        hidden_size=RANDOM.width,
        intermediate_size=RANDOM.ffn_dim,
        num_hidden_layers=RANDOM.layers,
        num_attention_heads=RANDOM.heads,
        num_key_value_heads=RANDOM.key_heads,
        head_dim=RANDOM.head_dim,
        rms_norm_eps=RANDOM.norm_epsilon,
        rope_theta=RANDOM.rope_theta,
        tie_word_embeddings=True,
        attn_implementation="eager",
    )
    model = transformers.Qwen3ForCausalLM(config).eval()
    state = {name: torch.from_numpy(array) for name, array in random_tensors().items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}  # tied to the table
    return model


def ours(ids: np.ndarray, slots: int) -> np.ndarray:
    """Logits [B, L, V]."""
    module, start = Qwen(RANDOM), jnp.zeros(len(ids), jnp.int32)

    def apply(ids):
        variables = {"params": params()}
        hidden, _ = module.apply(variables, ids, start, empty_cache(RANDOM, len(ids), slots))
        return module.apply(variables, hidden, method="logits")

    return np.asarray(jax.jit(apply)(ids))


def test_logits_equal_those_of_transformers():
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        reference = official()(torch.from_numpy(IDS).long()).logits.numpy()
    assert_close(ours(IDS, 40), reference, 1e-5)


def test_what_is_padded_changes_nothing():
    whole = ours(IDS, 24)
    other = IDS.copy()
    for row, length in enumerate(LENGTHS):
        other[row, length:] = 5
    padded = ours(np.pad(other, ((0, 0), (0, 8)), constant_values=3), 64)
    for row, length in enumerate(LENGTHS):
        assert_close(padded[row, :length], whole[row, :length], 1e-6)


def generate(ids: np.ndarray, lengths: np.ndarray, limit: int = LIMIT) -> greedy.Answers:
    return greedy.generate(params(), RANDOM, ids, lengths, limit)


def test_greedy_generation_equals_that_of_transformers():
    """With padding on the left there and on the right here."""
    torch = pytest.importorskip("torch")
    left, mask = np.zeros_like(IDS), np.zeros_like(IDS)
    for row, length in enumerate(LENGTHS):
        left[row, 24 - length :], mask[row, 24 - length :] = IDS[row, :length], 1
    with torch.no_grad():
        reference = (
            official()
            .generate(
                torch.from_numpy(left).long(),
                attention_mask=torch.from_numpy(mask).long(),
                max_new_tokens=LIMIT,
                do_sample=False,
                eos_token_id=list(RANDOM.stop_tokens),
                pad_token_id=RANDOM.stop_tokens[0],
            )[:, 24:]
            .numpy()
        )
    found = generate(IDS, LENGTHS)
    for row in range(3):
        length = found.lengths[row]
        np.testing.assert_array_equal(found.tokens[row, :length], reference[row, :length])
        assert found.stopped[row] == (length < LIMIT)
        assert not found.stopped[row] or reference[row, length] in RANDOM.stop_tokens


def test_neither_batch_nor_bucket_changes_an_answer(monkeypatch):
    together = generate(IDS, LENGTHS)
    assert together.stopped.any() and together.lengths.max() > 20, "the random network was expected to say more"
    monkeypatch.setattr(greedy, "BUCKETS", (6, 30))
    for row, length in enumerate(LENGTHS):
        prompt = np.pad(IDS[row : row + 1, :length], ((0, 0), (0, 33 - length)), constant_values=5)
        alone = generate(prompt, LENGTHS[row : row + 1])
        assert (alone.lengths[0], alone.stopped[0]) == (together.lengths[row], together.stopped[row])
        size = alone.lengths[0]
        np.testing.assert_array_equal(alone.tokens[0, :size], together.tokens[row, :size])


def test_the_limit_cuts():
    found = generate(IDS, LENGTHS, limit=3)
    np.testing.assert_array_equal(found.lengths, np.minimum(generate(IDS, LENGTHS).lengths, 3))


def test_bfloat16_computes_in_bfloat16():
    narrow = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.bfloat16), params())
    state = jax.eval_shape(functools.partial(greedy._begin, RANDOM, 8), narrow, IDS, LENGTHS)
    assert {m.keys.dtype for m in state.memory} == {jnp.dtype(jnp.bfloat16)}


def test_it_lowers_for_cuda_too():
    begin = functools.partial(greedy._begin, RANDOM, 8)
    state = jax.eval_shape(begin, params(), IDS, LENGTHS)
    for function, inputs in ((begin, (IDS, LENGTHS)), (functools.partial(greedy._run, RANDOM), (LENGTHS, state))):
        exported = jax.export.export(jax.jit(function), platforms=["cpu", "cuda"])(params(), *inputs)
        assert set(exported.platforms) == {"cpu", "cuda"}


def test_the_published_size():
    """Qwen3-0.6B: 596,049,920 parameters, which make the published file in bfloat16; nothing is computed."""
    config = QwenConfig()
    shapes = networks.shapes("qwen", ModelConfig(qwen=config))
    assert sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes)) == 596_049_920
    ids, lengths = jax.ShapeDtypeStruct((1, 64), jnp.int32), jax.ShapeDtypeStruct((1,), jnp.int32)
    state = jax.eval_shape(functools.partial(greedy._begin, config, 128), shapes, ids, lengths)
    assert state.tokens.shape == (1, 128) and len(state.memory) == 28
    assert state.memory[0].keys.shape == (1, 8, 128, 192) and state.memory[0].values.shape == (1, 8, 192, 128)
    after = jax.eval_shape(functools.partial(greedy._run, config), shapes, lengths, state)
    assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, state)
