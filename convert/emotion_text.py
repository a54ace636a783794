"""The published emotion classifier: its sizes, its stop tokens, and what it is asked.

The prompt is the chat template's, as the official program applies it: a system message, then the user's. It is rendered
once, here, around a stand-in for the text, and the artefact keeps what stands before and behind it: nothing at run time
reads templates.
"""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from indextts2_jax.config import ModelConfig, QwenConfig, check_model
from indextts2_jax.errors import CheckpointError, ConfigError

from .sizes import Settings

QUESTION = "文本情感分类"
"""The system message; the official program has it in its source (indextts/infer_v2.py)."""

CHOICES: dict[str, tuple[Any, ...]] = {
    "model_type": ("qwen3",),
    "hidden_act": ("silu",),
    "attention_bias": (False, None),
    "tie_word_embeddings": (True,),
    "rope_scaling": (None,),
    "use_sliding_window": (False,),
}
NEEDED = ("model_type", "tie_word_embeddings")
"""Settings whose absence means another choice to the official program."""


def derive_classifier(
    settings: Settings, generation: Mapping[str, Any], special: Mapping[str, Any], template: str | None
) -> QwenConfig:
    """
    Args:
      settings: config.json.
      generation: generation_config.json, or empty.
      special: tokenizer_config.json, or empty: its special tokens are known to the template.
      template: the chat template; None: the published one.
    Raises:
      CheckpointError: every setting that is missing or asks for something that is not implemented; a template that
        cannot be rendered or changes the text.
    """
    for key, allowed in CHOICES.items():
        settings.expect(key, *allowed, needed=key in NEEDED)
    stops = generation.get("eos_token_id", settings.data.get("eos_token_id"))
    stops = stops if isinstance(stops, list) else [stops]
    if not stops or any(not isinstance(token, int) or isinstance(token, bool) or token < 0 for token in stops):
        settings.problems.append(f"{settings.path.name}: eos_token_id is {stops}, it must be a token or a list of them")
        stops = [0]
    before, after = _around(template, special) if template is not None else (_DEFAULT.before_text, _DEFAULT.after_text)
    config = QwenConfig(
        vocab_size=settings.size("vocab_size"),
        width=settings.size("hidden_size"),
        layers=settings.size("num_hidden_layers"),
        heads=settings.size("num_attention_heads"),
        key_heads=settings.size("num_key_value_heads"),
        head_dim=settings.size("head_dim"),
        ffn_dim=settings.size("intermediate_size"),
        rope_theta=settings.number("rope_theta"),
        norm_epsilon=settings.number("rms_norm_eps"),
        stop_tokens=tuple(stops),
        before_text=before,
        after_text=after,
    )
    if settings.problems:
        problems = "; ".join(settings.problems)
        raise CheckpointError(f"The configuration of the emotion classifier cannot be converted: {problems}.")
    try:
        check_model(ModelConfig(qwen=config))
    except ConfigError as error:
        raise CheckpointError(f"{settings.path} makes no sense: {error}") from None
    return config


_DEFAULT = QwenConfig()


def check_tokenizer(path: pathlib.Path, data: bytes, config: QwenConfig) -> None:
    """Raises `CheckpointError` where tokenizer.json is damaged, or has more tokens than the network."""
    try:
        value = json.loads(data)
        ids = [*value["model"]["vocab"].values(), *(token["id"] for token in value["added_tokens"])]
        largest = max(ids)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise CheckpointError(f"{path} is damaged or not a tokenizer with a vocabulary.") from None
    if largest >= config.vocab_size:
        raise CheckpointError(f"{path} has tokens up to {largest}, but the network has {config.vocab_size}.")


def _around(template: str, special: Mapping[str, Any]) -> tuple[str, str]:
    """What the template puts before and behind the user's text."""
    first, second = "emotion-text-goes-here", ' Two\nlines, "quotes" & <tags> {{ braces }} <|mark|> \n'
    before, found, after = _render(template, special, first).partition(first)
    if not found or _render(template, special, second) != before + second + after:
        raise CheckpointError("The chat template of the emotion classifier changes the text, which is not supported.")
    return before, after


def _render(template: str, special: Mapping[str, Any], text: str) -> str:
    """As `apply_chat_template` of transformers does, in the same sandbox."""
    try:
        import jinja2
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError:
        raise CheckpointError(
            "Reading the emotion classifier's chat template needs jinja2: pip install 'indextts2_jax[convert]'."
        ) from None
    names = {key: _content(value) for key, value in special.items() if key.endswith("_token") and value is not None}
    messages = [{"role": "system", "content": QUESTION}, {"role": "user", "content": text}]
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    try:
        return environment.from_string(template).render(
            **names, messages=messages, tools=None, documents=None, add_generation_prompt=True, enable_thinking=False
        )
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"The chat template of the emotion classifier cannot be rendered: {reason}.") from None


def _content(token: Any) -> Any:
    """A special token is a string, or an object that holds it."""
    return token.get("content") if isinstance(token, Mapping) else token
