"""The networks as pure functions: each is jitted once per shape, on padded arrays and their lengths.

`pipeline.py` calls them in order; nothing here knows of clips, texts or files. The full parameter tree is passed to
each, which takes its parts of it; the model's configuration is a compile-time constant.
"""

import functools
import operator
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax

from indextts2_jax.array_typing import Array, Float, Int, Lengths, Params
from indextts2_jax.config import ModelConfig
from indextts2_jax.gpt.conditioning import Conditioning
from indextts2_jax.gpt.speech_lm import SpeechLM
from indextts2_jax.gpt.text_attention import Head
from indextts2_jax.gpt.text_attention import text_attention as attend
from indextts2_jax.nn.packed_weights import Int8, Transposed
from indextts2_jax.nn.trusted import trusted_parameters
from indextts2_jax.s2mel import flow_matching
from indextts2_jax.s2mel.dit import DiT
from indextts2_jax.s2mel.length_regulator import LatentProjection, LengthRegulator
from indextts2_jax.semantic.semantic_codec import SemanticCodec
from indextts2_jax.semantic.w2v_bert import W2vBert
from indextts2_jax.speaker.campplus import Campplus
from indextts2_jax.vocoder.bigvgan import BigVgan

STAGES: dict[str, Callable[..., Any]] = {}
"""All of them by name."""

PRECISION = "highest"  # TF32 or bfloat16 products flip codebook entries and beams


def stage(*parts: str, static: tuple[str, ...] = ()) -> Callable[[Callable[..., Any]], Any]:
    """jit with the model (and `static`) as constants, and products in full float32.

    Args:
      parts: "network" or "network/part" of the parameter tree: the first arguments of what is decorated, in place of
        the tree. jit looks at every array of its arguments: the whole tree costs the first sentence half a second.
    """

    def wrap(function: Callable[..., Any]) -> Any:
        @functools.wraps(function)
        def precise(*args: Any, **kwargs: Any) -> Any:
            with jax.default_matmul_precision(PRECISION), trusted_parameters():
                return function(*args, **kwargs)

        jitted = jax.jit(precise, static_argnames=("model", *static))

        @functools.wraps(function)
        def run(params: Params, *inputs: Any, **settings: Any) -> Any:
            own = [functools.reduce(operator.getitem, part.split("/"), params) for part in parts]
            return jitted(*own, *inputs, **settings)

        STAGES[function.__name__] = run
        return run

    return wrap


def _types(weights: Float[Array, "..."] | Transposed | Int8) -> dict[str, Any]:
    """A network computes in the type of its weights (`precision.py`)."""
    return {"dtype": weights.dtype, "param_dtype": weights.dtype}


def _apply(module: nn.Module, params: Params, *inputs: Array | bool, method: str | None = None) -> Any:
    return module.apply({"params": params}, *inputs, method=method)


@stage("w2v_bert")
def semantic_features(
    params: Params, features: Float[Array, "B T C"], attended: Lengths, *, model: ModelConfig
) -> Float[Array, "B T D"]:
    """Stacked fbank -> normalised hidden state 17 of w2v-bert."""
    return _apply(W2vBert(model.w2v_bert), params, features, attended)


@stage("semantic_codec")
def quantize(
    params: Params, semantic: Float[Array, "B T D"], lengths: Lengths, *, model: ModelConfig
) -> tuple[Int[Array, "B _"], Float[Array, "B _ D"]]:
    """Semantic features -> codebook indices and their embeddings, one for `frames_per_code` frames."""
    method = "quantize" if model.semantic_codec.decoder else None
    return _apply(SemanticCodec(model.semantic_codec), params, semantic, lengths, method=method)


@stage("campplus")
def speaker_embedding(
    params: Params, fbank: Float[Array, "B F C"], lengths: Lengths, *, model: ModelConfig
) -> Float[Array, "B style"]:
    """Kaldi fbank -> style, by CAMPPlus."""
    return _apply(Campplus(model.campplus), params, fbank, lengths)


@stage("s2mel/length_regulator")
def regulate_length(
    params: Params, x: Float[Array, "B T C"], index: Int[Array, "B M"], lengths: Lengths, *, model: ModelConfig
) -> Float[Array, "B M D"]:
    """50 Hz semantic frames -> mel frames, for the prompt and for each segment apart."""
    return _apply(LengthRegulator(model.s2mel), params, x, index, lengths)


@stage("gpt/conditioning")
def speaker_latents(
    params: Params, semantic: Float[Array, "B T C"], lengths: Lengths, *, model: ModelConfig
) -> Float[Array, "B Q D"]:
    """Semantic features -> the speaker's conformer and perceiver latents."""
    return _apply(Conditioning(model.gpt), params, semantic, lengths, method="speaker_latents")


@stage("gpt/conditioning")
def speaker_row(params: Params, style: Float[Array, "B style"], *, model: ModelConfig) -> Float[Array, "B 1 D"]:
    """Style -> the same, where a model has no speaker encoder."""
    return _apply(Conditioning(model.gpt), params, style, method="speaker_row")


@stage("gpt/conditioning")
def emotion_vector(
    params: Params, semantic: Float[Array, "B T C"], lengths: Lengths, *, model: ModelConfig
) -> Float[Array, "B D"]:
    """Semantic features -> one emotion embedding."""
    return _apply(Conditioning(model.gpt), params, semantic, lengths, method="emotion_vector")


@stage("gpt/conditioning")
def decoder_conditions(
    params: Params, latents: Float[Array, "B Q D"], emotion: Float[Array, "B D"], *, model: ModelConfig
) -> Float[Array, "B Q+2 D"]:
    """Speaker latents and emotion -> the first rows of the decoder's prompt."""
    return _apply(Conditioning(model.gpt), params, latents, emotion, method="decoder_conditions")


@stage("gpt/speech_lm", static=("keep_marks",))
def decoder_prefix(
    params: Params,
    conds: Float[Array, "B P D"],
    text_ids: Int[Array, "B L"],
    lengths: Lengths,
    *,
    model: ModelConfig,
    keep_marks: bool = False,
) -> tuple[Float[Array, "B P+L+2 D"], Lengths]:
    """What generation starts from; only computed apart to be recorded."""
    return _apply(SpeechLM(model.gpt), params, conds, text_ids, lengths, keep_marks, method="prefix")


@stage("gpt/speech_lm")
def prefix_scores(
    params: Params, prefix: Float[Array, "B S D"], lengths: Lengths, *, model: ModelConfig
) -> Float[Array, "B V"]:
    """The scores of the first code, as the head gives them; only computed apart to be recorded."""
    _, scores = _apply(SpeechLM(model.gpt), params, prefix, lengths, method="prefill")
    return scores


@stage("gpt/speech_lm")
def code_latents(
    params: Params,
    conds: Float[Array, "B P D"],
    text_ids: Int[Array, "B L"],
    text_lengths: Lengths,
    codes: Int[Array, "B T"],
    code_lengths: Lengths,
    *,
    model: ModelConfig,
) -> Float[Array, "B T D"]:
    """The second pass over the finished codes: one latent per code."""
    module = SpeechLM(model.gpt, **_types(params["code_head"]["kernel"]))
    return _apply(module, params, conds, text_ids, text_lengths, codes, code_lengths)


@stage("gpt/speech_lm", static=("contiguous",))
def code_likelihood(
    params: Params,
    conds: Float[Array, "B P D"],
    text_ids: Int[Array, "B L"],
    text_lengths: Lengths,
    codes: Int[Array, "B T"],
    code_lengths: Lengths,
    *,
    model: ModelConfig,
    contiguous: bool = False,
) -> Float[Array, "B T"]:
    """How likely (log, nats) finished codes are as a reading of a text."""
    module = SpeechLM(model.gpt, **_types(params["code_head"]["kernel"]))
    inputs = (conds, text_ids, text_lengths, codes, code_lengths)
    return _apply(module, params, *inputs, contiguous, method="log_likelihood")


@stage("gpt/speech_lm", static=("heads", "contiguous"))
def text_attention(
    params: Params,
    conds: Float[Array, "B P D"],
    text_ids: Int[Array, "B L"],
    text_lengths: Lengths,
    codes: Int[Array, "B T"],
    code_lengths: Lengths,
    *,
    model: ModelConfig,
    heads: tuple[Head, ...],
    contiguous: bool = False,
) -> Float[Array, "B H T L+2"]:
    """Where some heads of the GPT look in the text at each of finished codes."""
    module = SpeechLM(model.gpt, **_types(params["code_head"]["kernel"]))
    inputs = (conds, text_ids, text_lengths, codes, code_lengths)
    attention: Array = attend(module, params, heads, *inputs, contiguous)
    return attention


@stage("s2mel/latent_projection", "semantic_codec")
def acoustic_condition(
    projection: Params, codec: Params, latents: Float[Array, "B T D"], codes: Int[Array, "B T"], *, model: ModelConfig
) -> tuple[Float[Array, "B T E"], Float[Array, "B T E"]]:
    """(codec embedding + projected latents, the projected latents alone)."""
    projected = _apply(LatentProjection(model.s2mel), projection, latents)
    embedded = _apply(SemanticCodec(model.semantic_codec), codec, codes, method="embed")
    return embedded + projected, projected


@stage("semantic_codec")
def decode_codes(
    params: Params, codes: Int[Array, "B T"], lengths: Lengths, *, model: ModelConfig
) -> Float[Array, "B _ E"]:
    """Codes -> semantic features, by the codec's decoder."""
    return _apply(SemanticCodec(model.semantic_codec), params, codes, lengths, method="decode")


@stage("s2mel/dit")
def velocity(
    params: Params,
    x: Float[Array, "B M C"],
    prompt: Float[Array, "B M C"],
    t: Float[Array, " B"],
    style: Float[Array, "B style"],
    mu: Float[Array, "B M D"],
    lengths: Lengths,
    *,
    model: ModelConfig,
) -> Float[Array, "B M C"]:
    """One call of the estimator; only computed apart to be recorded."""
    return _apply(DiT(model.s2mel), params, x, prompt, t, style, mu, lengths)


@stage("s2mel/dit", static=("steps", "guidance", "target_frames"))
def flow(
    params: Params,
    noise: Float[Array, "B M C"],
    prompt: Float[Array, "B M C"],
    prompt_lengths: Lengths,
    style: Float[Array, "B style"],
    mu: Float[Array, "B M D"],
    lengths: Lengths,
    *,
    model: ModelConfig,
    steps: int,
    guidance: float,
    temperature: Float[Array, ""],
    target_frames: int | None = None,
) -> Float[Array, "B M C"]:
    """Noise -> log mel of prompt and target, by flow matching."""
    return flow_matching.solve(
        params,
        model.s2mel,
        noise,
        prompt,
        prompt_lengths,
        style,
        mu,
        lengths,
        steps=steps,
        guidance=guidance,
        temperature=temperature,
        target_frames=target_frames,
        dtype=params["merge"]["kernel"].dtype,
    )


@stage("s2mel/dit", static=("steps", "guidance"))
def flow_begin(
    params: Params,
    prompt: Float[Array, "B M C"],
    prompt_lengths: Lengths,
    style: Float[Array, "B style"],
    mu: Float[Array, "B M D"],
    *,
    model: ModelConfig,
    steps: int,
    guidance: float,
) -> flow_matching.Field:
    """What the steps of `flow` have in common, for a server, which has something else to do between them."""
    how = {"steps": steps, "guidance": guidance, "dtype": params["merge"]["kernel"].dtype}
    return flow_matching.begin(params, model.s2mel, prompt, prompt_lengths, style, mu, **how)


@stage(static=("guidance", "target_frames"))
def flow_step(
    field: flow_matching.Field,
    x: Float[Array, "B M C"],
    number: Int[Array, ""],
    prompt_lengths: Lengths,
    lengths: Lengths,
    *,
    model: ModelConfig,
    guidance: float,
    target_frames: int | None = None,
) -> Float[Array, "B M C"]:
    """One step of `flow`."""
    how = {"guidance": guidance, "target_frames": target_frames, "dtype": field.params["merge"]["kernel"].dtype}
    return flow_matching.move(field, model.s2mel, x, number, prompt_lengths, lengths, **how)


@stage("bigvgan")
def vocode(
    params: Params, log_mel: Float[Array, "B M C"], lengths: Lengths, *, model: ModelConfig
) -> Float[Array, "B N"]:
    """Log mel -> waveform in [-1, 1] at 22.05 kHz."""
    return _apply(BigVgan(model.bigvgan, **_types(params["conv_pre"]["kernel"])), params, log_mel, lengths)
