"""What tells recorded speech from a vocoder's, small enough for a CPU: the other side of adversarial training.

    spectrum [B F bins 2] ─ compress ─ fold 4 bins, 2, 2: each a convolution ─► a score at every place
    waveform [B N] ─ every p-th sample ─ fold 4 samples, 4, 4: each a convolution ─► a score at every place

"Folding" puts neighbours side by side as channels: what a stride would skip is kept, and the gradient of a strided
convolution, slow on a CPU, is not needed. Sources: multi-resolution spectra of UnivNet (Jang et al. 2021), their
complex values of EnCodec (Défossez et al. 2022), periods of HiFi-GAN (Kong et al. 2020), whose losses these are too:
least squares (Mao et al. 2017) and feature matching (Larsen et al. 2016). Departures: few channels, no weight norm, a
feature's distance is a share of its size.
"""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Float

Features = list[Float[Array, "..."]]
"""What one discriminator's layers made, the scores last."""

Judged = list[Features]
"""One item a discriminator."""

SPECTRUM_FOLDS = (4, 2, 2)
PERIOD_FOLDS = (4, 4, 4)
LEAST_FRAMES = 64
"""Of every p-th sample: what the folds make one place of."""
_SLOPE = 0.1
_POWER, _FLOOR = 0.3, 1e-4


def compress(spectrum: Float[Array, "B F bins 2"]) -> Float[Array, "B F bins 2"]:
    """Real and imaginary parts, the magnitude to the power of 0.3: what is quiet counts too."""
    square = jnp.sum(spectrum**2, axis=-1, keepdims=True)
    return spectrum * (square + _FLOOR) ** ((_POWER - 1) / 2)


def fold(x: Float[Array, "B *places C"], size: int) -> Float[Array, "B ... _"]:
    """`size` neighbours of the last place as channels; what is left over at the end is dropped."""
    count = x.shape[-2] // size
    return x[..., : count * size, :].reshape(*x.shape[:-2], count, size * x.shape[-1])


class Stack(nn.Module):
    """A convolution behind every fold, twice as many channels from the second on, then scores."""

    folds: tuple[int, ...]
    channels: int
    dimensions: int
    """Of the places: 2 of a spectrum, 1 of samples."""
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B *places C"]) -> Features:
        features: Features = []
        window = (3,) * self.dimensions
        for number, size in enumerate(self.folds):
            channels = self.channels * min(2**number, 4)
            x = nn.leaky_relu(nn.Conv(channels, window, dtype=self.dtype, name=f"conv_{number}")(fold(x, size)), _SLOPE)
            features.append(x)
        return [*features, nn.Conv(1, window, dtype=self.dtype, name="score")(x)]


class Discriminators(nn.Module):
    """One a resolution and one a period. Parameters: `spectrum_{i}`, `period_{p}`."""

    channels: int
    periods: tuple[int, ...]
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, spectra: Sequence[Float[Array, "_ _ _ 2"]], audio: Float[Array, "B N"]) -> Judged:
        judged = [
            Stack(SPECTRUM_FOLDS, self.channels, 2, self.dtype, name=f"spectrum_{i}")(compress(spectrum))
            for i, spectrum in enumerate(spectra)
        ]
        for period in self.periods:
            # samples of one phase as rows: [B, N / p, p] -> [B p, N / p, 1]
            count = audio.shape[1] // period
            rows = audio[:, : count * period].reshape(-1, count, period).swapaxes(1, 2).reshape(-1, count, 1)
            judged.append(Stack(PERIOD_FOLDS, self.channels, 1, self.dtype, name=f"period_{period}")(rows))
        return judged


def discriminator_loss(real: Judged, made: Judged) -> Float[Array, ""]:
    """Least squares: 1 for recorded speech, 0 for the vocoder's. 0.5 where nothing is told apart."""
    terms = [_mean((a[-1] - 1) ** 2) + _mean(b[-1] ** 2) for a, b in zip(real, made, strict=True)]
    return jnp.mean(jnp.stack(terms))


def generator_loss(made: Judged) -> Float[Array, ""]:
    """Least squares: how far from 1 the vocoder's speech is."""
    return jnp.mean(jnp.stack([_mean((features[-1] - 1) ** 2) for features in made]))


def feature_loss(real: Judged, made: Judged) -> Float[Array, ""]:
    """How far the layers' features are from those of recorded speech, as a share of these; the scores left out."""
    terms = [
        _mean(jnp.abs(a - b)) / (_mean(jnp.abs(a)) + 1e-3)
        for one, other in zip(real, made, strict=True)
        for a, b in zip(one[:-1], other[:-1], strict=True)
    ]
    return jnp.mean(jnp.stack(terms))


def _mean(x: Float[Array, "..."]) -> Float[Array, ""]:
    return jnp.mean(x.astype(jnp.float32))
