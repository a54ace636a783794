"""Small Qwens: one with random weights, and one whose weights make it say what a test wants."""

import functools
import itertools

import numpy as np
import pytest

from convert.maps import qwen as table
from indextts2_jax.checkpoint import networks
from indextts2_jax.config import ModelConfig, QwenConfig
from indextts2_jax.emotion_text.classifier import EmotionClassifier
from tests.conftest import MemorySource, convert_component

RANDOM = QwenConfig(
    vocab_size=64, width=32, layers=2, heads=4, key_heads=2, head_dim=16, ffn_dim=48, stop_tokens=(36, 45)
)
STOP = "<|endoftext|>"
ANSWER = ('{"高兴": 0.1, ', '"悲伤": 0.7}')


def random_tensors(config: QwenConfig = RANDOM, seed: int = 0) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint under their published names."""
    rng = np.random.default_rng(seed)
    heads, keys = config.heads * config.head_dim, config.key_heads * config.head_dim
    kernels = {
        "self_attn.q_proj": (heads, config.width),
        "self_attn.k_proj": (keys, config.width),
        "self_attn.v_proj": (keys, config.width),
        "self_attn.o_proj": (config.width, heads),
        "mlp.gate_proj": (config.ffn_dim, config.width),
        "mlp.up_proj": (config.ffn_dim, config.width),
        "mlp.down_proj": (config.width, config.ffn_dim),
    }
    norms = {"input_layernorm": config.width, "post_attention_layernorm": config.width}
    norms |= {"self_attn.q_norm": config.head_dim, "self_attn.k_norm": config.head_dim}
    # small, or every token would only call for itself: the head is the same table
    tensors = {"model.embed_tokens.weight": 0.1 * rng.normal(size=(config.vocab_size, config.width))}
    for layer in range(config.layers):
        tensors |= {
            f"model.layers.{layer}.{name}.weight": rng.normal(size=shape) / np.sqrt(shape[1])
            for name, shape in kernels.items()
        }
        tensors |= {
            f"model.layers.{layer}.{name}.weight": 1 + 0.2 * rng.normal(size=size) for name, size in norms.items()
        }
    tensors["model.norm.weight"] = 1 + 0.2 * rng.normal(size=config.width)
    return {name: array.astype(np.float32) for name, array in tensors.items()}


def converted(config: QwenConfig, tensors: dict[str, np.ndarray]) -> dict:
    """Parameters of `Qwen`, through the real table."""
    model = ModelConfig(qwen=config)
    return convert_component("qwen", table.rules(model), MemorySource(tensors), networks.shapes("qwen", model))


@functools.cache
def tokenizer_json(*pieces: str) -> bytes:
    """A tokenizer of bytes, and of whole pieces that are tokens of their own."""
    tokenizers = pytest.importorskip("tokenizers")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens([STOP])
    tokenizer.add_tokens([tokenizers.AddedToken(piece, normalized=False) for piece in pieces])
    return tokenizer.to_str().encode()


def speaking_config(*pieces: str) -> QwenConfig:
    size = 257 + len(pieces)
    return QwenConfig(size, size, 2, heads=2, key_heads=1, head_dim=4, ffn_dim=size, stop_tokens=(256,))


def speaking_tensors(*pieces: str) -> dict[str, np.ndarray]:
    """Weights of a network that says these pieces behind a colon, with which every prompt ends, and stops.

    Every token is an axis of its own, and the MLP of the second layer leads from each axis to that of the next token.
    All numbers are 0 and 1, so that no type of weights changes them.
    """
    from tokenizers import Tokenizer

    config = speaking_config(*pieces)
    tokenizer = Tokenizer.from_buffer(tokenizer_json(*pieces))
    chain = [tokenizer.token_to_id(token) for token in (":", *pieces, STOP)]
    tensors = {name: np.zeros_like(array) for name, array in random_tensors(config).items()}
    tensors = {name: np.ones_like(array) if "norm" in name else array for name, array in tensors.items()}
    one = np.eye(config.width, dtype=np.float32)
    tensors["model.embed_tokens.weight"] = one
    tensors["model.layers.1.mlp.gate_proj.weight"] = tensors["model.layers.1.mlp.up_proj.weight"] = one
    for token, following in itertools.pairwise(chain):
        tensors["model.layers.1.mlp.down_proj.weight"][following, token] = 1.0
    return tensors


def speaking_classifier(*pieces: str) -> EmotionClassifier:
    tokenizer, config = tokenizer_json(*pieces), speaking_config(*pieces)
    return EmotionClassifier(converted(config, speaking_tensors(*pieces)), config, tokenizer)
