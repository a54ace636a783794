"""What is asked of the synthesiser, and what can be known of it before a network runs.

flags, batch lines ─ read_emotion ─► Emotion ─┐
text, voice, seed ────────────────────────────┴─► Request ─ check_request ─► (a model) ─ CheckedRequest
"""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from indextts2_jax.array_typing import Float
from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio.loudness import check_loudness
from indextts2_jax.config import Config, ModelConfig, check_streamable
from indextts2_jax.emotion_text import question
from indextts2_jax.errors import AudioError, ConfigError, EmotionError, TextError
from indextts2_jax.gpt.emotion import EmotionVector, check_alpha, check_one_source, check_vector, parse_weights
from indextts2_jax.pipeline.voice import EmotionPrompt, ReferenceVoice
from indextts2_jax.synthesis.speech import AudioSource
from indextts2_jax.text.reading import Reading, check_text

VOICE_SUFFIX = ".safetensors"
"""A path with this ending is a saved voice, any other one a clip."""


@dataclasses.dataclass(frozen=True)
class Emotion:
    """How something is to be said: by exactly one of four sources, and how much of it.

        Emotion(clip="angry.wav", weight=0.6)
        Emotion(weights={"happy": 0.6, "sad": 0.2})
        Emotion(words="She is close to tears.")
        Emotion(from_text=True)

    Raises:
      EmotionError: no source, or more than one; weights, words or a weight that make no sense.
    """

    clip: EmotionPrompt | AudioSource | None = None
    """A recording whose emotion is taken over, or what `IndexTTS2.encode_emotion` made of it."""
    weights: EmotionVector | Sequence[float] | Float[np.ndarray, " 8"] | Mapping[str, float] | str | None = None
    """Eight weights from 0 to 1.2: happy, angry, sad, afraid, disgusted, melancholic, surprised, calm; or some of them
    by name, as a dict or as "happy:0.6,sad:0.2". Kept as eight numbers."""
    words: str | None = None
    """A description of the emotion, which the model's classifier turns into weights."""
    from_text: bool = False
    """The classifier reads what is said itself."""
    weight: float = 1.0
    """From 0 (the speaker clip's own emotion) to 1: of the clip, or a factor on the eight weights."""

    def __post_init__(self) -> None:
        sources = {
            "clip": self.clip,
            "weights": self.weights,
            "words": self.words,
            "from_text": self.from_text or None,
        }
        check_one_source(sources)
        if all(source is None for source in sources.values()):
            raise EmotionError("An emotion needs a source: a clip, weights, words, or from_text=True.")
        check_alpha(self.weight)
        if self.weights is not None:
            parsed = parse_weights(self.weights) if isinstance(self.weights, str) else check_vector(self.weights)
            object.__setattr__(self, "weights", parsed)
        if self.words is not None:
            question.check_text(self.words)

    @property
    def vector(self) -> EmotionVector | None:
        """The eight weights, where they are the source."""
        return cast("EmotionVector | None", self.weights)

    def description(self, text: str) -> str | None:
        """What the classifier is to read, where it is asked; `text` is what will be said."""
        return text if self.from_text else self.words


EMOTION_KINDS: dict[str, type | tuple[type, ...]] = {
    "emotion": str,
    "emotion_vector": list,
    "emotion_audio": str,
    "emotion_text": str,
    "emotion_from_text": bool,
    "emotion_alpha": (int, float),
}
"""What an emotion is called in flags and in the lines of a batch, and of which kind each value is."""


def read_emotion(
    values: Mapping[str, Any], name: Callable[[str], str] = str, folder: pathlib.Path | None = None
) -> Emotion | None:
    """The emotion that flags or a batch line ask for, under the keys of `EMOTION_KINDS`; None where there is none.

    Args:
      values: None or an absent key is not given.
      name: what the user calls a key.
      folder: where a clip's path starts from.
    Raises:
      EmotionError: two sources, a weight without one, or values that make no sense.
    """
    found = {key: values.get(key) for key in EMOTION_KINDS}
    given = {key: value for key, value in found.items() if value is not None and value is not False}
    weight = given.pop("emotion_alpha", None)
    check_one_source({name(key): value for key, value in given.items()})
    if not given:
        if weight is not None:
            raise EmotionError(f"{name('emotion_alpha')} is the weight of an emotion, but no emotion is given.")
        return None
    ((key, value),) = given.items()
    options: dict[str, Any] = {} if weight is None else {"weight": weight}
    try:
        match key:
            case "emotion_audio":
                return Emotion(clip=str(folder / value) if folder else value, **options)
            case "emotion_text":
                return Emotion(words=value, **options)
            case "emotion_from_text":
                return Emotion(from_text=True, **options)
            case _:
                return Emotion(weights=value, **options)
    except EmotionError as error:
        raise EmotionError(f"{name(key)}: {error}") from None


@dataclasses.dataclass(frozen=True)
class Request:
    """One speech to be made."""

    text: str
    voice: ReferenceVoice | AudioSource
    """An encoded voice, the path of a saved one (.safetensors), or a clip."""
    emotion: Emotion | None = None
    """None: the speaker clip's own."""
    seed: int = 0


def check_request(request: Request, config: Config, model: ModelConfig, *, streamed: bool = False) -> Request:
    """All that can be told of a request and its settings before a network is there: the request, a saved voice read.

    Args:
      streamed: whether it will be streamed, which not every setting goes with.
    Raises:
      TextError: no text, too long a text, a bad pause. AudioError: a clip that cannot be used. CheckpointError: a voice
      file that is none, or a model without a classifier asked for one. EmotionError: nothing to classify. ConfigError:
      a seed out of range, settings that do not go together.
    """
    if streamed:
        check_streamable(config.duration, config.polish)
    check_loudness(config.polish.even_loudness or config.polish.loudness_lufs != 0.0)
    text, seed, voice, emotion = request.text, request.seed, request.voice, request.emotion
    if not isinstance(text, str) or not text.strip():
        raise TextError("The text is empty: there is nothing to speak.")
    check_text(text.strip())
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ConfigError(f"seed is {seed!r}, but it must be a whole number from 0 to {2**32 - 1}.")
    if emotion is not None:
        _check_emotion(emotion, text, model)
    if not isinstance(voice, tuple | ReferenceVoice) and str(voice).endswith(VOICE_SUFFIX):
        voice = ReferenceVoice.load(voice)
    if isinstance(voice, ReferenceVoice):
        return dataclasses.replace(request, voice=voice)
    check_source(voice)
    return request


def _check_emotion(emotion: Emotion, text: str, model: ModelConfig) -> None:
    if not isinstance(emotion, Emotion):
        raise EmotionError(f"emotion is {emotion!r:.60}, but it must be an Emotion, such as Emotion(weights=…).")
    if emotion.description(text) is not None:
        question.check_available(model.qwen)
    if emotion.clip is not None and not isinstance(emotion.clip, EmotionPrompt):
        check_source(emotion.clip, audio_clip.MIN_EMOTION_SECONDS)


def check_source(source: AudioSource, min_seconds: float = audio_clip.MIN_SECONDS) -> None:
    """Raises `AudioError` for a clip that its header, or its samples in memory, show to be unusable."""
    if isinstance(source, tuple):
        if len(source) != 2:
            raise AudioError("A clip in memory is a pair: (samples, sampling rate).")
        audio_clip.clip_from_array(*source, min_seconds)
    else:
        audio_clip.inspect(source, min_seconds)


@dataclasses.dataclass(frozen=True)
class CheckedRequest:
    """A request that makes sense to a model, with the settings it is for and its text as it will be read."""

    request: Request
    config: Config
    reading: Reading
