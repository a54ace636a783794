"""s2mel.pth (`net`: cfm, length_regulator, gpt_layer) -> {"dit", "length_regulator", "latent_projection"}."""

from collections.abc import Mapping, Sequence

from indextts2_jax.config import ModelConfig, S2MelConfig

from ..layouts import Layout, conv1d, conv1d_wn, linear, linear_wn, pointwise, pointwise_wn
from ..rules import Rule, drop, weight_norm

Where = Mapping[str, Sequence[int]]

CFM = "models.cfm.estimator"
LAYER = f"{CFM}.transformer.layers"


def _affine(source: str, target: str, layout: Layout = linear, where: Where | None = None) -> list[Rule]:
    return [
        Rule(f"{source}.weight", f"{target}/kernel", layout, where or {}),
        Rule(f"{source}.bias", f"{target}/bias", where=where or {}),
    ]


def _normed(source: str, target: str, layout: Layout, where: Where | None = None) -> list[Rule]:
    """A weight-normed layer."""
    return [
        Rule(weight_norm(source), f"{target}/kernel", layout, where or {}),
        Rule(f"{source}.bias", f"{target}/bias", where=where or {}),
    ]


def _blocks(target: str, members: Sequence[int], *, single: bool = False) -> list[Rule]:
    """Transformer blocks, stacked; a `single` one keeps no stacking axis."""
    layer = f"{LAYER}.{members[0]}" if single else f"{LAYER}.{{i}}"
    where: Where = {} if single else {"i": members}
    kernels = {
        "attention.wqkv": "qkv",
        "attention.wo": "out",
        "feed_forward.w1": "gate",
        "feed_forward.w2": "down",
        "feed_forward.w3": "up",
    }
    return [
        *(Rule(f"{layer}.{s}.weight", f"{target}/{t}/kernel", linear, where) for s, t in kernels.items()),
        Rule(f"{layer}.attention_norm.norm.weight", f"{target}/attention_norm/scale", where=where),
        Rule(f"{layer}.ffn_norm.norm.weight", f"{target}/ffn_norm/scale", where=where),
    ]


def _transformer(s2mel: S2MelConfig) -> list[Rule]:
    half, depth = s2mel.depth // 2, s2mel.depth
    every = {"i": range(depth)}
    up = range(half + 1, depth)
    return [
        *_blocks("dit/down", range(half)),
        *_blocks("dit/middle", [half], single=True),
        *_blocks("dit/up", up),
        *_affine(f"{LAYER}.{{i}}.skip_in_linear", "dit/up/skip", where={"i": up}),
        drop(f"{LAYER}.{{i}}.skip_in_linear.weight", "only the upper half takes skips", {"i": range(half + 1)}),
        drop(f"{LAYER}.{{i}}.skip_in_linear.bias", "only the upper half takes skips", {"i": range(half + 1)}),
        *_affine(f"{LAYER}.{{i}}.attention_norm.project_layer", "dit/time/attention", where=every),
        *_affine(f"{LAYER}.{{i}}.ffn_norm.project_layer", "dit/time/ffn", where=every),
        *_affine(f"{CFM}.transformer.norm.project_layer", "dit/time/norm"),
        Rule(f"{CFM}.transformer.norm.norm.weight", "dit/norm/scale"),
    ]


def _wavenet(s2mel: S2MelConfig) -> list[Rule]:
    stacked = {"i": range(s2mel.wavenet_layers - 1)}
    net, last = f"{CFM}.wavenet", s2mel.wavenet_layers - 1
    return [
        *_normed(f"{net}.in_layers.{{i}}.conv.conv", "dit/wavenet/layers/conv", conv1d_wn, stacked),
        *_normed(f"{net}.res_skip_layers.{{i}}.conv.conv", "dit/wavenet/layers/out", pointwise_wn, stacked),
        *_normed(f"{net}.in_layers.{last}.conv.conv", "dit/wavenet/last/conv", conv1d_wn),
        *_normed(f"{net}.res_skip_layers.{last}.conv.conv", "dit/wavenet/last/out", pointwise_wn),
        *_normed(f"{net}.cond_layer.conv.conv", "dit/time/wavenet", pointwise_wn),
    ]


def _rest_of_dit() -> list[Rule]:
    rules: list[Rule] = []
    for source, target in (("t_embedder", "embed"), ("t_embedder2", "wavenet_embed")):
        rules += _affine(f"{CFM}.{source}.mlp.0", f"dit/time/{target}/hidden")
        rules += _affine(f"{CFM}.{source}.mlp.2", f"dit/time/{target}/out")
        rules.append(drop(f"{CFM}.{source}.freqs", "a constant: frequencies() of s2mel/timestep.py"))
    unused = "stored, but the published model never calls it"
    return [
        *rules,
        *_affine(f"{CFM}.cond_projection", "dit/cond_proj"),
        *_affine(f"{CFM}.cond_x_merge_linear", "dit/merge"),
        *_affine(f"{CFM}.skip_linear", "dit/skip_merge"),
        *_affine(f"{CFM}.conv1", "dit/wavenet_in"),
        *_affine(f"{CFM}.res_projection", "dit/residual"),
        *_affine(f"{CFM}.final_layer.adaLN_modulation.1", "dit/time/final"),
        *_normed(f"{CFM}.final_layer.linear", "dit/final", linear_wn),
        *_affine(f"{CFM}.conv2", "dit/out", pointwise),
        drop(f"{CFM}.input_pos", "a constant: 0, 1, 2, ..."),
        *(drop(f"{CFM}.x_embedder.{leaf}", unused) for leaf in ("weight_g", "weight_v", "bias")),
        drop(f"{CFM}.cond_embedder.weight", "for discrete conditions, which the published model has not"),
        drop(f"{CFM}.content_mask_embedder.weight", unused),
    ]


def _length_regulator(s2mel: S2MelConfig) -> list[Rule]:
    source, target, layers = "models.length_regulator", "length_regulator", s2mel.regulator_layers
    rules: list[Rule] = []
    for n in range(layers):  # the published list holds convolution, norm and activation of each layer in a row
        rules += _affine(f"{source}.model.{3 * n}", f"{target}/conv_{n}", conv1d)
        rules.append(Rule(f"{source}.model.{3 * n + 1}.weight", f"{target}/norm_{n}/scale"))
        rules.append(Rule(f"{source}.model.{3 * n + 1}.bias", f"{target}/norm_{n}/bias"))
    return [
        *rules,
        *_affine(f"{source}.content_in_proj", f"{target}/in_proj"),
        *_affine(f"{source}.model.{3 * layers}", f"{target}/out_proj", pointwise),
        drop(f"{source}.embedding.weight", "for discrete input, which the published model has not"),
        drop(f"{source}.mask_token", "for training on discrete input"),
    ]


def _latent_projection(s2mel: S2MelConfig) -> list[Rule]:
    if s2mel.latent_dim:
        return _affine("models.gpt_layer.{i}", "latent_projection/layer_{i}")
    unused = "projected the latents of a second pass, which this model does not make"
    return [drop(f"models.gpt_layer.{{i}}.{leaf}", unused) for leaf in ("weight", "bias")]


def rules(model: ModelConfig) -> list[Rule]:
    return [
        *_transformer(model.s2mel),
        *_wavenet(model.s2mel),
        *_rest_of_dit(),
        *_length_regulator(model.s2mel),
        *_latent_projection(model.s2mel),
    ]
