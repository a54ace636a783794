"""Semantic encoder: its frames say which phone is spoken, not by whom.

    features [B T 160] ─ W2vBert ─► semantic [B T D] ─┬─ linear ─► phone of each frame
                                                      └─ 8 dimensions, unit length, noise ─ MLP ─► phone, features

The narrow branch is what the semantic codec will find there: a few dimensions, compared by angle. The features it
rebuilds are normalised per clip, so that they keep how a phone sounds and little of the voice.
"""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from indextts2_jax.array_typing import Array, Float, Key, Params, Shaped
from indextts2_jax.config import from_dict
from indextts2_jax.errors import TrainingError
from indextts2_jax.nn.masking import length_mask
from indextts2_jax.semantic.semantic_codec import unit
from indextts2_jax.semantic.w2v_bert import W2vBert
from indextts2_jax.training.config import TrainConfig
from indextts2_jax.training.dataset import DataSet, Order
from indextts2_jax.training.objectives.base import Batch, Defaults, Loss, apply, crop_starts, cut
from indextts2_jax.training.phones import PhoneLabels

STATISTICS_CLIPS = 256


@dataclasses.dataclass(frozen=True)
class W2vBertObjective:
    frames: int = 128
    bottleneck: int = 8
    noise: float = 0.05
    bottleneck_weight: float = 1.0
    feature_weight: float = 1.0
    feature_gain: float = 0.2
    """Half-range of a random factor on each of four bands, one a clip: other microphones, other vocal tracts."""


class Heads(nn.Module):
    """Phone logits of the frames and of their bottleneck, and the features rebuilt from the latter."""

    phones: int
    features: int
    bottleneck: int

    @nn.compact
    def __call__(
        self, semantic: Float[Array, "B T D"], noise: Float[Array, "B T {self.bottleneck}"]
    ) -> tuple[
        Float[Array, "B T {self.phones}"], Float[Array, "B T {self.phones}"], Float[Array, "B T {self.features}"]
    ]:
        direct = nn.Dense(self.phones, name="phone")(semantic)
        narrow = unit(nn.Dense(self.bottleneck, name="narrow")(semantic)) + noise
        hidden = nn.gelu(nn.Dense(128, name="hidden")(narrow))
        return (
            direct,
            nn.Dense(self.phones, name="narrow_phone")(hidden),
            nn.Dense(self.features, name="rebuilt")(hidden),
        )


class _Objective(Defaults):
    def __init__(self, config: TrainConfig, data: DataSet) -> None:
        self.config, self.data = config, data
        self.settings = from_dict(W2vBertObjective, config.objective, "objective")
        self.labels = PhoneLabels(data)
        dtype = jnp.dtype(config.dtype)
        self.network = W2vBert(config.model.w2v_bert, dtype)
        self.heads = Heads(len(self.labels.inventory), config.model.w2v_bert.input_dim, self.settings.bottleneck)

    def init(self, key: Key[Array, ""]) -> Params:
        first, second = jax.random.split(key)
        c = self.config.model.w2v_bert
        network = self.network.init(first, jnp.zeros((1, 8, c.input_dim)), jnp.full((1,), 8))["params"]
        semantic, noise = jnp.zeros((1, 8, c.width)), jnp.zeros((1, 8, self.settings.bottleneck))
        return {"network": network, "heads": self.heads.init(second, semantic, noise)["params"]}

    def order(self, split: str) -> Order:
        return Order(
            self.data.indices(split), self.data.array("features").lengths, self.config.batch_size, self.config.seed
        )

    def batch(self, utterances: np.ndarray, rng: np.random.Generator, training: bool) -> Batch:
        size = self.settings.frames
        features = self.data.array("features")
        lengths = features.lengths[utterances]
        starts = crop_starts(lengths, size, rng)
        rows = [cut(features[u], s, size).astype(np.float32) for u, s in zip(utterances, starts, strict=True)]
        phones = [cut(self.labels[u], s, size) for u, s in zip(utterances, starts, strict=True)]
        x = np.stack(rows)
        if training and self.settings.feature_gain:
            # smooth over the 80 bins, equal for the two frames of a row
            gains = 1 + self.settings.feature_gain * rng.uniform(-1, 1, (len(x), 4))
            curve = np.stack([np.interp(np.arange(80), (0, 26, 53, 79), gain) for gain in gains])
            x = x * np.tile(curve, 2)[:, None].astype(np.float32)
        kept = np.minimum(lengths - starts, size).astype(np.int32)
        return {"features": x, "phones": np.stack(phones).astype(np.int32), "lengths": kept}

    def loss(self, params: Params, batch: Batch, key: Key[Array, ""], training: bool) -> Loss:
        semantic = apply(self.network, params["network"], batch["features"], batch["lengths"])
        settings = self.settings
        shape = (*semantic.shape[:2], settings.bottleneck)
        noise = settings.noise * jax.random.normal(key, shape) if training else jnp.zeros(shape)
        direct, narrow, rebuilt = apply(self.heads, params["heads"], semantic, noise)
        valid = length_mask(batch["lengths"], semantic.shape[1]).astype(jnp.float32)
        valid = valid / valid.sum()

        def mean(x: Shaped[Array, "B T"]) -> Float[Array, ""]:
            return jnp.sum(x * valid)

        cross = [
            mean(optax.softmax_cross_entropy_with_integer_labels(logits.astype(jnp.float32), batch["phones"]))
            for logits in (direct, narrow)
        ]
        distance = mean(jnp.mean(jnp.abs(rebuilt - batch["features"]), axis=-1))
        value = cross[0] + settings.bottleneck_weight * cross[1] + settings.feature_weight * distance
        right = [mean(jnp.argmax(logits, -1) == batch["phones"]) for logits in (direct, narrow)]
        names = ("phone", "narrow_phone", "features", "accuracy", "narrow_accuracy")
        return Loss(value, dict(zip(names, (*cross, distance, *right), strict=True)))

    def frozen(self, path: str) -> bool:
        return path in ("network/mean", "network/var")

    def finish(self, params: Params) -> Params:
        """With the statistics of the hidden state, as wav2vec2bert_stats.pt holds them."""
        encode = jax.jit(lambda network, x, n: apply(self.network, network, x, n))
        chosen = self.data.indices("train")[:STATISTICS_CLIPS]
        rng = np.random.default_rng(0)
        frames = []
        for start in range(0, len(chosen), self.config.batch_size):
            utterances = np.resize(chosen[start : start + self.config.batch_size], self.config.batch_size)
            batch = self.batch(utterances, rng, training=False)
            hidden = np.asarray(encode(params["network"], batch["features"], batch["lengths"]), np.float32)
            frames += [row[:length] for row, length in zip(hidden, batch["lengths"], strict=True)]
        values = np.concatenate(frames)
        if not len(values):
            raise TrainingError("There are no frames to take the statistics of.")
        # of the hidden state as it is before the statistics that the run started from are applied
        mean, var = params["network"]["mean"], params["network"]["var"]
        mean, var = values.mean(0) * np.sqrt(var) + mean, (values.var(0) + 1e-5) * var
        return {**params["network"], "mean": jnp.asarray(mean), "var": jnp.asarray(var)}


SETTINGS = W2vBertObjective


def build(config: TrainConfig, data: DataSet) -> _Objective:
    return _Objective(config, data)
