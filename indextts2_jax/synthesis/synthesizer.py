"""`IndexTTS2`: a loaded model. Checks what it is given, encodes voices and emotions, and has the segments spoken."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import jax

from indextts2_jax.array_typing import Params
from indextts2_jax.checkpoint import artefact as artefacts
from indextts2_jax.checkpoint import bundled, networks
from indextts2_jax.config import (
    Config,
    ModelConfig,
    asks_where,
    check_can_tell_where,
    check_drawn_once,
    check_fits,
    check_of_call,
    fitted,
    replace,
    to_dict,
)
from indextts2_jax.emotion_text.classifier import EmotionClassifier
from indextts2_jax.errors import CheckpointError, ConfigError, IndexTTSError, TextError
from indextts2_jax.pipeline.alignment import NO_HEADS, Heads
from indextts2_jax.pipeline.precision import arrange
from indextts2_jax.pipeline.recording import Record, Replay, Stopwatch
from indextts2_jax.pipeline.voice import EmotionPrompt, ReferenceVoice, check_origin, check_voice, fingerprint
from indextts2_jax.synthesis.prompts import Prompts
from indextts2_jax.synthesis.request import CheckedRequest, Emotion, Request, check_request
from indextts2_jax.synthesis.segment import EncodedRequest
from indextts2_jax.synthesis.segments import Fit, Run, collect, speak_request, speak_requests
from indextts2_jax.synthesis.speech import AudioSource, OnProgress, ProgressTeller, Sink, Speech
from indextts2_jax.synthesis.stream import SpeechStream
from indextts2_jax.synthesis.voice_cache import VoiceCache
from indextts2_jax.synthesis.words import find_heads
from indextts2_jax.text.frontend import TextFrontend, build_frontend
from indextts2_jax.text.glossary import Glossary
from indextts2_jax.text.reading import Reading, read_as
from indextts2_jax.text.tiny import tiny_tokenizer

Settings: TypeAlias = Config | Mapping[str, Any]
"""A whole configuration, or changes to the model's own: {"decode": {"num_beams": 1}}."""

MAX_AT_ONCE = 64
"""Requests of which segments share a batch."""


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
        self.config = config or fitted(Config(), model)
        check_fits(self.config, model)
        self.params = arrange(params, self.config.precision)
        self.model_id = model_id
        self.classifier = classifier
        self.voices = VoiceCache(model_id)
        self._heads: Heads | None = None

    @classmethod
    def from_pretrained(
        cls,
        folder: str | os.PathLike[str],
        *,
        config: Settings | None = None,
        glossary: Glossary | None = None,
        dtype: str | None = None,
    ) -> "IndexTTS2":
        """Loads an artefact. Every parameter is there, or nothing is loaded.

        Args:
          folder: what `indextts2 convert` or `training.export` wrote. The string "demo" always means the small English
            model that comes with this package; a folder of that name is "./demo".
          config: settings instead of the artefact's own, or changes to them: {"decode": {"num_beams": 1}}.
          dtype: what the weights become, one of `checkpoint.header.DTYPES`; by default they stay as they are stored,
            but float16 becomes float32 on a CPU, which is slow at computing in it, and on any device for "demo".
        Raises:
          CheckpointError: missing, damaged, incomplete, or of another version. ConfigError: a bad setting, or one
          beyond what the model was made for; nothing is loaded then.
        """
        path = bundled.resolve(folder)
        header = artefacts.read_header(path)
        settings = _settings(config, header.defaults or fitted(Config(), header.model))
        if settings.model not in (None, header.model):
            raise ConfigError(f"config.model differs from the model in {path}; leave it out to use the latter.")
        if settings.random_seed is not None:
            raise ConfigError("config.random_seed draws random weights, but a checkpoint is to be loaded.")
        if settings.checkpoint not in ("", os.fspath(folder)):
            raise ConfigError(f"config.checkpoint is {settings.checkpoint!r}, but {os.fspath(folder)!r} is loaded.")
        check_fits(settings, header.model)
        if dtype is None and header.dtype == "float16":
            widen = bundled.is_demo(folder) or jax.default_backend() == "cpu"
            dtype = "float32" if widen else None
        artefact = artefacts.load_artefact(path, dtype=dtype)
        frontend = build_frontend(artefact.model.text_frontend, artefact.tokenizer, glossary)
        params, classifier = dict(artefact.params), None
        if artefact.model.qwen is not None and artefact.qwen_tokenizer is not None:
            qwen = params.pop("qwen")
            classifier = EmotionClassifier(qwen, artefact.model.qwen, artefact.qwen_tokenizer, artefact.dtype)
        tts = cls(params, artefact.model, frontend, config=settings, model_id=artefact.model_id, classifier=classifier)
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
        kind = config.model.text_frontend
        frontend = build_frontend(kind, tiny_tokenizer(kind), glossary)
        model_id = fingerprint([to_dict(config.model), config.random_seed])
        return cls(params, config.model, frontend, config=config, model_id=model_id)

    # --- voices and emotions ---

    def encode_voice(
        self, source: AudioSource, *, own_emotion: bool = True, record: Record | None = None
    ) -> ReferenceVoice:
        """Encodes a reference clip (the first 15 seconds, or as `audio.trim` says); it can be kept, saved and reused.

        Args:
          source: path, or (samples, sampling rate).
          own_emotion: False saves a pass of w2v-bert where an emotion clip will always be given.
        Raises:
          AudioError: not audio, too short, silent, or of a format that is not allowed.
        """
        return self._prompts(Stopwatch(), record).voice(source, self.config, own_emotion)

    def encode_emotion(self, source: AudioSource, *, record: Record | None = None) -> EmotionPrompt:
        """Encodes an emotion clip. Raises `AudioError` as `encode_voice` does."""
        return self._prompts(Stopwatch(), record).emotion(source, self.config)

    def classify_emotion(self, text: str) -> tuple[float, ...]:
        """What `Emotion(words=text)` means: eight weights from 0 to 1.2, in the order of `Emotion.weights`.

        Raises:
          CheckpointError: the model has no emotion classifier, or its tokenizer's library is not installed.
          EmotionError: no text, too long a text, or an answer that makes no sense.
        """
        return self._prompts(Stopwatch()).classify(text)

    # --- speech ---

    def synthesize(
        self,
        text: str,
        voice: ReferenceVoice | AudioSource,
        *,
        emotion: Emotion | None = None,
        seed: int = 0,
        config: Settings | None = None,
        sink: Sink | None = None,
        progress: OnProgress | None = None,
        record: Record | None = None,
        replay: Replay | None = None,
    ) -> Speech:
        """Speaks `text` in the voice of the reference clip.

        Args:
          text: at most `text.reading.MAX_CHARACTERS`, whitespace around it ignored; split into segments of at most
            `config.text.max_text_tokens_per_segment` tokens. `[pause:800ms]` in it is silence of that length.
          voice: an encoded voice, the path of a saved one (.safetensors), or the clip itself.
          emotion: how it is to be said; None: as the speaker's clip is.
          seed: all randomness; equal seeds give equal speech, segment by segment.
          config: instead of the model's own, or changes to it. What was chosen when the model was loaded cannot change
            with a call.
          sink: takes the audio of every segment as it comes, so that memory does not grow with the text;
            `Speech.audio` is then empty.
          progress: called at the beginning of each stage, and now and then while decoding.
          record: receives every stage's arrays (see `recording.StageRecorder`).
          replay: recorded noise instead of the seed's.
        Raises:
          TextError: nothing to speak. AudioError: an unusable clip. EmotionError: a voice without an emotion of its
          own, or an answer of the classifier that makes no sense. ConfigError, CheckpointError: a bad setting; a voice
          of another model; no classifier.
        """
        repeated = record is not None or replay is not None
        checked = self.check(Request(text, voice, emotion, seed), config, repeated=repeated)
        return self.speak(checked, sink=sink, progress=progress, record=record, replay=replay)

    def speak(
        self,
        checked: CheckedRequest,
        *,
        sink: Sink | None = None,
        progress: OnProgress | None = None,
        record: Record | None = None,
        replay: Replay | None = None,
        fit: Fit | None = None,
    ) -> Speech:
        """`synthesize` of a checked request.

        Args:
          fit: instead of a target duration, where it depends on how long the speech would be by itself.
        """
        teller = ProgressTeller(len(checked.reading.segments), progress)
        run = dataclasses.replace(self._run(checked.config, teller, record=record, replay=replay), fit=fit)
        encoded = self._prompts(run.watch, record).request(checked)
        return collect(encoded, speak_request(run, encoded, self.frontend), run.watch, sink, record)

    def synthesize_batch(
        self,
        requests: Sequence[Request],
        *,
        at_once: int = 8,
        config: Settings | None = None,
        progress: OnProgress | None = None,
    ) -> list[Speech]:
        """Speaks many requests; their segments share batches, and each is what it is alone: the same codes.

        Nothing is heard before all are done. The seconds by stage are those of all requests together.

        Args:
          at_once: the largest batch, up to `MAX_AT_ONCE`; memory grows with it.
          config: as of `synthesize`, the same for all.
          progress: as of `synthesize`; segments are counted over all requests.
        Raises:
          As `synthesize`, before anything is spoken, for the first request that is wrong. ConfigError: a target
          duration, which goes with single requests only. TextError: the model stopped before the first code of one.
        """
        checked = [self.check(request, config) for request in requests]  # all of them before a network runs
        speeches = []
        for result in self.speak_each(checked, at_once=at_once, progress=progress):
            if isinstance(result, IndexTTSError):
                raise result
            speeches.append(result)
        return speeches

    def speak_each(
        self, checked: Sequence[CheckedRequest], *, at_once: int = 8, progress: OnProgress | None = None
    ) -> list[Speech | IndexTTSError]:
        """`synthesize_batch` of checked requests: the speech of each, or what was wrong; one does not stop the others.

        All must have the same `config`. Raises `ConfigError` for what does not go with batches.
        """
        if not 1 <= at_once <= MAX_AT_ONCE:
            raise ConfigError(f"at_once is {at_once!r}, but it must be from 1 to {MAX_AT_ONCE}.")
        if not checked:
            return []
        config = checked[0].config
        if any(one.config != config for one in checked):
            raise ConfigError("Requests that are spoken together must have the same settings.")
        if config.duration.target_seconds:
            raise ConfigError("duration.target_seconds is for one request at a time; use duration.factor for many.")
        teller = ProgressTeller(sum(len(one.reading.segments) for one in checked), progress)
        run = self._run(config, teller, at_once=at_once)
        results: dict[int, Speech | IndexTTSError] = {}
        encoded: dict[int, EncodedRequest] = {}
        for place, one in enumerate(checked):
            try:
                encoded[place] = self._prompts(run.watch).request(one)
            except IndexTTSError as error:  # a clip that its header did not tell enough about
                results[place] = error
        spoken = speak_requests(run, list(encoded.values()), self.frontend)
        for place, parts in zip(encoded, spoken, strict=True):
            try:
                results[place] = collect(encoded[place], parts, run.watch)
            except IndexTTSError as error:
                results[place] = error
        return [results[place] for place in range(len(checked))]

    def stream(
        self,
        text: str,
        voice: ReferenceVoice | AudioSource,
        *,
        emotion: Emotion | None = None,
        seed: int = 0,
        config: Settings | None = None,
        progress: OnProgress | None = None,
    ) -> SpeechStream:
        """Speaks `text` while its codes are still being chosen: an iterator of chunks of audio.

        The arguments are those of `synthesize`, and so are the codes and the length, to the sample. With several beams
        little is settled before the end of a segment: `decode.num_beams=1` is made for streaming.

        Raises:
          As `synthesize`, at once. ConfigError: also for settings that need whole segments.
        """
        checked = self.check(Request(text, voice, emotion, seed), config, streamed=True)
        run = self._run(checked.config, ProgressTeller(len(checked.reading.segments), progress))
        return SpeechStream(checked, run, lambda: self._prompts(run.watch).request(checked), self.frontend)

    def check(
        self,
        request: Request,
        config: Settings | None = None,
        *,
        repeated: bool = False,
        streamed: bool = False,
    ) -> CheckedRequest:
        """What can be known of a request before a network runs. Raises as `synthesize` does.

        Args:
          repeated: whether it will be recorded or replayed, which not every setting goes with.
          streamed: whether it will be streamed, likewise.
        """
        settings = _settings(config, self.config)
        check_of_call(settings, self.config, self.model)
        check_fits(settings, self.model)
        request = check_request(request, settings, self.model, streamed=streamed)
        if repeated or streamed:
            check_drawn_once(settings.redraw, self.config.redraw)
        for prompt in (request.voice, request.emotion and request.emotion.clip):
            if isinstance(prompt, ReferenceVoice | EmotionPrompt):
                check_origin(prompt, self.model, self.model_id)
        if isinstance(request.voice, ReferenceVoice):
            check_voice(request.voice, self.model)
        return CheckedRequest(request, settings, self._read(request.text, settings))

    def read(self, text: str, config: Settings | None = None) -> tuple[list[str], list[list[str]], list[str]]:
        """What would be read: (tokens, segments, warnings).

        Raises:
          TextError: empty, or nothing speakable in it.
        """
        reading = self._read(text, _settings(config, self.config))
        return reading.tokens, reading.segments, reading.warnings

    def _read(self, text: str, config: Config) -> Reading:
        reading = read_as(self.frontend, text, config.text, config.interval_silence_ms)
        longest = max(len(segment) for segment in reading.segments)
        if longest > self.model.gpt.max_text_tokens:
            raise TextError(f"A segment has {longest} tokens, the model takes {self.model.gpt.max_text_tokens}.")
        return reading

    def _run(
        self,
        config: Config,
        teller: ProgressTeller,
        *,
        at_once: int | None = None,
        record: Record | None = None,
        replay: Replay | None = None,
    ) -> Run:
        watch = Stopwatch(teller.stage)
        return Run(
            self.params,
            self.model,
            config,
            watch,
            at_once=at_once or config.segments_at_once,
            replay=replay,
            record=record,
            on_segment=teller.segment,
            on_code=teller.codes,
            heads=self.heads(config, watch),
        )

    def heads(self, config: Config, watch: Stopwatch | None = None) -> Heads:
        """Which heads of the model tell where in the text it is, where the settings ask for something that needs it
        (`asks_where`): found at the first time, for all further speech.

        Raises:
          ConfigError: they are asked for, and the model has no encoder to find them by.
        """
        check_can_tell_where(config, self.model)
        if not asks_where(config):
            return NO_HEADS
        if self._heads is None:
            self._heads = find_heads(self.params, self.model, self.frontend, watch)
        return self._heads

    def _prompts(self, watch: Stopwatch, record: Record | None = None) -> Prompts:
        return Prompts(self.params, self.model, self.model_id, self.voices, self.classifier, watch, record)


def _settings(given: Settings | None, own: Config) -> Config:
    if given is None:
        return own
    return given if isinstance(given, Config) else replace(own, **given)
