"""Semantic codec: semantic frames -> codes that still say which phone is spoken.

    semantic [B T D] ─ encoder ─ in_project ─► latent [8] ─ nearest codebook row ─ out_project ─► embedding [B T D]
                                                  └── straight-through gradient ──┘   ├─ MLP ─► semantic frame
                                                                                      └─ MLP ─► phone (if aligned)

Losses as in VQ-GAN with factorised codes (Yu et al. 2021; RepCodec, MaskGCT): reconstruction, codebook and commitment,
both on unit vectors since rows are found by angle. A row that nothing has chosen for a while moves onto a frame of the
batch (dead-code revival).
"""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from indextts2_jax.array_typing import Array, Float, Int, Key, Params, Shaped
from indextts2_jax.config import from_dict
from indextts2_jax.errors import ConfigError
from indextts2_jax.nn.masking import length_mask
from indextts2_jax.semantic.semantic_codec import SemanticCodec, unit
from indextts2_jax.training.config import TrainConfig
from indextts2_jax.training.dataset import DataSet, Order
from indextts2_jax.training.objectives.base import Batch, Defaults, Loss, apply, crop_starts, cut
from indextts2_jax.training.phones import PhoneLabels


@dataclasses.dataclass(frozen=True)
class SemanticCodecObjective:
    frames: int = 128
    phone_weight: float = 1.0
    """0: no alignment is needed."""
    reconstruction_weight: float = 1.0
    codebook_weight: float = 1.0
    commitment_weight: float = 0.25
    usage_decay: float = 0.97
    dead_share: float = 0.02
    """A row is dead below this share of the usage that all rows alike would have."""


class Heads(nn.Module):
    phones: int
    width: int

    @nn.compact
    def __call__(
        self, embedding: Float[Array, "B T D"]
    ) -> tuple[Float[Array, "B T {self.width}"], Float[Array, "B T {self.phones}"]]:
        hidden = nn.gelu(nn.Dense(256, name="hidden")(embedding))
        return nn.Dense(self.width, name="rebuilt")(hidden), nn.Dense(self.phones, name="phone")(hidden)


class _Objective(Defaults):
    def __init__(self, config: TrainConfig, data: DataSet) -> None:
        self.config, self.data = config, data
        self.settings = from_dict(SemanticCodecObjective, config.objective, "objective")
        self.sizes = config.model.semantic_codec
        if self.sizes.decoder:
            raise ConfigError(
                "network semantic_codec: a codec with a decoder is used as it was published, not trained."
            )
        self.labels = PhoneLabels(data) if self.settings.phone_weight else None
        self.network = SemanticCodec(self.sizes, jnp.dtype(config.dtype))
        self.heads = Heads(len(self.labels.inventory) if self.labels else 1, self.sizes.hidden_size)

    def init(self, key: Key[Array, ""]) -> Params:
        first, second = jax.random.split(key)
        semantic = jnp.zeros((1, 8, self.sizes.hidden_size))
        heads = self.heads.init(second, semantic)["params"]
        usage = jnp.ones((self.sizes.codebook_size,))
        network = self.network.init(first, semantic, jnp.full((1,), 8))["params"]
        return {"network": network, "heads": {**heads, "usage": usage}}

    def order(self, split: str) -> Order:
        lengths = self.data.array("semantic/semantic").lengths
        return Order(self.data.indices(split), lengths, self.config.batch_size, self.config.seed)

    def batch(self, utterances: np.ndarray, rng: np.random.Generator, training: bool) -> Batch:
        size, semantic = self.settings.frames, self.data.array("semantic/semantic")
        lengths = semantic.lengths[utterances]
        starts = crop_starts(lengths, size, rng)
        pairs = list(zip(utterances, starts, strict=True))
        batch = {
            "semantic": np.stack([cut(semantic[u], s, size) for u, s in pairs]).astype(np.float32),
            "lengths": np.minimum(lengths - starts, size).astype(np.int32),
        }
        if self.labels:
            batch["phones"] = np.stack([cut(self.labels[u], s, size) for u, s in pairs]).astype(np.int32)
        return batch

    def loss(self, params: Params, batch: Batch, key: Key[Array, ""], training: bool) -> Loss:
        semantic, lengths, settings = batch["semantic"], batch["lengths"], self.settings

        def forward(
            codec: SemanticCodec,
        ) -> tuple[Float[Array, "B T K"], Int[Array, "B T"], Float[Array, "B T D"]]:  # K: of the codebook
            latent = unit(codec.quantizer.in_project(codec.encoder(semantic, lengths)).astype(jnp.float32))
            rows = unit(codec.quantizer.codebook.astype(jnp.float32))
            codes = jnp.argmax(jax.lax.stop_gradient(latent @ rows.T), axis=-1)
            chosen = rows[codes]
            # synthesis looks up raw rows; `finish` makes them unit vectors, so that both are the same
            passed = latent + jax.lax.stop_gradient(chosen - latent)
            return latent, codes, codec.quantizer.out_project(passed)

        latent, codes, embedding = nn.apply(forward, self.network)({"params": params["network"]})
        chosen = unit(params["network"]["quantizer"]["codebook"])[codes]
        heads = {name: value for name, value in params["heads"].items() if name != "usage"}
        rebuilt, logits = apply(self.heads, heads, embedding)
        valid = length_mask(lengths, semantic.shape[1]).astype(jnp.float32)
        weight = valid / valid.sum()

        def mean(x: Shaped[Array, "B T"]) -> Float[Array, ""]:
            return jnp.sum(x * weight)

        def distance(a: Float[Array, "B T K"], b: Float[Array, "B T K"]) -> Float[Array, ""]:
            return mean(jnp.sum((a - b) ** 2, axis=-1))

        metrics = {
            "rebuilt": mean(jnp.mean((rebuilt - semantic) ** 2, axis=-1)),
            "codebook": distance(chosen, jax.lax.stop_gradient(latent)),
            "commitment": distance(jax.lax.stop_gradient(chosen), latent),
        }
        value = (
            settings.reconstruction_weight * metrics["rebuilt"]
            + settings.codebook_weight * metrics["codebook"]
            + settings.commitment_weight * metrics["commitment"]
        )
        if self.labels:
            cross = optax.softmax_cross_entropy_with_integer_labels(logits, batch["phones"])
            metrics["phone"] = mean(cross)
            metrics["accuracy"] = mean(jnp.argmax(logits, -1) == batch["phones"])
            value = value + settings.phone_weight * metrics["phone"]
        counts = self._counts(codes, valid)
        share = counts / counts.sum()
        metrics["perplexity"] = jnp.exp(-jnp.sum(share * jnp.log(share + 1e-9)))
        # valid frames that dead rows may move to: spread over the batch, another choice every step
        places = jax.random.choice(key, valid.size, (self.sizes.codebook_size,), p=weight.reshape(-1))
        return Loss(value, metrics, {"counts": counts, "frames": latent.reshape(-1, latent.shape[-1])[places]})

    def _counts(self, codes: Int[Array, "B T"], valid: Float[Array, "B T"]) -> Float[Array, " V"]:
        return jnp.zeros(self.sizes.codebook_size).at[codes.reshape(-1)].add(valid.reshape(-1))

    def merge(self, carried: Any) -> Any:
        """Counts are added; of the frames every micro-batch gives its share."""
        frames = carried["frames"]
        row = jnp.arange(frames.shape[1])
        return {"counts": carried["counts"].sum(0), "frames": frames[row % len(frames), row]}

    def update(self, params: Params, carried: Params) -> Params:
        settings, heads, network = self.settings, params["heads"], params["network"]
        counts = carried["counts"] / carried["counts"].sum() * self.sizes.codebook_size
        usage = settings.usage_decay * heads["usage"] + (1 - settings.usage_decay) * counts
        dead = usage < settings.dead_share
        codebook = jnp.where(dead[:, None], carried["frames"], network["quantizer"]["codebook"])
        quantizer = {**network["quantizer"], "codebook": codebook}
        return {
            "network": {**network, "quantizer": quantizer},
            "heads": {**heads, "usage": jnp.where(dead, 1.0, usage)},
        }

    def frozen(self, path: str) -> bool:
        return path == "heads/usage"

    def finish(self, params: Params) -> Params:
        quantizer = params["network"]["quantizer"]
        return {**params["network"], "quantizer": {**quantizer, "codebook": unit(quantizer["codebook"])}}


SETTINGS = SemanticCodecObjective


def build(config: TrainConfig, data: DataSet) -> _Objective:
    return _Objective(config, data)
