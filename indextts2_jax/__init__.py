"""IndexTTS-2 in JAX and Flax: zero-shot text-to-speech, equal to the reference at every stage."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from indextts2_jax.audio.writer import AudioWriter
    from indextts2_jax.bundles import EmotionPrompt, ReferenceVoice
    from indextts2_jax.cache import use_compilation_cache
    from indextts2_jax.config import Config
    from indextts2_jax.errors import IndexTTSError
    from indextts2_jax.host_memory import keep_freed_memory
    from indextts2_jax.request import Request
    from indextts2_jax.speech import Speech
    from indextts2_jax.synthesizer import IndexTTS2
    from indextts2_jax.together import synthesize_together

__all__ = [
    "AudioWriter",
    "Config",
    "EmotionPrompt",
    "IndexTTS2",
    "IndexTTSError",
    "ReferenceVoice",
    "Request",
    "Speech",
    "__version__",
    "keep_freed_memory",
    "synthesize_together",
    "use_compilation_cache",
]

_HOMES = {
    "AudioWriter": "audio.writer",
    "Config": "config",
    "EmotionPrompt": "bundles",
    "IndexTTS2": "synthesizer",
    "IndexTTSError": "errors",
    "ReferenceVoice": "bundles",
    "Request": "request",
    "Speech": "speech",
    "keep_freed_memory": "host_memory",
    "synthesize_together": "together",
    "use_compilation_cache": "cache",
}


def __getattr__(name: str) -> Any:
    # Lazily: the text command should not wait for JAX.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
