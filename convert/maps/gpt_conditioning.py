"""gpt.pth, first half: the conditioning encoders (indextts/gpt/model_v2.py) -> `conditioning/...`."""

import numpy as np

from indextts2_jax.config import ConformerConfig, ModelConfig

from .. import layouts
from ..layouts import Layout, Shape
from ..rules import Rule, drop


def rules(model: ModelConfig) -> list[Rule]:
    gpt = model.gpt
    if gpt.speaker_conformer:
        speaker = _encoder("", "conditioning/speaker_encoder", gpt.speaker_conformer)
        speaker.append(Rule("speed_emb.weight", "conditioning/speed_embedding"))
    else:
        speaker = _linear("spk_emb_proj", "conditioning/speaker_projection")
    return [
        *speaker,
        *_encoder("emo_", "conditioning/emotion_encoder", gpt.emotion_conformer),
        *_linear("emovec_layer", "conditioning/emotion_encoder/project_in"),
        *_linear("emo_layer", "conditioning/emotion_encoder/project_out"),
    ]


def _encoder(prefix: str, target: str, conformer: ConformerConfig) -> list[Rule]:
    return [
        *_conformer(f"{prefix}conditioning_encoder", f"{target}/conformer", conformer),
        *_perceiver(f"{prefix}perceiver_encoder", f"{target}/perceiver"),
    ]


def _conformer(source: str, target: str, config: ConformerConfig) -> list[Rule]:
    block, ours = f"{source}.encoders.{{block}}", f"{target}/blocks"
    return [
        Rule(f"{source}.embed.conv.0.weight", f"{target}/embed_conv/kernel", layouts.conv2d),
        Rule(f"{source}.embed.conv.0.bias", f"{target}/embed_conv/bias"),
        *_linear(f"{source}.embed.out.0", f"{target}/embed_out", flattened_linear(config.width)),
        drop(f"{source}.embed.pos_enc.pe", "a table of sines and cosines, computed again to the length that is needed"),
        *_norm(f"{source}.after_norm", f"{target}/norm"),
        *_norm(f"{block}.norm_mha", f"{ours}/attention_norm"),
        *_linear(f"{block}.self_attn.linear_q", f"{ours}/attention/query"),
        *_linear(f"{block}.self_attn.linear_k", f"{ours}/attention/key"),
        *_linear(f"{block}.self_attn.linear_v", f"{ours}/attention/value"),
        *_linear(f"{block}.self_attn.linear_out", f"{ours}/attention/out"),
        Rule(f"{block}.self_attn.linear_pos.weight", f"{ours}/attention/position/kernel", layouts.linear),
        Rule(f"{block}.self_attn.pos_bias_u", f"{ours}/attention/content_bias"),
        Rule(f"{block}.self_attn.pos_bias_v", f"{ours}/attention/position_bias"),
        *_norm(f"{block}.norm_conv", f"{ours}/convolution_norm"),
        *_linear(f"{block}.conv_module.pointwise_conv1", f"{ours}/convolution/pointwise_in", layouts.pointwise),
        *_linear(f"{block}.conv_module.depthwise_conv", f"{ours}/convolution/depthwise", layouts.conv1d),
        *_norm(f"{block}.conv_module.norm", f"{ours}/convolution/norm"),
        *_linear(f"{block}.conv_module.pointwise_conv2", f"{ours}/convolution/pointwise_out", layouts.pointwise),
        *_norm(f"{block}.norm_ff", f"{ours}/ffn_norm"),
        *_linear(f"{block}.feed_forward.w_1", f"{ours}/ffn_in"),
        *_linear(f"{block}.feed_forward.w_2", f"{ours}/ffn_out"),
        *_norm(f"{block}.norm_final", f"{ours}/final_norm"),
    ]


def _perceiver(source: str, target: str) -> list[Rule]:
    layer, attention, ffn = f"{source}.layers.{{i}}", f"{target}/attention_{{i}}", f"{target}/ffn_{{i}}"
    return [
        Rule(f"{source}.latents", f"{target}/latents"),
        *_linear(f"{source}.proj_context", f"{target}/context"),
        Rule(f"{layer}.0.to_q.weight", f"{attention}/query/kernel", layouts.linear),
        Rule(f"{layer}.0.to_kv.weight", f"{attention}/key_value/kernel", layouts.linear),
        Rule(f"{layer}.0.to_out.weight", f"{attention}/out/kernel", layouts.linear),
        *_linear(f"{layer}.1.0", f"{ffn}/in"),
        *_linear(f"{layer}.1.2", f"{ffn}/out"),
        Rule(f"{source}.norm.gamma", f"{target}/norm/scale"),
    ]


def _linear(source: str, target: str, layout: Layout = layouts.linear) -> list[Rule]:
    return [Rule(f"{source}.weight", f"{target}/kernel", layout), Rule(f"{source}.bias", f"{target}/bias")]


def _norm(source: str, target: str) -> list[Rule]:
    return [Rule(f"{source}.weight", f"{target}/scale"), Rule(f"{source}.bias", f"{target}/bias")]


def flattened_linear(channels: int) -> Layout:
    """torch Linear [out, channels * size] behind a flattened [channels, size] -> kernel [size * channels, out].

    So that a channels-last [size, channels] can be flattened as it lies.
    """

    def apply(array: np.ndarray) -> np.ndarray:
        out, flat = array.shape
        return array.reshape(out, channels, flat // channels).transpose(2, 1, 0).reshape(flat, out)

    def shape(source: Shape) -> Shape:
        if len(source) != 2 or source[1] % channels:
            raise ValueError(f"a flattened linear layer needs [out, {channels} * size]")
        return (source[1], source[0])

    return Layout(f"flattened_linear({channels})", apply, shape)
