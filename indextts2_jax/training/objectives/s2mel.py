"""Flow matching: codes of an utterance and a clip of the voice -> log mel.

    prompt: another utterance of the speaker ─ codes ─ embed ─ length regulator ─► mu of the prompt ─┐
    target: crop of the utterance ─ codes ─ embed (+ projected GPT latents) ─ length regulator ──────┤
    x_t = (1 - (1 - s) t) noise + t mel, zero in the prompt; prompt mel, style ──────────────────────┴─► DiT ─► velocity
    loss: |velocity - (mel - (1 - s) noise)|^2 over the target's frames

Everything is laid out as in synthesis: two clips, each regulated by itself. In a share of the rows all conditions are
zero, for classifier-free guidance. Source: BASECFM.forward in indextts/s2mel/modules/flow_matching.py (Lipman et al.
2022; Matcha-TTS). The codec is the trained one, and is not trained here.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Float, Int, Key, Lengths, Params
from indextts2_jax.checkpoint.networks import NETWORKS, shapes
from indextts2_jax.config import from_dict
from indextts2_jax.errors import ConfigError, TrainingError
from indextts2_jax.nn.masking import length_mask, zero_padding
from indextts2_jax.s2mel.dit import DiT
from indextts2_jax.s2mel.length_regulator import LatentProjection, LengthRegulator, resize_index, target_length
from indextts2_jax.semantic.semantic_codec import SemanticCodec
from indextts2_jax.training.config import TrainConfig
from indextts2_jax.training.dataset import DataSet, Order
from indextts2_jax.training.objectives.base import Batch, Defaults, Loss, another, apply, crop_starts, cut
from indextts2_jax.training.state import load_network

SIGMA_MIN = 1e-6


@dataclasses.dataclass(frozen=True)
class S2MelObjective:
    codec: str = ""
    """The trained semantic codec: a run, an artefact or a file. Empty: that of the artefact that `init` names."""
    codes: int = 80
    """Length of the target crop in codes, each of which becomes 1.72 frames of mel, or 3.44 where a code is 40 ms."""
    prompt_codes: int = 64
    """The longest prompt; the shortest is a quarter of it."""
    latents: bool = False
    """Whether to add GPT latents (latents/latents of the data set). Without them their projection is held at zero."""
    drop_condition: float = 0.12
    corrupt: float = 0.02
    """Share of the target's codes replaced by random ones: generation will make mistakes."""


class _Objective(Defaults):
    def __init__(self, config: TrainConfig, data: DataSet) -> None:
        self.config, self.data, self.sizes = config, data, config.model.s2mel
        self.settings = from_dict(S2MelObjective, config.objective, "objective")
        source = self.settings.codec or config.init
        if not source:
            raise ConfigError("objective.codec is empty, but it must be the trained semantic codec.")
        dtype = jnp.dtype(config.dtype)
        self.dit, self.regulator = DiT(self.sizes, dtype), LengthRegulator(self.sizes, dtype)
        self.projection = LatentProjection(self.sizes, dtype)
        self.codec = SemanticCodec(config.model.semantic_codec, dtype)
        self.decodes, self.frames = config.model.semantic_codec.decoder, config.model.semantic_codec.frames_per_code
        if self.settings.latents and not self.sizes.latent_dim:
            raise ConfigError("objective.latents is on, but the model makes the mel of codes alone.")
        self.codec_params = load_network(source, "semantic_codec")
        sizes = [jax.tree.map(jnp.shape, tree) for tree in (self.codec_params, shapes("semantic_codec", config.model))]
        if sizes[0] != sizes[1]:
            raise TrainingError(f"objective.codec: {source} is not what model.semantic_codec describes.")
        self.by_speaker = {s: np.flatnonzero(data.speaker_ids == s) for s in range(len(data.speakers))}

    def init(self, key: Key[Array, ""]) -> Params:
        network = NETWORKS["s2mel"](self.config.model)(key)
        if not self.settings.latents:
            network = _without_latents(network)
        return {"network": network, "heads": {}}

    def order(self, split: str) -> Order:
        lengths = self.data.array("codes/codes").lengths
        return Order(self.data.indices(split), lengths, self.config.batch_size, self.config.seed)

    def batch(self, utterances: np.ndarray, rng: np.random.Generator, training: bool) -> Batch:
        rows = [self._row(int(u), rng, training) for u in utterances]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    @functools.cached_property
    def _sizes(self) -> tuple[int, int]:
        """Mel frames of the longest prompt and of the target."""
        prompt, target = self.settings.prompt_codes, self.settings.codes
        return target_length(prompt * self.frames), target_length(target * self.frames)

    def _row(self, utterance: int, rng: np.random.Generator, training: bool) -> dict[str, Any]:
        settings, (prompt_size, target_size) = self.settings, self._sizes
        same = self.by_speaker[int(self.data.speaker_ids[utterance])]
        other = another(same, utterance, rng)
        longest = settings.prompt_codes
        prompt = self._crop(other, int(rng.integers(longest // 4, longest + 1)) if training else longest, rng)
        target = self._crop(utterance, settings.codes, rng)
        codes = target["codes"].copy()
        if training:
            wrong = rng.random(len(codes)) < settings.corrupt
            codes[wrong] = rng.integers(0, self.config.model.semantic_codec.codebook_size, int(wrong.sum()))
        total = prompt_size + target_size
        # the prompt's frames come first, the target's directly behind them, the padding last
        mel = np.concatenate([prompt["mel"], target["mel"]])
        indices = [resize_index(len(one["codes"]) * self.frames, len(one["mel"])) for one in (prompt, target)]
        row = {
            "prompt_index": cut(indices[0], 0, prompt_size),
            "prompt_frames": np.int32(len(prompt["mel"])),
            "codes": cut(codes, 0, settings.codes),
            "index": cut(indices[1], 0, target_size),
            "frames": np.int32(len(target["mel"])),
            "mel": cut(mel, 0, total),
            "style": self.data.array("style/style")[other][0],
            "keep": np.float32(rng.random() >= (settings.drop_condition if training else 0.0)),
        }
        if self.decodes:  # what makes features of codes is told of the prompt's own
            first = prompt["start"] * self.frames
            features = self.data.array("semantic/semantic")[other][first : first + len(prompt["codes"]) * self.frames]
            row["code_count"] = np.int32(len(codes))
            row["prompt_features"] = cut(features.astype(np.float32), 0, longest * self.frames)
        else:
            row["prompt_codes"] = cut(prompt["codes"], 0, longest)
        if settings.latents:
            start = target["start"]
            latents = self.data.array("latents/latents")[utterance][start : start + len(codes)]
            row["latents"] = cut(latents.astype(np.float32), 0, settings.codes)
        return row

    def _crop(self, utterance: int, count: int, rng: np.random.Generator) -> dict[str, Any]:
        """`count` codes of an utterance from a random place on, and the mel frames of the same time."""
        codes, mel = self.data.array("codes/codes")[utterance], self.data.array("mel")[utterance]
        count = min(count, len(codes))
        start = int(crop_starts(np.array([len(codes)]), count, rng)[0])
        first = target_length(start * self.frames)
        frames = min(target_length(count * self.frames), len(mel) - first)
        part = np.asarray(mel[first : first + max(frames, 3)], np.float32)
        if len(part) < 3:  # rounding at the very end
            part = np.asarray(mel[-3:], np.float32)
        return {"codes": codes[start : start + count].astype(np.int32), "mel": part, "start": start}

    def loss(self, params: Params, batch: Batch, key: Key[Array, ""], training: bool) -> Loss:
        network, frames = params["network"], batch["mel"].shape[1]
        noise_key, time_key, order_key = jax.random.split(key, 3)

        def embed(codes: Int[Array, "B T"]) -> Float[Array, "B T D"]:
            embedded: Array = apply(self.codec, self.codec_params, codes, method="embed")
            return embedded

        def regulate(x: Float[Array, "B T C"], index: Int[Array, "B M"], lengths: Lengths) -> Float[Array, "B M D"]:
            regulated: Array = apply(self.regulator, network["length_regulator"], x, index, lengths)
            return regulated

        if self.decodes:
            target = apply(self.codec, self.codec_params, batch["codes"], batch["code_count"], method="decode")
            prompt_features = batch["prompt_features"]
        else:
            target, prompt_features = embed(batch["codes"]), embed(batch["prompt_codes"])
        if self.settings.latents:
            target = target + apply(self.projection, network["latent_projection"], batch["latents"])
        prompt_frames, lengths = batch["prompt_frames"], batch["prompt_frames"] + batch["frames"]
        prompt_mu = regulate(prompt_features, batch["prompt_index"], prompt_frames)
        target_mu = regulate(target, batch["index"], batch["frames"])
        mu = _join(prompt_mu, target_mu, prompt_frames)
        in_prompt, in_all = length_mask(prompt_frames, frames), length_mask(lengths, frames)
        keep = batch["keep"]
        noise = jax.random.normal(noise_key, batch["mel"].shape)
        rows = len(keep)
        # times spread evenly over the batch: less variance than independent ones
        t = (jnp.arange(rows) + jax.random.uniform(time_key, (rows,))) / rows
        t = jax.random.permutation(order_key, t)
        at = t[:, None, None]
        x = zero_padding((1 - (1 - SIGMA_MIN) * at) * noise + at * batch["mel"], in_all & ~in_prompt)
        prompt = zero_padding(batch["mel"], in_prompt) * keep[:, None, None]
        velocity = apply(
            self.dit, network["dit"], x, prompt, t, batch["style"] * keep[:, None], mu * keep[:, None, None], lengths
        )
        error = jnp.mean((velocity - (batch["mel"] - (1 - SIGMA_MIN) * noise)) ** 2, axis=-1)
        weight = (in_all & ~in_prompt).astype(jnp.float32)
        kept = weight * keep[:, None]
        value = jnp.sum(error * weight) / jnp.sum(weight)
        return Loss(value, {"conditional": jnp.sum(error * kept) / jnp.maximum(jnp.sum(kept), 1)})

    def frozen(self, path: str) -> bool:
        return not self.settings.latents and path.startswith("network/latent_projection")

    def finish(self, params: Params) -> Params:
        return params["network"] if self.settings.latents else _without_latents(params["network"])


def _without_latents(network: Params) -> Params:
    """The projection, where there is one, at zero, also where the run started from a network that had one."""
    if "latent_projection" not in network:
        return network
    return {**network, "latent_projection": jax.tree.map(jnp.zeros_like, network["latent_projection"])}


def _join(first: Float[Array, "B P D"], second: Float[Array, "B M D"], lengths: Lengths) -> Float[Array, "B P+M D"]:
    """Row b: first[b, :lengths[b]], then second[b], then zeros."""
    size = first.shape[1] + second.shape[1]
    places = jnp.arange(size)[None] - lengths[:, None]  # of the second
    both = jnp.concatenate([second, jnp.zeros_like(first)], axis=1)
    moved = jnp.take_along_axis(both, jnp.clip(places, 0, size - 1)[..., None], axis=1)
    padded = jnp.pad(first, ((0, 0), (0, second.shape[1]), (0, 0)))
    return jnp.where((places < 0)[..., None], padded, moved)


SETTINGS = S2MelObjective


def build(config: TrainConfig, data: DataSet) -> _Objective:
    return _Objective(config, data)
