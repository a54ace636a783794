"""BigVGAN v2: log mel -> waveform.

    mel [B M 80] -conv_pre-> [B M D] -+-> up_i (x rate, half the channels) -> mean of the AMP blocks -+-> ... 6 times
                                      +------------------------------------<-----------------------+
    [B M*256 D/64] -post_activation-> -conv_post-> [B M*256], clipped to [-1, 1]

An AMP block adds three times `conv2(act(conv1(act(x))))` to x, conv1 with a growing dilation; the blocks of a stage
differ in their kernel size. All signals are channels last.

Every convolution pads with zeros and every activation with the edge frame, so both are told the true length at their
own rate: what lies behind it is zeroed before a convolution and replaced by the last valid frame in an activation.

Source: indextts/s2mel/modules/bigvgan/bigvgan.py; Lee et al., 2022, arXiv:2206.04658.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Bool, Float, Lengths
from indextts2_jax.config import BigVganConfig
from indextts2_jax.errors import ConfigError
from indextts2_jax.nn.layers import conv1d
from indextts2_jax.nn.masking import length_mask, zero_padding
from indextts2_jax.vocoder.alias_free import SnakeParameters, alias_free_snake


class Upsample(nn.Module):
    """`torch.nn.ConvTranspose1d(in, features, kernel_size, rate, padding=(kernel_size - rate) // 2)`: T -> rate * T.

    Parameters: `kernel` [k, out, in] as `nn.ConvTranspose(transpose_kernel=True)` has it, `bias` [out]. Computed as
    one matrix product and an overlap-add; the convolution over inserted zeros that XLA makes of a transposed
    convolution does `rate` times the work.
    """

    features: int
    kernel_size: int
    rate: int
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T C"]) -> Float[Array, "B rate*T features"]:
        batch, size, channels = x.shape
        overlap = self.kernel_size // self.rate
        shape = (self.kernel_size, self.features, channels)
        init = nn.initializers.lecun_normal(in_axis=-1, out_axis=-2)
        kernel = self.param("kernel", init, shape, self.param_dtype).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), self.param_dtype).astype(self.dtype)

        # what each frame adds to the next `overlap` blocks of `rate` samples
        parts = jnp.einsum("KDC,BTC->KDBT", kernel, x.astype(self.dtype))  # kernel first: XLA then transposes only x
        parts = parts.transpose(2, 3, 0, 1).reshape(batch, size, overlap, self.rate * self.features)
        blocks = sum(jnp.pad(parts[:, :, i], ((0, 0), (i, overlap - 1 - i), (0, 0))) for i in range(overlap))
        samples = blocks.reshape(batch, (size + overlap - 1) * self.rate, self.features)
        start = (self.kernel_size - self.rate) // 2
        return samples[:, start : start + size * self.rate] + bias


class AmpBlock(nn.Module):
    """`AMPBlock1`. Parameters: `conv1_{n}`, `conv2_{n}` for dilation n; `activations`, the one before conv1_0 first."""

    kernel_size: int
    dilations: tuple[int, ...]
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T C"], lengths: Lengths, mask: Bool[Array, "B T"]) -> Float[Array, "B T C"]:
        channels, types = x.shape[-1], {"dtype": self.dtype, "param_dtype": self.param_dtype}
        stack = (2 * len(self.dilations),)
        snakes = SnakeParameters(channels, stack, self.param_dtype, name="activations")()

        def activate(x: Array, n: int) -> Array:
            return alias_free_snake(x, lengths, jax.tree.map(lambda weight: weight[n], snakes))

        def conv(x: Array, dilation: int, name: str) -> Array:
            padding = (self.kernel_size - 1) * dilation // 2
            layer = conv1d(channels, self.kernel_size, padding=padding, dilation=dilation, name=name, **types)
            return layer(zero_padding(x, mask))

        for n, dilation in enumerate(self.dilations):
            y = conv(activate(x, 2 * n), dilation, f"conv1_{n}")
            x = x + conv(activate(y, 2 * n + 1), 1, f"conv2_{n}")
        return x


class BigVgan(nn.Module):
    """Parameters: `conv_pre`, `up_{i}`, `block_{i}_{j}` (stage i, kernel size j), `post_activation`, `conv_post`."""

    config: BigVganConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, mel: Float[Array, "B M C"], lengths: Lengths) -> Float[Array, "B N"]:
        """Args:
          mel: natural logarithm of the magnitude mel spectrogram (`audio/mel.py`).
          lengths: valid mel frames, at least 1.

        Returns:
          [B, M * hop] float32 in [-1, 1], hop being the product of the upsampling rates; zero behind lengths * hop.

        Raises:
          ConfigError: an upsampling kernel that is not a multiple of its rate with an even difference.
        """
        config, types = self.config, {"dtype": self.dtype, "param_dtype": self.param_dtype}
        mask = length_mask(lengths, mel.shape[1])
        x = zero_padding(mel.astype(self.dtype), mask)
        x = conv1d(config.initial_channels, 7, padding=3, name="conv_pre", **types)(x)
        for i, (rate, kernel) in enumerate(zip(config.upsample_rates, config.upsample_kernels, strict=True)):
            if kernel % rate or (kernel - rate) % 2:
                raise ConfigError(
                    f"bigvgan.upsample_kernels[{i}] is {kernel}, but it must be a multiple of the rate {rate}."
                )
            features = config.initial_channels // 2 ** (i + 1)
            x = Upsample(features, kernel, rate, name=f"up_{i}", **types)(zero_padding(x, mask))
            lengths = lengths * rate
            mask = length_mask(lengths, x.shape[1])
            blocks = zip(config.resblock_kernels, config.resblock_dilations, strict=True)
            outputs = [
                AmpBlock(size, dilations, name=f"block_{i}_{j}", **types)(x, lengths, mask)
                for j, (size, dilations) in enumerate(blocks)
            ]
            x = sum(outputs) / len(outputs)
        snake = SnakeParameters(x.shape[-1], param_dtype=self.param_dtype, name="post_activation")()
        x = alias_free_snake(x, lengths, snake)
        x = conv1d(1, 7, padding=3, use_bias=False, name="conv_post", **types)(zero_padding(x, mask))
        wav = jnp.clip(x[..., 0].astype(jnp.float32), -1.0, 1.0)
        return jnp.where(mask, wav, 0.0)
