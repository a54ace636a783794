"""amphion/MaskGCT, semantic_codec/model.safetensors (RepCodec)."""

from indextts2_jax.config import ModelConfig

from ..layouts import Layout, as_is, conv1d, linear, pointwise_wn
from ..rules import Rule, drop, weight_norm

BACKBONE: list[tuple[str, str, Layout]] = [
    ("0.embed.weight", "embed/kernel", conv1d),
    ("0.embed.bias", "embed/bias", as_is),
    ("0.norm.weight", "norm/scale", as_is),
    ("0.norm.bias", "norm/bias", as_is),
    ("0.convnext.{block}.gamma", "blocks/gamma", as_is),
    ("0.convnext.{block}.dwconv.weight", "blocks/depthwise/kernel", conv1d),
    ("0.convnext.{block}.dwconv.bias", "blocks/depthwise/bias", as_is),
    ("0.convnext.{block}.norm.weight", "blocks/norm/scale", as_is),
    ("0.convnext.{block}.norm.bias", "blocks/norm/bias", as_is),
    ("0.convnext.{block}.pwconv1.weight", "blocks/inner/kernel", linear),
    ("0.convnext.{block}.pwconv1.bias", "blocks/inner/bias", as_is),
    ("0.convnext.{block}.pwconv2.weight", "blocks/outer/kernel", linear),
    ("0.convnext.{block}.pwconv2.bias", "blocks/outer/bias", as_is),
    ("0.final_layer_norm.weight", "final_norm/scale", as_is),
    ("0.final_layer_norm.bias", "final_norm/bias", as_is),
    ("1.weight", "project/kernel", linear),
    ("1.bias", "project/bias", as_is),
]
"""(name within `encoder` and `decoder`, path within `encoder`, layout)."""


def rules(model: ModelConfig) -> list[Rule]:
    return [
        *(Rule(f"encoder.{theirs}", f"encoder/{ours}", layout) for theirs, ours, layout in BACKBONE),
        *(
            drop(f"decoder.{theirs}", "reconstructs w2v-bert frames in training; synthesis reads codes and embeddings")
            for theirs, _, _ in BACKBONE
        ),
        *(
            rule
            for name in ("in_project", "out_project")
            for rule in (
                Rule(weight_norm(f"quantizer.quantizers.0.{name}"), f"quantizer/{name}/kernel", pointwise_wn),
                Rule(f"quantizer.quantizers.0.{name}.bias", f"quantizer/{name}/bias"),
            )
        ),
        Rule("quantizer.quantizers.0.codebook.weight", "quantizer/codebook"),
    ]
