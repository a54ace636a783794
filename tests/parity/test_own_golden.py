"""Parity that any clone can check: our pipeline against own_golden, recorded from the official program.

Nothing from outside the repository is needed, nor torch: the checkpoint is made from a seed at a reduced size, in
memory, and goes through the converter's own tables. `record_golden.py` says what was recorded and how.
 - Requests: from clips and token ids to the final audio; every error is carried along (tolerances: test_chain.py).
 - Stages: each by itself on seeded inputs (tolerances: docs/parity.md, *isolated*).
Of large arrays the golden has samples and moments; all codes, indices and lengths are compared, exactly.
"""

import importlib
import pathlib
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax import Emotion, IndexTTS2
from indextts2_jax.audio import kaldi_fbank, mel, w2v_features
from indextts2_jax.checkpoint import networks
from indextts2_jax.config import Config, DecodeConfig
from indextts2_jax.gpt import decode as decoding
from indextts2_jax.nn.buckets import batch_of_one, bucket_size, pad_axis, prompt_size, regulated_size
from indextts2_jax.pipeline import stages
from indextts2_jax.pipeline.recording import Replay, StageRecorder
from indextts2_jax.s2mel.length_regulator import resize_index
from indextts2_jax.semantic.semantic_codec import SemanticCodec
from tests.conftest import MemorySource, convert_component, relative_error, report
from tests.parity import own_inputs, reduced_checkpoint
from tests.parity.own_inputs import MODE_CODES, MODE_NOISE, MODES, RUNS, IdFrontend, Run
from tests.parity.own_records import OwnGolden, Record, base_name, is_whole, moments, sample
from tests.parity.test_chain import COSINES, TOLERANCES, cosine

CHAINED = {**TOLERANCES, "length_regulator_in": TOLERANCES["length_regulator_out"], "codec_quantized": 1e-4}
CHAINED_COSINES = {**COSINES, "wav_int16": COSINES["vocoder_wav"]}
ISOLATED = 1e-4
ISOLATED_MEL = 1e-3
"""After 25 steps."""
MODEL = reduced_checkpoint.model_config()
INPUTS = own_inputs.stage_inputs()


@pytest.fixture(scope="module")
def golden() -> OwnGolden:
    return OwnGolden()


@pytest.fixture(scope="module")
def tts(golden) -> IndexTTS2:
    """Ours, over the reduced checkpoint that the golden was recorded on."""
    params = {}
    for component, shapes in golden.shapes.items():
        tensors = reduced_checkpoint.build(component, shapes)
        assert reduced_checkpoint.fingerprint(tensors) == golden.fingerprints[component], f"another {component}"
        rules = importlib.import_module(f"convert.maps.{component}").rules(MODEL)
        expected = networks.shapes(component, MODEL)
        params[component] = jax.device_put(convert_component(component, rules, MemorySource(tensors), expected))
    return IndexTTS2(params, MODEL, IdFrontend())


# --- comparing ------------------------------------------------------------------------------------------------


def error_of(name: str, ours: np.ndarray, record: Record) -> float:
    """max |ours - reference| / max(1, max |reference|) over the samples, and the same of the moments.

    No moment can differ by more than the largest error of all numbers, so it is held to the same tolerance.
    """
    assert ours.shape == record.shape, f"{name}: {ours.shape} is not the reference's {record.shape}"
    scale = max(1.0, record.moments["largest"])
    apart = [abs(ours_ - record.moments[key]) / scale for key, ours_ in moments(ours).items()]
    return max(relative_error(sample(name, ours), record.values), *apart)


def compare(
    ours: Mapping[str, np.ndarray],
    recorded: Mapping[str, Record],
    tolerances: Mapping[str, float],
    cosines: Mapping[str, float],
) -> None:
    """Every array that was recorded; all that disagree are listed."""
    assert set(ours) == set(recorded), f"arrays differ: {sorted(set(ours) ^ set(recorded))}"
    measured, failures = {}, []
    for name, record in recorded.items():
        kind, array = base_name(name), np.asarray(ours[name])
        if is_whole(name, array):
            if array.shape != record.shape or not np.array_equal(array.ravel(), record.values):
                failures.append(f"{name} differs")
        elif kind in cosines:
            assert array.shape == record.shape, f"{name}: {array.shape} is not the reference's {record.shape}"
            measured[name] = 1.0 - cosine(sample(name, array), record.values)
            if not measured[name] <= 1.0 - cosines[kind]:
                failures.append(f"{name}: cosine {1 - measured[name]:.6f} is below {cosines[kind]}")
        else:
            measured[name] = error_of(name, array, record)
            if not measured[name] <= tolerances[kind]:
                failures.append(f"{name}: error {measured[name]:.2e} exceeds {tolerances[kind]:.0e}")
    report(**measured)
    assert not failures, "; ".join(failures)


# --- requests -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return own_inputs.write_clips(tmp_path_factory.mktemp("clips"))


def emotion_of(run: Run, clip: pathlib.Path) -> Emotion | None:
    if run.emotion_vector is not None:
        return Emotion(weights=run.emotion_vector, weight=run.emotion_alpha)
    return Emotion(clip=clip, weight=run.emotion_alpha) if run.emotion_clip else None


@pytest.mark.parametrize("name", RUNS)
def test_request(name, golden, tts, clips):
    run, recorded, recorder = RUNS[name], golden.runs[name], StageRecorder()
    frames = [record.shape[1] for key, record in recorded.items() if base_name(key) == "cfm_cond"]
    noise = {segment: own_inputs.flow_noise(name, segment, count) for segment, count in enumerate(frames)}
    voice, clip = clips
    speech = tts.synthesize(
        run.text,
        voice,
        emotion=emotion_of(run, clip),
        config={"decode": run.decode},
        record=recorder,
        replay=Replay(noise, run.noise_seed),
    )
    ours = {key: array for key, array in recorder.arrays.items() if base_name(key) != "cfm_noise"}  # an input
    compare(ours, recorded, CHAINED, CHAINED_COSINES)
    assert len(speech.segments) == len(frames)
    gaps = np.ones(speech.samples, bool)
    for begin, end in speech.spans:
        gaps[begin:end] = False
    assert gaps.sum() == 4410 * (len(frames) - 1) and not ours["wav_int16"][gaps].any()
    apart = sample("wav_int16", ours["wav_int16"]) != recorded["wav_int16"].values
    assert apart.mean() < 0.2, "half of the samples would differ if they were rounded instead of cut off"


# --- stages ---------------------------------------------------------------------------------------------------


def lengths(count: int) -> np.ndarray:
    return np.array([count], np.int32)


def padded(array: np.ndarray) -> np.ndarray:
    """[1, T, ...], padded as the pipeline does it."""
    return batch_of_one(array[0])


def audio_stages() -> dict[str, np.ndarray]:
    features, _ = w2v_features.w2v_features(INPUTS.waveform_16k)
    return {
        "w2v_input_features": features[None],
        "campplus_fbank": kaldi_fbank.campplus_fbank(INPUTS.waveform_16k)[None],
        "ref_mel": mel.ref_mel(INPUTS.waveform_22k).T[None],
    }


def prompt_stages(tts: IndexTTS2) -> dict[str, np.ndarray]:
    features, semantic, fbank = INPUTS.features, INPUTS.semantic, INPUTS.fbank
    frames, count = features.shape[1], semantic.shape[1]
    encoded = stages.semantic_features(tts.params, padded(features), lengths(frames - 1), model=MODEL)
    indices, quantized = stages.quantize(tts.params, padded(semantic), lengths(count), model=MODEL)
    _, within = SemanticCodec(MODEL.semantic_codec).apply(
        {"params": tts.params["semantic_codec"]},
        jnp.asarray(semantic),
        jnp.asarray(lengths(count)),
        capture_intermediates=True,
    )
    style = stages.speaker_embedding(tts.params, padded(fbank), lengths(fbank.shape[1]), model=MODEL)
    size = regulated_size(bucket_size(count), INPUTS.frames)
    index = pad_axis(resize_index(count, INPUTS.frames).astype(np.int32), size)[None]
    regulated = stages.regulate_length(tts.params, padded(semantic), index, lengths(INPUTS.frames), model=MODEL)
    return {
        "semantic_emb": np.asarray(encoded)[:, :frames],
        "codec_encoded": within["intermediates"]["encoder"]["__call__"][0],
        "codec_indices": np.asarray(indices)[:, :count],
        "codec_quantized": np.asarray(quantized)[:, :count],
        "style": np.asarray(style),
        "length_regulator_out": np.asarray(regulated)[:, : INPUTS.frames],
    }


def decoder_stages(tts: IndexTTS2) -> dict[str, np.ndarray]:
    semantic, text, codes = INPUTS.semantic, INPUTS.text_ids, INPUTS.codes
    count, text_count, code_count = (lengths(array.shape[1]) for array in (semantic, text, codes))
    latents = stages.speaker_latents(tts.params, padded(semantic), count, model=MODEL)
    emotion = stages.emotion_vector(tts.params, padded(semantic), count, model=MODEL)
    conds = stages.decoder_conditions(tts.params, latents, emotion, model=MODEL)
    inputs = conds, padded(text), text_count
    second = stages.code_latents(tts.params, *inputs, padded(codes), code_count, model=MODEL)
    made = {"speech_conditioning_latent": latents, "emovec": emotion, "gpt_latent": second[:, : codes.shape[1]]}
    for mode, settings in MODES.items():
        decode = DecodeConfig(**settings, max_mel_tokens=MODE_CODES)
        count = decode.num_beams * MODEL.gpt.code_vocab
        noise = np.stack([own_inputs.gumbel(MODE_NOISE, step, count) for step in range(MODE_CODES)]).astype(np.float32)
        with jax.default_matmul_precision(stages.PRECISION):
            result = decoding.generate(
                tts.params["gpt"]["speech_lm"],
                MODEL.gpt,
                decode,
                *inputs,
                noise=noise[None] if decode.do_sample else None,
            )
        stop = [MODEL.gpt.stop_mel_token] * bool(result.stopped[0])
        made[f"codes, {mode}"] = np.array([[*np.asarray(result.codes)[0, : result.lengths[0]], *stop]])
    return {name: np.asarray(array) for name, array in made.items()}


def acoustic_stages(tts: IndexTTS2) -> dict[str, np.ndarray]:
    codes, count = INPUTS.codes, INPUTS.codes.shape[1]
    condition, projected = stages.acoustic_condition(tts.params, padded(INPUTS.latents), padded(codes), model=MODEL)
    prompt, total = INPUTS.prompt.shape[2], INPUTS.noise.shape[2]
    target = bucket_size(total - prompt)
    size = prompt_size(prompt) + target
    x, prompts, style, mu = own_inputs.velocity_rows(INPUTS)
    velocity = stages.velocity(
        tts.params,
        pad_axis(x.transpose(0, 2, 1), size, axis=1),
        pad_axis(prompts.transpose(0, 2, 1), size, axis=1),
        np.full(2, own_inputs.VELOCITY_TIME, np.float32),
        style,
        pad_axis(mu, size, axis=1),
        np.repeat(lengths(total), 2),
        model=MODEL,
    )
    mel_all = stages.flow(
        tts.params,
        pad_axis(INPUTS.noise[0].T, size)[None],
        pad_axis(INPUTS.prompt[0].T, size)[None],
        lengths(prompt),
        INPUTS.style,
        pad_axis(INPUTS.mu[0], size)[None],
        lengths(total),
        model=MODEL,
        steps=Config().flow.steps,
        guidance=Config().flow.guidance,
        temperature=1.0,
        target_frames=target,
    )
    log_mel = INPUTS.mel[0].T
    wav = stages.vocode(tts.params, batch_of_one(log_mel), lengths(len(log_mel)), model=MODEL)
    return {
        "gpt_layer_out": np.asarray(projected)[:, :count],
        "length_regulator_in": np.asarray(condition)[:, :count],
        "dit_velocity": np.asarray(velocity)[:, :total].transpose(0, 2, 1),
        "cfm_mel": np.asarray(mel_all)[:, :total].transpose(0, 2, 1),
        "vocoder_wav": np.asarray(wav)[:, None, : 256 * len(log_mel)],
    }


def test_stages(golden, tts):
    ours = audio_stages() | prompt_stages(tts) | decoder_stages(tts) | acoustic_stages(tts)
    compare(ours, golden.runs["stages"], {base_name(name): ISOLATED for name in ours} | {"cfm_mel": ISOLATED_MEL}, {})


def test_missing_golden_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        OwnGolden(tmp_path / "own_golden.npz")
