"""What the scheduler's tasks do: speak a request, whole or streamed, and make a clip a voice file."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio import quality
from indextts2_jax.config import DecodeConfig, asks_where
from indextts2_jax.pipeline.alignment import NO_HEADS, Heads
from indextts2_jax.pipeline.decoder import Decoder, Draw, codes_of
from indextts2_jax.pipeline.generation import CodesToCome, Utterance
from indextts2_jax.pipeline.recording import Stopwatch
from indextts2_jax.pipeline.voice import EmotionPrompt, ReferenceVoice
from indextts2_jax.serving.messages import Accepted, Audio, Done, Encoded, EncodeVoice, Progress, Speak
from indextts2_jax.serving.task import Task
from indextts2_jax.synthesis.prompts import Prompts
from indextts2_jax.synthesis.request import CheckedRequest, Request, check_source
from indextts2_jax.synthesis.segment import EncodedRequest
from indextts2_jax.synthesis.segments import Run, collect, speak_request
from indextts2_jax.synthesis.speech import Speech
from indextts2_jax.synthesis.stream import SpeechStream
from indextts2_jax.synthesis.synthesizer import IndexTTS2


class Model:
    """A loaded model and the decoder that its tasks share."""

    def __init__(self, tts: IndexTTS2, rows: int) -> None:
        self.tts = tts
        self.decoder = Decoder(tts.params, tts.model, rows)
        self._encoding: Task | None = None

    # --- tasks ---

    def speak(self, task: Task, command: Speak) -> None:
        """Checks, encodes what is to be encoded, and speaks."""
        checked = self.tts.check(command.request, command.settings, streamed=command.streamed)
        reading = checked.reading
        task.tell(Accepted(task.number, len(reading.segments), tuple(reading.warnings)))
        task.wait()
        progress = _Progress(task, len(reading.segments)) if command.progress else None
        watch = _watch(task, progress)
        with self._drawing(task, progress) as draw:
            encoded = self._encoded(task, checked, watch)
            at_once = checked.config.segments_at_once
            heads = self._heads(task, checked, watch)
            run = Run(self.tts.params, self.tts.model, checked.config, watch, at_once=at_once, heads=heads, draw=draw)
            if progress:
                run = dataclasses.replace(run, on_segment=progress.segment)
            speech = self._streamed(task, run, encoded) if command.streamed else self._whole(task, run, encoded)
        task.tell(
            Done(
                task.number,
                samples=speech.samples,
                codes=sum(map(len, speech.codes)),
                text_tokens=sum(map(len, speech.segments)),
                seed=speech.seed,
                warnings=tuple(speech.warnings),
                words=tuple(speech.words),
                suspect=tuple(speech.suspect),
            )
        )

    def encode(self, task: Task, command: EncodeVoice) -> None:
        """Makes a clip a voice file."""
        check_source(command.clip)
        task.wait()
        with self._alone(task):
            voice = self._prompts(_watch(task)).voice(command.clip, self.tts.config, own_emotion=True)
        voice.save(command.path)
        warnings = quality.faults(audio_clip.clip_from_array(*command.clip))
        task.tell(Encoded(task.number, tuple(warnings)))

    # --- their parts ---

    def _whole(self, task: Task, run: Run, encoded: EncodedRequest) -> Speech:
        """Segment by segment."""
        parts = speak_request(run, encoded, self.tts.frontend)
        return collect(encoded, parts, run.watch, sink=lambda audio: _tell_audio(task, audio))

    def _streamed(self, task: Task, run: Run, encoded: EncodedRequest) -> Speech:
        stream = SpeechStream(encoded.checked, run, lambda: encoded, self.tts.frontend)
        for chunk in stream:
            _tell_audio(task, chunk)
        return stream.speech

    def _encoded(self, task: Task, checked: CheckedRequest, watch: Stopwatch) -> EncodedRequest:
        if not _needs_networks(checked.request):
            return self._prompts(watch).request(checked)
        with self._alone(task):
            return self._prompts(watch).request(checked)

    def _heads(self, task: Task, checked: CheckedRequest, watch: Stopwatch) -> Heads:
        """Found by the first task that asks for something that needs them: the others go on meanwhile."""
        if not asks_where(checked.config):
            return NO_HEADS
        with self._alone(task):
            return self.tts.heads(checked.config, watch)

    def _prompts(self, watch: Stopwatch) -> Prompts:
        tts = self.tts
        return Prompts(tts.params, tts.model, tts.model_id, tts.voices, tts.classifier, watch)

    @contextlib.contextmanager
    def _alone(self, task: Task) -> Iterator[None]:
        """One task encodes at a time: of equal clips the second finds what the first has made, and none waits for
        another one that holds the cache."""
        while self._encoding is not None:
            task.wait(lambda: self._encoding is None)
        self._encoding = task
        try:
            yield
        finally:
            self._encoding = None

    @contextlib.contextmanager
    def _drawing(self, task: Task, progress: "_Progress | None") -> Iterator[Callable[..., CodesToCome]]:
        """How the task has codes drawn; what it has begun is taken back when it ends before."""
        draws: list[Draw] = []

        def draw(utterance: Utterance, decode: DecodeConfig, stops: Callable[[int], int] | None = None) -> CodesToCome:
            if progress:
                progress.stage("decode")
            own = Draw(utterance, decode, stops)
            draws.append(own)
            self.decoder.join(own)
            return codes_of(own, lambda: task.wait(lambda: own.has_news))

        try:
            yield draw
        finally:
            for own in draws:
                self.decoder.leave(own)


def _needs_networks(request: Request) -> bool:
    """Whether a clip is to be encoded, or words classified."""
    emotion = request.emotion
    if not isinstance(request.voice, ReferenceVoice):
        return True
    if emotion is None:
        return False
    clip = emotion.clip is not None and not isinstance(emotion.clip, EmotionPrompt)
    return clip or emotion.description(request.text) is not None


class _Progress:
    """Tells at which stage of which segment a speech is, whenever that changes."""

    def __init__(self, task: Task, segments: int) -> None:
        self._task, self._segments, self._segment = task, segments, 0
        self._last: Progress | None = None

    def segment(self, index: int) -> None:
        """Work on a segment begins."""
        self._segment = index + 1

    def stage(self, name: str) -> None:
        """A stage begins."""
        now = Progress(self._task.number, name, self._segment, self._segments)
        if now != self._last:
            self._last = now
            self._task.tell(now)


def _watch(task: Task, progress: _Progress | None = None) -> Stopwatch:
    """Every stage, and every step of a long one, is a turn."""

    def announce(stage: str) -> None:
        if progress:
            progress.stage(stage)
        task.wait()

    return Stopwatch(announce, in_pieces=True)


def _tell_audio(task: Task, audio: np.ndarray) -> None:
    if len(audio):
        task.tell(Audio(task.number, audio))
