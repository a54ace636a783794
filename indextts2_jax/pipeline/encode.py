"""A reference clip -> a voice, an emotion clip -> an emotion prompt: the stages that read audio, in their order.

speaker ┬─ w2v_features ─ w2v_bert ──► semantic [B T D] ─┬─ conformer · perceiver ──► speaker latents, emotion vector
 wav    │                                                └─ quantize ─ length_regulator ─► prompt_cond [B M D]
        │             (a codec with a decoder makes features of codes, so the prompt's are not quantised)
        ├─ kaldi_fbank ─ campplus ──► style [B D]
        └─ mel ──► prompt_mel [B M C]
emotion wav ─ w2v_features ─ w2v_bert ─ conformer · perceiver ──► emotion vector [B D]
"""

from collections.abc import Sequence

import numpy as np

from indextts2_jax.array_typing import Array, Float, Int, Params
from indextts2_jax.audio import resample
from indextts2_jax.audio.clip import Clip
from indextts2_jax.audio.kaldi_fbank import campplus_fbank
from indextts2_jax.audio.mel import ref_mel
from indextts2_jax.audio.w2v_features import w2v_features
from indextts2_jax.config import ModelConfig
from indextts2_jax.nn.buckets import batch_of_one, regulated_size
from indextts2_jax.pipeline import batches, stages
from indextts2_jax.pipeline.recording import Record, Stopwatch, ignore
from indextts2_jax.pipeline.voice import EmotionPrompt, ReferenceVoice
from indextts2_jax.s2mel.length_regulator import resize_index


def _one(length: int) -> np.ndarray:
    return np.array([length], np.int32)


def _semantic_of(
    params: Params, model: ModelConfig, audio_16k: np.ndarray, record: Record, watch: Stopwatch
) -> np.ndarray:
    """Waveform at 16 kHz -> semantic features [T 1024], the odd last frame included."""
    with watch("audio"):
        features, attended = w2v_features(audio_16k)
    record("audio_16k", audio_16k[None])
    record("w2v_input_features", features[None])
    record("w2v_attention_mask", (np.arange(len(features)) < attended).astype(np.int32)[None])
    with watch("w2v_bert"):
        semantic = np.asarray(stages.semantic_features(params, batch_of_one(features), _one(attended), model=model))
    semantic = semantic[0, : len(features)]
    record("semantic_emb", semantic[None])
    return semantic


def encode_voice(
    params: Params,
    model: ModelConfig,
    clip: Clip,
    *,
    own_emotion: bool = True,
    encode_twice: bool = True,
    semantic: Float[np.ndarray, "T D"] | None = None,
    record: Record | None = None,
    watch: Stopwatch | None = None,
) -> ReferenceVoice:
    """A reference clip -> everything synthesis needs of it.

    Args:
      own_emotion: also encode the clip as its own emotion prompt (a second pass of w2v-bert over the clip resampled
        another way, as the reference does); not needed when an emotion clip will be given.
      encode_twice: False takes the first pass for both roles.
      semantic: what `clip_semantic` made of the clip, where it is known already.
    """
    record, watch = record or ignore, watch or Stopwatch()
    with watch("audio"):
        audio_22k, audio_16k = resample.speaker_audio(clip)
        prompt_mel = ref_mel(audio_22k)
        fbank = campplus_fbank(audio_16k)
    if semantic is None:
        semantic = _semantic_of(params, model, audio_16k, record, watch)
    padded, length = batch_of_one(semantic), _one(len(semantic))

    told = padded  # of the prompt, what the length regulator reads
    if not model.semantic_codec.decoder:
        with watch("semantic_codec"):
            indices, told = stages.quantize(params, padded, length, model=model)
            reference = np.asarray(told)[0, : len(semantic)]
        record("codec_indices", np.asarray(indices)[:, : len(semantic)])
        record("codec_quantized", reference[None])
    record("ref_mel", prompt_mel.T[None])
    with watch("campplus"):
        style = np.asarray(stages.speaker_embedding(params, batch_of_one(fbank), _one(len(fbank)), model=model))[0]
    record("campplus_fbank", fbank[None])
    record("style", style[None])
    with watch("length_regulator"):
        (prompt_condition,) = regulate(params, model, told, length, [len(prompt_mel)], record)
    with watch("conditioning"):
        if model.gpt.speaker_perceiver:
            latents = np.asarray(stages.speaker_latents(params, padded, length, model=model))[0]
        else:
            latents = np.asarray(stages.speaker_row(params, style[None], model=model))[0]
        base = np.asarray(stages.emotion_vector(params, padded, length, model=model))[0]
    own = None
    if own_emotion:
        own = encode_emotion(params, model, clip, record=record, watch=watch).vector if encode_twice else base
    return ReferenceVoice(latents, base, own, style, prompt_mel, prompt_condition)


def clip_semantic(
    params: Params, model: ModelConfig, clip: Clip, watch: Stopwatch | None = None
) -> Float[np.ndarray, "T D"]:
    """The semantic features of a clip."""
    return _semantic_of(params, model, resample.speaker_audio(clip)[1], ignore, watch or Stopwatch())


def codes_of(
    params: Params, model: ModelConfig, semantic: Float[np.ndarray, "T D"], watch: Stopwatch | None = None
) -> Int[np.ndarray, " _"]:
    """The semantic codes of a clip of these features: what the speech model would have to say to speak as it does."""
    with (watch or Stopwatch())("semantic_codec"):
        indices, _ = stages.quantize(params, batch_of_one(semantic), _one(len(semantic)), model=model)
    codes: np.ndarray = np.asarray(indices)[0, : -(-len(semantic) // model.semantic_codec.frames_per_code)]
    return codes


def clip_codes(params: Params, model: ModelConfig, clip: Clip) -> Int[np.ndarray, " T"]:
    """The semantic codes of a clip."""
    return codes_of(params, model, clip_semantic(params, model, clip))


def encode_emotion(
    params: Params, model: ModelConfig, clip: Clip, *, record: Record | None = None, watch: Stopwatch | None = None
) -> EmotionPrompt:
    """An emotion clip -> its emotion embedding."""
    record, watch = record or ignore, watch or Stopwatch()
    with watch("audio"):
        audio_16k = resample.emotion_audio(clip)
    semantic = _semantic_of(params, model, audio_16k, record, watch)
    with watch("conditioning"):
        vector = stages.emotion_vector(params, batch_of_one(semantic), _one(len(semantic)), model=model)
    return EmotionPrompt(np.asarray(vector)[0])


def regulate(
    params: Params,
    model: ModelConfig,
    padded: Array | np.ndarray,
    lengths: np.ndarray,
    frames: Sequence[int],
    record: Record | None = None,
) -> list[np.ndarray]:
    """Semantic frames [B, bucket, D], of which `lengths` [B] count -> [frames, D] of each, at the rate of the mel."""
    index, counts = batches.rows(
        [resize_index(int(n), m).astype(np.int32) for n, m in zip(lengths, frames, strict=True)],
        regulated_size(padded.shape[1], max(frames)),
    )
    regulated = stages.regulate_length(params, padded, *batches.divided(params, (index, counts)), model=model)
    result = [row[:count] for row, count in zip(np.asarray(regulated), counts, strict=True)]
    if record:
        record("length_regulator_in", np.asarray(padded)[:1, : lengths[0]])
        record("length_regulator_ylens", counts[:1])
        record("length_regulator_out", result[0][None])
    return result
