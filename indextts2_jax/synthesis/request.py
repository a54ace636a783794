"""What is asked of the synthesiser, and what can be known of it before a network runs."""

import dataclasses
from collections.abc import Mapping, Sequence

from indextts2_jax.config import Config
from indextts2_jax.emotion_text.classifier import EmotionClassifier, check_available, check_text
from indextts2_jax.errors import ConfigError
from indextts2_jax.gpt import emotion as gpt_emotion
from indextts2_jax.pipeline.voice import EmotionPrompt, ReferenceVoice
from indextts2_jax.synthesis.speech import AudioSource
from indextts2_jax.text.reading import Reading


@dataclasses.dataclass(frozen=True)
class Request:
    """One speech to be made: arguments of `IndexTTS2.synthesize`."""

    text: str
    voice: ReferenceVoice | AudioSource
    emotion_audio: EmotionPrompt | AudioSource | None = None
    emotion_alpha: float = 1.0
    emotion_vector: Sequence[float] | Mapping[str, float] | None = None
    emotion_text: str | None = None
    emotion_from_text: bool = False
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class CheckedRequest:
    """A request that makes sense, with the settings it is for."""

    request: Request
    config: Config
    reading: Reading
    vector: gpt_emotion.EmotionVector | None
    alpha: float
    words: str | None
    """What the emotion classifier is to read."""


def check_request(
    request: Request, config: Config, reading: Reading, classifier: EmotionClassifier | None
) -> CheckedRequest:
    """Raises `EmotionError`, `CheckpointError` or `ConfigError` as `IndexTTS2.synthesize` does."""
    seed, vector = request.seed, request.emotion_vector
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ConfigError(f"seed is {seed!r}, but it must be a whole number from 0 to {2**32 - 1}.")
    gpt_emotion.check_one_source(
        {
            "emotion_text": request.emotion_text,
            "emotion_from_text": request.emotion_from_text or None,
            "emotion_vector": vector,
            "emotion_audio": request.emotion_audio if vector is None else None,
        }
    )
    words = request.text if request.emotion_from_text else request.emotion_text
    if words is not None:
        check_text(words)
        check_available(classifier.config if classifier else None)
    checked = None if vector is None else gpt_emotion.check_vector(vector)
    return CheckedRequest(request, config, reading, checked, gpt_emotion.check_alpha(request.emotion_alpha), words)
