"""`IndexTTS2`: a loaded model. Checks what it is given, strings the pipeline's stages together, times them."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from indextts2_jax.array_typing import Params
from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio.loudness import check_loudness
from indextts2_jax.checkpoint import artefact as artefacts
from indextts2_jax.checkpoint import bundled, networks
from indextts2_jax.config import Config, ModelConfig, to_dict
from indextts2_jax.config.synthesis import check_repeatable, check_streamable
from indextts2_jax.emotion_text.classifier import EmotionClassifier, check_available
from indextts2_jax.errors import CheckpointError, ConfigError, EmotionError, TextError
from indextts2_jax.gpt import emotion as gpt_emotion
from indextts2_jax.pipeline import encode as encoding
from indextts2_jax.pipeline import speak
from indextts2_jax.pipeline.precision import arrange
from indextts2_jax.pipeline.recording import Record, Replay
from indextts2_jax.pipeline.voice import EmotionPrompt, ReferenceVoice, fingerprint
from indextts2_jax.runtime.lru import LRU
from indextts2_jax.synthesis.request import CheckedRequest, Request, check_request
from indextts2_jax.synthesis.segments import Narrator, collect
from indextts2_jax.synthesis.speech import SAMPLING_RATE, AudioSource, Progress, Sink, Speech
from indextts2_jax.synthesis.stream import SpeechStream
from indextts2_jax.text.frontend import TextFrontend, build_frontend
from indextts2_jax.text.glossary import Glossary
from indextts2_jax.text.reading import MAX_CHARACTERS, Reading
from indextts2_jax.text.reading import read as read_text
from indextts2_jax.text.tiny import train_tiny_tokenizer

__all__ = ["MAX_CHARACTERS", "SAMPLING_RATE", "AudioSource", "IndexTTS2", "Progress", "Sink", "Speech"]

CLIPS_KEPT = 16
"""Encoded clips of either kind that a model remembers, by their samples; a voice takes up to 3 MB."""


class IndexTTS2:
    """Zero-shot text-to-speech: a text and a few seconds of anyone's voice in, that voice speaking the text out."""

    def __init__(
        self,
        params: Params,
        model: ModelConfig,
        frontend: TextFrontend,
        *,
        config: Config | None = None,
        model_id: str = "",
        classifier: EmotionClassifier | None = None,
    ) -> None:
        """Prefer `from_pretrained`. `model_id` ties saved voices to the weights that encoded them."""
        if frontend.vocab_size != model.gpt.text_vocab:
            raise CheckpointError(
                f"The tokenizer has {frontend.vocab_size} tokens, the model {model.gpt.text_vocab}: they do not belong "
                "together; convert the checkpoint again."
            )
        self.model = model
        self.frontend = frontend
        self.config = config or Config()
        self.params = arrange(params, self.config.precision)
        self.model_id = model_id
        self.classifier = classifier
        self._voices: LRU[ReferenceVoice] = LRU(CLIPS_KEPT)
        self._emotions: LRU[EmotionPrompt] = LRU(CLIPS_KEPT)

    @classmethod
    def from_pretrained(
        cls,
        folder: str | os.PathLike[str],
        *,
        config: Config | None = None,
        glossary: Glossary | None = None,
        dtype: str | None = None,
    ) -> "IndexTTS2":
        """Loads an artefact. Every parameter is there, or nothing is loaded.

        Args:
          folder: what `python -m convert` or `training.export` wrote. The string "demo" always means the small English
            model that comes with this package; a folder of that name is "./demo".
          config: settings, instead of the artefact's own.
          dtype: what the weights become, one of `checkpoint.DTYPES`; by default they stay as they are stored, but
            float16 becomes float32 on a CPU, which is slow at computing in it, and on any device for "demo".
        Raises:
          CheckpointError: missing, damaged, incomplete, or of another version. ConfigError: a bad setting.
        """
        path = bundled.resolve(folder)
        if dtype is None and artefacts.read_header(path).dtype == "float16":
            widen = bundled.is_demo(folder) or jax.default_backend() == "cpu"
            dtype = "float32" if widen else None
        artefact = artefacts.load_artefact(path, dtype=dtype)
        if config and config.model not in (None, artefact.model):
            raise ConfigError(f"config.model differs from the model in {path}; leave it out to use the latter.")
        frontend = build_frontend(artefact.model.text_frontend, artefact.tokenizer, glossary)
        config, params, classifier = config or artefact.defaults, dict(artefact.params), None
        if artefact.model.qwen is not None and artefact.qwen_tokenizer is not None:
            qwen = params.pop("qwen")
            classifier = EmotionClassifier(qwen, artefact.model.qwen, artefact.qwen_tokenizer, artefact.dtype)
        tts = cls(params, artefact.model, frontend, config=config, model_id=artefact.model_id, classifier=classifier)
        artefact.release_pages()  # of the weights that were copied into another layout or type
        return tts

    @classmethod
    def from_random(cls, config: Config, *, glossary: Glossary | None = None) -> "IndexTTS2":
        """A model with random weights, for tests and first looks: what it says is noise.

        Args:
          config: must hold `model` and `random_seed`; random weights are never a fallback.
        """
        if config.model is None or config.random_seed is None:
            raise ConfigError("Random weights need both config.model and config.random_seed.")
        if config.model.qwen is not None:
            raise ConfigError("config.model.qwen: an emotion classifier of random weights has nothing to say.")
        params = networks.init_random(config.model, config.random_seed)
        frontend = build_frontend(config.model.text_frontend, train_tiny_tokenizer(), glossary)
        model_id = fingerprint([to_dict(config.model), config.random_seed])
        return cls(params, config.model, frontend, config=config, model_id=model_id)

    def encode_voice(
        self, source: AudioSource, *, own_emotion: bool = True, record: Record | None = None
    ) -> ReferenceVoice:
        """Encodes a reference clip (the first 15 seconds are used); the result can be kept, saved and reused.

        Args:
          source: path, or (samples, sampling rate).
          own_emotion: False saves a pass of w2v-bert where an emotion clip will always be given.
        Raises:
          AudioError: not audio, too short, silent, or of a format that is not allowed.
        """
        return self._encode_voice(source, self.config, own_emotion, record, speak.Stopwatch())

    def _encode_voice(
        self, source: AudioSource, config: Config, own_emotion: bool, record: Record | None, watch: speak.Stopwatch
    ) -> ReferenceVoice:
        clip, twice = _clip(source), config.emotion.encode_own_clip_twice
        digest = _digest(clip)

        def encode() -> ReferenceVoice:
            voice = encoding.encode_voice(
                self.params, self.model, clip, own_emotion=own_emotion, encode_twice=twice, record=record, watch=watch
            )
            return dataclasses.replace(voice, model_id=self.model_id, source_sha256=digest)

        return encode() if record else self._voices.get((digest, own_emotion, twice), encode)

    def encode_emotion(self, source: AudioSource, *, record: Record | None = None) -> EmotionPrompt:
        """Encodes an emotion clip. Raises `AudioError` as `encode_voice` does."""
        return self._encode_emotion(source, record, speak.Stopwatch())

    def _encode_emotion(self, source: AudioSource, record: Record | None, watch: speak.Stopwatch) -> EmotionPrompt:
        clip = _clip(source, audio_clip.MIN_EMOTION_SECONDS)

        def encode() -> EmotionPrompt:
            prompt = encoding.encode_emotion(self.params, self.model, clip, record=record, watch=watch)
            return dataclasses.replace(prompt, model_id=self.model_id)

        return encode() if record else self._emotions.get(_digest(clip), encode)

    def classify_emotion(self, text: str) -> tuple[float, ...]:
        """What `emotion_text` makes of a text: eight weights from 0 to 1.2, in the order of `emotion_vector`.

        Raises:
          CheckpointError: the model has no emotion classifier, or its tokenizer's library is not installed.
          EmotionError: no text, too long a text, or an answer that makes no sense.
        """
        check_available(self.classifier.config if self.classifier else None)
        assert self.classifier is not None
        return self.classifier(text)

    def synthesize(
        self,
        text: str,
        voice: ReferenceVoice | AudioSource,
        *,
        emotion_audio: EmotionPrompt | AudioSource | None = None,
        emotion_alpha: float = 1.0,
        emotion_vector: Sequence[float] | Mapping[str, float] | None = None,
        emotion_text: str | None = None,
        emotion_from_text: bool = False,
        seed: int = 0,
        config: Config | None = None,
        sink: Sink | None = None,
        progress: Callable[[Progress], None] | None = None,
        record: Record | None = None,
        replay: Replay | None = None,
    ) -> Speech:
        """Speaks `text` in the voice of the reference clip.

        Args:
          text: at most `MAX_CHARACTERS`, whitespace around it ignored; split into segments of at most
            `config.text.max_text_tokens_per_segment` tokens. `[pause:800ms]` in it is silence of that length.
          voice: an encoded voice, or the clip itself.
          emotion_audio: a clip whose emotion is taken over, blended by `emotion_alpha` (0: the speaker's own).
          emotion_alpha: weight of the emotion clip, or a factor on the eight weights.
          emotion_vector: eight weights: happy, angry, sad, afraid, disgusted, melancholic, surprised, calm; or some of
            them by name, {"happy": 0.6}. It takes precedence over `emotion_audio`.
          emotion_text: words about an emotion, or that show it: the weights are those that `classify_emotion` gives.
          emotion_from_text: the same with `text` itself. Neither goes with another source of emotion.
          seed: all randomness; equal seeds give equal speech, segment by segment.
          config: instead of the model's own.
          sink: takes the audio of every segment as it comes, so that memory does not grow with the text;
            `Speech.audio` is then empty.
          progress: called at the beginning of each stage, and now and then while decoding.
          record: receives every stage's arrays (see `recording.StageRecorder`).
          replay: recorded noise instead of the seed's.
        Raises:
          TextError: nothing to speak. AudioError: an unusable clip. EmotionError: a bad vector, text or alpha, or two
          sources of emotion. ConfigError, CheckpointError: a bad setting; a voice of another model; no classifier.
        """
        request = Request(
            text, voice, emotion_audio, emotion_alpha, emotion_vector, emotion_text, emotion_from_text, seed
        )
        checked = self.check(request, config, repeated=record is not None or replay is not None)
        state = Progress("text", 0, len(checked.reading.segments))

        def announce(stage: str) -> None:
            nonlocal state
            state = dataclasses.replace(state, stage=stage, codes=0, code_limit=0)
            if progress:
                progress(state)

        def on_segment(index: int) -> None:
            nonlocal state
            state = dataclasses.replace(state, segment=index + 1)

        def on_code(done: int, limit: int) -> None:
            if progress:
                progress(dataclasses.replace(state, codes=done, code_limit=limit))

        watch = speak.Stopwatch(announce)
        narrator = self.narrator(checked, watch, record=record)
        narrator = dataclasses.replace(narrator, replay=replay, on_segment=on_segment, on_code=on_code)
        return collect(checked, narrator.speak(checked.reading), watch, sink, record)

    def stream(
        self,
        text: str,
        voice: ReferenceVoice | AudioSource,
        *,
        emotion_audio: EmotionPrompt | AudioSource | None = None,
        emotion_alpha: float = 1.0,
        emotion_vector: Sequence[float] | Mapping[str, float] | None = None,
        emotion_text: str | None = None,
        emotion_from_text: bool = False,
        seed: int = 0,
        config: Config | None = None,
    ) -> SpeechStream:
        """Speaks `text` while its codes are still being chosen: an iterator of chunks of audio (see `streaming.py`).

        The arguments are those of `synthesize`, and so are the codes and the length, to the sample. With several beams
        little is settled before the end of a segment: `decode.num_beams=1` is made for streaming.

        Raises:
          As `synthesize`, at once. ConfigError: also for settings that need whole segments.
        """
        config = config or self.config
        check_streamable(config.duration, config.redraw, config.polish)
        request = Request(
            text, voice, emotion_audio, emotion_alpha, emotion_vector, emotion_text, emotion_from_text, seed
        )
        checked, watch = self.check(request, config), speak.Stopwatch()
        return SpeechStream(checked, lambda: self.narrator(checked, watch), watch)

    def check(self, request: Request, config: Config | None = None, *, repeated: bool = False) -> CheckedRequest:
        """What can be known of a request before a network runs. Raises as `synthesize` does.

        Args:
          repeated: whether it will be recorded or replayed, which not every setting goes with.
        """
        config = config or self.config
        check_repeatable(config.redraw, repeated)
        check_loudness(config.polish.even_loudness or config.polish.loudness_lufs != 0.0)
        return check_request(request, config, self._read(request.text, config), self.classifier)

    def narrator(self, checked: CheckedRequest, watch: speak.Stopwatch, *, record: Record | None = None) -> Narrator:
        """Encodes the voice and the emotion of a request, where they are clips or words: all is ready to be spoken."""
        request, config, vector = checked.request, checked.config, checked.vector
        clip = request.emotion_audio if vector is None else None
        voice = request.voice
        if not isinstance(voice, ReferenceVoice):
            voice = self._encode_voice(voice, config, clip is None, record, watch)
        for prompt in (voice, clip):
            if isinstance(prompt, ReferenceVoice | EmotionPrompt) and prompt.model_id != self.model_id:
                raise CheckpointError("The voice was encoded by another model; encode the clip again with this one.")
        if vector is not None and config.emotion.normalize_vector:
            vector = gpt_emotion.normalize_vector(vector)
        if checked.words is not None:
            with watch("emotion_text"):
                vector = self.classify_emotion(checked.words)  # never normalised, as upstream does it
        emotion = self._emotion(voice, clip, checked.alpha, vector, record, watch)
        key = jax.random.key(request.seed)
        return Narrator(self.params, self.model, config, self.frontend, voice, emotion, key, watch, record=record)

    def read(self, text: str, config: Config | None = None) -> tuple[list[str], list[list[str]], list[str]]:
        """What would be read: (tokens, segments, warnings).

        Raises:
          TextError: empty, or nothing speakable in it.
        """
        reading = self._read(text, config or self.config)
        return reading.tokens, reading.segments, reading.warnings

    def _read(self, text: str, config: Config) -> Reading:
        settings = config.text
        reading = read_text(
            self.frontend,
            text,
            max_tokens=settings.max_text_tokens_per_segment,
            max_english_tokens=settings.max_english_tokens_per_segment,
            quick_tokens=settings.quick_streaming_tokens,
            paragraph_pause_ms=settings.paragraph_pause_ms,
            interval_ms=config.interval_silence_ms,
        )
        longest = max(len(segment) for segment in reading.segments)
        if longest > self.model.gpt.max_text_tokens:
            raise TextError(f"A segment has {longest} tokens, the model takes {self.model.gpt.max_text_tokens}.")
        return reading

    def _emotion(
        self,
        voice: ReferenceVoice,
        source: EmotionPrompt | AudioSource | None,
        alpha: float,
        vector: tuple[float, ...] | None,
        record: Record | None,
        watch: speak.Stopwatch,
    ) -> gpt_emotion.EmotionEmbedding:
        if source is not None:
            prompt = source
            if not isinstance(prompt, EmotionPrompt):
                prompt = self._encode_emotion(prompt, record, watch)
            merged = gpt_emotion.blend(voice.emotion_base, prompt.vector, alpha)
            return gpt_emotion.EmotionEmbedding(merged, merged)
        if voice.emotion_own is None:
            raise EmotionError(
                "The voice was encoded without its own emotion; give an emotion clip or encode it again."
            )
        merged = gpt_emotion.blend(voice.emotion_base, voice.emotion_own, 1.0)
        if vector is None:
            return gpt_emotion.EmotionEmbedding(merged, merged)
        vector = gpt_emotion.scale_vector(vector, alpha)
        matrices = jax.tree.map(np.asarray, self.params["emotion"])
        rows = gpt_emotion.matrix_rows(voice.style, matrices["speaker_matrix"], self.model.emotion.rows)
        return gpt_emotion.EmotionEmbedding(
            merged, gpt_emotion.mix_matrix(vector, matrices["emotion_matrix"], rows, merged)
        )


def _digest(clip: audio_clip.Clip) -> str:
    samples = np.ascontiguousarray(clip.audio)
    return hashlib.sha256(samples.tobytes() + str((clip.sample_rate, samples.shape)).encode()).hexdigest()


def _clip(source: AudioSource, min_seconds: float = audio_clip.MIN_SECONDS) -> audio_clip.Clip:
    if isinstance(source, tuple):
        return audio_clip.clip_from_array(*source, min_seconds)
    return audio_clip.load_clip(source, min_seconds)
