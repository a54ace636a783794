"""w2v-bert against the official run: fbank features -> normalised semantic frames."""

import json

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from convert.maps.w2v_bert import rules
from convert.rules import plan
from indextts2_jax.checkpoint import networks
from indextts2_jax.semantic.w2v_bert import W2vBert
from tests.conftest import GOLDENS, MemorySource, assert_close, convert_component
from tests.models import PUBLISHED, SMALL

TOLERANCE = 1e-4
PROMPTS = {"speaker": "", "emotion": ".1"}


@pytest.fixture(scope="module")
def encode(shared, small_component):
    """`encode(features, attended)` with the small checkpoint's weights and the published statistics."""
    statistics = load_file(shared / "assets" / "wav2vec2bert_stats.safetensors")
    tensors = small_component("w2v_bert").tensors | {f"stats.{name}": array for name, array in statistics.items()}
    params = convert_component("w2v_bert", rules(SMALL), MemorySource(tensors), networks.shapes("w2v_bert", SMALL))
    params = jax.device_put(params)
    apply = jax.jit(lambda params, *inputs: W2vBert(SMALL.w2v_bert).apply({"params": params}, *inputs))
    return lambda features, attended: apply(params, features, attended.astype(np.int32))


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("name", GOLDENS)
def test_semantic_frames(encode, golden, name, prompt):
    run, suffix = golden(name), PROMPTS[prompt]
    ours = encode(run["w2v_input_features" + suffix], run["w2v_attention_mask" + suffix].sum(axis=1))
    assert_close(ours, run["semantic_emb" + suffix], TOLERANCE)


def test_padded_batch(encode, golden):
    """Both prompts of one case, of unlike and odd lengths, in one padded batch."""
    run = golden("small_beam3_emo_audio")
    features = np.full((2, 160, 160), np.nan, np.float32)
    for row, suffix in enumerate(PROMPTS.values()):
        clip = run["w2v_input_features" + suffix][0]
        features[row, : len(clip)] = clip
    ours = encode(features, np.array([run["w2v_attention_mask" + suffix].sum() for suffix in PROMPTS.values()]))
    for row, suffix in enumerate(PROMPTS.values()):
        reference = run["semantic_emb" + suffix][0]
        assert_close(ours[row, : len(reference)], reference, TOLERANCE)


def test_every_published_tensor_has_its_place(shared):
    tensors = json.loads((shared / "manifests" / "w2v_bert.full.json").read_text())["tensors"]
    source = {name: tuple(shape) for name, (shape, _) in tensors.items()} | {
        "stats.mean": (1024,),
        "stats.var": (1024,),
    }
    made = plan("w2v_bert", rules(PUBLISHED), source, networks.shapes("w2v_bert", PUBLISHED))
    surplus = {name for name in tensors if name.startswith(tuple(f"encoder.layers.{i}." for i in range(17, 24)))}
    assert set(made.dropped) == surplus | {"masked_spec_embed"} and len(surplus) == 224
    assert made.used == len(source) - len(made.dropped)
