"""How texts will be read, told by the server itself: the front-end is small, and the worker is not asked."""

import pathlib
import threading
from typing import Any

from indextts2_jax.checkpoint import bundled
from indextts2_jax.checkpoint.artefact import TOKENIZER
from indextts2_jax.config import Config, ModelConfig
from indextts2_jax.text.description import describe
from indextts2_jax.text.frontend import TextFrontend, build_frontend
from indextts2_jax.text.reading import read
from indextts2_jax.text.tiny import train_tiny_tokenizer


class Reader:
    """Reads with the model's own front-end, which is built when it is first asked.

    Args:
      checkpoint: name or folder; empty: the tokenizer of models with random weights.
    """

    def __init__(self, checkpoint: str, config: Config, model: ModelConfig) -> None:
        self._checkpoint, self._config, self._model = checkpoint, config, model
        self._frontend: TextFrontend | None = None
        self._lock = threading.Lock()

    def read(self, text: str) -> dict[str, Any]:
        """normalized (the text in words), segments (tokens), silences_ms around them, warnings.

        Raises:
          TextError: nothing to speak, a bad pause, half a character.
        """
        settings = self._config.text
        with self._lock:  # its caches are not made for two at once
            self._frontend = self._frontend or self._build()
            frontend = self._frontend.reading(settings.english)
            reading = read(
                frontend,
                text,
                max_tokens=settings.max_text_tokens_per_segment,
                max_english_tokens=settings.max_english_tokens_per_segment,
                quick_tokens=settings.quick_streaming_tokens,
                paragraph_pause_ms=settings.paragraph_pause_ms,
                interval_ms=self._config.interval_silence_ms,
            )
            described = describe(self._frontend, text, settings)
        return {
            "normalized": described["normalized"],
            "segments": reading.segments,
            "silences_ms": reading.silences_ms,
            "warnings": reading.warnings,
        }

    def _build(self) -> TextFrontend:
        tokenizer: pathlib.Path | bytes = train_tiny_tokenizer()
        if self._checkpoint:
            tokenizer = bundled.resolve(self._checkpoint) / TOKENIZER
        return build_frontend(self._model.text_frontend, tokenizer)
