"""The GPT's latents of a data set: its states over the codes spoken, as synthesis feeds them to flow matching.

    semantic features of another clip of the speaker ─► conditions ─┐
    text, codes of the utterance ───────────────────────────────────┴─► second pass ─► latents/latents [T D]

The conditioning clip is another utterance, as in the GPT's own training, and chosen by the utterance's place alone.
Source: the second pass of infer_v2.py (`gpt.forward` over the finished codes).
"""

import pathlib
from typing import Any

import numpy as np

from indextts2_jax.array_typing import Float16, Int, Params, Shaped
from indextts2_jax.config import ModelConfig
from indextts2_jax.errors import TrainingError
from indextts2_jax.nn.buckets import bucket_size, pad_axis
from indextts2_jax.pipeline import stages
from indextts2_jax.text.frontend import build_frontend
from indextts2_jax.training.dataset import DataSet, generator
from indextts2_jax.training.objectives.base import another

CLIP_FRAMES = 384
"""Of the conditioning clip: 7.7 s; what is longer is cut."""


def encode_latents(
    data: DataSet, params: Params, model: ModelConfig, tokenizer: pathlib.Path, source: dict[str, Any], batch: int = 16
) -> None:
    """Writes latents/latents, float16 [T, D] an utterance, one row a code.

    Args:
      params: {"gpt": parameters}.
      tokenizer: the front-end's file.
    Raises:
      TrainingError: an utterance too long for the model, or a data set without semantic features or codes.
    """
    from tqdm import tqdm

    if not model.s2mel.latent_dim:
        raise TrainingError(f"{model.name} makes the mel of codes alone: it has no use for latents.")
    semantic, codes = data.array("semantic/semantic"), data.array("codes/codes")
    frontend = build_frontend(model.text_frontend, tokenizer.read_bytes())
    ids = [np.array(frontend.encode(frontend.tokenize(row["text"])), np.int32) for row in data.rows]
    for index, text in enumerate(ids):
        if len(text) > model.gpt.max_text_tokens or codes.lengths[index] > model.gpt.max_mel_tokens:
            raise TrainingError(f"Row {index + 1} of {data.folder} is too long for the model's positions; cut it.")
    clips = _clips(data)
    order = np.argsort(codes.lengths, kind="stable")
    results: dict[int, Float16[np.ndarray, "T D"]] = {}
    for start in tqdm(range(0, len(order), batch), unit="batch", desc="latents", mininterval=2.0):
        chosen = order[start : start + batch]
        padded = np.resize(chosen, batch)  # the last batch repeats utterances rather than compile another shape
        features, lengths = _stack([semantic[clips[i]][:CLIP_FRAMES].astype(np.float32) for i in padded])
        text, text_lengths = _stack([ids[i] for i in padded])
        spoken, spoken_lengths = _stack([codes[i].astype(np.int32) for i in padded])
        speaker = stages.speaker_latents(params, features, lengths, model=model)
        emotion = stages.emotion_vector(params, features, lengths, model=model)
        conds = stages.decoder_conditions(params, speaker, emotion, model=model)
        latents = stages.code_latents(params, conds, text, text_lengths, spoken, spoken_lengths, model=model)
        for i, row in zip(chosen, np.asarray(latents), strict=False):
            results[int(i)] = row[: codes.lengths[i]].astype(np.float16)
    data.derive("latents", {"latents": [results[i] for i in range(len(data.rows))]}, source)


def _clips(data: DataSet) -> list[int]:
    """For each utterance another one of its speaker."""
    by_speaker = {s: np.flatnonzero(data.speaker_ids == s) for s in range(len(data.speakers))}
    return [another(by_speaker[int(s)], i, generator(0, 2, i)) for i, s in enumerate(data.speaker_ids)]


def _stack(rows: list[Shaped[np.ndarray, " _ *rest"]]) -> tuple[Shaped[np.ndarray, "B _ *rest"], Int[np.ndarray, " B"]]:
    """Rows [n, ...] padded to a common bucket, and their lengths."""
    lengths = np.array([len(row) for row in rows], np.int32)
    size = bucket_size(int(lengths.max()))
    return np.stack([pad_axis(row, size) for row in rows]), lengths
