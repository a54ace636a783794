"""The published emotion classifier: its sizes, its stop tokens, and what it is asked.

The prompt is the chat template's, as the official program applies it: a system message, then the user's. It is rendered
once, here, around a stand-in for the text, and the artefact keeps what stands before and behind it: nothing at run time
reads templates.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from indextts2_jax.config import ModelConfig, QwenConfig, check_model
from indextts2_jax.errors import CheckpointError, ConfigError

from . import render
from .sizes import Settings
from .small_files import shown

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

_PATIENCE = 10.0
"""Seconds for the process that renders a template: it gives the template one, and starts in less than one."""


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
    if not stops or any(
        not isinstance(token, int) or isinstance(token, bool) or not 0 <= token < 10**6 for token in stops
    ):
        rule = "it must be a token or a list of them"
        settings.problems.append(f"{settings.path.name}: eos_token_id is {shown(stops)}, {rule}")
        stops = [0]
    before, after = _around(template, special) if template is not None else (_DEFAULT.before_text, _DEFAULT.after_text)
    config = QwenConfig(
        vocab_size=settings.size("vocab_size"),
        width=settings.size("hidden_size"),
        layers=settings.count("num_hidden_layers"),
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
        largest = max(ids) if all(isinstance(one, int) for one in ids) else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise CheckpointError(f"{path} is damaged or not a tokenizer with a vocabulary.") from None
    if largest is None:
        raise CheckpointError(f"{path} is damaged or not a tokenizer with a vocabulary.")
    if largest >= config.vocab_size:
        raise CheckpointError(f"{path} has tokens up to {shown(largest)}, but the network has {config.vocab_size}.")


def _around(template: str, special: Mapping[str, Any]) -> tuple[str, str]:
    """What the template puts before and behind the user's text."""
    first, second = "emotion-text-goes-here", ' Two\nlines, "quotes" & <tags> {{ braces }} <|mark|> \n'
    rendered, other = _render(template, special, [first, second])
    before, found, after = rendered.partition(first)
    if not found or other != before + second + after:
        raise CheckpointError("The chat template of the emotion classifier changes the text, which is not supported.")
    return before, after


def _render(template: str, special: Mapping[str, Any], texts: Sequence[str]) -> list[str]:
    """Each text as `apply_chat_template` of transformers puts it, in the same sandbox and in a process of its own."""
    if importlib.util.find_spec("jinja2") is None:
        raise CheckpointError(
            "Reading the emotion classifier's chat template needs jinja2: pip install 'indextts2_jax[convert]'."
        )
    if not sys.executable:
        raise CheckpointError("Reading a chat template needs an interpreter of Python that can be started.")
    names = {key: _content(value) for key, value in special.items() if key.endswith("_token") and value is not None}
    system = {"role": "system", "content": QUESTION}
    asked = {
        "template": template,
        "names": names,
        "conversations": [[system, {"role": "user", "content": text}] for text in texts],
    }
    command = [sys.executable, "-P", str(pathlib.Path(render.__file__))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    answer: dict[str, Any]
    try:
        done = subprocess.run(
            command, input=json.dumps(asked).encode(), env=environment, capture_output=True, timeout=_PATIENCE
        )
        if done.returncode < 0 or done.returncode == render.TOO_LONG:  # ended by its own limits
            answer = {"error": render.BEYOND}
        elif done.returncode:
            answer = {"error": " ".join(done.stderr.decode(errors="replace").splitlines()[-1:])}
        else:
            answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        answer = {"error": render.BEYOND}
    except OSError as error:
        answer = {"error": f"no process can do it ({error.strerror or error})"}
    if "error" in answer:
        reason = answer["error"]
        raise CheckpointError(f"The chat template of the emotion classifier cannot be rendered: {reason}.")
    rendered: list[str] = answer["rendered"]
    return rendered


def _content(token: Any) -> Any:
    """A special token is a string, or an object that holds it."""
    return token.get("content") if isinstance(token, Mapping) else token
