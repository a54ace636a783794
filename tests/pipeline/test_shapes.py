"""New lengths fall into few shapes: a hundred sentences of mixed length compile each stage at most eight times."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.config import Config
from indextts2_jax.gpt import decode
from indextts2_jax.pipeline import generation, stages
from indextts2_jax.pipeline import speak as pipeline_speak
from indextts2_jax.pipeline.voice import ReferenceVoice
from tests.models import PUBLISHED

# what a stage gives, of its inputs' shapes: nothing is computed here
RESULTS = {
    "decoder_conditions": lambda latents, emotion: (1, 34, 1280),
    "code_latents": lambda conds, ids, n, codes, m: (1, codes.shape[1], 1280),
    "acoustic_condition": lambda latents, codes: ((1, codes.shape[1], 1024), (1, codes.shape[1], 1024)),
    "regulate_length": lambda x, index, n: (1, index.shape[1], 512),
    "flow": lambda noise, *rest: noise.shape,
    "vocode": lambda mel, n: (1, 256 * mel.shape[1]),
}


@pytest.fixture
def speak(monkeypatch):
    """`speak(voice frames, text tokens, codes)`; afterwards `speak.seen` has the shapes of each stage."""
    seen = {name: set() for name in [*RESULTS, "generate"]}

    def fake(name):
        def call(params, *inputs, model, **settings):
            seen[name].add((*(np.shape(x) for x in inputs), settings.get("target_frames")))
            made = RESULTS[name](*inputs)
            return tuple(map(jnp.zeros, made)) if isinstance(made[0], tuple) else jnp.zeros(made, np.float32)

        return call

    for name in RESULTS:
        monkeypatch.setattr(stages, name, fake(name))

    def run(prompt: int, tokens: int, codes: int):
        def generate(params, gpt, settings, conds, ids, lengths, **options):
            seen["generate"].add(ids.shape)
            made = np.full((1, codes), 5, np.int32)
            return decode.SpeechCodes(made, np.array([codes]), np.array([True]), np.zeros(1))

        monkeypatch.setattr(decode, "generate", generate)
        monkeypatch.setattr(
            pipeline_speak.flow_matching, "sample_noise", lambda key, frames, bins: np.zeros((frames, bins))
        )
        floats = {"speaker_latents": (32, 1280), "style": (192,), "prompt_mel": (prompt, 80)}
        arrays = {name: np.zeros(shape, np.float32) for name, shape in floats.items()}
        own = np.zeros(1280, np.float32)
        voice = ReferenceVoice(
            emotion_base=own, emotion_own=own, prompt_condition=np.zeros((prompt, 512), np.float32), **arrays
        )
        params = {"gpt": {"speech_lm": jnp.zeros(1)}}
        ids = np.full(tokens, 5)
        fixed = params, Config(), PUBLISHED, [generation.Utterance(voice, own, ids, jax.random.key(0))]
        (chosen,) = generation.choose_codes(*fixed)
        (audio,) = pipeline_speak.speak_codes(*fixed, [chosen.codes])
        assert len(audio) == 256 * int(np.float32(1.72) * np.float32(codes))

    run.seen = seen
    return run


@pytest.mark.parametrize("prompt", [206, 1291])
def test_a_hundred_sentences_have_few_shapes(speak, prompt):
    rng = np.random.default_rng(0)
    for codes in rng.integers(20, 500, 100):
        speak(prompt, max(2, int(codes) // 4), int(codes))
    counts = {name: len(shapes) for name, shapes in speak.seen.items()}
    assert all(1 <= count <= 8 for count in counts.values()), counts
