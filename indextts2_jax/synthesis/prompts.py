"""Clips and words -> what the model is prompted with: voices, emotion prompts, the emotion of a request."""

import dataclasses

import jax
import numpy as np

from indextts2_jax.array_typing import Params
from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio import quality
from indextts2_jax.config import Config, ModelConfig
from indextts2_jax.emotion_text.classifier import EmotionClassifier
from indextts2_jax.emotion_text.question import check_available
from indextts2_jax.errors import EmotionError
from indextts2_jax.gpt import emotion as gpt_emotion
from indextts2_jax.pipeline import encode
from indextts2_jax.pipeline.recording import Record, Stopwatch
from indextts2_jax.pipeline.voice import EmotionPrompt, ReferenceVoice
from indextts2_jax.synthesis.request import CheckedRequest, Emotion
from indextts2_jax.synthesis.segment import EncodedRequest
from indextts2_jax.synthesis.speech import AudioSource
from indextts2_jax.synthesis.voice_cache import VoiceCache, digest


@dataclasses.dataclass(frozen=True)
class Prompts:
    """The part of a model that encodes; a clip that is known is not encoded again."""

    params: Params
    model: ModelConfig
    model_id: str
    cache: VoiceCache
    classifier: EmotionClassifier | None
    watch: Stopwatch
    record: Record | None = None

    def request(self, checked: CheckedRequest) -> EncodedRequest:
        """Encodes the voice and the emotion of a request, where they are clips or words.

        Raises:
          AudioError: a clip of which the header did not tell enough. EmotionError: as `IndexTTS2.synthesize`.
        """
        voice, emotion = checked.request.voice, checked.request.emotion
        warnings: tuple[str, ...] = ()
        if not isinstance(voice, ReferenceVoice):
            clip = _clip(voice, checked.config)
            warnings = tuple(quality.faults(clip))
            voice = self._voice(clip, checked.config, own_emotion=emotion is None or emotion.clip is None)
        embedding = self._embedding(voice, emotion, checked)
        return EncodedRequest(checked, voice, embedding, jax.random.key(checked.request.seed), warnings)

    def voice(self, source: AudioSource, config: Config, own_emotion: bool) -> ReferenceVoice:
        """The voice of a reference clip. Raises `AudioError`."""
        return self._voice(_clip(source, config), config, own_emotion)

    def _voice(self, clip: audio_clip.Clip, config: Config, own_emotion: bool) -> ReferenceVoice:
        twice = config.emotion.encode_own_clip_twice

        def make() -> ReferenceVoice:
            voice = encode.encode_voice(
                self.params,
                self.model,
                clip,
                own_emotion=own_emotion,
                encode_twice=twice,
                record=self.record,
                watch=self.watch,
            )
            name = self.model.name
            return dataclasses.replace(voice, model_id=self.model_id, model_name=name, source_sha256=digest(clip))

        return make() if self.record else self.cache.voice(clip, (own_emotion, twice), make)

    def emotion(self, source: AudioSource, config: Config) -> EmotionPrompt:
        """The emotion prompt of a clip. Raises `AudioError`."""
        clip = _clip(source, config, audio_clip.MIN_EMOTION_SECONDS)

        def make() -> EmotionPrompt:
            prompt = encode.encode_emotion(self.params, self.model, clip, record=self.record, watch=self.watch)
            return dataclasses.replace(prompt, model_id=self.model_id)

        return make() if self.record else self.cache.emotion(clip, make)

    def classify(self, words: str) -> gpt_emotion.EmotionVector:
        """The eight weights that the classifier gives words. Raises as `IndexTTS2.classify_emotion`."""
        check_available(self.model.qwen)
        assert self.classifier is not None
        return self.classifier(words)

    def _embedding(
        self, voice: ReferenceVoice, emotion: Emotion | None, checked: CheckedRequest
    ) -> gpt_emotion.EmotionEmbedding:
        if emotion is not None and emotion.clip is not None:
            prompt = (
                emotion.clip if isinstance(emotion.clip, EmotionPrompt) else self.emotion(emotion.clip, checked.config)
            )
            merged = gpt_emotion.blend(voice.emotion_base, prompt.vector, emotion.weight)
            return gpt_emotion.EmotionEmbedding(merged, merged)
        if voice.emotion_own is None:
            raise EmotionError(
                "The voice was encoded without its own emotion; give an emotion clip or encode it again."
            )
        merged = gpt_emotion.blend(voice.emotion_base, voice.emotion_own, 1.0)
        if emotion is None:
            return gpt_emotion.EmotionEmbedding(merged, merged)
        vector = emotion.vector
        if vector is None:
            words = emotion.description(checked.request.text)
            assert words is not None
            with self.watch("emotion_text"):
                vector = self.classify(words)  # never normalised, as upstream does it
        elif checked.config.emotion.normalize_vector:
            vector = gpt_emotion.normalize_vector(vector)
        vector = gpt_emotion.scale_vector(vector, emotion.weight)
        matrices = jax.tree.map(np.asarray, self.params["emotion"])
        rows = gpt_emotion.matrix_rows(voice.style, matrices["speaker_matrix"], self.model.emotion.rows)
        return gpt_emotion.EmotionEmbedding(
            merged, gpt_emotion.mix_matrix(vector, matrices["emotion_matrix"], rows, merged)
        )


def _clip(source: AudioSource, config: Config, min_seconds: float = audio_clip.MIN_SECONDS) -> audio_clip.Clip:
    """What counts of a clip: its beginning, or where the speech is."""
    trimmed = config.audio.trim == "speech"
    kept = audio_clip.MAX_SECONDS if trimmed else audio_clip.KEPT_SECONDS
    if isinstance(source, tuple):
        clip = audio_clip.clip_from_array(*source, min_seconds, kept_seconds=kept)
    else:
        clip = audio_clip.load_clip(source, min_seconds, kept_seconds=kept)
    if not trimmed:
        return clip
    best = quality.best_part(clip)
    return best if len(best.audio) >= min_seconds * best.sampling_rate else clip
