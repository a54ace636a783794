"""RepCodec: semantic_codec/model.safetensors of amphion/MaskGCT, or codec.pth of IndexTTS-2.5."""

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
"""(name within `encoder` and `decoder`, path within ours, layout)."""

UNUSED = {
    "encoder": "makes codes of features, which only training needs (--with_encoder keeps it)",
    "decoder": "reconstructs w2v-bert frames in training; synthesis reads codes and embeddings",
}


def rules(model: ModelConfig) -> list[Rule]:
    codec = model.semantic_codec
    kept = {"encoder": codec.encoder, "decoder": codec.decoder}

    def rule(half: str, theirs: str | tuple[str, str], ours: str, layout: Layout = as_is) -> list[Rule]:
        names = (theirs,) if isinstance(theirs, str) else theirs
        return [Rule(theirs, ours, layout)] if kept[half] else [drop(name, UNUSED[half]) for name in names]

    def projection(half: str, name: str) -> list[Rule]:
        source = f"quantizer.quantizers.0.{name}"
        return [
            *rule(half, weight_norm(source), f"quantizer/{name}/kernel", pointwise_wn),
            *rule(half, f"{source}.bias", f"quantizer/{name}/bias"),
        ]

    halved = [("encoder", "down"), ("decoder", "up")] if codec.frames_per_code > 1 else []
    return [
        *(
            one
            for half in kept
            for t, ours, layout in BACKBONE
            for one in rule(half, f"{half}.{t}", f"{half}/{ours}", layout)
        ),
        *(one for half, name in halved for one in rule(half, f"{name}.weight", f"{name}/kernel", conv1d)),
        *(one for half, name in halved for one in rule(half, f"{name}.bias", f"{name}/bias")),
        *projection("encoder", "in_project"),
        Rule(weight_norm("quantizer.quantizers.0.out_project"), "quantizer/out_project/kernel", pointwise_wn),
        Rule("quantizer.quantizers.0.out_project.bias", "quantizer/out_project/bias"),
        Rule("quantizer.quantizers.0.codebook.weight", "quantizer/codebook"),
    ]
