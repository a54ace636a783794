"""facebook/w2v-bert-2.0 (model.safetensors), with the statistics file presented as `stats.mean` and `stats.var`."""

from indextts2_jax.config import ModelConfig

from ..layouts import Layout, as_is, conv1d, linear, pointwise
from ..rules import Rule, drop

MOST_LAYERS = 1000  # bounds the layer numbers that count as surplus

LAYER: list[tuple[str, str, Layout]] = [
    *(
        (f"{theirs}.{leaf}", f"{ours}/{name}", as_is)
        for theirs, ours in (
            ("ffn1_layer_norm", "ffn1/norm"),
            ("self_attn_layer_norm", "attention/norm"),
            ("conv_module.layer_norm", "conv/norm"),
            ("conv_module.depthwise_layer_norm", "conv/depthwise_norm"),
            ("ffn2_layer_norm", "ffn2/norm"),
            ("final_layer_norm", "final_norm"),
        )
        for leaf, name in (("weight", "scale"), ("bias", "bias"))
    ),
    *(
        (f"{theirs}.{leaf}", f"{ours}/{name}", layout)
        for theirs, ours in (
            ("ffn1.intermediate_dense", "ffn1/inner"),
            ("ffn1.output_dense", "ffn1/outer"),
            ("self_attn.linear_q", "attention/q"),
            ("self_attn.linear_k", "attention/k"),
            ("self_attn.linear_v", "attention/v"),
            ("self_attn.linear_out", "attention/out"),
            ("ffn2.intermediate_dense", "ffn2/inner"),
            ("ffn2.output_dense", "ffn2/outer"),
        )
        for leaf, name, layout in (("weight", "kernel", linear), ("bias", "bias", as_is))
    ),
    ("self_attn.distance_embedding.weight", "attention/distance_embedding", as_is),
    ("conv_module.pointwise_conv1.weight", "conv/pointwise1/kernel", pointwise),
    ("conv_module.depthwise_conv.weight", "conv/depthwise/kernel", conv1d),
    ("conv_module.pointwise_conv2.weight", "conv/pointwise2/kernel", pointwise),
]
"""(name within `encoder.layers.{layer}`, path within `layers`, layout)."""


def rules(model: ModelConfig) -> list[Rule]:
    """The layers behind the one that is read are dropped, however many were published."""
    layers = model.w2v_bert.layers
    kept, surplus = range(layers), range(layers, MOST_LAYERS)
    reason = f"only hidden_states[{layers}] is read, which this layer does not enter"
    return [
        Rule("stats.mean", "mean"),
        Rule("stats.var", "var"),
        Rule("feature_projection.layer_norm.weight", "projection_norm/scale"),
        Rule("feature_projection.layer_norm.bias", "projection_norm/bias"),
        Rule("feature_projection.projection.weight", "projection/kernel", linear),
        Rule("feature_projection.projection.bias", "projection/bias"),
        *(
            Rule(f"encoder.layers.{{layer}}.{theirs}", f"layers/{ours}", layout, where={"layer": kept})
            for theirs, ours, layout in LAYER
        ),
        *(drop(f"encoder.layers.{{layer}}.{theirs}", reason, where={"layer": surplus}) for theirs, _, _ in LAYER),
        drop("masked_spec_embed", "replaces masked frames in pre-training only"),
    ]
