"""qwen0.6bemo4-merge/model.safetensors, a `Qwen3ForCausalLM` whose head is its embedding table -> `qwen`."""

from indextts2_jax.config import ModelConfig

from ..layouts import linear
from ..rules import Rule

_BLOCK = "layer_{layer}"
_PROJECTIONS = {
    "self_attn.q_proj": "attention/q",
    "self_attn.k_proj": "attention/k",
    "self_attn.v_proj": "attention/v",
    "self_attn.o_proj": "attention/out",
    "mlp.gate_proj": "mlp/gate",
    "mlp.up_proj": "mlp/up",
    "mlp.down_proj": "mlp/down",
}
_NORMS = {
    "input_layernorm": "attention_norm",
    "self_attn.q_norm": "attention/q_norm",
    "self_attn.k_norm": "attention/k_norm",
    "post_attention_layernorm": "mlp_norm",
}


def rules(model: ModelConfig) -> list[Rule]:
    """Layers stay apart (emotion_text/qwen.py says why), so their number is the source's own."""
    block = "model.layers.{layer}"
    return [
        Rule("model.embed_tokens.weight", "embedding/embedding"),
        *(Rule(f"{block}.{theirs}.weight", f"{_BLOCK}/{ours}/kernel", linear) for theirs, ours in _PROJECTIONS.items()),
        *(Rule(f"{block}.{theirs}.weight", f"{_BLOCK}/{ours}/scale") for theirs, ours in _NORMS.items()),
        Rule("model.norm.weight", "norm/scale"),
    ]
