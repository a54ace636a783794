"""Vocoder: log mel -> waveform, by how the waveform looks at several resolutions.

    audio crop, its mel frames ─ BigVgan ─► waveform ─┬─ mel spectrogram ─► L1 to the crop's
                                                      ├─ STFT at four sizes ─► spectral convergence + log magnitude
                                                      └─ discriminators, where asked for ─► adversarial, features

Without a window much longer than a pitch period nothing in this loss hears a wrong pitch: a vocoder that hums at its
frame rate is otherwise a good solution. Hence 4096 samples, and crops of 64 frames that hold such windows.
Losses: HiFi-GAN's mel term (Kong et al. 2020), Parallel WaveGAN's multi-resolution STFT (Yamamoto et al. 2020). With
`adversarial_weight` or `feature_weight` the discriminators (`discriminators.py`) are trained in the same step, each
side by its own terms alone: the vocoder's do not move the discriminators, nor theirs the vocoder. What the vocoder is
told of them is left out of the validation loss, which so remains comparable; `last` is then the network to take.
"""

import copy
import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Float, Key, Params, Shaped
from indextts2_jax.audio import mel as host_mel
from indextts2_jax.audio.filterbanks import slaney_bank
from indextts2_jax.config import from_dict
from indextts2_jax.errors import ConfigError
from indextts2_jax.training.config import TrainConfig
from indextts2_jax.training.dataset import DataSet, Order
from indextts2_jax.training.objectives.base import Batch, Defaults, Loss, apply, crop_starts, cut
from indextts2_jax.training.objectives.discriminators import (
    LEAST_FRAMES,
    Discriminators,
    Judged,
    discriminator_loss,
    feature_loss,
    generator_loss,
)
from indextts2_jax.vocoder.bigvgan import BigVgan


@dataclasses.dataclass(frozen=True)
class BigVganObjective:
    frames: int = 64
    mel_weight: float = 1.0
    stft_weight: float = 1.0
    stft_sizes: tuple[int, ...] = (4096, 2048, 1024, 512)
    stft_hops: tuple[int, ...] = (512, 256, 256, 128)
    adversarial_weight: float = 0.0
    """Of the discriminators' verdict; with it or the next above 0 there are discriminators."""
    feature_weight: float = 0.0
    """Of how far their features are from those of the recording."""
    adversarial_from: int = 0
    """The step from which on the discriminators learn; before it they cost nothing."""
    adversarial_ramp: int = 200
    """Steps after that one over which what the vocoder is told of them grows to its full weight."""
    discriminator_channels: int = 16
    """Of the first layer; the last has four times as many."""
    discriminator_sizes: tuple[int, ...] = (2048, 1024, 512)
    """Of the windows whose spectra are judged; the hop is a quarter."""
    discriminator_periods: tuple[int, ...] = (2, 3, 5)


def frame(audio: Float[Array, "B N"], size: int, hop: int) -> Float[Array, "B F {size}"]:
    """Overlapping windows, for sizes that `hop` divides: by slices, for the gradient of a gather is slow."""
    blocks = audio[:, : audio.shape[1] // hop * hop].reshape(len(audio), -1, hop)
    parts, count = size // hop, blocks.shape[1] - size // hop + 1
    return jnp.concatenate([blocks[:, i : i + count] for i in range(parts)], axis=-1)


def magnitudes(audio: Float[Array, "B N"], size: int, hop: int) -> Float[Array, "B F {size//2+1}"]:
    """|STFT| of `spectrum`."""
    found = spectrum(audio, size, hop)
    return jnp.sqrt(found.real**2 + found.imag**2 + 1e-9)


def spectrum(audio: Float[Array, "B N"], size: int, hop: int) -> Shaped[Array, "B F {size//2+1}"]:
    """The complex STFT with a periodic Hann window, no padding."""
    window = (0.5 - 0.5 * np.cos(2 * math.pi * np.arange(size) / size)).astype(np.float32)[None, None]
    return jnp.fft.rfft(frame(audio, size, hop) * window)


def stft_loss(output: Float[Array, "B N"], target: Float[Array, "B N"], size: int, hop: int) -> Float[Array, ""]:
    """Spectral convergence plus L1 of the log magnitudes."""
    out, wanted = magnitudes(output, size, hop), magnitudes(target, size, hop)
    difference = jnp.sqrt(jnp.sum((wanted - out) ** 2, axis=(1, 2)) + 1e-9)
    convergence = jnp.mean(difference / (jnp.sqrt(jnp.sum(wanted**2, axis=(1, 2))) + 1e-3))
    floor = 1e-3 * math.sqrt(size / 1024)  # what is quieter is rounding, not voice
    return convergence + jnp.mean(jnp.abs(jnp.log(out + floor) - jnp.log(wanted + floor)))


class _Objective(Defaults):
    def __init__(self, config: TrainConfig, data: DataSet) -> None:
        self.config, self.data = config, data
        self.settings = from_dict(BigVganObjective, config.objective, "objective")
        for size, hop in zip(self.settings.stft_sizes, self.settings.stft_hops, strict=True):
            if size % hop or self.settings.frames * host_mel.HOP < size:
                raise ConfigError(f"objective.stft_sizes has {size}, which {hop} must divide and the crop must hold.")
        self.begun = True
        self.judges = self._judges() if self.settings.adversarial_weight or self.settings.feature_weight else None
        if math.prod(config.model.bigvgan.upsample_rates) != host_mel.HOP:
            raise ConfigError(f"model.bigvgan.upsample_rates must multiply to {host_mel.HOP}.")
        self.network = BigVgan(config.model.bigvgan, jnp.dtype(config.dtype))

    def _judges(self) -> Discriminators:
        """Raises `ConfigError` for settings that the discriminators cannot have."""
        settings, samples = self.settings, self.settings.frames * host_mel.HOP
        longest = samples // LEAST_FRAMES
        rules = {
            "adversarial_weight": (settings.adversarial_weight >= 0, "0 or above"),
            "feature_weight": (settings.feature_weight >= 0, "0 or above"),
            "adversarial_from": (settings.adversarial_from >= 0, "a step"),
            "adversarial_ramp": (settings.adversarial_ramp >= 0, "a number of steps"),
            "discriminator_channels": (settings.discriminator_channels > 0, "above 0"),
            "discriminator_sizes": (
                all(size % 4 == 0 and 32 <= size <= samples for size in settings.discriminator_sizes),
                f"multiples of 4 from 32 to the crop's {samples} samples",
            ),
            "discriminator_periods": (
                all(1 <= period <= longest for period in settings.discriminator_periods)
                and bool(settings.discriminator_periods or settings.discriminator_sizes),
                f"from 1 to {longest}, and not empty where discriminator_sizes is",
            ),
        }
        for key, (good, rule) in rules.items():
            if not good:
                raise ConfigError(f"objective.{key} is {getattr(settings, key)!r}, but it must be {rule}.")
        return Discriminators(
            settings.discriminator_channels, settings.discriminator_periods, jnp.dtype(self.config.dtype)
        )

    def at(self, step: int) -> "_Objective":
        return self if step >= self.settings.adversarial_from else self._early

    @functools.cached_property
    def _early(self) -> "_Objective":
        """The same before the discriminators begin: no condition in the program, in which convolutions are slow."""
        early = copy.copy(self)
        early.begun = False
        return early

    def init(self, key: Key[Array, ""]) -> Params:
        mel = jnp.zeros((1, 8, self.config.model.bigvgan.mel_bins))
        network = self.network.init(key, mel, jnp.full((1,), 8))["params"]
        if self.judges is None:
            return {"network": network, "heads": {}}
        silence = jnp.zeros((1, self.settings.frames * host_mel.HOP))
        judges = self.judges.init(jax.random.fold_in(key, 1), self._spectra(silence), silence)["params"]
        return {"network": network, "heads": {"discriminators": judges, "steps": jnp.zeros(())}}

    def order(self, split: str) -> Order:
        return Order(self.data.indices(split), self.data.array("mel").lengths, self.config.batch_size, self.config.seed)

    def batch(self, utterances: np.ndarray, rng: np.random.Generator, training: bool) -> Batch:
        size = self.settings.frames
        mel, audio = self.data.array("mel"), self.data.array("audio")
        starts = crop_starts(mel.lengths[utterances], size, rng)
        pairs = list(zip(utterances, starts, strict=True))
        mels = [cut(mel[u], s, size, math.log(host_mel.FLOOR)) for u, s in pairs]
        waves = [cut(audio[u], s * host_mel.HOP, size * host_mel.HOP) for u, s in pairs]
        return {"mel": np.stack(mels).astype(np.float32), "audio": np.stack(waves).astype(np.float32) / 32767}

    def loss(self, params: Params, batch: Batch, key: Key[Array, ""], training: bool) -> Loss:
        lengths = jnp.full((len(batch["mel"]),), batch["mel"].shape[1])
        output = apply(self.network, params["network"], batch["mel"], lengths)
        bank = jnp.asarray(slaney_bank(), jnp.float32)

        def log_mel(audio: Float[Array, "B N"]) -> Float[Array, "B M C"]:
            return jnp.log(jnp.maximum(magnitudes(audio, host_mel.FFT, host_mel.HOP) @ bank.T, host_mel.FLOOR))

        mel = jnp.mean(jnp.abs(log_mel(output) - log_mel(batch["audio"])))
        settings = self.settings
        sizes = zip(settings.stft_sizes, settings.stft_hops, strict=True)
        stft = jnp.mean(jnp.stack([stft_loss(output, batch["audio"], size, hop) for size, hop in sizes]))
        value = settings.mel_weight * mel + settings.stft_weight * stft
        metrics = {"mel": mel, "stft": stft}
        if self.judges is None or not training:
            return Loss(value, metrics)
        if not self.begun:
            return Loss(value, metrics | dict.fromkeys(("adversarial", "features", "discriminators"), jnp.zeros(())))
        more, judged = self._adversarial(params["heads"], output, batch["audio"])
        return Loss(value + more, metrics | judged)

    def _adversarial(
        self, heads: Params, output: Float[Array, "B N"], target: Float[Array, "B N"]
    ) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
        """The terms of both sides: each has its gradients in the parameters of its own side alone."""
        settings, module, step = self.settings, self.judges, jax.lax.stop_gradient(heads["steps"])
        assert module is not None

        params, spectra, wanted = heads["discriminators"], self._spectra(output), self._spectra(target)

        def judge(params: Params, spectra: list[Float[Array, "B _ _ 2"]], audio: Float[Array, "B N"]) -> Judged:
            found: Judged = apply(module, params, spectra, audio)
            return found

        fixed = jax.lax.stop_gradient(params)
        real, made = judge(fixed, wanted, target), judge(fixed, spectra, output)
        adversarial, features = generator_loss(made), feature_loss(real, made)
        # the same numbers once more, which the compiler computes once: here it is the discriminators that learn
        real, made = judge(params, wanted, target), judge(params, *jax.lax.stop_gradient((spectra, output)))
        told = discriminator_loss(real, made)
        ramp = jnp.clip((step - settings.adversarial_from + 1) / max(settings.adversarial_ramp, 1), 0.0, 1.0)
        heard = settings.adversarial_weight * adversarial + settings.feature_weight * features
        metrics = {"adversarial": adversarial, "features": features, "discriminators": told}
        return ramp * heard + told, metrics

    def _spectra(self, audio: Float[Array, "B N"]) -> list[Float[Array, "B _ _ 2"]]:
        """What the discriminators see, real and imaginary parts last, scaled to be about as large as the waveform."""
        found = [spectrum(audio, size, size // 4) / math.sqrt(size) for size in self.settings.discriminator_sizes]
        return [jnp.stack([one.real, one.imag], axis=-1) for one in found]

    def frozen(self, path: str) -> bool:
        return path.endswith("_filter") or path == "heads/steps"

    def side(self, path: str) -> str:
        return "discriminators" if path.startswith("heads/") else ""

    def update(self, params: Params, carried: Any) -> Params:
        if self.judges is None:
            return params
        return {**params, "heads": {**params["heads"], "steps": params["heads"]["steps"] + 1}}


SETTINGS = BigVganObjective


def build(config: TrainConfig, data: DataSet) -> _Objective:
    return _Objective(config, data)
