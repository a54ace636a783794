"""Conditioning against the official implementation, through the real conversion."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

from convert import rules as engine
from convert.maps import emotion as emotion_map
from convert.maps import gpt_conditioning
from indextts2_jax.checkpoint import networks
from indextts2_jax.gpt import emotion
from indextts2_jax.gpt.conditioning import Conditioning
from indextts2_jax.gpt.conformer import position_table
from tests.conftest import GOLDENS, MemorySource, assert_close, convert_component
from tests.models import PUBLISHED, SMALL

TOLERANCE = 1e-4
PARTS = (
    "conditioning_encoder",
    "perceiver_encoder",
    "emo_conditioning_encoder",
    "emo_perceiver_encoder",
    "speed_emb",
    "emovec_layer",
    "emo_layer",
)


def conditioning_only(tensors: dict) -> dict:
    """The part of gpt.pth that this table is for."""
    return {name: value for name, value in tensors.items() if name.split(".")[0] in PARTS}


def shapes(model) -> dict:
    semantic = jnp.zeros((1, 16, model.gpt.speaker_conformer.input_dim))
    init = Conditioning(model.gpt).init
    variables = jax.eval_shape(init, jax.random.key(0), semantic, jnp.full((1,), 16))
    return {"conditioning": variables["params"]}


@pytest.fixture(scope="module")
def source(small_component):
    return MemorySource(conditioning_only(small_component("gpt").tensors))


@pytest.fixture(scope="module")
def params(source):
    return convert_component("gpt", gpt_conditioning.rules(SMALL), source, shapes(SMALL))["conditioning"]


@pytest.fixture(scope="module")
def matrices(shared):
    tensors = {
        **load_file(shared / "assets" / "feat1.safetensors"),
        **load_file(shared / "assets" / "feat2.safetensors"),
    }
    expected = networks.shapes("emotion", SMALL)
    return convert_component("emotion", emotion_map.rules(SMALL), MemorySource(tensors), expected)


@jax.jit
def encode(params, semantic, lengths):
    """Speaker latents and emotion vector of a clip."""
    module = Conditioning(SMALL.gpt)
    latents = module.apply({"params": params}, semantic, lengths, method="speaker_latents")
    return latents, module.apply({"params": params}, semantic, lengths, method="emotion_vector")


def emotion_of(run, params):
    """The blended emotion vector as the reference orders it, and the speaker latents."""
    speaker, clip = run["semantic_emb"], run["semantic_emb.1"]
    latents, base = encode(params, speaker, jnp.array([speaker.shape[1]]))
    _, other = encode(params, clip, jnp.array([clip.shape[1]]))
    alpha = run.request.get("emo_alpha", 1.0) if "emo" in run.request else 1.0
    return latents, emotion.blend(np.asarray(base), np.asarray(other), alpha)


@pytest.mark.parametrize("name", GOLDENS)
def test_golden(name, golden, params, matrices):
    run = golden(name)
    latents, vector = emotion_of(run, params)
    assert_close(latents, run["speech_conditioning_latent"], TOLERANCE)
    assert_close(vector, run["emovec"], TOLERANCE)
    if "emo_vector" in run.request:
        weights = emotion.scale_vector(emotion.check_vector(run.request["emo_vector"]), 1.0)
        rows = emotion.matrix_rows(run["style"], matrices["speaker_matrix"], SMALL.emotion.rows)
        vector = emotion.mix_matrix(weights, matrices["emotion_matrix"], rows, vector)
    conditions = Conditioning(SMALL.gpt).apply(
        {"params": params}, latents, jnp.asarray(vector), method="decoder_conditions"
    )
    assert_close(conditions, run["gpt_conds"], TOLERANCE)


def test_padded_batch_gives_the_goldens(golden, params):
    """Two clips of different lengths in one padded batch, noise behind their ends."""
    runs = [golden("small_greedy_en"), golden("small_beam3_emo_audio")]
    clips = [run["semantic_emb"][0] for run in runs]
    size = max(len(clip) for clip in clips) + 37
    batch = np.random.default_rng(0).normal(size=(2, size, clips[0].shape[1])).astype(np.float32) * 100
    for row, clip in zip(batch, clips, strict=True):
        row[: len(clip)] = clip
    latents, _ = encode(params, batch, jnp.array([len(clip) for clip in clips]))
    for row, run in zip(latents, runs, strict=True):
        assert_close(row[None], run["speech_conditioning_latent"], TOLERANCE)


def test_stored_position_table_is_ours(source):
    for part in ("conditioning_encoder", "emo_conditioning_encoder"):
        stored = source.read(f"{part}.embed.pos_enc.pe")[0]
        # rates that differ in the last bit have moved the angle of position 400 by 400 * 6e-8
        np.testing.assert_allclose(position_table(*stored.shape)[:400], stored[:400], rtol=0, atol=3e-5)


def test_emotion_rows_are_nearest_speakers(golden, matrices):
    """The choice itself, row by row in float64, on every golden's speaker."""
    table = matrices["speaker_matrix"].astype(np.float64)
    groups = np.split(np.arange(len(table)), np.cumsum(SMALL.emotion.rows)[:-1])
    for name in GOLDENS:
        style = golden(name)["style"][0].astype(np.float64)
        cosine = table @ style / np.linalg.norm(table, axis=1) / np.linalg.norm(style)
        expected = [group[np.argmax(cosine[group])] for group in groups]
        rows = emotion.matrix_rows(golden(name)["style"][0], matrices["speaker_matrix"], SMALL.emotion.rows)
        assert rows.tolist() == expected


def test_published_manifest_is_used_whole(shared):
    manifest = json.loads((shared / "manifests" / "gpt.full.json").read_text())["tensors"]
    published = conditioning_only({name: tuple(shape) for name, (shape, _) in manifest.items()})
    made = engine.plan("gpt", gpt_conditioning.rules(PUBLISHED), published, shapes(PUBLISHED))
    assert made.used + len(made.dropped) == len(published) == 365
    assert set(made.dropped) == {f"{part}.embed.pos_enc.pe" for part in PARTS if part.endswith("conditioning_encoder")}
