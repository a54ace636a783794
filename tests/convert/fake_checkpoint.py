"""A published directory of a few kilobytes: every file there, every network a handful of parameters.

The configuration is the published one but for the vocabulary; the networks and their tables are stand-ins, so that
these tests are about reading, checking and writing, and take milliseconds.
"""

import functools
import io
import json
import pathlib

import jax.numpy as jnp
import numpy as np
import sentencepiece
import yaml
from safetensors.numpy import save_file

from convert import layouts
from convert.rules import Rule, drop, weight_norm

VOCABULARY = 60

RULES = {
    "w2v_bert": [
        Rule("encoder.layers.{i}.w.weight", "layers/kernel", layouts.linear, where={"i": range(2)}),
        drop("encoder.layers.{i}.w.weight", "behind the last layer", where={"i": range(2, 9)}),
        Rule("stats.mean", "mean"),
        Rule("stats.var", "var"),
    ],
    "semantic_codec": [Rule("lin.weight", "lin/kernel", layouts.linear), Rule("lin.bias", "lin/bias")],
    "campplus": [Rule("conv.weight", "conv/kernel", layouts.conv1d), drop("conv.counter", "a counter of training")],
    "gpt": [Rule("gpt.h.{i}.w", "h/kernel"), Rule("emb.weight", "emb")],
    "s2mel": [
        Rule(weight_norm("models.cfm.conv"), "dit/kernel", layouts.conv1d_wn),
        Rule("models.length_regulator.w.weight", "length_regulator/kernel", layouts.linear),
        Rule("models.gpt_layer.0.weight", "latent_projection/kernel", layouts.linear),
    ],
    "bigvgan": [Rule(weight_norm("ups.0"), "ups/kernel", layouts.conv_transpose1d_wn)],
    "emotion": [Rule("feat1", "speaker_matrix"), Rule("feat2", "emotion_matrix")],
}
SHAPES = {
    "w2v_bert": {"layers": {"kernel": (2, 4, 4)}, "mean": (4,), "var": (4,)},
    "semantic_codec": {"lin": {"kernel": (3, 5), "bias": (5,)}},
    "campplus": {"conv": {"kernel": (3, 2, 16)}},
    "gpt": {"h": {"kernel": (3, 8, 16)}, "emb": (7, 8)},
    "s2mel": {
        "dit": {"kernel": (5, 4, 6)},
        "length_regulator": {"kernel": (3, 2)},
        "latent_projection": {"kernel": (8, 4)},
    },
    "bigvgan": {"ups": {"kernel": (4, 3, 6)}},
    "emotion": {"speaker_matrix": (73, 3), "emotion_matrix": (73, 8)},
}
CONFIG = {
    "dataset": {"bpe_model": "bpe.model"},
    "gpt": {
        "model_dim": 1280,
        "max_mel_tokens": 1815,
        "max_text_tokens": 600,
        "heads": 20,
        "layers": 24,
        "number_text_tokens": VOCABULARY,
        "number_mel_codes": 8194,
        "start_mel_token": 8192,
        "stop_mel_token": 8193,
        "start_text_token": 0,
        "stop_text_token": 1,
        "condition_type": "conformer_perceiver",
        "condition_module": {
            "output_size": 512,
            "linear_units": 2048,
            "attention_heads": 8,
            "num_blocks": 6,
            "input_layer": "conv2d2",
            "perceiver_mult": 2,
        },
        "emo_condition_module": {
            "output_size": 512,
            "linear_units": 1024,
            "attention_heads": 4,
            "num_blocks": 4,
            "input_layer": "conv2d2",
            "perceiver_mult": 2,
        },
    },
    "semantic_codec": {
        "codebook_size": 8192,
        "hidden_size": 1024,
        "codebook_dim": 8,
        "vocos_dim": 384,
        "vocos_intermediate_dim": 2048,
        "vocos_num_layers": 12,
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
        "style_encoder": {"dim": 192},
        "length_regulator": {
            "channels": 512,
            "is_discrete": False,
            "in_channels": 1024,
            "sampling_ratios": [1, 1, 1, 1],
            "vector_quantize": False,
            "f0_condition": False,
        },
        "DiT": {
            "hidden_dim": 512,
            "num_heads": 8,
            "depth": 13,
            "in_channels": 80,
            "style_condition": True,
            "final_layer_type": "wavenet",
            "content_dim": 512,
            "is_causal": False,
            "uvit_skip_connection": True,
        },
        "wavenet": {"hidden_dim": 512, "num_layers": 8, "kernel_size": 5, "dilation_rate": 1, "style_condition": True},
    },
    "gpt_checkpoint": "gpt.pth",
    "w2v_stat": "wav2vec2bert_stats.pt",
    "s2mel_checkpoint": "s2mel.pth",
    "emo_matrix": "feat2.pt",
    "spk_matrix": "feat1.pt",
    "emo_num": [3, 17, 2, 8, 4, 5, 10, 24],
    "vocoder": {"type": "bigvgan", "name": "nvidia/bigvgan_v2_22khz_80band_256x"},
    "version": 2.0,
}
W2V_CONFIG = {
    "model_type": "wav2vec2-bert",
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "hidden_act": "swish",
    "position_embeddings_type": "relative_key",
    "layer_norm_eps": 1e-5,
}
BIGVGAN_CONFIG = {
    "resblock": "1",
    "upsample_rates": [4, 4, 2, 2, 2, 2],
    "upsample_kernel_sizes": [8, 8, 4, 4, 4, 4],
    "upsample_initial_channel": 1536,
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
    "use_tanh_at_final": False,
    "use_bias_at_final": False,
    "activation": "snakebeta",
    "snake_logscale": True,
    "num_mels": 80,
    "hop_size": 256,
    "sampling_rate": 22050,
    "fmax": None,
}
AUXILIARY = {
    "w2v_bert": "hf_cache/w2v-bert-2.0/model.safetensors",
    "semantic_codec": "hf_cache/semantic_codec_model.safetensors",
    "campplus": "hf_cache/campplus_cn_common.bin",
    "bigvgan": "hf_cache/bigvgan/bigvgan_generator.pt",
}
OWN = {
    "gpt": "gpt.pth",
    "s2mel": "s2mel.pth",
    "stats": "wav2vec2bert_stats.pt",
    "feat1": "feat1.pt",
    "feat2": "feat2.pt",
}


def initialisers() -> dict:
    """A stand-in for `networks.NETWORKS`."""

    def tree(node):
        return jnp.zeros(node) if isinstance(node, tuple) else {key: tree(value) for key, value in node.items()}

    return {name: lambda model, shapes=shapes: lambda key: tree(shapes) for name, shapes in SHAPES.items()}


def components(seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """{file: {tensor name: array}} with the names of the safetensors flavour."""
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return rng.normal(size=shape).astype(np.float32)

    return {
        "w2v_bert": {f"encoder.layers.{i}.w.weight": normal(4, 4) for i in range(3)},
        "stats": {"mean": normal(4), "var": 1 + normal(4) ** 2},
        "semantic_codec": {"lin.weight": normal(5, 3), "lin.bias": normal(5)},
        "campplus": {"conv.weight": normal(16, 2, 3), "conv.counter": np.asarray(1, np.int64)},
        "gpt": {**{f"gpt.h.{i}.w": normal(8, 16) for i in range(3)}, "emb.weight": normal(7, 8)},
        "s2mel": {
            "models.cfm.conv.weight_v": normal(6, 4, 5),
            "models.cfm.conv.weight_g": 1 + normal(6, 1, 1) ** 2,
            "models.length_regulator.w.weight": normal(2, 3),
            "models.gpt_layer.0.weight": normal(4, 8),
        },
        "bigvgan": {"ups.0.weight_v": normal(6, 3, 4), "ups.0.weight_g": 1 + normal(6, 1, 1) ** 2},
        "feat1": {"feat1": normal(73, 3)},
        "feat2": {"feat2": normal(73, 8)},
    }


def nested(component: str, tensors: dict):
    """The structure of the publisher's pickle."""
    if component == "bigvgan":
        return {"generator": tensors}
    if component == "s2mel":
        groups: dict = {}
        for name, tensor in tensors.items():
            _, module, rest = name.split(".", 2)
            groups.setdefault(module, {})[rest] = tensor
        return {"net": groups, "optimizer": {"state": [tensor.clone() for tensor in tensors.values()]}, "epoch": 3}
    return tensors[component] if component in ("feat1", "feat2") else tensors


def write_component(path: pathlib.Path, component: str, tensors: dict[str, np.ndarray]) -> None:
    """As a pickle or as safetensors, by the ending of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(tensors, path)
        return
    import torch

    torch.save(nested(component, {name: torch.from_numpy(array) for name, array in tensors.items()}), path)


def write_published(folder: pathlib.Path, fmt: str = "safetensors", seed: int = 0) -> pathlib.Path:
    """A complete directory; `fmt` is "official" (pickles where the publisher has them) or "safetensors"."""
    arrays = components(seed)
    for component, name in {**OWN, **AUXILIARY}.items():
        path = folder / name
        write_component(path if fmt == "official" else path.with_suffix(".safetensors"), component, arrays[component])
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    (folder / "hf_cache/w2v-bert-2.0/config.json").write_text(json.dumps(W2V_CONFIG), encoding="utf-8")
    (folder / "hf_cache/bigvgan/config.json").write_text(json.dumps(BIGVGAN_CONFIG), encoding="utf-8")
    (folder / "bpe.model").write_bytes(tokenizer())
    return folder


@functools.cache
def tokenizer() -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the quick brown fox jumps over the lazy dog", "pack my box with five dozen jugs"] * 9),
        model_writer=model,
        vocab_size=VOCABULARY,
        model_type="bpe",
        minloglevel=2,
    )
    return model.getvalue()
