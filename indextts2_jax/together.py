"""Many requests spoken together: texts, voices and emotions of their own, a batch a stage (`batching.py`).

What comes back for a request is what `IndexTTS2.synthesize` gives for it alone: the same codes, whatever the others.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from indextts2_jax import batching, pipeline
from indextts2_jax.bundles import EmotionPrompt, ReferenceVoice
from indextts2_jax.config import Config
from indextts2_jax.errors import ConfigError
from indextts2_jax.gpt import emotion as gpt_emotion
from indextts2_jax.synthesizer import AudioSource, IndexTTS2, Speech, check_seed


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


def synthesize_together(
    tts: IndexTTS2,
    requests: Sequence[Request],
    *,
    at_once: int = 8,
    config: Config | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Speech]:
    """Speaks all requests; their segments share batches of up to `at_once`.

    Nothing is heard before all are done, and a clip is encoded for each request that names it: give an encoded voice
    where several share one. The seconds by stage are those of all requests together.

    Args:
      at_once: the largest batch; memory grows with it.
      config: instead of the model's own; the same for all.
      progress: called with (codes so far, limit) of the batch being decoded, now and then.
    Raises:
      As `IndexTTS2.synthesize`, before anything is spoken, for the first request that is wrong. TextError: the model
      stopped before the first code of one.
    """
    if not 1 <= at_once <= 64:
        raise ConfigError(f"at_once is {at_once!r}, but it must be from 1 to 64.")
    config, watch = config or tts.config, pipeline.Stopwatch()
    read = []
    for request in requests:  # all are checked before a network runs
        check_seed(request.seed)
        _, segments, warnings = tts.read(request.text, config)
        clip = request.emotion_audio if request.emotion_vector is None else None
        words = tts.emotion_words(
            request.text, request.emotion_text, request.emotion_from_text, request.emotion_vector, clip
        )
        vector = None if request.emotion_vector is None else gpt_emotion.check_vector(request.emotion_vector)
        read.append((segments, warnings, gpt_emotion.check_alpha(request.emotion_alpha), vector, words))
    utterances: list[batching.Utterance] = []
    for request, (segments, _, alpha, vector, words) in zip(requests, read, strict=True):
        prompts = tts.encode_prompts(request.voice, request.emotion_audio, alpha, vector, words, config, None, watch)
        utterances += tts.utterances(segments, *prompts, request.seed)
    spoken = iter(
        batching.speak_together(
            tts.params, config, tts.model, utterances, at_once=at_once, watch=watch, on_code=progress
        )
    )
    speeches = []
    for request, (segments, warnings, *_) in zip(requests, read, strict=True):
        own = [next(spoken) for _ in segments]
        speeches.append(tts.join(request.text, segments, own, warnings, config, watch, request.seed))
    return speeches
