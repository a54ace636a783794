import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import DecodeConfig, GptConfig
from indextts2_jax.errors import ConfigError, TextError
from indextts2_jax.gpt import decode as decoding
from indextts2_jax.gpt import kv_cache as slots_of_memory
from indextts2_jax.gpt.speech_lm import SpeechLM
from tests.gpt import plain

CONFIG = GptConfig(
    width=16, layers=2, heads=2, text_vocab=20, code_vocab=30, max_text_tokens=10, max_mel_tokens=40,
    start_mel_token=28, stop_mel_token=29,
)  # fmt: skip
MODEL = SpeechLM(CONFIG)
BATCH, LIMIT = 6, 14
STOP_BIASES = (-2.0, -1.0, 0.3, 2.0)
MODES = {
    "published": DecodeConfig(),
    "greedy": DecodeConfig(do_sample=False, num_beams=1, repetition_penalty=1.5),
    "sampling": DecodeConfig(num_beams=1, top_k=8, repetition_penalty=2.0),
    "beam search": DecodeConfig(do_sample=False, repetition_penalty=3.0),
    "beam search, longer is better": DecodeConfig(
        do_sample=False, num_beams=4, length_penalty=0.6, repetition_penalty=1.2
    ),
    "beam sampling, whole vocabulary": DecodeConfig(num_beams=2, top_k=0, top_p=0.95, length_penalty=-0.7),
    "beam sampling, hardly a choice": DecodeConfig(num_beams=5, top_k=1, top_p=0.3, temperature=0.3),
}


@pytest.fixture(scope="module")
def params():
    """Random weights with a steep head; `eager` makes them stop."""
    ids, lengths = jnp.zeros((1, 4), jnp.int32), jnp.array([4])
    init = lambda: MODEL.init(jax.random.key(0), jnp.zeros((1, 3, 16)), ids, lengths, ids, lengths)  # noqa: E731
    rng = np.random.default_rng(0)
    drawn = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(0, 0.4, leaf.shape), jnp.float32), jax.eval_shape(init))
    drawn["params"]["code_head"]["kernel"] *= 3
    return eager(drawn["params"], 3.0)


def eager(params, bias: float):
    """The same network with a higher score of the stop token."""
    head = params["code_head"]
    return {**params, "code_head": {**head, "bias": head["bias"].at[CONFIG.stop_mel_token].add(bias)}}


@pytest.fixture(scope="module")
def requests():
    """Conditioning, text of several lengths (markers inside), and its lengths."""
    rng = np.random.default_rng(1)
    conds = jnp.asarray(rng.normal(size=(BATCH, 3, 16)), jnp.float32)
    return conds, jnp.asarray(rng.integers(0, 20, (BATCH, 7))), jnp.asarray(rng.integers(2, 8, BATCH))


def first_slots(monkeypatch, size: int) -> None:
    monkeypatch.setattr(slots_of_memory, "FIRST_SLOTS", {"one beam": size, "beams": size})


@pytest.fixture(autouse=True)
def few_slots(monkeypatch):
    """Enough for all steps of these tests, and quick."""
    first_slots(monkeypatch, 5 * LIMIT)


@pytest.fixture(autouse=True, scope="module")
def quick_compilation():
    """Some thirty programs are compiled here and each runs for milliseconds."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def limited(name: str) -> DecodeConfig:
    return dataclasses.replace(MODES[name], max_mel_tokens=LIMIT)


def keys_of(seed: int) -> jax.Array:
    return jax.random.split(jax.random.key(seed), BATCH)


def gumbels(keys: jax.Array, decode: DecodeConfig) -> jax.Array:
    """The numbers that the decoder draws: [B T WV]."""

    def numbers(key, step):
        return jax.random.gumbel(jax.random.fold_in(key, step), (decode.num_beams * CONFIG.code_vocab,))

    return jax.vmap(lambda key: jax.vmap(lambda step: numbers(key, step))(jnp.arange(LIMIT)))(keys)


def spoken(result: decoding.SpeechCodes) -> list[list[int]]:
    return [row[:length].tolist() for row, length in zip(result.codes, result.lengths, strict=True)]


@jax.jit
def whole_pass(params, prefix, prefix_lengths, codes):
    """Scores after each of several whole code histories [n S] of one request, without a cache."""

    def inside(module):
        rows = module.code_embedding(jnp.pad(codes, ((0, 0), (1, 0)), constant_values=CONFIG.start_mel_token))
        rows += module.code_position(jnp.array([0, *range(2, codes.shape[1] + 2)]))[None]
        shared = jnp.broadcast_to(prefix, (len(codes), *prefix.shape[1:]))
        valid = jnp.arange(prefix.shape[1]) < prefix_lengths
        valid = jnp.concatenate([valid, jnp.ones(rows.shape[1], bool)])
        hidden, _ = module.transformer(jnp.concatenate([shared, rows], axis=1), jnp.tile(valid, (len(codes), 1)))
        return module.logits(hidden[:, prefix.shape[1] :])

    return MODEL.apply({"params": params}, method=inside)


def language_model(params, requests, b: int):
    """`plain`'s view of the same network: code histories -> scores of the next code."""
    conds, ids, lengths = (column[b : b + 1] for column in requests)
    prefix, prefix_lengths = MODEL.apply({"params": params}, conds, ids, lengths, method="prefix")

    def next_scores(histories):
        padded = np.zeros((len(histories), LIMIT), np.int32)
        for row, codes in zip(padded, histories, strict=True):
            row[: len(codes)] = codes
        scores = np.asarray(whole_pass(params, prefix, prefix_lengths, padded), np.float64)
        return [scores[i, len(codes)] for i, codes in enumerate(histories)]

    return next_scores


@pytest.mark.parametrize("name", MODES)
def test_equals_decoding_spelled_out(params, requests, name):
    decode = limited(name)
    for seed, bias in enumerate(STOP_BIASES):
        keys, inclined = keys_of(seed), eager(params, bias)
        result = decoding.generate(inclined, CONFIG, decode, *requests, keys=keys)
        noise = np.asarray(gumbels(keys, decode))
        for b, codes in enumerate(spoken(result)):
            next_scores = language_model(inclined, requests, b)
            expected, stopped = plain.generate(next_scores, decode, noise[b], 28, 29)
            assert (codes, bool(result.stopped[b])) == (expected, stopped), f"request {b}, seed {seed}"
            assert (result.codes[np.arange(result.codes.shape[1]) >= result.lengths[:, None]] == 29).all()


def test_both_ends_are_covered(params, requests):
    """Over these biases some requests stop by themselves and others are cut."""
    for name in ("greedy", "published"):
        found = [
            decoding.generate(eager(params, bias), CONFIG, limited(name), *requests, keys=keys_of(0))
            for bias in STOP_BIASES
        ]
        lengths = np.concatenate([result.lengths for result in found])
        stopped = np.concatenate([result.stopped for result in found])
        assert 0 < stopped.sum() < len(stopped)
        assert len(set(lengths.tolist())) > 3


def test_replayed_noise(params, requests):
    """The numbers of a run, given as an array, give the run again; later steps than needed may be there."""
    decode, keys = limited("sampling"), keys_of(7)
    drawn = decoding.generate(params, CONFIG, decode, *requests, keys=keys)
    noise = jnp.pad(gumbels(keys, decode), ((0, 0), (0, 3), (0, 0)))
    assert spoken(decoding.generate(params, CONFIG, decode, *requests, noise=noise)) == spoken(drawn)


@pytest.mark.parametrize("name", ["published", "sampling"])
def test_requests_do_not_see_each_other(params, requests, name):
    decode, keys = limited(name), keys_of(3)
    together = decoding.generate(params, CONFIG, decode, *requests, keys=keys)
    alone = []
    for b in range(3):
        conds, ids, lengths = (column[b : b + 1] for column in requests)
        result = decoding.generate(params, CONFIG, decode, conds, ids, lengths, keys=keys[b : b + 1])
        np.testing.assert_allclose(result.scores[0], together.scores[b], rtol=1e-4)
        alone += spoken(result)
    assert alone == spoken(together)[:3]


@pytest.mark.parametrize(("name", "slots"), [("published", 3), ("published", 20), ("sampling", 2)])
def test_the_result_does_not_depend_on_the_slots(params, requests, name, slots, monkeypatch):
    """The memory is repacked after nearly every step, or now and then."""
    decode, keys = limited(name), keys_of(4)
    expected = decoding.generate(eager(params, -3.0), CONFIG, decode, *requests, keys=keys)
    first_slots(monkeypatch, slots)
    result = decoding.generate(eager(params, -3.0), CONFIG, decode, *requests, keys=keys)
    assert spoken(result) == spoken(expected)
    assert max(result.lengths) > 7
    np.testing.assert_allclose(result.scores, expected.scores, rtol=1e-4)


def test_room_is_made_by_dropping_what_no_beam_descends_from(params, requests, monkeypatch):
    """Three beams whose histories merge need far fewer slots than three codes a step."""
    first_slots(monkeypatch, 12)
    sizes, repack = [], decoding.repack

    def watched(state, kept, slots):
        packed = repack(state, kept, slots)
        sizes.append((int(state.used), int(packed.used), slots))
        return packed

    monkeypatch.setattr(decoding, "repack", watched)
    decode = dataclasses.replace(limited("published"), temperature=3.0, top_p=1.0)
    decoding.generate(eager(params, -500.0), CONFIG, decode, *(a[:1] for a in requests), keys=keys_of(1)[:1])
    assert sizes and all(kept < before for before, kept, _ in sizes)
    assert all(slots - kept >= slots // slots_of_memory.SPARE for _, kept, slots in sizes)
    assert sizes[-1][2] < 3 * LIMIT


def test_another_limit_compiles_nothing_and_costs_nothing(params, requests):
    keys = keys_of(6)
    decoding.generate(params, CONFIG, limited("published"), *requests, keys=keys)
    programs = decoding._run._cache_size(), decoding.begin._cache_size()
    wider = dataclasses.replace(limited("published"), max_mel_tokens=LIMIT + 8)
    decoding.generate(params, CONFIG, wider, *requests, keys=keys)
    assert (decoding._run._cache_size(), decoding.begin._cache_size()) == programs


def test_text_padding_changes_nothing(params, requests):
    decode, keys = limited("published"), keys_of(5)
    conds, ids, lengths = requests
    padded = jnp.pad(ids, ((0, 0), (0, 9)), constant_values=7)
    expected = decoding.generate(params, CONFIG, decode, conds, ids, lengths, keys=keys)
    assert spoken(decoding.generate(params, CONFIG, decode, conds, padded, lengths, keys=keys)) == spoken(expected)


def test_seeds(params, requests):
    decode = limited("published")

    def speak(seed: int):
        return spoken(decoding.generate(params, CONFIG, decode, *requests, keys=keys_of(seed)))

    assert speak(0) == speak(0)
    assert speak(0) != speak(1)


def test_progress_is_told_whenever_the_slots_are_full(params, requests, monkeypatch):
    first_slots(monkeypatch, 5)
    calls = []
    decode = dataclasses.replace(limited("greedy"), repetition_penalty=1.0)
    result = decoding.generate(
        eager(params, -500.0), CONFIG, decode, *requests, on_code=lambda *call: calls.append(call)
    )
    assert calls == [(6, LIMIT), (11, LIMIT), (LIMIT, LIMIT)]  # a code more than slots: the last is not read yet
    assert not result.stopped.any()
    assert result.codes.shape == (BATCH, LIMIT)


@pytest.mark.parametrize("name", ["published", "greedy"])
def test_nothing_to_say(params, requests, name):
    """The stop token can be the very first code."""
    keys = keys_of(0)
    result = decoding.generate(eager(params, 500.0), CONFIG, limited(name), *requests, keys=keys)
    assert not result.lengths.any()
    assert result.stopped.all()
    assert np.isfinite(result.scores).all()


def test_bfloat16(params, requests):
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params)
    keys = keys_of(0)
    result = decoding.generate(half, CONFIG, limited("published"), *requests, keys=keys)
    assert ((result.codes >= 0) & (result.codes < 30)).all()


def test_lowers_for_an_nvidia_gpu(params, requests):
    decode, keys = limited("published"), keys_of(0)
    begin = decoding.begin.trace(CONFIG, decode, 15, params, *requests, keys)
    prefix, state = jax.eval_shape(lambda *a: decoding.begin(CONFIG, decode, 15, *a), params, *requests, keys)
    run = decoding._run.trace(CONFIG, decode, True, params, prefix, keys, np.int32(5), state)
    for stage in (begin, run):
        assert "stablehlo" in stage.lower(lowering_platforms=("cuda",)).as_text()


@pytest.mark.parametrize("name", ["published", "greedy"])
def test_no_step_copies_the_memory(params, requests, name):
    """A step writes its keys and values where they stay: XLA copies no array as large as the memory of 320 slots."""
    decode, keys, one = limited(name), keys_of(0)[:1], [part[:1] for part in requests]
    prefix, state = jax.eval_shape(lambda *a: decoding.begin(CONFIG, decode, 320, *a), params, *one, keys)
    run = decoding._run.lower(CONFIG, decode, False, params, prefix, keys, np.int32(5), state).compile().as_text()
    sizes = [np.prod([int(n) for n in shape.split(",")]) for shape in re.findall(r"f32\[([\d,]+)\]\S* copy\(", run)]
    assert state.generated[0].keys.size not in sizes


def test_mistakes_are_explained(params, requests):
    conds, ids, lengths = requests
    keys = keys_of(0)
    with pytest.raises(TextError, match="11 tokens, but the model reads at most 10"):
        decoding.generate(params, CONFIG, limited("greedy"), conds, ids, lengths.at[0].set(11))
    with pytest.raises(ConfigError, match="max_mel_tokens is 41"):
        decoding.generate(params, CONFIG, DecodeConfig(max_mel_tokens=41), *requests, keys=keys)
    with pytest.raises(ValueError, match="keys or noise"):
        decoding.generate(params, CONFIG, limited("published"), *requests)
    with pytest.raises(ValueError, match="noise is for 2 steps"):
        decoding.generate(params, CONFIG, limited("published"), *requests, noise=jnp.zeros((BATCH, 2, 90)))
