"""Whether the emotion classifier can be asked at all: what is known before any network is there."""

import importlib.util

from indextts2_jax.config import QwenConfig
from indextts2_jax.errors import CheckpointError, EmotionError


def check_available(config: QwenConfig | None) -> None:
    """Whether a model with this classifier can be asked.

    Raises:
      CheckpointError: it has none, or the tokenizer's library is not installed.
    """
    if config is None:
        raise CheckpointError(
            "This model has no emotion classifier. Fetch it (hf download IndexTeam/IndexTTS-2 --include "
            "'qwen0.6bemo4-merge/*' --local-dir PUBLISHED, 1.2 GB) and convert again (indextts2 convert "
            "--source=PUBLISHED --output=…), or give the emotion by names or weights."
        )
    if importlib.util.find_spec("tokenizers") is None:
        raise CheckpointError("Emotion from text needs tokenizers: pip install 'indextts2_jax[emotion-text]'.")


def check_text(text: object) -> str:
    """Raises `EmotionError` where there is nothing to classify."""
    if not isinstance(text, str) or not text.strip():
        raise EmotionError(f"The emotion text is {text!r:.40}, but it must be some words.")
    return text
