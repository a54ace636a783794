"""gpt.pth -> gpt/speech_lm: the GPT-2 backbone, its tables and the code head (indextts/gpt/model_v2.py)."""

from indextts2_jax.config import ModelConfig

from ..layouts import as_is, linear
from ..rules import Rule, drop

_BLOCK = "speech_lm/transformer/layer_{layer}"


def _norm(source: str, target: str) -> list[Rule]:
    return [Rule(f"{source}.weight", f"{target}/scale"), Rule(f"{source}.bias", f"{target}/bias")]


def _conv1d_of_gpt2(source: str, target: str) -> list[Rule]:
    """Hugging Face's `Conv1D` computes x @ W + b: unlike torch's Linear its weight is [in, out] already."""
    return [Rule(f"{source}.weight", f"{target}/kernel", as_is), Rule(f"{source}.bias", f"{target}/bias")]


def _table(source: str, target: str) -> Rule:
    return Rule(f"{source}.weight", f"speech_lm/{target}/embedding")


def rules(model: ModelConfig) -> list[Rule]:
    """Layers stay apart (gpt/transformer.py says why), so their number is the source's own."""
    return [
        _table("text_embedding", "text_embedding"),
        _table("text_pos_embedding.emb", "text_position"),
        *([_table("lang_embedding", "language_embedding")] if model.gpt.languages else []),
        _table("mel_embedding", "code_embedding"),
        _table("mel_pos_embedding.emb", "code_position"),
        *_norm("gpt.h.{layer}.ln_1", f"{_BLOCK}/ln_1"),
        *_conv1d_of_gpt2("gpt.h.{layer}.attn.c_attn", f"{_BLOCK}/attention_in"),
        *_conv1d_of_gpt2("gpt.h.{layer}.attn.c_proj", f"{_BLOCK}/attention_out"),
        *_norm("gpt.h.{layer}.ln_2", f"{_BLOCK}/ln_2"),
        *_conv1d_of_gpt2("gpt.h.{layer}.mlp.c_fc", f"{_BLOCK}/mlp_in"),
        *_conv1d_of_gpt2("gpt.h.{layer}.mlp.c_proj", f"{_BLOCK}/mlp_out"),
        *_norm("gpt.ln_f", "speech_lm/transformer/ln_f"),
        *_norm("final_norm", "speech_lm/transformer/final_norm"),
        Rule("mel_head.weight", "speech_lm/code_head/kernel", linear),
        Rule("mel_head.bias", "speech_lm/code_head/bias"),
        drop("text_head.weight", "predicts text tokens: used only by the text loss of training"),
        drop("text_head.bias", "predicts text tokens: used only by the text loss of training"),
    ]
