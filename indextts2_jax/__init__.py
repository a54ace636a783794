"""IndexTTS-2 in JAX and Flax: zero-shot text-to-speech, equal to the reference at every stage."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from indextts2_jax.audio.write import AudioWriter
    from indextts2_jax.config import Config
    from indextts2_jax.config import replace as replace
    from indextts2_jax.errors import IndexTTSError
    from indextts2_jax.pipeline.voice import EmotionPrompt, ReferenceVoice
    from indextts2_jax.runtime.cache import use_compilation_cache
    from indextts2_jax.runtime.malloc import keep_freed_memory
    from indextts2_jax.synthesis.request import Emotion, Request
    from indextts2_jax.synthesis.speech import Speech
    from indextts2_jax.synthesis.synthesizer import IndexTTS2

_HOMES = {
    "AudioWriter": "audio.write",
    "Config": "config",
    "Emotion": "synthesis.request",
    "EmotionPrompt": "pipeline.voice",
    "IndexTTS2": "synthesis.synthesizer",
    "IndexTTSError": "errors",
    "ReferenceVoice": "pipeline.voice",
    "Request": "synthesis.request",
    "Speech": "synthesis.speech",
    "keep_freed_memory": "runtime.malloc",
    "replace": "config",
    "use_compilation_cache": "runtime.cache",
}

__all__ = [
    "AudioWriter",
    "Config",
    "Emotion",
    "EmotionPrompt",
    "IndexTTS2",
    "IndexTTSError",
    "ReferenceVoice",
    "Request",
    "Speech",
    "__version__",
    "keep_freed_memory",
    "replace",
    "use_compilation_cache",
]


def __getattr__(name: str) -> Any:
    # Lazily: the text command should not wait for JAX.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
