"""Vocoder: log mel -> waveform, by how the waveform looks at several resolutions.

    audio crop, its mel frames ─ BigVgan ─► waveform ─┬─ mel spectrogram ─► L1 to the crop's
                                                      └─ STFT at four sizes ─► spectral convergence + log magnitude

Without a window much longer than a pitch period nothing in this loss hears a wrong pitch: a vocoder that hums at its
frame rate is otherwise a good solution. Hence 4096 samples, and crops of 64 frames that hold such windows.
Losses: HiFi-GAN's mel term (Kong et al. 2020), Parallel WaveGAN's multi-resolution STFT (Yamamoto et al. 2020).
"""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Float, Key, Params
from indextts2_jax.audio import mel as host_mel
from indextts2_jax.audio.filterbanks import slaney_bank
from indextts2_jax.config import from_dict
from indextts2_jax.errors import ConfigError
from indextts2_jax.training.config import TrainConfig
from indextts2_jax.training.dataset import DataSet, Order
from indextts2_jax.training.objectives.base import Batch, Defaults, Loss, apply, crop_starts, cut
from indextts2_jax.vocoder.bigvgan import BigVgan


@dataclasses.dataclass(frozen=True)
class BigVganObjective:
    frames: int = 64
    mel_weight: float = 1.0
    stft_weight: float = 1.0
    stft_sizes: tuple[int, ...] = (4096, 2048, 1024, 512)
    stft_hops: tuple[int, ...] = (512, 256, 256, 128)


def frame(audio: Float[Array, "B N"], size: int, hop: int) -> Float[Array, "B F {size}"]:
    """Overlapping windows, for sizes that `hop` divides: by slices, for the gradient of a gather is slow."""
    blocks = audio[:, : audio.shape[1] // hop * hop].reshape(len(audio), -1, hop)
    parts, count = size // hop, blocks.shape[1] - size // hop + 1
    return jnp.concatenate([blocks[:, i : i + count] for i in range(parts)], axis=-1)


def magnitudes(audio: Float[Array, "B N"], size: int, hop: int) -> Float[Array, "B F {size//2+1}"]:
    """|STFT| with a periodic Hann window, no padding."""
    window = (0.5 - 0.5 * np.cos(2 * math.pi * np.arange(size) / size)).astype(np.float32)[None, None]
    spectrum = jnp.fft.rfft(frame(audio, size, hop) * window)
    return jnp.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-9)


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
        if math.prod(config.model.bigvgan.upsample_rates) != host_mel.HOP:
            raise ConfigError(f"model.bigvgan.upsample_rates must multiply to {host_mel.HOP}.")
        self.network = BigVgan(config.model.bigvgan, jnp.dtype(config.dtype))

    def init(self, key: Key[Array, ""]) -> Params:
        mel = jnp.zeros((1, 8, self.config.model.bigvgan.mel_bins))
        return {"network": self.network.init(key, mel, jnp.full((1,), 8))["params"], "heads": {}}

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
        return Loss(value, {"mel": mel, "stft": stft})

    def frozen(self, path: str) -> bool:
        return path.endswith("_filter")


SETTINGS = BigVganObjective


def build(config: TrainConfig, data: DataSet) -> _Objective:
    return _Objective(config, data)
