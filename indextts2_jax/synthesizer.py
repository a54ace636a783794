"""`IndexTTS2`: a loaded model. Checks what it is given, strings the pipeline's stages together, times them."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import jax
import numpy as np

from indextts2_jax import batching, checkpoint, demo, networks, pipeline
from indextts2_jax.array_typing import Float, Int, Params
from indextts2_jax.audio import io as audio_io
from indextts2_jax.bundles import EmotionPrompt, ReferenceVoice, fingerprint
from indextts2_jax.config import Config, ModelConfig, to_dict
from indextts2_jax.emotion_text.classifier import EmotionClassifier, check_available, check_text
from indextts2_jax.errors import CheckpointError, ConfigError, EmotionError, TextError
from indextts2_jax.gpt import emotion as gpt_emotion
from indextts2_jax.precision import arrange
from indextts2_jax.recording import Record, Replay
from indextts2_jax.text.frontend import TextFrontend, build_frontend, check_speakable
from indextts2_jax.text.glossary import Glossary
from indextts2_jax.text.tiny import train_tiny_tokenizer

SAMPLING_RATE = 22050

MAX_CHARACTERS = 10_000
"""Of one text: the normalisation grammars take 200 kB and 2 ms per English character."""

AudioSource: TypeAlias = str | os.PathLike[str] | tuple[Float[np.ndarray, "..."], int]
"""A file's path, or (samples [N] or [N, channels] in [-1, 1], their sampling rate)."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """What is being done now: segment 1..segments and stage; `codes` of at most `code_limit` while decoding."""

    stage: str
    segment: int
    segments: int
    codes: int = 0
    code_limit: int = 0


@dataclasses.dataclass(frozen=True)
class Speech:
    """The result of `IndexTTS2.synthesize`."""

    audio: Float[np.ndarray, "N"]
    """float32 in [-1, 1], silences between the segments included."""
    sampling_rate: int
    codes: list[Int[np.ndarray, "T"]]
    """Semantic codes of each segment, 50 per second, without the stop token."""
    segments: list[list[str]]
    """The text tokens of each segment."""
    seconds: dict[str, float]
    """Wall-clock seconds by stage."""
    warnings: list[str]
    seed: int

    @property
    def duration(self) -> float:
        """Seconds of audio."""
        return len(self.audio) / self.sampling_rate

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes 16-bit WAV, or FLAC where the name ends in .flac; whole or not at all.

        Raises:
          AudioError: another ending, or the folder cannot be written.
        """
        audio_io.write_audio(path, self.audio, self.sampling_rate)


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
        path = demo.resolve(folder)
        if dtype is None and checkpoint.read_header(path).dtype == "float16":
            widen = demo.is_demo(folder) or jax.default_backend() == "cpu"
            dtype = "float32" if widen else None
        artefact = checkpoint.load_artefact(path, dtype=dtype)
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
        return self._encode_voice(source, self.config, own_emotion, record, pipeline.Stopwatch())

    def _encode_voice(
        self, source: AudioSource, config: Config, own_emotion: bool, record: Record | None, watch: pipeline.Stopwatch
    ) -> ReferenceVoice:
        clip, twice = _clip(source), config.emotion.encode_own_clip_twice
        voice = pipeline.encode_voice(
            self.params, self.model, clip, own_emotion=own_emotion, encode_twice=twice, record=record, watch=watch
        )
        digest = hashlib.sha256(np.ascontiguousarray(clip.audio).tobytes()).hexdigest()
        return dataclasses.replace(voice, model_id=self.model_id, source_sha256=digest)

    def encode_emotion(self, source: AudioSource, *, record: Record | None = None) -> EmotionPrompt:
        """Encodes an emotion clip. Raises `AudioError` as `encode_voice` does."""
        clip = _clip(source, audio_io.MIN_EMOTION_SECONDS)
        prompt = pipeline.encode_emotion(self.params, self.model, clip, record=record)
        return dataclasses.replace(prompt, model_id=self.model_id)

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
        progress: Callable[[Progress], None] | None = None,
        record: Record | None = None,
        replay: Replay | None = None,
    ) -> Speech:
        """Speaks `text` in the voice of the reference clip.

        Args:
          text: at most `MAX_CHARACTERS`, whitespace around it ignored; split into segments of at most
            `config.text.max_text_tokens_per_segment` tokens.
          voice: an encoded voice, or the clip itself.
          emotion_audio: a clip whose emotion is taken over, blended by `emotion_alpha` (0: the speaker's own).
          emotion_alpha: weight of the emotion clip, or a factor on the eight weights.
          emotion_vector: eight weights: happy, angry, sad, afraid, disgusted, melancholic, surprised, calm; or some of
            them by name, {"happy": 0.6}. It takes precedence over `emotion_audio`.
          emotion_text: words about an emotion, or that show it: the weights are those that `classify_emotion` gives.
          emotion_from_text: the same with `text` itself. Neither goes with another source of emotion.
          seed: all randomness; equal seeds give equal speech, segment by segment.
          config: instead of the model's own.
          progress: called at the beginning of each stage, and now and then while decoding.
          record: receives every stage's arrays (see `recording.StageRecorder`).
          replay: recorded noise instead of the seed's.
        Raises:
          TextError: nothing to speak. AudioError: an unusable clip. EmotionError: a bad vector, text or alpha, or two
          sources of emotion. ConfigError, CheckpointError: a bad setting; a voice of another model; no classifier.
        """
        config = config or self.config
        check_seed(seed)
        _, segments, warnings = self.read(text, config)
        clip = emotion_audio if emotion_vector is None else None
        words = self.emotion_words(text, emotion_text, emotion_from_text, emotion_vector, clip)
        vector = None if emotion_vector is None else gpt_emotion.check_vector(emotion_vector)
        alpha = gpt_emotion.check_alpha(emotion_alpha)
        state = Progress("text", 0, len(segments))

        def announce(stage: str) -> None:
            nonlocal state
            state = dataclasses.replace(state, stage=stage, codes=0, code_limit=0)
            if progress:
                progress(state)

        def on_code(done: int, limit: int) -> None:
            if progress:
                progress(dataclasses.replace(state, codes=done, code_limit=limit))

        watch = pipeline.Stopwatch(announce)
        voice, emotion = self.encode_prompts(voice, emotion_audio, alpha, vector, words, config, record, watch)
        if config.segments_at_once > 1 and len(segments) > 1 and not (record or replay):
            utterances = self.utterances(segments, voice, emotion, seed)
            spoken = batching.speak_together(
                self.params,
                config,
                self.model,
                utterances,
                at_once=config.segments_at_once,
                watch=watch,
                on_code=on_code,
            )
            return self.join(text, segments, spoken, warnings, config, watch, seed)

        spoken = []
        for index, segment in enumerate(segments):
            state = dataclasses.replace(state, segment=index + 1)
            if record:
                record("emovec", emotion.merged[None])
            result = pipeline.speak_segment(
                self.params,
                config,
                self.model,
                voice,
                emotion.final,
                np.array(self.frontend.encode(segment), np.int32),
                jax.random.key(seed),
                replay=replay,
                segment=index,
                record=record,
                watch=watch,
                on_code=on_code,
            )
            spoken.append(result)
        return self.join(text, segments, spoken, warnings, config, watch, seed, record)

    def utterances(
        self, segments: list[list[str]], voice: ReferenceVoice, emotion: "Emotion", seed: int
    ) -> list[batching.Utterance]:
        """What `batching.speak_together` makes speech of, one a segment."""
        ids = [np.array(self.frontend.encode(segment), np.int32) for segment in segments]
        return [batching.Utterance(voice, emotion.final, own, jax.random.key(seed)) for own in ids]

    def join(
        self,
        text: str,
        segments: list[list[str]],
        spoken: Sequence[pipeline.SpokenSegment],
        warnings: list[str],
        config: Config,
        watch: pipeline.Stopwatch,
        seed: int,
        record: Record | None = None,
    ) -> Speech:
        """The segments, spoken, as one speech.

        Raises:
          TextError: none of them has a code.
        """
        for index, (segment, result) in enumerate(zip(segments, spoken, strict=True)):
            warnings = warnings + _segment_warnings(index, len(segment), result, config)
        if not any(len(part.codes) for part in spoken):
            raise TextError(f"The model stopped before the first code of {text.strip()!r}: try another seed.")
        audio = audio_io.join_segments([part.audio for part in spoken], config.interval_silence_ms)
        if record:
            record("wav_int16", audio_io.to_int16(audio)[:, None])
        codes = [part.codes for part in spoken]
        return Speech(audio, SAMPLING_RATE, codes, segments, watch.seconds, warnings, seed)

    def encode_prompts(
        self,
        voice: ReferenceVoice | AudioSource,
        emotion_audio: EmotionPrompt | AudioSource | None,
        alpha: float,
        vector: tuple[float, ...] | None,
        words: str | None,
        config: Config,
        record: Record | None,
        watch: pipeline.Stopwatch,
    ) -> tuple[ReferenceVoice, "Emotion"]:
        """The voice and the emotion to speak with, of the arguments of `synthesize`, encoded where they are clips.

        `words` are for the classifier, instead of a vector.
        """
        use_clip = emotion_audio is not None and vector is None
        if not isinstance(voice, ReferenceVoice):
            voice = self._encode_voice(voice, config, not use_clip, record, watch)
        for prompt in (voice, emotion_audio):
            if isinstance(prompt, ReferenceVoice | EmotionPrompt) and prompt.model_id != self.model_id:
                raise CheckpointError("The voice was encoded by another model; encode the clip again with this one.")
        if vector is not None and config.emotion.normalize_vector:
            vector = gpt_emotion.normalize_vector(vector)
        if words is not None:
            with watch("emotion_text"):
                vector = self.classify_emotion(words)  # never normalised, as upstream does it
        return voice, self._emotion(voice, emotion_audio if use_clip else None, alpha, vector, record, watch)

    def emotion_words(
        self, text: str, emotion_text: str | None, from_text: bool, vector: object, clip: object
    ) -> str | None:
        """What the classifier is to read. Raises `EmotionError` or `CheckpointError` as `synthesize` does."""
        sources = {"emotion_text": emotion_text, "emotion_from_text": from_text or None}
        gpt_emotion.check_one_source({**sources, "emotion_vector": vector, "emotion_audio": clip})
        words = text if from_text else emotion_text
        if words is not None:
            check_text(words)
            check_available(self.classifier.config if self.classifier else None)
        return words

    def read(self, text: str, config: Config | None = None) -> tuple[list[str], list[list[str]], list[str]]:
        """What would be read: (tokens, segments, warnings).

        Raises:
          TextError: empty, or nothing speakable in it.
        """
        settings = (config or self.config).text
        text = text.strip()  # a departure: the English grammar rejects text that begins with a newline
        if len(text) > MAX_CHARACTERS:
            raise TextError(f"The text has {len(text)} characters; give at most {MAX_CHARACTERS} at a time.")
        tokens = self.frontend.tokenize(text)
        check_speakable(self.frontend, text, tokens)
        segments = self.frontend.segments(tokens, settings.max_text_tokens_per_segment, settings.quick_streaming_tokens)
        longest = max(len(segment) for segment in segments)
        if longest > self.model.gpt.max_text_tokens:
            raise TextError(f"A segment has {longest} tokens, the model takes {self.model.gpt.max_text_tokens}.")
        unknown = self.frontend.unknown(tokens)
        warnings = [f"Unknown to the tokenizer, and not spoken as written: {' '.join(unknown)}"] if unknown else []
        return tokens, segments, warnings

    def _emotion(
        self,
        voice: ReferenceVoice,
        source: EmotionPrompt | AudioSource | None,
        alpha: float,
        vector: tuple[float, ...] | None,
        record: Record | None,
        watch: pipeline.Stopwatch,
    ) -> "Emotion":
        if source is not None:
            prompt = source
            if not isinstance(prompt, EmotionPrompt):
                clip = _clip(prompt, audio_io.MIN_EMOTION_SECONDS)
                prompt = pipeline.encode_emotion(self.params, self.model, clip, record=record, watch=watch)
            merged = gpt_emotion.blend(voice.emotion_base, prompt.vector, alpha)
            return Emotion(merged, merged)
        if voice.emotion_own is None:
            raise EmotionError(
                "The voice was encoded without its own emotion; give an emotion clip or encode it again."
            )
        merged = gpt_emotion.blend(voice.emotion_base, voice.emotion_own, 1.0)
        if vector is None:
            return Emotion(merged, merged)
        vector = gpt_emotion.scale_vector(vector, alpha)
        matrices = jax.tree.map(np.asarray, self.params["emotion"])
        rows = gpt_emotion.matrix_rows(voice.style, matrices["speaker_matrix"], self.model.emotion.rows)
        return Emotion(merged, gpt_emotion.mix_matrix(vector, matrices["emotion_matrix"], rows, merged))


@dataclasses.dataclass(frozen=True)
class Emotion:
    merged: np.ndarray
    """After the emotion clip, before an emotion vector."""
    final: np.ndarray


def check_seed(seed: int) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ConfigError(f"seed is {seed!r}, but it must be a whole number from 0 to {2**32 - 1}.")


def _clip(source: AudioSource, min_seconds: float = audio_io.MIN_SECONDS) -> audio_io.Clip:
    if isinstance(source, tuple):
        return audio_io.clip_from_array(*source, min_seconds)
    return audio_io.load_clip(source, min_seconds)


def _segment_warnings(index: int, tokens: int, result: pipeline.SpokenSegment, config: Config) -> list[str]:
    if not result.stopped:
        return [
            f"Segment {index + 1} ({tokens} text tokens) reached the limit of {config.decode.max_mel_tokens} codes and "
            "is cut: lower text.max_text_tokens_per_segment or raise decode.max_mel_tokens."
        ]
    if not len(result.codes):
        return [f"Segment {index + 1} stopped before its first code and is empty: try another seed."]
    return []
