"""bigvgan_generator.pt (nvidia/bigvgan_v2_22khz_80band_256x): every tensor is used, every convolution weight-normed."""

from indextts2_jax.config import ModelConfig

from .. import layouts
from ..layouts import Layout
from ..rules import Rule, weight_norm


def _conv(source: str, target: str, layout: Layout = layouts.conv1d_wn) -> list[Rule]:
    return [Rule(weight_norm(source), f"{target}/kernel", layout), Rule(f"{source}.bias", f"{target}/bias")]


def _activation(source: str, target: str) -> list[Rule]:
    taps = layouts.squeeze(0, 1)
    return [
        Rule(f"{source}.act.alpha", f"{target}/alpha"),
        Rule(f"{source}.act.beta", f"{target}/beta"),
        Rule(f"{source}.upsample.filter", f"{target}/up_filter", taps),
        Rule(f"{source}.downsample.lowpass.filter", f"{target}/down_filter", taps),
    ]


def rules(model: ModelConfig) -> list[Rule]:
    config = model.bigvgan
    table = _conv("conv_pre", "conv_pre") + _conv("ups.{i}.0", "up_{i}", layouts.conv_transpose1d_wn)
    kernels = len(config.resblock_kernels)
    for block in range(len(config.upsample_rates) * kernels):  # the file numbers the blocks through all stages
        source, target = f"resblocks.{block}", f"block_{block // kernels}_{block % kernels}"
        table += _conv(f"{source}.convs1.{{n}}", f"{target}/conv1_{{n}}")
        table += _conv(f"{source}.convs2.{{n}}", f"{target}/conv2_{{n}}")
        for n in range(len(config.resblock_dilations[block % kernels])):  # conv1's and conv2's by turns
            table += _activation(f"{source}.activations.{2 * n}", f"{target}/act1_{n}")
            table += _activation(f"{source}.activations.{2 * n + 1}", f"{target}/act2_{n}")
    table += _activation("activation_post", "post_activation")
    return [*table, Rule(weight_norm("conv_post"), "conv_post/kernel", layouts.conv1d_wn)]
