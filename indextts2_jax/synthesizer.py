"""`IndexTTS2`: a loaded model. Checks what it is given, strings the pipeline's stages together, times them."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import numpy as np

from indextts2_jax import checkpoint, demo, networks, pipeline
from indextts2_jax.array_typing import Float, Int, Params
from indextts2_jax.audio import io as audio_io
from indextts2_jax.audio.loudness import check_loudness
from indextts2_jax.bundles import EmotionPrompt, ReferenceVoice, fingerprint
from indextts2_jax.config import Config, ModelConfig, to_dict
from indextts2_jax.errors import CheckpointError, ConfigError, EmotionError, TextError
from indextts2_jax.gpt import emotion as gpt_emotion
from indextts2_jax.narration import Narrator
from indextts2_jax.options import check_repeatable
from indextts2_jax.recording import Record, Replay
from indextts2_jax.text.frontend import TextFrontend, build_frontend
from indextts2_jax.text.glossary import Glossary
from indextts2_jax.text.reading import MAX_CHARACTERS, Reading
from indextts2_jax.text.reading import read as read_text
from indextts2_jax.text.tiny import train_tiny_tokenizer

__all__ = ["MAX_CHARACTERS", "SAMPLING_RATE", "AudioSource", "IndexTTS2", "Progress", "Sink", "Speech"]

SAMPLING_RATE = 22050

AudioSource: TypeAlias = str | os.PathLike[str] | tuple[Float[np.ndarray, "..."], int]
"""A file's path, or (samples [N] or [N, channels] in [-1, 1], their sampling rate)."""

Sink: TypeAlias = Callable[[Float[np.ndarray, "_"]], None]
"""Takes speech piece by piece, in order: `audio.writer.AudioWriter.write`, for one."""


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
    """float32 in [-1, 1], silences included; empty where a sink took it."""
    samples: int
    """How many there are, or went to the sink."""
    sampling_rate: int
    codes: list[Int[np.ndarray, "T"]]
    """Semantic codes of each segment, 50 per second, without the stop token."""
    segments: list[list[str]]
    """The text tokens of each segment."""
    draws: list[int]
    """How often each segment was drawn, see `config.redraw`."""
    seconds: dict[str, float]
    """Wall-clock seconds by stage."""
    warnings: list[str]
    seed: int

    @property
    def duration(self) -> float:
        """Seconds of audio."""
        return self.samples / self.sampling_rate

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
    ) -> None:
        """Prefer `from_pretrained`. `model_id` ties saved voices to the weights that encoded them."""
        if frontend.vocab_size != model.gpt.text_vocab:
            raise CheckpointError(
                f"The tokenizer has {frontend.vocab_size} tokens, the model {model.gpt.text_vocab}: they do not belong "
                "together; convert the checkpoint again."
            )
        self.params = params
        self.model = model
        self.frontend = frontend
        self.config = config or Config()
        self.model_id = model_id

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
        config = config or artefact.defaults
        return cls(artefact.params, artefact.model, frontend, config=config, model_id=artefact.model_id)

    @classmethod
    def from_random(cls, config: Config, *, glossary: Glossary | None = None) -> "IndexTTS2":
        """A model with random weights, for tests and first looks: what it says is noise.

        Args:
          config: must hold `model` and `random_seed`; random weights are never a fallback.
        """
        if config.model is None or config.random_seed is None:
            raise ConfigError("Random weights need both config.model and config.random_seed.")
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
        return self._encode_voice(source, own_emotion, record, pipeline.Stopwatch())

    def _encode_voice(
        self, source: AudioSource, own_emotion: bool, record: Record | None, watch: pipeline.Stopwatch
    ) -> ReferenceVoice:
        clip = _clip(source)
        voice = pipeline.encode_voice(
            self.params, self.model, clip, own_emotion=own_emotion, record=record, watch=watch
        )
        digest = hashlib.sha256(np.ascontiguousarray(clip.audio).tobytes()).hexdigest()
        return dataclasses.replace(voice, model_id=self.model_id, source_sha256=digest)

    def encode_emotion(self, source: AudioSource, *, record: Record | None = None) -> EmotionPrompt:
        """Encodes an emotion clip. Raises `AudioError` as `encode_voice` does."""
        clip = _clip(source, audio_io.MIN_EMOTION_SECONDS)
        prompt = pipeline.encode_emotion(self.params, self.model, clip, record=record)
        return dataclasses.replace(prompt, model_id=self.model_id)

    def synthesize(
        self,
        text: str,
        voice: ReferenceVoice | AudioSource,
        *,
        emotion_audio: EmotionPrompt | AudioSource | None = None,
        emotion_alpha: float = 1.0,
        emotion_vector: Sequence[float] | None = None,
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
          emotion_alpha: weight of the emotion clip, or a factor on `emotion_vector`.
          emotion_vector: eight weights: happy, angry, sad, afraid, disgusted, melancholic, surprised, calm.
            It takes precedence over `emotion_audio`.
          seed: all randomness; equal seeds give equal speech, segment by segment.
          config: instead of the model's own.
          sink: takes the audio of every segment as it comes, so that memory does not grow with the text;
            `Speech.audio` is then empty.
          progress: called at the beginning of each stage, and now and then while decoding.
          record: receives every stage's arrays (see `recording.StageRecorder`).
          replay: recorded noise instead of the seed's.
        Raises:
          TextError: nothing to speak. AudioError: an unusable clip. EmotionError: a bad vector or alpha.
          ConfigError, CheckpointError: a bad setting; a voice of another model.
        """
        config = config or self.config
        check_repeatable(config.redraw, record is not None or replay is not None)
        check_loudness(config.polish.even_loudness or config.polish.loudness_lufs != 0.0)
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise ConfigError(f"seed is {seed!r}, but it must be a whole number from 0 to {2**32 - 1}.")
        reading = self._read(text, config)
        segments, warnings = reading.segments, list(reading.warnings)
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
        use_clip = emotion_audio is not None and vector is None
        if not isinstance(voice, ReferenceVoice):
            voice = self._encode_voice(voice, not use_clip, record, watch)
        for prompt in (voice, emotion_audio):
            if isinstance(prompt, ReferenceVoice | EmotionPrompt) and prompt.model_id != self.model_id:
                raise CheckpointError("The voice was encoded by another model; encode the clip again with this one.")
        if vector is not None and config.emotion.normalize_vector:
            vector = gpt_emotion.normalize_vector(vector)
        emotion = self._emotion(voice, emotion_audio if use_clip else None, alpha, vector, record, watch)

        def on_segment(index: int) -> None:
            nonlocal state
            state = dataclasses.replace(state, segment=index + 1)

        narrator = Narrator(
            self.params,
            self.model,
            config,
            self.frontend,
            voice,
            emotion.final,
            jax.random.key(seed),
            watch,
            replay=replay,
            record=record,
            on_segment=on_segment,
            on_code=on_code,
        )
        pieces: list[np.ndarray] = []
        codes: list[np.ndarray] = []
        draws, samples = [], 0
        for spoken in narrator.speak(reading):
            if record:
                record("emovec", emotion.merged[None])
            if sink:
                sink(spoken.audio)
            if record or not sink:
                pieces.append(spoken.audio)
            samples += len(spoken.audio)
            codes.append(spoken.codes)
            draws.append(spoken.draws)
            warnings += spoken.warnings
        if not any(map(len, codes)):
            raise TextError(f"The model stopped before the first code of {text.strip()[:40]!r}: try another seed.")
        audio = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
        if record:
            record("wav_int16", audio_io.to_int16(audio)[:, None])
        audio = audio[:0] if sink else audio
        return Speech(audio, samples, SAMPLING_RATE, codes, segments, draws, watch.seconds, warnings, seed)

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
        watch: pipeline.Stopwatch,
    ) -> "_Emotion":
        if source is not None:
            prompt = source
            if not isinstance(prompt, EmotionPrompt):
                clip = _clip(prompt, audio_io.MIN_EMOTION_SECONDS)
                prompt = pipeline.encode_emotion(self.params, self.model, clip, record=record, watch=watch)
            merged = gpt_emotion.blend(voice.emotion_base, prompt.vector, alpha)
            return _Emotion(merged, merged)
        if voice.emotion_own is None:
            raise EmotionError(
                "The voice was encoded without its own emotion; give an emotion clip or encode it again."
            )
        merged = gpt_emotion.blend(voice.emotion_base, voice.emotion_own, 1.0)
        if vector is None:
            return _Emotion(merged, merged)
        vector = gpt_emotion.scale_vector(vector, alpha)
        matrices = jax.tree.map(np.asarray, self.params["emotion"])
        rows = gpt_emotion.matrix_rows(voice.style, matrices["speaker_matrix"], self.model.emotion.rows)
        return _Emotion(merged, gpt_emotion.mix_matrix(vector, matrices["emotion_matrix"], rows, merged))


@dataclasses.dataclass(frozen=True)
class _Emotion:
    merged: np.ndarray
    """After the emotion clip, before an emotion vector."""
    final: np.ndarray


def _clip(source: AudioSource, min_seconds: float = audio_io.MIN_SECONDS) -> audio_io.Clip:
    if isinstance(source, tuple):
        return audio_io.clip_from_array(*source, min_seconds)
    return audio_io.load_clip(source, min_seconds)
