"""funasr/campplus, campplus_cn_common.bin (CAMPPlus)."""

from indextts2_jax.config import ModelConfig

from ..layouts import conv1d, conv2d, pointwise
from ..rules import Rule, drop


def batch_norm(theirs: str, ours: str, affine: bool = True) -> list[Rule]:
    leaves = {"running_mean": "mean", "running_var": "var"} | ({"weight": "scale", "bias": "bias"} if affine else {})
    return [
        *(Rule(f"{theirs}.{leaf}", f"{ours}/{name}") for leaf, name in leaves.items()),
        drop(f"{theirs}.num_batches_tracked", "counts training steps; evaluation does not read it"),
    ]


def conv2d_norm(conv: str, norm: str, ours: str) -> list[Rule]:
    return [Rule(f"{conv}.weight", f"{ours}/conv/kernel", conv2d), *batch_norm(norm, f"{ours}/norm")]


def rules(model: ModelConfig) -> list[Rule]:
    block, layer = "head.layer{layer}.{block}", "xvector.block{block}.tdnnd{layer}"
    our_block, our_layer = "head/layer{layer}_{block}", "block{block}_layer{layer}"
    return [
        *(rule for n in (1, 2) for rule in conv2d_norm(f"head.conv{n}", f"head.bn{n}", f"head/conv{n}")),
        *(rule for n in (1, 2) for rule in conv2d_norm(f"{block}.conv{n}", f"{block}.bn{n}", f"{our_block}_conv{n}")),
        *conv2d_norm(f"{block}.shortcut.0", f"{block}.shortcut.1", f"{our_block}_shortcut"),
        Rule("xvector.tdnn.linear.weight", "tdnn/kernel", conv1d),
        *batch_norm("xvector.tdnn.nonlinear.batchnorm", "tdnn_norm"),
        *batch_norm(f"{layer}.nonlinear1.batchnorm", f"{our_layer}/norm1"),
        Rule(f"{layer}.linear1.weight", f"{our_layer}/bottleneck/kernel", pointwise),
        *batch_norm(f"{layer}.nonlinear2.batchnorm", f"{our_layer}/norm2"),
        Rule(f"{layer}.cam_layer.linear_local.weight", f"{our_layer}/local/kernel", conv1d),
        *(
            rule
            for n in (1, 2)
            for rule in (
                Rule(f"{layer}.cam_layer.linear{n}.weight", f"{our_layer}/context{n}/kernel", pointwise),
                Rule(f"{layer}.cam_layer.linear{n}.bias", f"{our_layer}/context{n}/bias"),
            )
        ),
        *batch_norm("xvector.transit{block}.nonlinear.batchnorm", "transit{block}_norm"),
        Rule("xvector.transit{block}.linear.weight", "transit{block}/kernel", pointwise),
        *batch_norm("xvector.out_nonlinear.batchnorm", "out_norm"),
        Rule("xvector.dense.linear.weight", "dense/kernel", pointwise),
        *batch_norm("xvector.dense.nonlinear.batchnorm", "dense_norm", affine=False),
    ]
