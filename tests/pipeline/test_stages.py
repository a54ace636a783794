"""Every jitted stage lowers for CPU, CUDA and TPU, at the published size, without a number computed."""

import functools

import jax
import jax.export
import jax.numpy as jnp
import pytest

from benchmarks import roofline
from indextts2_jax.checkpoint import networks
from indextts2_jax.pipeline import stages
from indextts2_jax.s2mel import flow_matching
from tests.models import PUBLISHED, PUBLISHED_2_5

F32, I32 = jnp.float32, jnp.int32


def array(*shape: int, dtype=F32) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


@functools.cache
def published_params(model=PUBLISHED) -> dict:
    return {name: networks.shapes(name, model) for name in networks.NETWORKS}


B, T, F, M, L = 2, 128, 256, 256, 64
LENGTHS = array(B, dtype=I32)
SEMANTIC = array(B, T, 1024)
CONDS = array(B, 34, 1280)
IDS = array(B, L, dtype=I32)
CODES = array(B, T, dtype=I32)
MEL = array(B, M, 80)
STYLE = array(B, 192)
MU = array(B, M, 512)


def flow_field() -> flow_matching.Field:
    begun = functools.partial(stages.flow_begin, model=PUBLISHED, steps=25, guidance=0.7)
    return jax.eval_shape(begun, published_params(), MEL, LENGTHS, STYLE, MU)


STAGES = {
    "semantic_features": ((array(B, T, 160), LENGTHS), {}, (B, T, 1024)),
    "quantize": ((SEMANTIC, LENGTHS), {}, (B, T)),
    "speaker_embedding": ((array(B, F, 80), LENGTHS), {}, (B, 192)),
    "regulate_length": ((SEMANTIC, array(B, M, dtype=I32), LENGTHS), {}, (B, M, 512)),
    "speaker_latents": ((SEMANTIC, LENGTHS), {}, (B, 32, 1280)),
    "emotion_vector": ((SEMANTIC, LENGTHS), {}, (B, 1280)),
    "decoder_conditions": ((array(B, 32, 1280), array(B, 1280)), {}, (B, 34, 1280)),
    "decoder_prefix": ((CONDS, IDS, LENGTHS), {}, (B, 34 + L + 2, 1280)),
    "prefix_scores": ((array(B, 34 + L + 2, 1280), LENGTHS), {}, (B, 8194)),
    "code_latents": ((CONDS, IDS, LENGTHS, CODES, LENGTHS), {}, (B, T, 1280)),
    "code_likelihood": ((CONDS, IDS, LENGTHS, CODES, LENGTHS), {}, (B, T)),
    "text_attention": (
        (CONDS, IDS, LENGTHS, CODES, LENGTHS),
        {"heads": ((0, 1), (11, 3))},
        (B, 2, T, L + 2),
    ),
    "acoustic_condition": ((array(B, T, 1280), CODES), {}, (B, T, 1024)),
    "velocity": ((MEL, MEL, array(B), STYLE, MU, LENGTHS), {}, (B, M, 80)),
    "flow": ((MEL, MEL, LENGTHS, STYLE, MU, LENGTHS), {"steps": 25, "guidance": 0.7, "temperature": 1.0}, (B, M, 80)),
    "flow_begin": ((MEL, LENGTHS, STYLE, MU), {"steps": 25, "guidance": 0.7}, (2 * B, M, 512)),
    "flow_step": (lambda: (flow_field(), MEL, array(dtype=I32), LENGTHS, LENGTHS), {"guidance": 0.7}, (B, M, 80)),
    "vocode": ((MEL, LENGTHS), {}, (B, 256 * M)),
}

STAGES_2_5 = {
    "speaker_row": ((STYLE,), {}, (B, 1, 1280)),
    "decode_codes": ((CODES, LENGTHS), {}, (B, 2 * T, 1024)),
    "decoder_prefix": ((array(B, 3, 1280), IDS, LENGTHS), {}, (B, 3 + L + 2, 1280)),
}
"""Those that only IndexTTS-2.5 has, and one that is another there."""


PLATFORMS = ("cpu", "cuda", "tpu")


def test_the_list_is_complete():
    assert set(stages.STAGES) == set(STAGES) | set(STAGES_2_5)


@pytest.mark.parametrize(
    ("name", "model"), [*((name, PUBLISHED) for name in STAGES), *((name, PUBLISHED_2_5) for name in STAGES_2_5)]
)
def test_lowers_for_every_platform(name, model):
    inputs, settings, shape = (STAGES if model is PUBLISHED else STAGES_2_5)[name]
    inputs = inputs() if callable(inputs) else inputs
    function = functools.partial(getattr(stages, name), model=model, **settings)
    exported = jax.export.export(jax.jit(function), platforms=PLATFORMS)(published_params(model), *inputs)
    assert set(exported.platforms) == set(PLATFORMS)
    assert exported.out_avals[0].shape == shape


@pytest.mark.parametrize("stage", ["decoder, prompt", "decoder, codes"])
def test_the_decoder_lowers_for_every_platform(stage):
    """Its layers as XLA has them; our kernels for a GPU are compiled by tests/benchmarks/test_gpu_compile.py."""
    work = roofline.workload(PUBLISHED, 256, 5.0, 60, 3, "bfloat16")
    function, inputs, _ = work[stage]
    exported = jax.export.export(jax.jit(function), platforms=PLATFORMS)(*inputs)
    assert set(exported.platforms) == set(PLATFORMS)


@pytest.mark.gpu
def test_gpu_equals_cpu():
    """The whole chain on both devices: the same codes, the same waveform."""
    from indextts2_jax import IndexTTS2
    from indextts2_jax.config import replace
    from tests.tiny import tiny_config, voice_clip

    results = []
    for platform in ("cpu", "gpu"):
        with jax.default_device(jax.devices(platform)[0]):
            exact = replace(tiny_config(), precision={"gpt": "float32", "flow": "float32", "vocoder": "float32"})
            results.append(IndexTTS2.from_random(exact).synthesize("Hello there.", voice_clip()))
    cpu, gpu = results
    assert all((a == b).all() for a, b in zip(cpu.codes, gpu.codes, strict=True))
    assert abs(cpu.audio - gpu.audio).max() < 1e-3
