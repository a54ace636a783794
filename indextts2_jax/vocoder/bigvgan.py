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
import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Float, Lengths, Mask
from indextts2_jax.config import BigVganConfig
from indextts2_jax.errors import ConfigError
from indextts2_jax.nn.conv_transpose import ConvTranspose1d
from indextts2_jax.nn.layers import conv1d
from indextts2_jax.nn.masking import length_mask, zero_padding
from indextts2_jax.vocoder.alias_free import AliasFreeSnake


def _upsampler(channels: int, rate: int, kernel_size: int, **options: Any) -> ConvTranspose1d:
    """`torch.nn.ConvTranspose1d(..., padding=(kernel_size - rate) // 2)`: T -> rate * T; kernel [k, out, in]."""
    if kernel_size < rate or (kernel_size - rate) % 2:
        raise ConfigError(
            f"bigvgan.upsample_kernels has {kernel_size} for the rate {rate}, but it must exceed it by an even number."
        )
    return ConvTranspose1d(channels, kernel_size, rate, **options)


class AmpBlock(nn.Module):
    """`AMPBlock1`. Parameters: `act1_{n}`, `conv1_{n}`, `act2_{n}`, `conv2_{n}` for dilation n."""

    kernel_size: int
    dilations: tuple[int, ...]
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T C"], lengths: Lengths, mask: Mask) -> Float[Array, "B T C"]:
        channels, types = x.shape[-1], {"dtype": self.dtype, "param_dtype": self.param_dtype}

        def activated_conv(x: Float[Array, "B T C"], dilation: int, name: str) -> Float[Array, "B T C"]:
            x = zero_padding(AliasFreeSnake(name=f"act{name}", **types)(x, lengths), mask)
            padding = (self.kernel_size - 1) * dilation // 2
            conv = conv1d(channels, self.kernel_size, padding=padding, dilation=dilation, name=f"conv{name}", **types)
            return conv(x)

        for n, dilation in enumerate(self.dilations):
            x = x + activated_conv(activated_conv(x, dilation, f"1_{n}"), 1, f"2_{n}")
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
          ConfigError: an upsampling kernel that does not exceed its rate by an even number.
        """
        config, types = self.config, {"dtype": self.dtype, "param_dtype": self.param_dtype}
        mask = length_mask(lengths, mel.shape[1])
        x = zero_padding(mel.astype(self.dtype), mask)
        x = conv1d(config.initial_channels, 7, padding=3, name="conv_pre", **types)(x)
        for i, (rate, kernel) in enumerate(zip(config.upsample_rates, config.upsample_kernels, strict=True)):
            channels = config.initial_channels // 2 ** (i + 1)
            x = _upsampler(channels, rate, kernel, name=f"up_{i}", **types)(zero_padding(x, mask))
            lengths = lengths * rate
            mask = length_mask(lengths, x.shape[1])
            blocks = zip(config.resblock_kernels, config.resblock_dilations, strict=True)
            outputs = [
                AmpBlock(size, dilations, name=f"block_{i}_{j}", **types)(x, lengths, mask)
                for j, (size, dilations) in enumerate(blocks)
            ]
            x = sum(outputs[1:], outputs[0]) / len(outputs)
        x = AliasFreeSnake(name="post_activation", **types)(x, lengths)
        x = conv1d(1, 7, padding=3, use_bias=False, name="conv_post", **types)(zero_padding(x, mask))
        wav = jnp.clip(x[..., 0].astype(jnp.float32), -1.0, 1.0)
        return jnp.where(mask, wav, 0.0)
