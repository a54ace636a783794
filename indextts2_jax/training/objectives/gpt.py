"""Speech language model: text and the voice of another clip -> semantic codes.

    speaker clip ─ conformer, perceiver ─┐
    emotion clip ─ conformer, perceiver ─┴─► conditions | [start] text [stop] | [start] codes ─► transformer
        code states ─► next code: cross-entropy              text states ─► next token: cross-entropy, small weight
        attention of one head ─► the token being spoken      a lower layer ─► the phone being spoken
                                                             (both only where the data set has an alignment)

The sequence is that of synthesis. The clips are other utterances of the same speaker: neither carries what is to
be said; now and then the emotion clip is a third one, and now and then there is no condition at all.
Source: UnifiedVoice (indextts/gpt/model_v2.py; Betker 2023, XTTS): text and code losses. Departures: codes count from
either offset of the position table, because generation and the second pass differ in it; some input codes are replaced
by others, because generation will make mistakes; guided attention (Tachibana et al. 2017) from known alignments.
With `lora_rank` the network stays as it is, and adapters of its matrices are trained (`training/lora.py`).
"""

import dataclasses
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from indextts2_jax.array_typing import Array, Float, Int, Key, Params, Shaped
from indextts2_jax.config import from_dict
from indextts2_jax.errors import ConfigError, TrainingError, require
from indextts2_jax.gpt.conditioning import Conditioning
from indextts2_jax.gpt.speech_lm import SpeechLM
from indextts2_jax.nn.masking import length_mask
from indextts2_jax.text.frontend import MultilingualFrontend, build_frontend
from indextts2_jax.text.tiktoken.languages import LANGUAGES
from indextts2_jax.training.alignment import token_frames
from indextts2_jax.training.config import TrainConfig
from indextts2_jax.training.dataset import DataSet, Order
from indextts2_jax.training.lora import Adapters
from indextts2_jax.training.objectives.base import Batch, Defaults, Loss, another, apply, crop_starts, cut
from indextts2_jax.training.phones import PhoneLabels
from indextts2_jax.training.start import initial_tokenizer


@dataclasses.dataclass(frozen=True)
class GptObjective:
    tokenizer: str = ""
    """The front-end's file: tokenizer.model of an artefact, or what `training/demo/lexicon.py` wrote.
    Empty: that of `init`."""
    language: str = ""
    """Of all texts whose row names none, for a model of several. Empty: by the script."""
    condition_frames: int = 192
    """The longest part of a conditioning clip, in semantic frames (20 ms); the shortest is a third of it."""
    text_weight: float = 0.01
    """0 where the network is an artefact's: the layer that reads text tokens is not part of it."""
    guided_weight: float = 0.0
    """Above 0: the data set's rows must hold phones."""
    guided_layer: int = 2
    phone_weight: float = 0.0
    phone_layer: int = 4
    drop_condition: float = 0.1
    other_emotion: float = 0.3
    """How often the emotion clip is not the speaker clip."""
    corrupt: float = 0.1
    """Share of input codes replaced by random ones."""
    recompute: bool = False
    """Keeps only the results of the linear layers for the gradients; attention, as long as the sequence squared, is
    computed twice."""
    shapes: tuple[int, ...] = (96, 128, 160, 192, 256, 320, 448, 640, 1024, 1816)
    """Sizes that code sequences are padded to, the stop token included; each compiles once."""
    tokens_per_code: float = 0.4
    """Sizes of text are this share of `shapes`, where a code is 20 ms."""


class _Objective(Defaults):
    def __init__(self, config: TrainConfig, data: DataSet) -> None:
        self.config, self.data, self.gpt = config, data, config.model.gpt
        self.settings = settings = from_dict(GptObjective, config.objective, "objective")
        tokenizer = settings.tokenizer or str(initial_tokenizer(config.init))
        self.frontend = build_frontend(config.model.text_frontend, _bytes(tokenizer))
        if self.frontend.vocab_size != self.gpt.text_vocab:
            raise ConfigError(f"The tokenizer has {self.frontend.vocab_size} tokens, model.gpt.text_vocab is another.")
        if settings.language and not isinstance(self.frontend, MultilingualFrontend):
            raise ConfigError("objective.language is for a model of several languages: leave it out.")
        require(
            settings.language in ("", *LANGUAGES),
            "objective.language",
            settings.language,
            f"one of {', '.join(LANGUAGES)}",
        )
        for key, weight, layer in (
            ("guided_layer", settings.guided_weight, settings.guided_layer),
            ("phone_layer", settings.phone_weight, settings.phone_layer),
        ):
            if weight and not 0 <= layer < self.gpt.layers:
                raise ConfigError(f"objective.{key} is {layer}, but the model has {self.gpt.layers} layers.")
        self.aligned = bool(settings.guided_weight or settings.phone_weight)
        if settings.guided_weight and config.model.text_frontend != "phonemes":
            raise ConfigError("objective.guided_weight needs tokens that are phonemes: model.text_frontend is another.")
        if self.aligned and config.model.semantic_codec.frames_per_code > 1:
            raise ConfigError(
                "objective.guided_weight and phone_weight are for codes of one frame each; leave them at 0."
            )
        self.labels = PhoneLabels(data) if self.aligned else None
        dtype = jnp.dtype(config.dtype)
        self.conditioning = Conditioning(self.gpt, dtype)
        self.speech_lm = SpeechLM(self.gpt, dtype, recompute=settings.recompute)
        self.adapters = Adapters(self.speech_lm, config.lora_rank, config.lora_alpha) if config.lora_rank else None
        if self.adapters:
            self.speech_lm = self.adapters.module
        self.by_speaker = {s: np.flatnonzero(data.speaker_ids == s) for s in range(len(data.speakers))}

    def init(self, key: Key[Array, ""]) -> Params:
        from indextts2_jax.checkpoint.networks import NETWORKS

        first, second, third = jax.random.split(key, 3)
        heads: Params = {}
        if self.settings.text_weight:
            text = nn.Dense(self.gpt.text_vocab + 1)
            heads["text"] = text.init(second, jnp.zeros((1, self.gpt.width)))["params"]
        if self.adapters:
            heads["lora"] = self.adapters.init(jax.random.fold_in(third, 1))
        if self.labels:
            phones = nn.Dense(len(self.labels.inventory))
            heads["phone"] = phones.init(third, jnp.zeros((1, self.gpt.width)))["params"]
        return {"network": NETWORKS["gpt"](self.config.model)(first), "heads": heads}

    def order(self, split: str) -> Order:
        lengths = self.data.array("codes/codes").lengths
        indices = self.data.indices(split)
        fits = (lengths[indices] < self.settings.shapes[-1]) & (lengths[indices] <= self.gpt.max_mel_tokens)
        if not fits.any():
            raise TrainingError(f"{self.data.folder} has no {split} utterance that the model's positions can hold.")
        return Order(indices[fits], lengths, self.config.batch_size, self.config.seed)

    @functools.cache  # noqa: B019 (the objective lives as long as the run)
    def _text(self, index: int) -> tuple[Int[np.ndarray, " L"], Int[np.ndarray, " T"] | None]:
        """Token ids, and the token of every frame where attention is guided."""
        row = self.data.rows[index]
        language = row.get("language") or self.settings.language
        frontend = self.frontend
        if language and isinstance(frontend, MultilingualFrontend):
            frontend = frontend.speaking(language)
        tokens = frontend.tokenize(row["text"])
        ids = np.array(self.frontend.encode(tokens), np.int32)
        if self.gpt.languages:  # those that generation takes out: token 0 is "!" there
            ids = ids[~np.isin(ids, (self.gpt.start_text_token, self.gpt.stop_text_token))]
        if len(ids) > self.gpt.max_text_tokens:
            raise TrainingError(f"Row {index + 1} has {len(ids)} tokens, the model {self.gpt.max_text_tokens}; cut it.")
        if not self.settings.guided_weight:
            return ids, None
        frames = int(self.data.array("codes/codes").lengths[index])
        return ids, token_frames(tokens, row["phones"], frames)

    def batch(self, utterances: np.ndarray, rng: np.random.Generator, training: bool) -> Batch:
        settings, codes = self.settings, self.data.array("codes/codes")
        texts = [self._text(int(u)) for u in utterances]
        per_code = settings.tokens_per_code * self.config.model.semantic_codec.frames_per_code
        lengths = codes.lengths[utterances]
        longest_text = max(len(ids) for ids, _ in texts)
        size = next(
            (s for s in settings.shapes if s > lengths.max() and s * per_code >= longest_text),
            settings.shapes[-1],
        )
        text_size = max(int(size * per_code), longest_text)
        stop = self.gpt.stop_mel_token
        batch: Batch = {
            "codes": np.stack([cut(codes[u].astype(np.int32), 0, size, stop) for u in utterances]),
            "code_lengths": (lengths + 1).astype(np.int32),
            "text": np.stack([cut(ids, 0, text_size) for ids, _ in texts]),
            "text_lengths": np.array([len(ids) for ids, _ in texts], np.int32),
        }
        if self.labels:
            batch["phones"] = np.stack([cut(self.labels[int(u)], 0, size) for u in utterances]).astype(np.int32)
        if settings.guided_weight:
            # + 1 for the start token; the stop code is spoken "at" the last token
            rows = [cut(token + 1, 0, size, len(ids)) for ids, token in texts if token is not None]
            batch["token"] = np.stack(rows).astype(np.int32)
        clips = [self._clips(int(u), rng, training) for u in utterances]
        for name, place in (("speaker", 0), ("emotion", 1)):
            batch[f"{name}_clip"] = np.stack([clip[place][0] for clip in clips])
            batch[f"{name}_lengths"] = np.array([clip[place][1] for clip in clips], np.int32)
        if self.gpt.speaker_perceiver is None:
            batch["style"] = np.stack([np.asarray(speaker[2]) for speaker, _ in clips])
        keep = rng.random(len(utterances)) >= (settings.drop_condition if training else 0.0)
        return batch | {"keep": keep.astype(np.float32)}

    def _clips(
        self, utterance: int, rng: np.random.Generator, training: bool
    ) -> list[tuple[Float[np.ndarray, "T D"], int, Float[np.ndarray, " style"] | None]]:
        """(frames, length, style where the speaker is told by it) of a speaker clip and of an emotion clip."""
        semantic, size = self.data.array("semantic/semantic"), self.settings.condition_frames
        same = self.by_speaker[int(self.data.speaker_ids[utterance])]

        styles = None if self.gpt.speaker_perceiver else self.data.array("style/style")

        def other() -> tuple[Float[np.ndarray, "T D"], int, Float[np.ndarray, " style"] | None]:
            choice = another(same, utterance, rng)
            wanted = int(rng.integers(size // 3, size + 1)) if training else size
            length = min(int(semantic.lengths[choice]), wanted)
            start = int(crop_starts(semantic.lengths[[choice]], length, rng)[0])
            clip = cut(semantic[choice][start : start + length].astype(np.float32), 0, size)
            return clip, length, None if styles is None else styles[choice][0].astype(np.float32)

        speaker = other()
        return [speaker, other() if training and rng.random() < self.settings.other_emotion else speaker]

    def loss(self, params: Params, batch: Batch, key: Key[Array, ""], training: bool) -> Loss:
        settings, network = self.settings, params["network"]
        speech_lm = network["speech_lm"]
        if self.adapters:
            speech_lm = self.adapters.joined(speech_lm, params["heads"]["lora"])
        conds = self._conditions(network["conditioning"], batch)
        corrupt_key, code_key, offset_key = jax.random.split(key, 3)
        codes = batch["codes"]
        offset = jnp.ones((), jnp.int32)
        inputs = codes
        if training:
            wrong = jax.random.bernoulli(corrupt_key, settings.corrupt, codes.shape)
            inputs = jnp.where(wrong, jax.random.randint(code_key, codes.shape, 0, self.gpt.start_mel_token), codes)
            offset = jax.random.bernoulli(offset_key, 0.75).astype(jnp.int32)
        sequence = (conds, batch["text"], batch["text_lengths"], inputs, batch["code_lengths"], offset)
        hidden, kept = self.speech_lm.apply(
            {"params": speech_lm}, *sequence, method="hidden_states", mutable=["attention"]
        )
        logits = apply(self.speech_lm, speech_lm, hidden[:, -codes.shape[1] :], method="logits")
        valid = length_mask(batch["code_lengths"], codes.shape[1]).astype(jnp.float32)

        def mean(x: Shaped[Array, "B T"], weight: Float[Array, "B T"]) -> Float[Array, ""]:
            return jnp.sum(x * weight) / jnp.sum(weight)

        cross = mean(optax.softmax_cross_entropy_with_integer_labels(logits, codes), valid)
        metrics = {"codes": cross, "accuracy": mean(jnp.argmax(logits, -1) == codes, valid)}
        value = cross
        if settings.text_weight:
            metrics["text"] = self._text_loss(params["heads"]["text"], hidden, conds.shape[1], batch)
            value = value + settings.text_weight * metrics["text"]
        layers = kept["attention"]["transformer"]
        if settings.guided_weight:
            query, keys, _ = layers[f"layer_{settings.guided_layer}"]["inside"][0]
            spoken = self._spoken(query[:, :, 0], keys[:, :, 0], conds.shape[1], batch)
            metrics["guided"] = mean(-jnp.log(spoken + 1e-6), valid)
            value = value + settings.guided_weight * metrics["guided"]
        if settings.phone_weight:
            state = layers[f"layer_{settings.phone_layer}"]["inside"][0][2][:, -codes.shape[1] :]
            phones = nn.Dense(len(self.labels.inventory)) if self.labels else None
            assert phones is not None
            guess = apply(phones, params["heads"]["phone"], state.astype(jnp.float32))
            inside = length_mask(batch["code_lengths"] - 1, codes.shape[1]).astype(jnp.float32)
            metrics["phone"] = mean(optax.softmax_cross_entropy_with_integer_labels(guess, batch["phones"]), inside)
            metrics["phone_accuracy"] = mean(jnp.argmax(guess, -1) == batch["phones"], inside)
            value = value + settings.phone_weight * metrics["phone"]
        return Loss(value, metrics)

    def frozen(self, path: str) -> bool:
        return self.constant(path)

    def constant(self, path: str) -> bool:
        return self.adapters is not None and path.startswith("network/")

    def finish(self, params: Params) -> Params:
        network: Params = params["network"]
        if self.adapters is None:
            return network
        return {**network, "speech_lm": self.adapters.merge(network["speech_lm"], params["heads"]["lora"])}

    def _conditions(self, params: Params, batch: Batch) -> Float[Array, "B P D"]:
        def forward(module: Conditioning) -> Float[Array, "B P D"]:
            if self.gpt.speaker_perceiver:
                latents = module.speaker_latents(batch["speaker_clip"], batch["speaker_lengths"])
            else:
                latents = module.speaker_row(batch["style"])
            emotion = module.emotion_vector(batch["emotion_clip"], batch["emotion_lengths"])
            keep = batch["keep"][:, None]
            return module.decoder_conditions(latents * keep[..., None], emotion * keep)

        conds: Array = nn.apply(forward, self.conditioning)({"params": params})
        return conds

    def _text_loss(self, head: Params, hidden: Float[Array, "B S D"], first: int, batch: Batch) -> Float[Array, ""]:
        """Cross-entropy of the token after each one of [start] text, [stop] being the last."""
        ids, lengths = batch["text"], batch["text_lengths"]
        size = ids.shape[1] + 1
        target = jnp.where(length_mask(lengths, ids.shape[1]), ids, self.gpt.stop_text_token)
        target = jnp.pad(target, ((0, 0), (0, 1)), constant_values=self.gpt.stop_text_token)
        rows = hidden[:, first : first + size].astype(jnp.float32)
        logits = apply(nn.Dense(self.gpt.text_vocab + 1), head, rows)
        weight = length_mask(lengths + 1, size).astype(jnp.float32)
        return jnp.sum(optax.softmax_cross_entropy_with_integer_labels(logits, target) * weight) / jnp.sum(weight)

    @staticmethod
    def _spoken(
        query: Float[Array, "B S K"], keys: Float[Array, "B S K"], first: int, batch: Batch
    ) -> Float[Array, "B T"]:
        """How much of one head's attention goes to the token that is being spoken."""
        size = batch["codes"].shape[1]
        text_size = batch["text"].shape[1] + 2
        rows = query[:, -size:].astype(jnp.float32)
        scores = jnp.einsum("BTK,BSK->BTS", rows, keys.astype(jnp.float32)) * query.shape[-1] ** -0.5
        before = jnp.ones((len(rows), first), bool)
        prefix = jnp.concatenate([before, length_mask(batch["text_lengths"] + 2, text_size)], axis=1)
        causal = jnp.tril(jnp.ones((size, size), bool))[None]
        seen = jnp.concatenate(
            [
                jnp.broadcast_to(prefix[:, None], (len(rows), size, prefix.shape[1])),
                jnp.broadcast_to(causal, (len(rows), size, size)),
            ],
            axis=-1,
        )
        weights = jax.nn.softmax(jnp.where(seen, scores, -1e30), axis=-1)
        return jnp.take_along_axis(weights, (first + batch["token"])[..., None], axis=-1)[..., 0]


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"objective.tokenizer: cannot read {path} ({error.strerror}).") from None


SETTINGS = GptObjective


def build(config: TrainConfig, data: DataSet) -> _Objective:
    return _Objective(config, data)
