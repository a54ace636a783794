"""A random checkpoint at a reduced size, made from a seed: published tensor names, every value the same on any machine.

The sizes are the smallest that the official program takes in its configuration files. What it hard-codes stays: the
semantic width 1024 and w2v-bert's 17 layers, the GPT's width 1280, all of CAM++, the emotion perceiver's width 1024.
No name or shape is written here: `record_golden.py` asked the official modules for them and put them into the golden.

Values are Philox's raw bits scaled to a uniform distribution. Neither normal deviates nor anything else that depends
on a library's version or a processor's mathematics enters: a float32 product and a float32 sum make every number.
"""

import math
import pathlib
import re
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from indextts2_jax.config import ModelConfig


Shape = tuple[int, ...]

SEED = 20261

CONFIG: dict[str, Any] = {
    "dataset": {"bpe_model": "bpe.model", "sampling_rate": 24000},
    "gpt": {
        "model_dim": 1280,
        "layers": 2,
        "heads": 20,
        "max_mel_tokens": 150,
        "max_text_tokens": 130,
        "number_text_tokens": 300,
        "number_mel_codes": 514,
        "start_mel_token": 512,
        "stop_mel_token": 513,
        "start_text_token": 0,
        "stop_text_token": 1,
        "use_mel_codes_as_input": True,
        "mel_length_compression": 1024,
        "train_solo_embeddings": False,
        "condition_type": "conformer_perceiver",
        "condition_module": {
            "output_size": 32,
            "linear_units": 48,
            "attention_heads": 4,
            "num_blocks": 2,
            "input_layer": "conv2d2",
            "perceiver_mult": 1,
        },
        "emo_condition_module": {
            "output_size": 24,
            "linear_units": 40,
            "attention_heads": 2,
            "num_blocks": 2,
            "input_layer": "conv2d2",
            "perceiver_mult": 1,
        },
    },
    "semantic_codec": {
        "codebook_size": 512,
        "hidden_size": 1024,
        "codebook_dim": 8,
        "vocos_dim": 48,
        "vocos_intermediate_dim": 80,
        "vocos_num_layers": 2,
    },
    "s2mel": {
        "preprocess_params": {
            "sr": 22050,
            "spect_params": {
                "n_fft": 1024,
                "win_length": 1024,
                "hop_length": 256,
                "n_mels": 80,
                "fmin": 0,
                "fmax": "None",
            },
        },
        "dit_type": "DiT",
        "reg_loss_type": "l1",
        "style_encoder": {"dim": 192},
        "length_regulator": {
            "channels": 128,
            "is_discrete": False,
            "in_channels": 1024,
            "content_codebook_size": 8,
            "sampling_ratios": [1, 1, 1, 1],
            "vector_quantize": False,
            "n_codebooks": 1,
            "quantizer_dropout": 0.0,
            "f0_condition": False,
            "n_f0_bins": 512,
        },
        "DiT": {
            "hidden_dim": 128,
            "num_heads": 2,
            "depth": 5,
            "class_dropout_prob": 0.1,
            "block_size": 8192,
            "in_channels": 80,
            "style_condition": True,
            "final_layer_type": "wavenet",
            "target": "mel",
            "content_dim": 128,
            "content_codebook_size": 8,
            "content_type": "discrete",
            "f0_condition": False,
            "n_f0_bins": 512,
            "content_codebooks": 1,
            "is_causal": False,
            "long_skip_connection": True,
            "zero_prompt_speech_token": False,
            "time_as_token": False,
            "style_as_token": False,
            "uvit_skip_connection": True,
            "add_resblock_in_transformer": False,
        },
        "wavenet": {
            "hidden_dim": 128,
            "num_layers": 3,
            "kernel_size": 5,
            "dilation_rate": 1,
            "p_dropout": 0.2,
            "style_condition": True,
        },
    },
    "gpt_checkpoint": "gpt.pth",
    "w2v_stat": "wav2vec2bert_stats.pt",
    "s2mel_checkpoint": "s2mel.pth",
    "emo_matrix": "feat2.pt",
    "spk_matrix": "feat1.pt",
    "emo_num": [3, 17, 2, 8, 4, 5, 10, 24],
    "qwen_emo_path": "qwen0.6bemo4-merge/",
    "vocoder": {"type": "bigvgan", "name": "nvidia/bigvgan_v2_22khz_80band_256x"},
    "version": 2.0,
}
"""config.yaml."""

W2V_BERT: dict[str, Any] = {
    "model_type": "wav2vec2-bert",
    "hidden_size": 1024,
    "num_hidden_layers": 18,
    "num_attention_heads": 16,
    "intermediate_size": 64,
    "feature_projection_input_dim": 160,
    "hidden_act": "swish",
    "position_embeddings_type": "relative_key",
    "left_max_position_embeddings": 64,
    "right_max_position_embeddings": 8,
    "conv_depthwise_kernel_size": 31,
    "add_adapter": False,
    "layer_norm_eps": 1e-5,
}
"""config.json of w2v-bert: one layer more than is read."""

BIGVGAN: dict[str, Any] = {
    "resblock": "1",
    "upsample_rates": [4, 4, 2, 2, 2, 2],
    "upsample_kernel_sizes": [8, 8, 4, 4, 4, 4],
    "upsample_initial_channel": 128,
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
    "use_tanh_at_final": False,
    "use_bias_at_final": False,
    "activation": "snakebeta",
    "snake_logscale": True,
    "num_mels": 80,
    "n_fft": 1024,
    "hop_size": 256,
    "win_size": 1024,
    "sampling_rate": 22050,
    "fmin": 0,
    "fmax": None,
}
"""config.json of BigVGAN."""

STOP_BIAS = 1.0
"""Added to the stop token's logit, so that some segments stop by themselves."""

# Patterns of "component/name", the first that matches. Where a norm is to tell one epsilon from another, what it
# normalises is small; where a deep network is to tell one input from another, its layers neither shrink nor grow it.
VALUES: list[tuple[str, float, float]] = [  # the centre and the standard deviation of the values
    (r"campplus/.*running_var", 0.25, 0.1),
    (r".*running_var|w2v_bert/stats.var", 1.0, 0.25),
    (r".*running_mean", 0.0, 0.15),
    (r".*pos_bias_[uv]|w2v_bert/stats.mean|.*act.(alpha|beta)", 0.0, 0.3),
    (r"bigvgan/resblocks.*weight_g", 0.5, 0.1),
    (r"bigvgan/conv_post.weight_g", 0.15, 0.0),
    (r"s2mel/.*res_skip_layers.*weight_g", 0.03, 0.003),
    (r".*weight_g", 1.0, 0.1),
    (r"w2v_bert/.*bias", 0.0, 0.03),
    (r".*(dwconv|res_skip_layers.*|res_projection|cond_x_merge_linear).bias", 0.0, 0.003),
    (r".*bias", 0.0, 0.1),
    (r"gpt/.*(embedding|emb)(.emb)?.weight", 0.0, 0.05),
    (r".*distance_embedding.weight", 0.0, 0.5),
    (r".*(latents|codebook.weight|feat1)", 0.0, 1.0),
    (r".*feat2", 0.0, 0.3),
]
GAINS: list[tuple[str, float]] = [  # of a matrix: 1 keeps the scale of what passes through
    (r"campplus/.*", 0.55),
    (r"w2v_bert/.*linear_out.weight", 0.3),  # or 17 averages over time make all frames alike
    (r"semantic_codec/.*dwconv.weight", 0.03),
    (r"gpt/gpt.h.*c_attn.weight|gpt/mel_head.weight", 2.0),  # attention and codes that tell texts apart
    (r"s2mel/.*(res_projection|cond_x_merge_linear).weight", 0.05),
]


def uniform(seed: int, name: str, shape: Shape) -> np.ndarray:
    """Numbers from -1 to 1 [shape], float32, all of them multiples of 2 ** -23."""
    count = math.prod(shape)
    bits = np.random.Philox(key=[seed, zlib.crc32(name.encode())]).random_raw(-(-count // 2))
    integers = bits.astype("<u8", copy=False).view("<u4")[:count] >> 8
    numbers = integers.astype(np.float32)
    numbers *= np.float32(2.0**-23)
    numbers -= np.float32(1.0)
    return numbers.reshape(shape)


def _sinusoids(shape: Shape) -> np.ndarray:
    """The position table of a conformer [1, T, D]."""
    rates = np.exp(np.arange(0, shape[2], 2) * -(math.log(10000.0) / shape[2]))
    angles = np.arange(shape[1])[:, None] * rates
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(shape).astype(np.float32)


def _low_pass(name: str) -> np.ndarray:
    """The filter of an alias-free activation [1, 1, 12]: each another and none symmetric, unlike the published ones."""
    taps = np.array([math.comb(11, k) for k in range(12)], np.float32) / 2048
    return (taps + np.float32(0.03) * uniform(SEED, name, (12,))).reshape(1, 1, 12)


def _constant(name: str, shape: Shape) -> np.ndarray | None:
    """What the official modules store though it is no weight; None for weights."""
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "num_batches_tracked":
        return np.array(1, np.int64)
    if leaf == "input_pos":
        return np.arange(shape[0], dtype=np.int64)
    if leaf == "freqs":
        return np.exp(np.arange(shape[0]) * (-math.log(10000.0) / shape[0])).astype(np.float32)
    if leaf == "pe":
        return _sinusoids(shape)
    return _low_pass(name) if leaf == "filter" else None


def tensor(component: str, name: str, shape: Shape) -> np.ndarray:
    """The values of one published tensor."""
    constant = _constant(name, shape)
    if constant is not None:
        return constant
    path = f"{component}/{name}"
    known = next((rule for rule in VALUES if re.fullmatch(rule[0], path)), None)
    if known:
        _, centre, deviation = known
    elif len(shape) == 1:  # the scale of a norm
        centre, deviation = 1.0, 0.2
    else:  # a matrix; torch's are [out, in, ...], those of GPT-2's layers [in, out]
        fan_in = shape[0] if path.startswith("gpt/gpt.h.") else math.prod(shape[1:])
        gain = next((gain for pattern, gain in GAINS if re.fullmatch(pattern, path)), 1.0)
        centre, deviation = 0.0, gain / math.sqrt(fan_in)
    values = uniform(SEED, path, shape)
    values *= np.float32(deviation * math.sqrt(3.0))
    values += np.float32(centre)
    if path == "emotion/feat1":  # rows of unlike lengths, so that a cosine is no product
        values *= np.float32(1.5) + uniform(SEED, "lengths", (shape[0], 1))
    if path == "gpt/mel_head.bias":
        values[CONFIG["gpt"]["stop_mel_token"]] += np.float32(STOP_BIAS)
    return values


def build(component: str, shapes: Mapping[str, Shape]) -> dict[str, np.ndarray]:
    """All tensors of one component by published name."""
    return {name: tensor(component, name, tuple(shape)) for name, shape in shapes.items()}


def fingerprint(tensors: Mapping[str, np.ndarray]) -> int:
    """CRC-32 of the first numbers of every tensor: whether it is the checkpoint that the golden was recorded on."""
    checksum = 0
    for name in sorted(tensors):
        checksum = zlib.crc32(np.ascontiguousarray(tensors[name].ravel()[:64]).tobytes(), checksum)
    return checksum


def model_config() -> "ModelConfig":
    """Our sizes, by the converter's own derivation."""
    from convert.sizes import Settings, derive_model

    parts = {"config.yaml": CONFIG, "w2v-bert-2.0/config.json": W2V_BERT, "bigvgan/config.json": BIGVGAN}
    return derive_model(*(Settings(pathlib.Path(name), data) for name, data in parts.items()))
