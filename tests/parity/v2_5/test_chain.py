"""IndexTTS-2.5 from the wav and the text to the final audio, against the recorded runs of the official implementation.

As `tests/parity/test_chain.py`: nothing is fed back in but the random numbers, and the tolerances are the same.
"""

import pytest

from indextts2_jax import IndexTTS2
from indextts2_jax.config import replace
from indextts2_jax.pipeline.recording import Replay, StageRecorder
from tests.conftest import GOLDENS_2_5, Golden, converted, relative_error, report
from tests.parity import test_chain as chain

TOLERANCES = chain.TOLERANCES | {
    "spk_row": 2e-3,
    "gpt_logits_step0": 2e-3,
    "gpt_logits_step1": 2e-3,
    "codec_decode_out": 2e-3,
    "length_regulator_in": 3e-3,
}
EQUAL = (*chain.EQUAL, "text_ids_kept", "lang", "gpt_pad")
QUICK = ("small_greedy_en",)


@pytest.fixture(scope="module")
def synthesizer(make_checkpoint):
    pytest.importorskip("tiktoken")

    def load(request: dict) -> IndexTTS2:
        _, size, _, bias = request["checkpoint"].split()
        folder = converted(make_checkpoint, size, float(bias.removeprefix("stop_bias=")), "2.5")
        return IndexTTS2.from_pretrained(folder)

    return load


def run(tts: IndexTTS2, golden: Golden, shared):
    request = golden.request
    if request["lang"] == "ja":
        pytest.importorskip("fugashi")
    config = replace(
        tts.config,
        decode={
            "do_sample": request["sample"],
            "num_beams": request["num_beams"],
            "max_mel_tokens": request["max_mel_tokens"],
        },
        text={
            "max_text_tokens_per_segment": request.get("max_text_tokens_per_segment", 120),
            "language": request["lang"],
        },
        duration={"factor": request.get("duration_factor", 1.0)},
    )
    noise = {int(key.partition(".")[2] or 0): array for key, array in golden.items() if key.startswith("cfm_noise")}
    recorder = StageRecorder()
    tts.synthesize(
        request["text"],
        shared / "voices" / request["voice"],
        emotion=chain.emotion_of(request, shared / "voices"),
        config=config,
        record=recorder,
        replay=Replay(noise, request.get("noise_seed")),
    )
    return recorder.arrays


def check(golden: Golden, ours: dict) -> dict[str, float]:
    """Every array of the golden; it leaves out those that another golden has."""
    measured, failures = {}, []
    for key, reference in golden.items():
        name = key.split(".")[0]
        made = ours[key]
        if name in EQUAL:
            if not (made.shape == reference.shape and (made == reference).all()):
                failures.append(f"{key} differs")
        elif name in TOLERANCES:
            measured[key] = relative_error(made, reference)
            if measured[key] > TOLERANCES[name]:
                failures.append(f"{key}: error {measured[key]:.2e} exceeds {TOLERANCES[name]:.0e}")
        elif name in chain.COSINES:
            measured[key] = 1.0 - chain.cosine(made, reference)
            if measured[key] > 1.0 - chain.COSINES[name]:
                failures.append(f"{key}: cosine {1 - measured[key]:.6f} is below {chain.COSINES[name]}")
        else:
            assert name in ("cfm_noise", "wav_int16"), f"nothing is said of {key}"
    assert not failures, "; ".join(failures)
    return measured


def hold(name, golden_2_5, synthesizer, shared):
    reference = golden_2_5(name)
    arrays = run(synthesizer(reference.request), reference, shared)
    report(**check(reference, arrays))
    chain.check_audio(reference, arrays)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in GOLDENS_2_5]
)
def test_small_goldens(name, golden_2_5, synthesizer, shared):
    hold(name, golden_2_5, synthesizer, shared)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["full_greedy_en", "full_sample_zh"])
def test_full_goldens(name, golden_2_5, synthesizer, shared):
    hold(name, golden_2_5, synthesizer, shared)
