"""From the wav and the text to the final audio, against the recorded runs of the official implementation.

Nothing is fed back in but the random numbers (flow-matching noise, sampling noise): every error is carried along.
The tolerances are those of docs/parity.md; `INDEXTTS2_PARITY_REPORT=FILE` appends the measured errors as JSON lines.
"""

import pathlib

import numpy as np
import pytest

from indextts2_jax import Emotion, IndexTTS2
from indextts2_jax.config import Config, replace
from indextts2_jax.pipeline.recording import Replay, StageRecorder
from tests.conftest import GOLDENS, converted, relative_error, report

# golden array -> chained tolerance (max abs error over max(1, max abs of the reference))
TOLERANCES = {
    "audio_16k": 1e-3,
    "w2v_input_features": 1e-3,
    "campplus_fbank": 1e-3,
    "ref_mel": 1e-3,
    "semantic_emb": 3e-3,
    "style": 2e-3,
    "emovec": 2e-3,
    "speech_conditioning_latent": 2e-3,
    "gpt_conds": 2e-3,
    "gpt_prefix": 2e-3,
    "gpt_latent": 2e-3,
    "gpt_layer_out": 2e-3,
    "length_regulator_out": 2e-3,
    "cfm_cond": 2e-3,
    "dit_velocity_step0": 2e-3,
    "dit_velocity_step1": 2e-3,
}
COSINES = {"cfm_mel": 0.9999, "vocoder_mel": 0.9999, "vocoder_wav": 0.999}
EQUAL = ("w2v_attention_mask", "length_regulator_ylens", "text_ids", "codes")


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = np.ravel(a).astype(np.float64), np.ravel(b).astype(np.float64)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


@pytest.fixture(scope="module")
def synthesizer(make_checkpoint):
    """`synthesizer(request) -> IndexTTS2` on the converted random checkpoint that the request names."""

    def load(request: dict) -> IndexTTS2:
        size, _, bias = request["checkpoint"].split()
        return IndexTTS2.from_pretrained(converted(make_checkpoint, size, float(bias.removeprefix("stop_bias="))))

    return load


def emotion_of(request: dict, voices: pathlib.Path) -> Emotion | None:
    weight = request.get("emo_alpha", 1.0)
    if (vector := request.get("emo_vector")) is not None:
        return Emotion(weights=vector, weight=weight)
    return Emotion(clip=voices / request["emo"], weight=weight) if request.get("emo") else None


def run(tts: IndexTTS2, golden, shared: pathlib.Path, *, seed: int = 0):
    request = golden.request
    config = replace(
        Config(),
        decode={
            "do_sample": request["sample"],
            "num_beams": request["num_beams"],
            "max_mel_tokens": request["max_mel_tokens"],
        },
        text={"max_text_tokens_per_segment": request.get("max_text_tokens_per_segment", 120)},
    )
    noise = {int(key.partition(".")[2] or 0): array for key, array in golden.items() if key.startswith("cfm_noise")}
    recorder = StageRecorder()
    speech = tts.synthesize(
        request["text"],
        shared / "voices" / request["voice"],
        emotion=emotion_of(request, shared / "voices"),
        seed=seed,
        config=config,
        record=recorder,
        replay=Replay(noise, request.get("noise_seed")),
    )
    return speech, recorder.arrays


def check(golden, ours: dict[str, np.ndarray]) -> dict[str, float]:
    measured: dict[str, float] = {}
    failures = []
    assert set(golden) == set(ours), f"arrays differ: {sorted(set(golden) ^ set(ours))}"
    for key, reference in golden.items():
        name = key.split(".")[0]
        if name in EQUAL:
            if not np.array_equal(ours[key], reference):
                failures.append(f"{key} differs")
        elif name in TOLERANCES:
            measured[key] = relative_error(ours[key], reference)
            if measured[key] > TOLERANCES[name]:
                failures.append(f"{key}: error {measured[key]:.2e} exceeds {TOLERANCES[name]:.0e}")
        elif name in COSINES:
            measured[key] = 1.0 - cosine(ours[key], reference)
            if measured[key] > 1.0 - COSINES[name]:
                failures.append(f"{key}: cosine {1 - measured[key]:.6f} is below {COSINES[name]}")
    assert not failures, "; ".join(failures)
    return measured


def check_indices(golden, ours: dict[str, np.ndarray]) -> None:
    """Every frame gets the reference's code. (99 % and near-ties in the rest would do; there are none.)"""
    np.testing.assert_array_equal(ours["codec_indices"], golden["codec_indices"])


def check_audio(golden, ours: dict[str, np.ndarray]) -> None:
    """The same length; silences between the segments in place."""
    reference = golden["wav_int16"]
    assert ours["wav_int16"].shape == reference.shape
    np.testing.assert_array_equal(ours["wav_int16"][reference == 0], 0) if "codes.1" in golden else None
    assert cosine(ours["wav_int16"], reference) >= 0.999


@pytest.mark.parametrize("name", GOLDENS)
def test_small_goldens(name, golden, synthesizer, shared):
    reference = golden(name)
    speech, ours = run(synthesizer(reference.request), reference, shared)
    check_indices(reference, ours)
    measured = check(reference, ours)
    check_audio(reference, ours)
    report(**measured)
    assert len(speech.segments) == sum(key.startswith("text_ids") for key in reference)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["full_greedy_en", "full_sample_zh"])
def test_full_goldens(name, golden, synthesizer, shared):
    reference = golden(name)
    _, ours = run(synthesizer(reference.request), reference, shared)
    check_indices(reference, ours)
    measured = check(reference, ours)
    check_audio(reference, ours)
    report(**measured)
