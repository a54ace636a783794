"""Records own_golden.npz: the official program on the reduced checkpoint. Not a test.

None of the official code is here: it is imported from a checkout. The program is `indextts.infer_v2.IndexTTS2` as it
is, constructed over files in the published layout; its `infer` runs the requests. Replaced are only:
 - the text front-end: token ids stand for a text;
 - `do_sample`, which `infer` takes and then ignores;
 - the two sources of chance: `torch.randn` of the flow matching gives seeded noise, and `torch.multinomial` of the
   generation takes the largest of log p + seeded Gumbel noise, which is a draw without replacement.

How it was run, on Linux x86-64 with two cores, Python 3.11.7, in two minutes:

    # official: the files of https://github.com/index-tts/index-tts, 18 August 2026, commit
    commit=ee40fa7d6c6b8a2c7f06105f9f1e65775b74868c
    python3.11 -m venv official-venv
    official-venv/bin/pip install torch==2.13.0+cpu torchaudio==2.11.0 transformers==4.52.1 numpy==2.2.6 \\
        librosa==0.10.2.post1 descript-audiotools==0.7.2 modelscope==1.27.0 munch==4.0.0 omegaconf einops safetensors \\
        sentencepiece tiktoken more-itertools setuptools soxr soundfile json5
    official-venv/bin/pip install --no-deps --no-build-isolation openai-whisper
    rm official-venv/lib/python3.11/site-packages/torchaudio/lib/_torchaudio.abi3.so
    OMP_WAIT_POLICY=passive official-venv/bin/python -m tests.parity.record_golden --official official --commit $commit

The deleted file is a compiled part of torchaudio that wants CUDA; no function used here is in it. modelscope, whisper
and the like are imported by the official program and not called.
"""

import argparse
import contextlib
import pathlib
import platform
import sys
import tempfile
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import torch

from tests.parity import own_inputs, own_records, reduced_checkpoint
from tests.parity.official_program import (
    check_loaded,
    flow_from,
    load_program,
    published_shapes,
    seeded_draws,
    write_checkpoint,
)
from tests.parity.own_inputs import MODE_CODES, MODE_NOISE, MODES, RUNS, Run, StageInputs
from tests.parity.own_records import Arrays

STEPS, GUIDANCE = 25, 0.7
"""What `infer` asks of the flow matching."""


# --- requests -------------------------------------------------------------------------------------------------


def wrapped(target: Any, name: str, after: Callable[..., None]) -> Any:
    """A patch of the function `target.name`: `after(result, *arguments)` sees each call's."""
    original = getattr(target, name)

    def call(*arguments: Any, **options: Any) -> Any:
        result = original(*arguments, **options)
        after(result, *arguments)
        return result

    return mock.patch.object(target, name, call)


def watch_prompts(tts: Any, record: Arrays) -> list[Any]:
    """Records what becomes of the clips."""

    def features(result: Any, audio: torch.Tensor) -> None:
        record("audio_16k", audio)
        record("w2v_input_features", result["input_features"])
        record("w2v_attention_mask", result["attention_mask"])

    def codec(result: Any, *_: Any) -> None:
        record("codec_indices", result[0])
        record("codec_quantized", result[1])

    return [
        wrapped(tts, "extract_features", features),
        wrapped(tts, "get_emb", lambda result, *_: record("semantic_emb", result)),
        wrapped(tts.semantic_codec, "quantize", codec),
        wrapped(tts, "mel_fn", lambda result, *_: record("ref_mel", result)),
    ]


def watch_decoder(tts: Any, record: Arrays, run: Run) -> list[Any]:
    """Records what becomes of a text; codes are drawn as the run wants it."""
    generate = tts.gpt.inference_speech

    def inference_speech(semantic: torch.Tensor, text_ids: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        options["do_sample"] = run.decode.get("do_sample", True)
        record("text_ids", text_ids)
        with seeded_draws(run.noise_seed):
            codes, latent = generate(semantic, text_ids, *arguments, **options)
        record("codes", codes)
        record("speech_conditioning_latent", latent)
        return codes, latent

    def prefix(result: Any, conds: torch.Tensor, *_: Any) -> None:
        record("gpt_conds", conds)
        record("gpt_prefix", result[1])

    return [
        mock.patch.object(tts.gpt, "inference_speech", inference_speech),
        wrapped(tts.gpt, "merge_emovec", lambda result, *_: record("emovec", result)),
        wrapped(tts.gpt, "prepare_gpt_inputs", prefix),
    ]


def watch_flow(tts: Any, record: Arrays, name: str) -> list[Any]:
    """Records the flow matching of each segment, which begins from seeded noise."""
    cfm, segment = tts.s2mel.models["cfm"], 0
    solve = cfm.inference

    def inference(mu: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
        nonlocal segment
        number, segment = segment, segment + 1
        velocities: list[torch.Tensor] = []
        hook = cfm.estimator.register_forward_hook(lambda module, inputs, out: velocities.append(out.clone()))
        with flow_from(lambda frames: own_inputs.flow_noise(name, number, frames)):
            mel = solve(mu, *arguments, **options)
        hook.remove()
        record("cfm_cond", mu)
        for step in (0, 1):
            record(f"dit_velocity_step{step}", velocities[step])
        record("cfm_mel", mel)
        return mel

    return [mock.patch.object(cfm, "inference", inference)]


def hooks(tts: Any, record: Arrays) -> list[Any]:
    """Records the inputs and outputs of whole modules."""

    def campplus(module: Any, inputs: Any, out: torch.Tensor) -> None:
        record("campplus_fbank", inputs[0])
        record("style", out)

    def regulator(module: Any, inputs: Any, options: Any, out: Any) -> None:
        record("length_regulator_in", inputs[0])
        record("length_regulator_ylens", options["ylens"])
        record("length_regulator_out", out[0])

    def vocoder(module: Any, inputs: Any, out: torch.Tensor) -> None:
        record("vocoder_mel", inputs[0])
        record("vocoder_wav", out)

    models = tts.s2mel.models
    return [
        tts.campplus_model.register_forward_hook(campplus),
        models["length_regulator"].register_forward_hook(regulator, with_kwargs=True),
        tts.gpt.register_forward_hook(lambda module, inputs, out: record("gpt_latent", out)),
        models["gpt_layer"].register_forward_hook(lambda module, inputs, out: record("gpt_layer_out", out)),
        tts.bigvgan.register_forward_hook(vocoder),
    ]


def record_run(tts: Any, name: str, run: Run, voice: pathlib.Path, emotion: pathlib.Path) -> Arrays:
    """One request through the official `infer`; nothing of the one before is remembered."""
    record = Arrays()
    tts.cache_spk_cond = tts.cache_emo_cond = None
    handles = hooks(tts, record)
    patches = [*watch_prompts(tts, record), *watch_decoder(tts, record, run), *watch_flow(tts, record, name)]
    with torch.no_grad(), contextlib.ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        _, audio = tts.infer(
            str(voice),
            run.text,
            None,
            emo_audio_prompt=str(emotion) if run.emotion_clip else None,
            emo_alpha=run.emotion_alpha,
            emo_vector=list(run.emotion_vector) if run.emotion_vector else None,
            **run.decode,
        )
    for handle in handles:
        handle.remove()
    record("wav_int16", audio)
    return record


# --- single stages --------------------------------------------------------------------------------------------


def record_audio(tts: Any, given: StageInputs, record: Arrays) -> None:
    """Waveforms -> features; as `infer` calls what it has no function of its own for."""
    from torchaudio.compliance import kaldi

    waveform = torch.from_numpy(given.waveform_16k)[None]
    record(
        "w2v_input_features", tts.extract_features(waveform, sampling_rate=16000, return_tensors="pt")["input_features"]
    )
    fbank = kaldi.fbank(waveform, num_mel_bins=80, dither=0, sample_frequency=16000)
    record("campplus_fbank", (fbank - fbank.mean(dim=0, keepdim=True))[None])
    record("ref_mel", tts.mel_fn(torch.from_numpy(given.waveform_22k)[None]))


def record_prompt_networks(tts: Any, given: StageInputs, record: Arrays) -> None:
    """w2v-bert, the codec, CAM++ and the length regulator."""
    attended = torch.ones(given.features.shape[:2], dtype=torch.int32)
    attended[:, -1] = 0
    record("semantic_emb", tts.get_emb(torch.from_numpy(given.features), attended))
    semantic = torch.from_numpy(given.semantic)
    record("codec_encoded", tts.semantic_codec.encoder(semantic.transpose(1, 2)))
    indices, quantized = tts.semantic_codec.quantize(semantic)
    record("codec_indices", indices)
    record("codec_quantized", quantized)
    record("style", tts.campplus_model(torch.from_numpy(given.fbank)))
    regulator = tts.s2mel.models["length_regulator"]
    record("length_regulator_out", regulator(semantic, ylens=torch.tensor([given.frames]), n_quantizers=3, f0=None)[0])


def record_decoder(tts: Any, given: StageInputs, record: Arrays) -> None:
    """The GPT: conditioning, codes in every mode, and the second pass over given codes."""
    gpt, semantic = tts.gpt, torch.from_numpy(given.semantic)
    text, codes = torch.from_numpy(given.text_ids), torch.from_numpy(given.codes).long()
    width = torch.tensor([semantic.shape[-1]])
    emovec = gpt.get_emovec(semantic, width)
    for mode, decode in MODES.items():
        published = {"do_sample": True, "num_beams": 3, "top_k": 30, "top_p": 0.8, "temperature": 0.8}
        settings = {**published, "repetition_penalty": 10.0, "length_penalty": 0.0, **decode}
        with seeded_draws(MODE_NOISE):
            chosen, latent = gpt.inference_speech(
                semantic, text, emo_vec=emovec, max_generate_length=MODE_CODES, num_return_sequences=1, **settings
            )
        record(f"codes, {mode}", chosen)
    record("speech_conditioning_latent", latent)
    record("emovec", emovec)
    counts = [torch.tensor([ids.shape[1]]) for ids in (text, codes)]
    record(
        "gpt_latent", gpt(latent, text, counts[0], codes, counts[1], None, emo_vec=emovec, use_speed=torch.tensor([0]))
    )


def record_acoustics(tts: Any, given: StageInputs, record: Arrays) -> None:
    """Latents and codes -> condition; flow matching; the vocoder."""
    models = tts.s2mel.models
    projected = models["gpt_layer"](torch.from_numpy(given.latents))
    record("gpt_layer_out", projected)
    embedded = tts.semantic_codec.quantizer.vq2emb(torch.from_numpy(given.codes).long()[:, None])
    record("length_regulator_in", embedded.transpose(1, 2) + projected)
    prompt, style, mu = (torch.from_numpy(array) for array in (given.prompt, given.style, given.mu))
    lengths = torch.tensor([mu.shape[1]])
    x, prompts, styles, mus = (torch.from_numpy(array) for array in own_inputs.velocity_rows(given))
    t = torch.full((2,), own_inputs.VELOCITY_TIME)
    record("dit_velocity", models["cfm"].estimator(x, prompts, lengths, t, styles, mus))
    with flow_from(lambda frames: given.noise):
        record("cfm_mel", models["cfm"].inference(mu, lengths, prompt, style, None, STEPS, inference_cfg_rate=GUIDANCE))
    record("vocoder_wav", tts.bigvgan(torch.from_numpy(given.mel)))


def record_stages(tts: Any) -> Arrays:
    """Every stage by itself, on inputs of its own."""
    given, record = own_inputs.stage_inputs(), Arrays()
    with torch.no_grad():
        for stage in (record_audio, record_prompt_networks, record_decoder, record_acoustics):
            stage(tts, given, record)
    return record


# --- all of it ------------------------------------------------------------------------------------------------


def versions(commit: str) -> dict[str, str]:
    """What the golden was recorded with."""
    import librosa
    import torchaudio
    import transformers

    return {
        "official": f"https://github.com/index-tts/index-tts {commit}",
        "python": f"{platform.python_version()} {platform.system()} {platform.machine()}",
        **{module.__name__: module.__version__ for module in (torch, torchaudio, transformers, librosa, np)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", type=pathlib.Path, required=True, help="a checkout of the official repository")
    parser.add_argument("--commit", required=True, help="the commit of the checkout")
    parser.add_argument("--output", type=pathlib.Path, default=own_records.PATH)
    args = parser.parse_args()
    sys.path.insert(0, str(args.official.resolve()))
    torch.set_num_threads(2)
    shapes = published_shapes()
    tensors = {component: reduced_checkpoint.build(component, named) for component, named in shapes.items()}
    fingerprints = {component: reduced_checkpoint.fingerprint(named) for component, named in tensors.items()}
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        tts = load_program(folder, write_checkpoint(folder, tensors))
        check_loaded(tts, tensors)
        clips = own_inputs.write_clips(folder)
        runs = {name: record_run(tts, name, run, *clips) for name, run in RUNS.items()}
    runs["stages"] = record_stages(tts)
    own_records.write(args.output, runs, shapes, fingerprints, versions(args.commit))


if __name__ == "__main__":
    main()
