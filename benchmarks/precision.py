"""`python -m benchmarks.precision --artefact=DIR`: how far the cheaper numbers are from float32, and what they save.

    codes that float32 drew ── teacher forcing in each precision ──► how often the best next code is the same
    one noise, one prompt ──── flow matching in each precision ────► cosine of the mel
    one mel ────────────────── vocoder in each precision ──────────► cosine of the waveform

Without --artefact the weights are random (--size): the program then shows that it runs and what memory is saved; how a
trained model bears it, only a trained model can show.
"""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from benchmarks.random_model import in_precision, model_of, random_params, random_utterances
from indextts2_jax.array_typing import Array, Params
from indextts2_jax.config import Config, ModelConfig, replace, to_dict
from indextts2_jax.errors import ConfigError
from indextts2_jax.gpt.speech_lm import SpeechLM
from indextts2_jax.nn.buckets import bucket_size, pad_axis, prompt_size
from indextts2_jax.nn.trusted import trusted_parameters
from indextts2_jax.pipeline import stages
from indextts2_jax.pipeline.generation import Utterance, choose_codes
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.s2mel.length_regulator import target_length

GPT = ("float32", "bfloat16", "float16", "int8")
OTHERS = ("float32", "bfloat16", "float16")


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("artefact", None, "Converted checkpoint; without it: random weights.", flag_values=own)
    flags.DEFINE_enum(
        "size", "published", ["published", "tiny"], "Size of the model with random weights.", flag_values=own
    )
    flags.DEFINE_integer("codes", 150, "Codes to compare.", lower_bound=1, flag_values=own)
    flags.DEFINE_float(
        "prompt_seconds", 3.0, "Length of the prompt.", lower_bound=0.5, upper_bound=15.0, flag_values=own
    )
    flags.DEFINE_multi_enum("gpt", list(GPT), GPT, "Of the GPT; may be given again.", flag_values=own)
    flags.DEFINE_multi_enum("others", list(OTHERS), OTHERS, "Of flow and vocoder, likewise.", flag_values=own)
    flags.DEFINE_string("json", None, "File to write the figures to.", flag_values=own)


def cosine(a: Any, b: Any) -> float:
    a, b = np.ravel(np.asarray(a, np.float64)), np.ravel(np.asarray(b, np.float64))
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def megabytes(tree: Params) -> float:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree)) / 1e6


def next_scores(params: Params, model: ModelConfig, utterance: Utterance, codes: np.ndarray) -> np.ndarray:
    """[T, V] scores of each next code behind the codes before it, positions as in generation."""
    speech_lm = params["gpt"]["speech_lm"]
    dtype = speech_lm["code_head"]["kernel"].dtype
    conds = stages.decoder_conditions(
        params, utterance.voice.speaker_latents[None], utterance.emotion[None], model=model
    )

    def inside(module: SpeechLM, codes: Array) -> Array:
        ids, lengths = jnp.asarray(utterance.text_ids[None]), jnp.array([len(utterance.text_ids)], jnp.int32)
        hidden = module.hidden_states(conds, ids, lengths, codes, jnp.array([codes.shape[1]], jnp.int32), code_offset=1)
        return module.logits(hidden[:, -codes.shape[1] :])

    with trusted_parameters(), jax.default_matmul_precision(stages.PRECISION):
        module = SpeechLM(model.gpt, dtype=dtype, param_dtype=dtype)
        scores = jax.jit(lambda p, c: module.apply({"params": p}, c, method=inside))(speech_lm, codes[None])
    return np.asarray(scores)[0]


def compare(
    params: Params,
    model: ModelConfig,
    codes: int,
    prompt_seconds: float,
    decoders: Sequence[str] = GPT,
    others: Sequence[str] = OTHERS,
) -> dict[str, dict[str, Any]]:
    """{network: {precision: its deviations from float32 and its megabytes}}; `params` in float32, not arranged."""
    (utterance,) = random_utterances(model, 1, prompt_seconds, text_tokens=30)
    config = replace(Config(), decode={"max_mel_tokens": codes, "num_beams": 1})
    exact = in_precision(params, "stored", "float32")
    (spoken,) = choose_codes(exact, config, model, [utterance])
    if not len(spoken.codes):
        raise ConfigError("The model stopped before its first code: there is nothing to compare.")
    rows: dict[str, dict[str, Any]] = {"gpt": {}, "flow": {}, "vocoder": {}}
    reference = next_scores(exact, model, utterance, spoken.codes)
    for name in decoders:
        own = in_precision(params, name, "float32")
        scores = next_scores(own, model, utterance, spoken.codes)
        rows["gpt"][name] = {
            "codes_agree": float(np.mean(scores.argmax(-1) == reference.argmax(-1))),
            "scores_cosine": cosine(scores, reference),
            "megabytes": megabytes(own["gpt"]["speech_lm"]),
        }
    flow_inputs, settings = _flow_inputs(model, utterance, config, len(spoken.codes))
    frames = np.array([target_length(len(spoken.codes))], np.int32)
    prompt = len(utterance.voice.prompt_mel)
    mel = wav = None
    for name in others:
        own = in_precision(params, "stored", name)
        made = np.asarray(stages.flow(own, *flow_inputs, model=model, **settings))[:, prompt : prompt + frames[0]]
        mel = made if mel is None else mel
        rows["flow"][name] = {"mel_cosine": cosine(made, mel), "megabytes": megabytes(own["s2mel"]["dit"])}
        padded = pad_axis(mel, bucket_size(int(frames[0])), 1)
        sound = np.asarray(stages.vocode(own, padded, frames, model=model))
        wav = sound if wav is None else wav
        rows["vocoder"][name] = {"waveform_cosine": cosine(sound, wav), "megabytes": megabytes(own["bigvgan"])}
    return rows


def _flow_inputs(
    model: ModelConfig, utterance: Utterance, config: Config, codes: int
) -> tuple[tuple[np.ndarray, ...], dict[str, Any]]:
    voice, frames = utterance.voice, target_length(codes)
    target = bucket_size(frames)
    size, prompt = prompt_size(len(voice.prompt_mel)) + target, len(voice.prompt_mel)
    rng = np.random.default_rng(2)
    widths = model.s2mel.mel_bins, model.s2mel.width
    noise, mu = (rng.standard_normal((1, size, width)).astype(np.float32) for width in widths)
    mu[0, :prompt] = voice.prompt_condition
    lengths = [np.array([n], np.int32) for n in (prompt, prompt + frames)]
    inputs = (noise, pad_axis(voice.prompt_mel, size)[None], lengths[0], voice.style[None], mu, lengths[1])
    return inputs, {"target_frames": target, **to_dict(config.flow)}


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Markdown, for docs/performance.md."""
    lines = ["| network | numbers | agreement with float32 | weights |", "| --- | --- | --- | --- |"]
    for network, precisions in rows.items():
        for name, row in precisions.items():
            found = [
                f"{value:.1%} of the codes" if key == "codes_agree" else f"{key.replace('_', ' ')} {value:.6f}"
                for key, value in row.items()
                if key != "megabytes"
            ]
            lines.append(f"| {network} | {name} | {', '.join(found)} | {row['megabytes']:,.0f} MB |")
    return "\n".join(lines)


def main(given: flags.FlagValues) -> None:
    if given.artefact:
        from indextts2_jax.checkpoint.artefact import load_artefact

        artefact = load_artefact(given.artefact, dtype="float32")
        params, model = artefact.params, artefact.model
    else:
        model = model_of(given.size)
        params = random_params(model)
    rows = compare(params, model, given.codes, given.prompt_seconds, given.gpt, given.others)
    print(f"{jax.devices()[0].device_kind}, {given.codes} codes\n{table(rows)}")
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
