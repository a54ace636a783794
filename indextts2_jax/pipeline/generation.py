"""From text to semantic codes: what is to be spoken, and how the decoder is asked for it.

    text ids [L], voice, emotion ─ decoder_inputs ─► conditions, padded ids ─ choose_codes, stream_codes ─► codes [T]

Every function takes several segments, and gives each what it would get alone: a segment's randomness depends on its own
key, and no row of a batch sees another. `speak.py` makes waveforms of the codes; `decoder.py` chooses them for requests
that come and go.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Float, Int, Key, Params
from indextts2_jax.config import Config, DecodeConfig, ModelConfig
from indextts2_jax.gpt import decode as gpt_decode
from indextts2_jax.gpt.sampling import replay_noise
from indextts2_jax.nn.buckets import size_beside
from indextts2_jax.pipeline import batches, recorded, stages
from indextts2_jax.pipeline.recording import Record, Replay, Stopwatch
from indextts2_jax.pipeline.voice import ReferenceVoice

TEXT_MARKERS = 2
"""Rows that the GPT reads beside conditioning, text and codes: start and stop of the text."""

DECODER_MARKERS = TEXT_MARKERS + 1
"""And the start of the codes, which is part of the decoder's prompt."""


@dataclasses.dataclass(frozen=True)
class Utterance:
    """One segment to be spoken, and all that its speech depends on beside the model and the settings."""

    voice: ReferenceVoice
    emotion: Float[np.ndarray, " D"]
    """The emotion embedding, blended."""
    text_ids: Int[np.ndarray, " L"]
    """Token ids without start and stop."""
    key: Key[Array, ""]
    """All randomness of the segment."""


@dataclasses.dataclass(frozen=True)
class SegmentCodes:
    """The semantic codes of a segment without the stop token, and whether one came."""

    codes: Int[np.ndarray, " T"]
    stopped: bool


CodesToCome: TypeAlias = Iterator[tuple[SegmentCodes, bool]]
"""The codes known so far, again and again, and whether these are all."""

DrawCodes: TypeAlias = Callable[[Utterance, DecodeConfig, Callable[[int], int] | None], CodesToCome]
"""How codes are drawn by a decoder that others use too (`decoder.py`): begins at once. With `stops` as of
`stream_codes`; without them nothing comes before the whole."""


def choose_codes(
    params: Params,
    config: Config,
    model: ModelConfig,
    utterances: Sequence[Utterance],
    *,
    at_once: int = 1,
    replay: Replay | None = None,
    record: Record | None = None,
    watch: Stopwatch | None = None,
    on_code: Callable[[int, int], None] | None = None,
) -> list[SegmentCodes]:
    """The semantic codes of every utterance, in their order. Equal text, voice, emotion and key: equal codes.

    Args:
      at_once: the largest batch; texts of similar length share one.
      replay: overrides the randomness by recorded noise, of each utterance anew.
      record: receives the arrays of the stages, and goes with batches of one only.
      on_code: called with (codes so far, limit) of the batch being decoded, now and then.
    """
    watch = watch or Stopwatch()
    places = list(range(len(utterances)))
    if at_once > 1:
        places.sort(key=lambda place: len(utterances[place].text_ids))
    chosen: dict[int, SegmentCodes] = {}
    for batch in batches.slices(places, at_once):
        with watch("decode"), jax.default_matmul_precision(stages.PRECISION):
            made = _decode(params, config, model, [utterances[place] for place in batch], replay, record, on_code)
        for row, place in enumerate(batch):
            chosen[place] = SegmentCodes(made.codes[row, : made.lengths[row]], bool(made.stopped[row]))
            if record:
                stop = np.array([model.gpt.stop_mel_token] * chosen[place].stopped, np.int32)
                record("codes", np.concatenate([chosen[place].codes, stop])[None])
    return [chosen[place] for place in range(len(utterances))]


def _decode(
    params: Params,
    config: Config,
    model: ModelConfig,
    utterances: Sequence[Utterance],
    replay: Replay | None,
    record: Record | None,
    on_code: Callable[[int, int], None] | None,
) -> gpt_decode.SpeechCodes:
    filled = batches.filled(utterances)
    conditions, ids, lengths = decoder_inputs(params, model, filled)
    noise, keys = None, None
    if replay and replay.noise_seed is not None:
        decode = config.decode
        one = replay_noise(replay.noise_seed, decode.max_mel_tokens, decode.num_beams, model.gpt.code_vocab)
        noise = jnp.stack([one] * len(filled))
    else:
        keys = decoder_keys(params, filled)
    if record:
        own, inputs = utterances[0], (conditions, ids, lengths)
        randomness = (keys if noise is None else noise) if config.decode.do_sample else None
        recorded.decoder_inputs(
            params, config, model, own.voice.speaker_latents, own.text_ids, inputs, randomness, record
        )
    ids, lengths = batches.divided(params, (ids, lengths))
    return gpt_decode.generate(
        params["gpt"]["speech_lm"],
        model.gpt,
        config.decode,
        conditions,
        ids,
        lengths,
        keys=keys,
        noise=noise,
        on_code=on_code,
    )


def stream_codes(
    params: Params,
    config: Config,
    model: ModelConfig,
    utterance: Utterance,
    *,
    stops: Callable[[int], int],
    watch: Stopwatch | None = None,
) -> CodesToCome:
    """What `choose_codes` gives, while it comes: the codes settled so far, and whether these are all.

    Args:
      stops: from the number of codes chosen so far to the number at which to look next.
    """
    watch = watch or Stopwatch()
    coming = gpt_decode.stream(
        params["gpt"]["speech_lm"],
        model.gpt,
        config.decode,
        *decoder_inputs(params, model, [utterance]),
        key=jax.random.fold_in(utterance.key, 0),
        stops=stops,
    )
    while True:
        try:
            with watch("decode"), jax.default_matmul_precision(stages.PRECISION):
                codes = next(coming)
        except StopIteration as end:
            made: gpt_decode.SpeechCodes = end.value
            yield SegmentCodes(made.codes[0, : made.lengths[0]], bool(made.stopped[0])), True
            return
        yield SegmentCodes(codes, False), False


def decoder_inputs(
    params: Params, model: ModelConfig, utterances: Sequence[Utterance]
) -> tuple[Array, np.ndarray, np.ndarray]:
    """What the decoder reads of utterances: conditions, padded text ids, their lengths."""
    conditions = decoder_conditions(params, model, utterances)
    return conditions, *padded_text(utterances, conditions.shape[1] + DECODER_MARKERS)


def unread(model: ModelConfig, decode: DecodeConfig) -> tuple[int, ...]:
    """The ids of a text that generation leaves out."""
    return (model.gpt.stop_text_token,) + (() if decode.keep_marks else (model.gpt.start_text_token,))


def decoder_keys(params: Params, utterances: Sequence[Utterance]) -> Key[Array, " B"]:
    """The randomness of their codes."""
    keys = jax.vmap(lambda key: jax.random.fold_in(key, 0))(jnp.stack([utterance.key for utterance in utterances]))
    (placed,) = batches.divided(params, (keys,))
    return placed


def padded_text(utterances: Sequence[Utterance], others: int) -> tuple[np.ndarray, np.ndarray]:
    """Text ids, padded beside so many other rows of what the GPT reads, and their lengths."""
    ids = [utterance.text_ids.astype(np.int32) for utterance in utterances]
    return batches.rows(ids, size_beside(max(map(len, ids)), others))


def decoder_conditions(params: Params, model: ModelConfig, utterances: Sequence[Utterance]) -> Array:
    """What the decoder reads before the text."""
    latents = np.stack([utterance.voice.speaker_latents for utterance in utterances])
    emotion = np.stack([utterance.emotion for utterance in utterances])
    made: Array = stages.decoder_conditions(params, *batches.divided(params, (latents, emotion)), model=model)
    return made
