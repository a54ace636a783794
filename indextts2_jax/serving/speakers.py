"""From what a client wants to the samples of its speech.

    SpeechBody ─ `Speakers.prepare` ─► Wanted ─ `Speakers.speak` ─► Speech: Accepted, samples…, Done
                  voice, emotion, settings, all checked

Whoever takes a `Speech` closes it, and its work stops where it has not ended.
"""

import asyncio
import dataclasses
import json
import logging
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from indextts2_jax.array_typing import Float
from indextts2_jax.audio.clip import MIN_EMOTION_SECONDS
from indextts2_jax.config import (
    LONGEST_FACTOR,
    SHORTEST_FACTOR,
    Config,
    ModelConfig,
    check_fits,
    check_streamable,
    replace_dotted,
)
from indextts2_jax.emotion_text import question
from indextts2_jax.errors import CheckpointError, ConfigError, EmotionError, IndexTTSError
from indextts2_jax.serving import body as bodies
from indextts2_jax.serving.body import SpeechBody
from indextts2_jax.serving.formats import Encoder
from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.link import Link, Task
from indextts2_jax.serving.messages import Accepted, Audio, Done, Failed, Progress
from indextts2_jax.serving.metrics import Metrics
from indextts2_jax.serving.problems import Problem, of_error, of_failure
from indextts2_jax.serving.uploads import Decoders, from_base64
from indextts2_jax.serving.voices import Voice, Voices
from indextts2_jax.synthesis.request import Emotion, Request, check_request, read_emotion
from indextts2_jax.synthesis.speech import AudioSource

logger = logging.getLogger(__name__)

SLOWEST, FASTEST = 1 / LONGEST_FACTOR, 1 / SHORTEST_FACTOR
"""Speeds that the model can do."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A speech that makes sense, as far as that shows without the model."""

    request: Request
    settings: dict[str, Any]
    """Changes to the model's own, nested."""
    streamed: bool
    encoder: Encoder
    notes: dict[str, str]
    """What the client is told in headers."""
    events: bool
    """Whether the answer is server-sent events."""
    words: bool
    """Whether it says when each word is heard."""
    progress: bool
    """Whether the events tell how far it is."""
    whole: bool
    """Whether the answer is sent when all of it is made, as its header says how long it is."""
    voice: Voice | None
    """The one of the list that speaks."""


class Speech:
    """The samples of a speech, in pieces, as they come, and where it was asked for how far it is.

    Iterating raises `Problem` where the speech comes to nothing, also in the middle.
    """

    def __init__(self, task: Task, metrics: Metrics, voice: Voice | None) -> None:
        self.accepted: Accepted | None = None
        self.done: Done | None = None
        self._task, self._times, self._voice = task, metrics.speech(), voice
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Float[np.ndarray, " N"] | Progress:
        while not self._over:
            match await self._task.next():
                case Accepted() as accepted:
                    self.accepted = accepted
                case Progress() as progress:
                    return progress
                case Audio(samples=samples):
                    self._times.audio(len(samples))
                    return samples
                case Done() as done:
                    self.done, self._over = done, True
                    self._times.end("done")
                case Failed() as failed:
                    self._over = True
                    self._times.end(failed.kind)
                    raise _without_path(of_failure(failed), self._voice)
        raise StopAsyncIteration

    @property
    def words(self) -> list[dict[str, Any]] | None:
        """When each word is heard, for the end; None where nobody has asked."""
        if not self.done or not self.done.words:
            return None
        return [
            {
                "word": word.text,
                "start": round(word.start, 3),
                "end": round(word.end, 3),
                "confidence": round(word.confidence, 3),
                "spaced": word.spaced,
            }
            for word in self.done.words
        ]

    @property
    def told(self) -> dict[str, Any]:
        """What is known at the end of a speech: its suspect segments, and the times of its words if they were asked."""
        words = {} if self.words is None else {"words": self.words}
        return {"suspect": list(self.done.suspect) if self.done else []} | words

    def close(self) -> None:
        """Stops the work where it has not ended."""
        if not self._over:
            self._over = True
            self._times.end("cancelled")
        self._task.cancel()

    @property
    def usage(self) -> dict[str, int]:
        """Tokens, as OpenAI counts them: of the text, and codes of speech. For the end."""
        done = self.done
        read, made = (done.text_tokens, done.codes) if done else (0, 0)
        return {"input_tokens": read, "output_tokens": made, "total_tokens": read + made}


class Speakers:
    """Makes requests of bodies, and speeches of requests."""

    def __init__(
        self,
        link: Link,
        voices: Voices,
        decoders: Decoders,
        limits: Limits,
        metrics: Metrics,
        config: Config,
        model: ModelConfig,
    ) -> None:
        """`config` and `model` are those that the worker has loaded."""
        self.link, self.voices, self.limits = link, voices, limits
        self.owed = 0
        """Sentences of open connections that have not been answered."""
        self.config, self.model = config, model
        self._decoders, self._metrics = decoders, metrics
        self._classifies = _can_classify(model)

    async def prepare(self, values: Mapping[str, Any]) -> Wanted:
        """Everything that can be told before the model is asked. Raises `Problem`."""
        body = bodies.read_body(values)
        if len(body.input) > self.limits.text_characters:
            most = self.limits.text_characters
            message = f"input has {len(body.input)} characters; {most} are spoken at once. Send it in parts."
            raise Problem(400, message, param="input", code="string_above_max_length")
        encoder = Encoder(body.response_format, body.sample_rate)
        changes, ignored = self._settings(body)
        changes |= self._pace(body, changes)
        changes |= {"times.words": True} if body.word_timestamps else {}
        notes = {"X-Ignored-Fields": _ascii(ignored)} if ignored else {}
        emotion = await self._emotion(body, notes)
        source, voice = await self._voice(body)
        request = Request(body.input, source, emotion, body.seed)
        try:
            streamed = await asyncio.to_thread(self._check, body, request, changes)
        except Problem as problem:
            raise _without_path(problem, voice) from None
        events = body.stream_format == "sse"
        return Wanted(
            request,
            bodies.nested(changes),
            streamed,
            encoder,
            notes,
            events,
            words=body.word_timestamps,
            progress=body.progress and events,
            whole=body.stream is False or (body.response_format == "flac" and not streamed),
            voice=voice,
        )

    def speak(self, wanted: Wanted, *, progress: bool = False, begun: bool = False) -> Speech:
        """Has it spoken, where a server that is stopping still speaks it: what it had before it was told to stop.

        The speech must be closed.
        """
        task = self.link.speak(
            wanted.request, wanted.settings, streamed=wanted.streamed, progress=progress, begun=begun
        )
        return Speech(task, self._metrics, wanted.voice)

    def _settings(self, body: SpeechBody) -> tuple[dict[str, Any], list[str]]:
        """What the body changes, and its fields that change nothing. Raises `Problem`."""
        told = self.model.gpt.languages is not None
        language = {"language": bodies.language_code(body.language)} if body.language and told else {}
        changes, ignored = bodies.settings_of((body.model_extra or {}) | language, self.config)
        return changes, ignored + (["language"] if body.language and not told else [])

    def _pace(self, body: SpeechBody, changes: Mapping[str, Any]) -> dict[str, float]:
        if body.speed == 1.0:
            return {}
        if not SLOWEST <= body.speed <= FASTEST:
            message = f"speed is {body.speed:g}, but this model speaks at {SLOWEST:g} to {FASTEST:g} times its pace."
            raise Problem(400, message, param="speed")
        if any(key.startswith("duration.") for key in changes):
            raise Problem(400, "speed and duration settings cannot both be given: either says how fast.", param="speed")
        return {"duration.factor": 1.0 / body.speed}

    async def _emotion(self, body: SpeechBody, notes: dict[str, str]) -> Emotion | None:
        values = body.emotions()
        clip = values.pop("emotion_audio", None)
        try:
            if clip is None:
                emotion = read_emotion(values)
            else:
                data = from_base64(clip, "emotion_audio")
                source = await self._decoders.decode(data, "emotion_audio", MIN_EMOTION_SECONDS)
                others = [key for key, value in values.items() if key != "emotion_alpha" and value is not False]
                if others:
                    raise EmotionError(f"emotion_audio and {others[0]} cannot both be given: one says how it sounds.")
                emotion = Emotion(clip=source, weight=values.get("emotion_alpha", 1.0))
        except IndexTTSError as error:
            raise of_error(error) from None
        if not (body.instructions or "").strip():
            return emotion
        if emotion is not None:
            notes["X-Instructions"] = "ignored: the request says the emotion in another field"
        elif not self._classifies:
            notes["X-Instructions"] = "ignored: this model has no emotion classifier"
        else:
            notes["X-Instructions"] = "used: as words about the emotion"
            return Emotion(words=body.instructions)
        return emotion

    async def _voice(self, body: SpeechBody) -> tuple[AudioSource, Voice | None]:
        if body.ref_audio is not None:
            return await self._decoders.decode(from_base64(body.ref_audio, "ref_audio"), "ref_audio"), None
        voice = self.voices.find(body.voice_id)
        return str(voice.path), voice

    def _check(self, body: SpeechBody, request: Request, changes: Mapping[str, Any]) -> bool:
        """Whether it is streamed. Raises `Problem`."""
        try:
            config = replace_dotted(self.config, changes)
            check_fits(config, self.model)
            if config.duration.target_seconds > self.limits.audio_seconds:
                most = self.limits.audio_seconds
                raise Problem(400, f"target_duration is more than the {most:g} s that are spoken at once.")
            streamed = bool(body.stream)
            if body.stream is None:
                streamed = body.stream_format == "sse" or body.response_format == "pcm"
                streamed = streamed and _streamable(config) and not changes.get("redraw.attempts")
            check_request(request, config, self.model, streamed=streamed)
        except IndexTTSError as error:
            raise of_error(error) from None
        return streamed


def _without_path(problem: Problem, voice: Voice | None) -> Problem:
    """The same, or where it is about the file of a voice, in words of that voice."""
    if voice is None or problem.param != "voice" or voice.path.name not in problem.message:
        return problem
    if not voice.path.exists():
        return Problem(404, f"There is no voice {voice.id!r} any more.", param="voice", code="voice_not_found")
    logger.warning("The voice %s cannot be used: %s", voice.id, problem.message)
    message = f"The voice {voice.id!r} cannot be used: its file is damaged or of another kind. Make it again."
    return Problem(404, message, param="voice", code="voice_unusable")


def _streamable(config: Config) -> bool:
    try:
        check_streamable(config.duration, config.polish)
    except ConfigError:
        return False
    return True


def _can_classify(model: ModelConfig) -> bool:
    try:
        question.check_available(model.qwen)
    except CheckpointError:
        return False
    return True


def _ascii(value: object) -> str:
    """A header's value."""
    return json.dumps(value)[:1000]
