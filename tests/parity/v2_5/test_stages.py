"""The stages of IndexTTS-2.5 that IndexTTS-2 has not, each fed the golden's own input, through the real conversion."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convert.maps import gpt as gpt_table
from convert.maps import s2mel as s2mel_table
from convert.maps import semantic_codec as codec_table
from indextts2_jax.checkpoint import networks
from indextts2_jax.config import DecodeConfig
from indextts2_jax.gpt import decode as decoding
from indextts2_jax.gpt import emotion
from indextts2_jax.gpt.conditioning import Conditioning
from indextts2_jax.gpt.sampling import replay_noise
from indextts2_jax.gpt.speech_lm import SpeechLM, language_of
from indextts2_jax.s2mel.length_regulator import LengthRegulator, resize_index, target_length
from indextts2_jax.semantic.semantic_codec import SemanticCodec
from tests.conftest import GOLDENS_2_5, assert_close, convert_component
from tests.models import SMALL_2_5

TOLERANCE = 1e-4
GPT, CODEC = SMALL_2_5.gpt, SMALL_2_5.semantic_codec
SEGMENTS = [(name, "") for name in GOLDENS_2_5] + [("small_stop_segments", suffix) for suffix in (".1", ".2")]
WHOLE = [name for name in GOLDENS_2_5 if not name.startswith(("small_duration", "small_greedy_"))] + ["small_greedy_en"]
"""Those that have everything up to the decoder's conditions; the others have it in common with small_greedy_en."""


def following(suffix: str) -> str:
    """Of the length regulator's arrays, which count the prompt first."""
    return f".{int(suffix[1:] or 0) + 1}"


@pytest.fixture(scope="module")
def converted(small_component):
    """`converted("gpt")`: the parameters of a network, once each."""

    @functools.cache
    def make(network: str) -> dict:
        table = {"gpt": gpt_table, "s2mel": s2mel_table, "semantic_codec": codec_table}[network]
        expected = networks.shapes(network, SMALL_2_5)
        tree = convert_component(network, table.rules(SMALL_2_5), small_component(network, version="2.5"), expected)
        return jax.tree.map(jnp.asarray, tree)

    return make


def conditions_of(run: dict, golden_2_5) -> np.ndarray:
    return run["gpt_conds"] if "gpt_conds" in run else golden_2_5("small_greedy_en")["gpt_conds"]


@pytest.mark.parametrize("name", WHOLE)
def test_speaker_row_and_conditions(name, golden_2_5, converted):
    run = golden_2_5(name)
    params = {"params": converted("gpt")["conditioning"]}
    row = Conditioning(GPT).apply(params, jnp.asarray(run["style"]), method="speaker_row")
    assert_close(row[:, 0], run["spk_row"], TOLERANCE)
    if "emo_vector" in run.request:
        return  # the matrices are version 2's, and tested there
    made = Conditioning(GPT).apply(params, row, jnp.asarray(run["emovec"]), method="decoder_conditions")
    assert_close(made, run["gpt_conds"], TOLERANCE)
    assert not np.asarray(made[:, 1:]).any() and made.shape[1] == 3


def test_emotion_rows_are_mixed_as_ever(golden_2_5, shared):
    from safetensors.numpy import load_file

    run = golden_2_5("small_sample_emo_vector")
    speakers, emotions = (load_file(shared / "assets" / f"feat{n}.safetensors") for n in (1, 2))
    ((speaker,), (matrix,)) = (list(one.values()) for one in (speakers, emotions))
    rows = emotion.matrix_rows(run["style"], speaker, SMALL_2_5.emotion.rows)
    vector = emotion.mix_matrix(emotion.check_vector(run.request["emo_vector"]), matrix, rows, run["emovec"])
    assert_close(run["spk_row"] + vector, run["gpt_conds"][:, 0], TOLERANCE)


@pytest.mark.parametrize(("name", "suffix"), SEGMENTS)
def test_prefix_and_scores(name, suffix, golden_2_5, converted):
    run, module = golden_2_5(name), SpeechLM(GPT)
    params = {"params": converted("gpt")["speech_lm"]}
    ids = run[f"text_ids{suffix}"][:, :-1]
    np.testing.assert_array_equal(language_of(GPT.languages, jnp.asarray(ids[:, 0])), run["lang"])
    padded = np.pad(ids, ((0, 0), (0, 64 - ids.shape[1])), constant_values=5)
    inputs = (conditions_of(run, golden_2_5), padded, jnp.array([ids.shape[1]]))
    prefix, lengths = jax.jit(functools.partial(module.apply, method="prefix"))(params, *inputs)
    reference = run[f"gpt_prefix{suffix}"]
    assert lengths.tolist() == [reference.shape[1]]
    assert_close(prefix[:, : reference.shape[1]], reference, TOLERANCE)
    assert run[f"text_ids_kept{suffix}"].shape[1] == reference.shape[1] - 3
    _, scores = jax.jit(functools.partial(module.apply, method="prefill"))(params, prefix, lengths)
    if not bias_of(run):  # the stop token's is of another checkpoint
        assert_close(scores, run[f"gpt_logits_step0{suffix}"], TOLERANCE)


def bias_of(run) -> float:
    return float(run.request["checkpoint"].split("stop_bias=")[1])


@pytest.mark.parametrize(("name", "suffix"), SEGMENTS)
def test_codes(name, suffix, golden_2_5, converted):
    run = golden_2_5(name)
    request, params = run.request, converted("gpt")["speech_lm"]
    head = params["code_head"]
    biased = head["bias"].at[GPT.stop_mel_token].add(bias_of(run))
    params = {**params, "code_head": {**head, "bias": biased}}
    decode = DecodeConfig(
        do_sample=request["sample"], num_beams=request["num_beams"], max_mel_tokens=request["max_mel_tokens"]
    )
    noise = None
    if decode.do_sample:
        noise = replay_noise(request["noise_seed"], decode.max_mel_tokens, decode.num_beams, GPT.code_vocab)[None]
    ids = run[f"text_ids{suffix}"]
    padded = np.pad(ids, ((0, 0), (0, 64 - ids.shape[1])))
    conds, lengths = jnp.asarray(conditions_of(run, golden_2_5)), jnp.array([ids.shape[1]])
    result = decoding.generate(params, GPT, decode, conds, padded, lengths, noise=noise)
    codes = [*result.codes[0, : result.lengths[0]], *[GPT.stop_mel_token] * int(result.stopped[0])]
    np.testing.assert_array_equal(codes, run[f"codes{suffix}"][0])


@pytest.mark.parametrize(("name", "suffix"), SEGMENTS)
def test_codec_and_length_regulator(name, suffix, golden_2_5, converted):
    run = golden_2_5(name)
    codes = run[f"codes{suffix}"]
    codes = codes[:, codes[0] != GPT.stop_mel_token]
    padded = np.pad(codes, ((0, 0), (0, 64 - codes.shape[1])), constant_values=3)
    params = {"params": converted("semantic_codec")}
    decode = jax.jit(functools.partial(SemanticCodec(CODEC).apply, method="decode"))
    made = decode(params, padded, jnp.array([codes.shape[1]]))
    reference = run[f"codec_decode_out{suffix}"]
    frames = reference.shape[1]
    assert frames == 2 * codes.shape[1] and not np.asarray(made)[:, frames:].any()
    assert_close(made[:, :frames], reference, TOLERANCE)

    count = int(run[f"length_regulator_ylens{following(suffix)}"][0])
    assert count == target_length(frames, run.request.get("duration_factor", 1.0))
    index = np.zeros((1, 256), np.int32)
    index[0, :count] = resize_index(frames, count)
    source = np.pad(reference, ((0, 0), (0, 128 - frames), (0, 0)))
    regulate = jax.jit(LengthRegulator(SMALL_2_5.s2mel).apply)
    told = regulate({"params": converted("s2mel")["length_regulator"]}, source, index, jnp.array([count]))
    assert_close(told[:, :count], run[f"length_regulator_out{following(suffix)}"], TOLERANCE)


@pytest.mark.parametrize("name", WHOLE)
def test_prompt_is_not_quantised(name, golden_2_5, converted):
    run = golden_2_5(name)
    frames = int(run["length_regulator_ylens"][0])
    index = resize_index(run["semantic_emb"].shape[1], frames)[None]
    made = jax.jit(LengthRegulator(SMALL_2_5.s2mel).apply)(
        {"params": converted("s2mel")["length_regulator"]}, run["semantic_emb"], index, jnp.array([frames])
    )
    assert_close(made, run["length_regulator_out"], TOLERANCE)


def test_frames_are_counted_in_float64():
    """As Python does it from left to right; float32 and exact fractions differ."""
    assert target_length(2 * 1500) == 5160 and target_length(2 * 1500, 2.0) == 10320
    assert [target_length(2 * codes) for codes in range(1, 1501)] == [344 * codes // 100 for codes in range(1, 1501)]
    for hundredths in range(50, 201):
        factor = hundredths / 100
        if factor != 1.0:
            for codes in range(1, 1501, 13):
                assert target_length(2 * codes, factor) == int(2 * codes * 1.72 * factor)
