"""Many segments spoken together: a batch a stage, and each of them as it would be alone.

    utterances ── by length of text ──► decode ──► codes ── by sizes ──► latents ─ flow ─ vocoder ──► waveforms

Generation reads all weights for every code, whether of one segment or of eight, so that is where batches pay. One ends
when the last of its segments has: texts of similar length go together, and a batch is filled up to a power of two (rows
that are thrown away cost little there). Behind it the work grows with the frames; batches are of segments of the same
sizes, and split into powers of two rather than filled up. So few shapes are ever compiled. On a CPU each device takes
one row at a time there: eight rows of flow matching take a third longer than one row eight times, as they do not fit
into the caches.

Where the parameters lie on several devices (`spread`), the rows of a batch are divided among them.

A segment's randomness depends on its own key alone, and no stage lets one row of a batch see another. What differs from
speaking it alone is how XLA orders the sums of a product: the codes are the same, and the audio to its last digits.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Key, Params
from indextts2_jax.audio.postprocess import breath_frames
from indextts2_jax.config import Config, ModelConfig, to_dict
from indextts2_jax.gpt import decode as gpt_decode
from indextts2_jax.nn.buckets import bucket_size, pad_axis, prompt_size, regulated_size
from indextts2_jax.pipeline import stages
from indextts2_jax.pipeline.speak import SegmentCodes, Stopwatch, hop_length
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.s2mel import flow_matching
from indextts2_jax.s2mel.length_regulator import resize_index, target_length


class Take(NamedTuple):
    """The codes of an utterance and its waveform [N] in [-1, 1]."""

    chosen: SegmentCodes
    audio: np.ndarray


@dataclasses.dataclass(frozen=True)
class Utterance:
    """One segment to be spoken: the arguments of `pipeline.choose_codes` and `speak_codes`."""

    voice: ReferenceVoice
    emotion: np.ndarray  # [D], blended
    text_ids: np.ndarray  # [L] without start and stop
    key: Key[Array, ""]  # all randomness of the segment


def speak_together(
    params: Params,
    config: Config,
    model: ModelConfig,
    utterances: Sequence[Utterance],
    *,
    at_once: int,
    watch: Stopwatch | None = None,
    on_code: Callable[[int, int], None] | None = None,
) -> list[Take]:
    """What `pipeline.choose_codes` and `speak_codes` make of each utterance, in their order.

    Args:
      at_once: the largest batch; of the decoder alone on a CPU.
      on_code: called with (codes so far, limit) of the batch being decoded, now and then.
    """
    watch = watch or Stopwatch()
    codes: dict[int, np.ndarray] = {}
    stopped: dict[int, bool] = {}
    by_text = sorted(range(len(utterances)), key=lambda i: len(utterances[i].text_ids))
    for places in _slices(by_text, at_once):
        with watch("decode"), jax.default_matmul_precision(stages.PRECISION):
            made = _decode(params, config, model, [utterances[i] for i in places], on_code)
        for row, i in enumerate(places):
            codes[i], stopped[i] = made.codes[row, : made.lengths[row]], bool(made.stopped[row])
    audio = {i: np.zeros(0, np.float32) for i in by_text}
    for places in _alike(utterances, codes, _behind_decoder(params, at_once), config.duration.factor):
        rows = [(utterances[i], codes[i]) for i in places]
        audio |= zip(places, _sound(params, config, model, rows, watch), strict=True)
    return [Take(SegmentCodes(u.text_ids, codes[i], stopped[i]), audio[i]) for i, u in enumerate(utterances)]


def _slices(places: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for first in range(0, len(places), size):
        yield places[first : first + size]


def _alike(
    utterances: Sequence[Utterance], codes: dict[int, np.ndarray], at_once: int, factor: float = 1.0
) -> Iterator[Sequence[int]]:
    """Batches of the same sizes behind the decoder, each of a power of two; segments without a code are left out."""
    groups: dict[tuple[int, int], list[int]] = {}
    for i, utterance in enumerate(utterances):
        if len(codes[i]):
            sizes = bucket_size(target_length(len(codes[i]), factor)), prompt_size(len(utterance.voice.prompt_mel))
            groups.setdefault(sizes, []).append(i)
    for places in groups.values():
        while places:
            size = 2 ** (min(len(places), at_once).bit_length() - 1)
            yield places[:size]
            places = places[size:]


def spread(params: Params, devices: Sequence[jax.Device]) -> Params:
    """Parameters on several devices, whole on each: batches of requests are then divided among them."""
    mesh = jax.sharding.Mesh(np.array(devices), ("requests",))
    placed: Params = jax.device_put(params, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec()))
    return placed


def _sharding(params: Params) -> jax.sharding.NamedSharding | None:
    """Of parameters on several devices."""
    sharding = jax.tree.leaves(params["gpt"])[0].sharding
    several = isinstance(sharding, jax.sharding.NamedSharding) and sharding.mesh.size > 1
    return sharding if several else None


def _behind_decoder(params: Params, at_once: int) -> int:
    """The largest batch of what follows the decoder."""
    if jax.default_backend() != "cpu":
        return at_once
    sharding = _sharding(params)
    return min(at_once, sharding.mesh.size) if sharding else 1


def _divided(params: Params, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """Rows of a batch on the devices of the parameters, where they come out even; else every device has all rows."""
    sharding = _sharding(params)
    if sharding is None:
        return arrays
    even = arrays[0].shape[0] % sharding.mesh.size == 0
    axes = jax.sharding.PartitionSpec(sharding.mesh.axis_names[0]) if even else jax.sharding.PartitionSpec()
    placed: tuple[Any, ...] = jax.device_put(arrays, jax.sharding.NamedSharding(sharding.mesh, axes))
    return placed


def _rows(arrays: Sequence[np.ndarray], size: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """[n_i, ...] each -> [B, size, ...] zero-padded (by default to the bucket of the longest), and their lengths."""
    lengths = np.array([len(array) for array in arrays], np.int32)
    size = size or bucket_size(int(lengths.max()))
    return np.stack([pad_axis(array, size) for array in arrays]), lengths


def _conditions(params: Params, model: ModelConfig, utterances: Sequence[Utterance]) -> Array:
    latents = np.stack([u.voice.speaker_latents for u in utterances])
    emotion = np.stack([u.emotion for u in utterances])
    latents, emotion = _divided(params, (latents, emotion))
    conditions: Array = stages.decoder_conditions(params, latents, emotion, model=model)
    return conditions


def _decode(
    params: Params,
    config: Config,
    model: ModelConfig,
    utterances: Sequence[Utterance],
    on_code: Callable[[int, int], None] | None,
) -> gpt_decode.SpeechCodes:
    size = 2 ** (len(utterances) - 1).bit_length()
    filled = [*utterances, *[utterances[0]] * (size - len(utterances))]
    ids, lengths = _rows([u.text_ids.astype(np.int32) for u in filled])
    keys = jax.vmap(lambda key: jax.random.fold_in(key, 0))(jnp.stack([u.key for u in filled]))
    ids, lengths, keys, conditions = _divided(params, (ids, lengths, keys, _conditions(params, model, filled)))
    return gpt_decode.generate(
        params["gpt"]["speech_lm"],
        model.gpt,
        config.decode,
        conditions,
        ids,
        lengths,
        keys=keys,
        progress=on_code,
    )


def _sound(
    params: Params, config: Config, model: ModelConfig, rows: Sequence[tuple[Utterance, np.ndarray]], watch: Stopwatch
) -> list[np.ndarray]:
    """Codes -> waveforms. All rows are of the same sizes."""
    utterances, voices = [u for u, _ in rows], [u.voice for u, _ in rows]
    ids, text_lengths = _rows([u.text_ids.astype(np.int32) for u in utterances])
    codes, code_lengths = _rows([codes for _, codes in rows])
    with watch("latents"):
        read = (_conditions(params, model, utterances), ids, text_lengths, codes, code_lengths)
        latents = stages.code_latents(params, *_divided(params, read), model=model)
        acoustic, _ = stages.acoustic_condition(params, latents, codes, model=model)

    frames = np.array([target_length(int(n), config.duration.factor) for n in code_lengths], np.int32)
    with watch("length_regulator"):
        sources = [resize_index(int(n), int(m)) for n, m in zip(code_lengths, frames, strict=True)]
        index, _ = _rows(sources, regulated_size(codes.shape[1], int(frames.max())))
        index, divided = _divided(params, (index, frames))
        regulated = np.asarray(stages.regulate_length(params, acoustic, index, divided, model=model))

    prompts = np.array([len(voice.prompt_mel) for voice in voices], np.int32)
    target_size = bucket_size(int(frames.max()))
    size = prompt_size(int(prompts.max())) + target_size
    mu = [
        np.concatenate([voice.prompt_condition, own[:n]])
        for voice, own, n in zip(voices, regulated, frames, strict=True)
    ]
    noise = [flow_matching.sample_noise(jax.random.fold_in(u.key, 1), size, model.s2mel.mel_bins) for u in utterances]
    with watch("flow_matching"):
        given = (
            np.stack(noise),
            _rows([voice.prompt_mel for voice in voices], size)[0],
            prompts,
            np.stack([voice.style for voice in voices]),
            _rows(mu, size)[0],
            prompts + frames,
        )
        mel = stages.flow(
            params,
            *_divided(params, given),
            model=model,
            target_frames=target_size,
            **to_dict(config.flow),
        )
        mel = np.asarray(mel)
    targets = [own[first : first + n] for own, first, n in zip(mel, prompts, frames, strict=True)]
    if config.polish.trim_breath:
        targets = [own[: len(own) - breath_frames(own)] for own in targets]
        frames = np.array([len(own) for own in targets], np.int32)
    with watch("vocoder"):
        heard = _divided(params, (_rows(targets, target_size)[0], frames))
        wav = np.asarray(stages.vocode(params, *heard, model=model))
    hop = hop_length(model)
    return [own[: n * hop] for own, n in zip(wav, frames, strict=True)]
