"""Speaker encoder: who speaks, by an angular margin (AAM-softmax; Deng et al. 2019, as CAM++ was trained).

    fbank crop [B F 80] ─ Campplus ─► style [B D] ─ angle to one row a speaker, the right one's enlarged ─► speaker

In training batch normalisation uses the batch's own statistics, and the stored ones follow them; the module itself,
made for synthesis, only knows the stored ones.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict

from indextts2_jax.array_typing import Array, Float, Int, Key, Params
from indextts2_jax.config import from_dict
from indextts2_jax.errors import TrainingError
from indextts2_jax.nn.layers import along_last
from indextts2_jax.semantic.semantic_codec import unit
from indextts2_jax.speaker.campplus import BatchNorm, Campplus
from indextts2_jax.training.config import TrainConfig
from indextts2_jax.training.dataset import DataSet, Order
from indextts2_jax.training.objectives.base import Batch, Defaults, Loss, apply, crop_starts

Statistics = dict[tuple[str, ...], tuple[Float[Array, " C"], Float[Array, " C"]]]


@dataclasses.dataclass(frozen=True)
class CampplusObjective:
    frames: int = 200
    margin: float = 0.2
    scale: float = 30.0
    momentum: float = 0.9
    """Of the stored statistics."""


def batch_statistics(found: Statistics) -> Callable[..., Any]:
    """A Flax interceptor: `BatchNorm` by the batch's statistics, which are put into `found` by module path."""

    def intercept(call: Callable[..., Any], args: tuple[Any, ...], kwargs: Any, context: Any) -> Any:
        module = context.module
        if not isinstance(module, BatchNorm) or context.method_name != "__call__" or module.is_initializing():
            return call(*args, **kwargs)
        x = args[0].astype(jnp.float32)
        axes = tuple(range(x.ndim - 1))
        mean, var = jnp.mean(x, axes), jnp.var(x, axes)
        count = x.size // x.shape[-1]
        found[module.path] = (mean, var * count / max(count - 1, 1))
        h = (x - along_last(mean, x)) * along_last(jax.lax.rsqrt(var + 1e-5), x)
        params = module.variables["params"]
        if module.affine:
            h = h * along_last(params["scale"], h) + along_last(params["bias"], h)
        return h.astype(module.dtype)

    return intercept


def margin_logits(
    style: Float[Array, "B D"], rows: Float[Array, "S D"], speakers: Int[Array, " B"], margin: float, scale: float
) -> Float[Array, "B S"]:
    """scale * cos(angle), the angle to the right speaker enlarged by `margin` radians."""
    cosine = jnp.clip(unit(style) @ unit(rows).T, -1 + 1e-6, 1 - 1e-6)
    sine = jnp.sqrt(1 - cosine**2)
    enlarged = cosine * math.cos(margin) - sine * math.sin(margin)
    enlarged = jnp.where(cosine > math.cos(math.pi - margin), enlarged, cosine - margin * math.sin(margin))
    return scale * jnp.where(jnp.arange(len(rows))[None] == speakers[:, None], enlarged, cosine)


class _Objective(Defaults):
    def __init__(self, config: TrainConfig, data: DataSet) -> None:
        self.config, self.data = config, data
        self.settings = from_dict(CampplusObjective, config.objective, "objective")
        if len(data.speakers) < 2:
            raise TrainingError(f"{data.folder} has one speaker only; a speaker encoder needs several to tell apart.")
        self.network = Campplus(config.model.campplus, jnp.dtype(config.dtype))

    def init(self, key: Key[Array, ""]) -> Params:
        first, second = jax.random.split(key)
        c = self.config.model.campplus
        network = self.network.init(first, jnp.zeros((1, 16, c.feat_dim)), jnp.full((1,), 16))["params"]
        rows = jax.random.normal(second, (len(self.data.speakers), c.embedding_size))
        return {"network": network, "heads": {"speakers": rows}}

    def order(self, split: str) -> Order:
        indices = self.data.indices(split)
        ids = self.data.speaker_ids[indices]
        counts = np.bincount(ids, minlength=len(self.data.speakers))
        weights = np.minimum(np.sqrt(counts.max() / counts[ids]), 8.0) / 2  # the rare speakers more often
        # lengths do not matter to crops of one size; equal ones keep the batches mixed
        lengths = np.zeros(len(self.data.rows), np.int64)
        return Order(indices, lengths, self.config.batch_size, self.config.seed, weights if split == "train" else None)

    def batch(self, utterances: np.ndarray, rng: np.random.Generator, training: bool) -> Batch:
        size, fbank = self.settings.frames, self.data.array("fbank")
        starts = crop_starts(fbank.lengths[utterances], size, rng)
        rows = []
        for utterance, start in zip(utterances, starts, strict=True):
            part = np.asarray(fbank[utterance][start : start + size], np.float32)
            part = np.tile(part, (-(-size // len(part)), 1))[:size]  # a short clip is repeated
            rows.append(part - part.mean(axis=0))
        return {"fbank": np.stack(rows), "speakers": self.data.speaker_ids[utterances]}

    def loss(self, params: Params, batch: Batch, key: Key[Array, ""], training: bool) -> Loss:
        fbank, settings = batch["fbank"], self.settings
        found: Statistics = {}
        lengths = jnp.full((len(fbank),), fbank.shape[1])
        if training:
            with nn.intercept_methods(batch_statistics(found)):
                style = apply(self.network, params["network"], fbank, lengths)
        else:
            style = apply(self.network, params["network"], fbank, lengths)
        rows, speakers = params["heads"]["speakers"], batch["speakers"]
        logits = margin_logits(style, rows, speakers, settings.margin, settings.scale)
        value = jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, speakers))
        plain = unit(style) @ unit(rows).T
        carried = {"/".join(path): statistics for path, statistics in found.items()}
        return Loss(value, {"accuracy": jnp.mean(jnp.argmax(plain, -1) == speakers)}, carried)

    def update(self, params: Params, carried: Any) -> Params:
        network = flatten_dict(params["network"], sep="/")
        keep = self.settings.momentum
        for path, (mean, var) in carried.items():
            network[f"{path}/mean"] = keep * network[f"{path}/mean"] + (1 - keep) * mean
            network[f"{path}/var"] = keep * network[f"{path}/var"] + (1 - keep) * var
        return {**params, "network": unflatten_dict(network, sep="/")}

    def frozen(self, path: str) -> bool:
        return path.startswith("network/") and path.endswith(("/mean", "/var"))


SETTINGS = CampplusObjective


def build(config: TrainConfig, data: DataSet) -> _Objective:
    return _Objective(config, data)
