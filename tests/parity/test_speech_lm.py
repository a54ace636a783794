"""The speech language model against the recorded reference: decoder prefix and latents of the second pass."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convert import rules as engine
from convert.maps import gpt_speech_lm
from indextts2_jax.gpt.speech_lm import SpeechLM
from tests.conftest import assert_close
from tests.models import PUBLISHED, SMALL
from tests.parity.speech_segments import SEGMENTS, convert_speech_lm, expected_shapes, speech_lm_only

TOLERANCE = 1e-4
MODEL = SpeechLM(SMALL.gpt)


def test_table_accounts_for_every_published_tensor(shared):
    manifest = json.loads((shared / "manifests" / "gpt.full.json").read_text())["tensors"]
    source = {name: tuple(shape) for name, (shape, _) in speech_lm_only(manifest).items()}
    plan = engine.plan("gpt", gpt_speech_lm.rules(PUBLISHED), source, expected_shapes(PUBLISHED))
    assert set(plan.dropped) == {"text_head.weight", "text_head.bias"}
    assert plan.used + len(plan.dropped) == len(source) == 24 * 12 + 12


@pytest.fixture(scope="module")
def variables(small_component):
    # The checkpoints differ in the head's bias only, which neither output sees.
    return {"params": convert_speech_lm(small_component("gpt"), SMALL)}


@pytest.mark.parametrize(("name", "suffix"), SEGMENTS)
def test_prefix(variables, golden, name, suffix):
    g = golden(name)
    ids = g[f"text_ids{suffix}"]
    padded = np.pad(ids, ((0, 0), (0, 100 - ids.shape[1])), constant_values=5)
    prefix, lengths = jax.jit(lambda *inputs: MODEL.apply(*inputs, method="prefix"))(
        variables, g[f"gpt_conds{suffix}"], padded, jnp.array([ids.shape[1]])
    )
    reference = g[f"gpt_prefix{suffix}"]
    assert lengths.tolist() == [reference.shape[1]]
    assert_close(prefix[:, : reference.shape[1]], reference, TOLERANCE)


@pytest.mark.parametrize(("name", "suffix"), SEGMENTS)
def test_latents(variables, golden, name, suffix):
    g = golden(name)
    ids, reference = g[f"text_ids{suffix}"], g[f"gpt_latent{suffix}"]
    count = reference.shape[1]
    padded_ids = np.pad(ids, ((0, 0), (0, 72 - ids.shape[1])), constant_values=5)
    codes = np.pad(g[f"codes{suffix}"][:, :count], ((0, 0), (0, 64 - count)), constant_values=5)
    latents = jax.jit(MODEL.apply)(
        variables, g[f"gpt_conds{suffix}"], padded_ids, jnp.array([ids.shape[1]]), codes, jnp.array([count])
    )
    assert_close(latents[:, :count], reference, TOLERANCE)
