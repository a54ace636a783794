import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import GptConfig, LanguagesConfig
from indextts2_jax.gpt.kv_cache import KVCache
from indextts2_jax.gpt.speech_lm import SpeechLM, language_of, without_markers
from tests.conftest import assert_close

CONFIG = GptConfig(
    width=16, layers=2, heads=2, text_vocab=20, code_vocab=12, max_text_tokens=12, max_mel_tokens=9,
    start_mel_token=10, stop_mel_token=11,
)  # fmt: skip
MODEL = SpeechLM(CONFIG)


def expected_shapes(config: GptConfig, rows: int = 34) -> dict:
    ids, lengths = jnp.zeros((1, 8), jnp.int32), jnp.array([8])
    conds = jnp.zeros((1, rows, config.width))
    return jax.eval_shape(SpeechLM(config).init, jax.random.key(0), conds, ids, lengths, ids, lengths)["params"]


@pytest.fixture(scope="module")
def variables():
    rng = np.random.default_rng(0)
    draw = lambda leaf: jnp.asarray(rng.normal(0, 0.3, leaf.shape), leaf.dtype)  # noqa: E731
    return {"params": jax.tree.map(draw, expected_shapes(CONFIG))}


def inputs(batch: int = 2, text: int = 6, codes: int = 5, rows: int = 3):
    rng = np.random.default_rng(1)
    return (
        jnp.asarray(rng.normal(size=(batch, rows, CONFIG.width)), jnp.float32),
        jnp.asarray(rng.integers(0, CONFIG.text_vocab, (batch, text)), jnp.int32),
        jnp.asarray(rng.integers(0, 10, (batch, codes)), jnp.int32),
    )


@functools.partial(jax.jit, static_argnames="method")
def run(variables, *arguments, method="__call__"):
    return MODEL.apply(variables, *arguments, method=method)


@jax.jit
def backbone(variables, rows):
    """Rows of embeddings without a gap -> hidden states and scores."""

    def inside(module):
        hidden, _ = module.transformer(rows, jnp.ones(rows.shape[:2], bool))
        return hidden, module.logits(hidden)

    return MODEL.apply(variables, method=inside)


def table(variables, name: str) -> np.ndarray:
    return np.asarray(variables["params"][name]["embedding"])


def test_without_markers_keeps_the_order():
    ids = jnp.array([[5, 1, 7, 0, 9, 3], [0, 0, 1, 4, 4, 4], [8, 9, 8, 9, 8, 9]])
    kept, lengths = without_markers(CONFIG, ids, jnp.array([6, 3, 5]))
    assert lengths.tolist() == [4, 0, 5]
    assert kept[0, :4].tolist() == [5, 7, 9, 3]
    assert kept[2, :5].tolist() == [8, 9, 8, 9, 8]


def test_prefix_of_text_with_markers_inside(variables):
    conds, _, _ = inputs(batch=1)
    ids = jnp.array([[5, 1, 7, 0, 9, 13]])  # the last one is padding
    prefix, lengths = run(variables, conds, ids, jnp.array([5]), method="prefix")
    words = [CONFIG.start_text_token, 5, 7, 9, CONFIG.stop_text_token]
    rows = table(variables, "text_embedding")[words] + table(variables, "text_position")[: len(words)]
    assert lengths.tolist() == [3 + 5]
    assert_close(prefix[:, :8], np.concatenate([conds, rows[None]], axis=1), 0)
    clean, clean_lengths = run(variables, conds, jnp.array([[5, 7, 9]]), jnp.array([3]), method="prefix")
    assert_close(prefix[:, :8], clean, 0)
    assert clean_lengths.tolist() == lengths.tolist()


def test_latents_of_one_sequence_spelled_out(variables):
    conds, _, codes = inputs(batch=1)
    ids = jnp.array([[5, 1, 7]])  # markers inside stay here
    latents = run(variables, conds, ids, jnp.array([3]), codes, jnp.array([5]))
    text = table(variables, "text_embedding")[[0, 5, 1, 7, 1]] + table(variables, "text_position")[:5]
    speech = [CONFIG.start_mel_token, *codes[0].tolist(), CONFIG.stop_mel_token]
    rows = table(variables, "code_embedding")[speech] + table(variables, "code_position")[: len(speech)]
    whole = jnp.concatenate([conds, text[None], rows[None]], axis=1)
    assert_close(latents, backbone(variables, whole)[0][:, 8:13], 1e-5)


@pytest.mark.parametrize(("text_room", "code_room"), [(0, 3), (4, 0), (9, 20)])
def test_latents_do_not_depend_on_padding(variables, text_room, code_room):
    conds, ids, codes = inputs()
    text_lengths, code_lengths = jnp.array([6, 4]), jnp.array([3, 5])
    garbage = np.random.default_rng(2)
    more_ids = jnp.asarray(np.concatenate([ids, garbage.integers(0, 20, (2, text_room))], axis=1))
    more_codes = jnp.asarray(np.concatenate([codes, garbage.integers(0, 12, (2, code_room))], axis=1))
    padded = run(variables, conds, more_ids, text_lengths, more_codes, code_lengths)
    assert padded.shape == (2, 5 + code_room, CONFIG.width)
    for b, (text, count) in enumerate([(6, 3), (4, 5)]):
        one = (conds[b : b + 1], ids[b : b + 1, :text], jnp.array([text]), codes[b : b + 1, :count])
        alone = run(variables, *one, jnp.array([count]))
        assert_close(padded[b, :count], alone[0], 1e-5)
        assert not np.asarray(padded[b, count:]).any()


def steps_with(variables, codes: list[int]) -> np.ndarray:
    """Scores after the start token and after each code, one request and one beam."""
    conds, ids, _ = inputs(batch=1)
    prefix, lengths = run(variables, conds, ids, jnp.array([4]), method="prefix")
    cache, logits = run(variables, prefix, lengths, method="prefill")
    scores = [logits]
    slots = len(codes)
    generated = tuple(KVCache(jnp.zeros((2, 8, slots)), jnp.zeros((2, slots, 8))) for _ in cache.layers)
    for index, code in enumerate(codes):
        visible = (jnp.arange(slots) <= index)[None, None]
        logits, generated = run(
            variables, jnp.array([[code]]), jnp.array(index), cache, generated, visible, index, method="step"
        )
        scores.append(logits[:, 0])
    return np.concatenate(scores)


def test_generation_skips_code_position_1(variables):
    """Start at row 0, first code at row 2, second at row 3: spelled out without a cache."""
    codes = [4, 7, 2]
    conds, ids, _ = inputs(batch=1)
    prefix, lengths = run(variables, conds, ids, jnp.array([4]), method="prefix")
    rows = table(variables, "code_embedding")[[CONFIG.start_mel_token, *codes]]
    rows = rows + table(variables, "code_position")[[0, 2, 3, 4]]
    whole = jnp.concatenate([prefix[:, : int(lengths[0])], rows[None]], axis=1)
    assert_close(steps_with(variables, codes), backbone(variables, whole)[1][0, -4:], 1e-5)


def test_parameters_may_be_bfloat16(variables):
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), variables)
    conds, ids, codes = inputs()
    arguments = (conds, ids, jnp.array([6, 4]), codes, jnp.array([5, 3]))
    latents = SpeechLM(CONFIG, jnp.bfloat16, jnp.bfloat16).apply(half, *arguments)
    assert latents.dtype == jnp.bfloat16
    assert_close(latents.astype(jnp.float32), run(variables, *arguments), 0.1)


# --- languages ------------------------------------------------------------------------------------------------

LANGUAGES = LanguagesConfig(rows=6, tokens=4, first_token=14, common=5)
MULTILINGUAL = dataclasses.replace(CONFIG, languages=LANGUAGES)


def test_the_first_token_says_the_language():
    first = jnp.array([13, 14, 17, 18, 0])
    assert language_of(LANGUAGES, first).tolist() == [5, 0, 3, 5, 5]


def test_a_language_is_added_to_every_row_of_the_text_and_to_no_other(variables):
    table = jnp.arange(6 * 16, dtype=jnp.float32).reshape(6, 16) + 1
    params = {**variables["params"], "language_embedding": {"embedding": table}}
    conds, ids, _ = inputs()
    ids = ids.at[:, 0].set(jnp.array([15, 13]))
    lengths = jnp.array([6, 4])
    plain, _ = MODEL.apply(variables, conds, ids, lengths, method="prefix")
    made, count = SpeechLM(MULTILINGUAL).apply({"params": params}, conds, ids, lengths, method="prefix")
    np.testing.assert_array_equal(made[:, :3], conds)
    for row, language in enumerate((1, 5)):
        added = made[row, 3 : int(count[row])] - plain[row, 3 : int(count[row])]
        np.testing.assert_allclose(added, np.broadcast_to(table[language], added.shape), rtol=1e-5)


def test_marks_can_be_kept():
    ids, lengths = jnp.array([[5, 0, 1, 7]]), jnp.array([4])
    for keep, expected in ((False, [5, 7]), (True, [5, 0, 7])):
        kept, count = without_markers(CONFIG, ids, lengths, keep)
        assert kept[0, : int(count[0])].tolist() == expected
