"""How each line is spoken, as cast and script say: checked before a model is there, named by the contents of files."""

import dataclasses
import hashlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from indextts2_jax.config import Config, ModelConfig, check_fits, replace, replace_dotted, to_dict
from indextts2_jax.dialogue.cast import Cast, Part
from indextts2_jax.dialogue.emotions import parse_emotion
from indextts2_jax.dialogue.lines import Fault, Line, folded
from indextts2_jax.errors import ConfigError, IndexTTSError, TextError, require
from indextts2_jax.pipeline.voice import EmotionPrompt, ReferenceVoice, fingerprint
from indextts2_jax.synthesis.request import Emotion, Request, check_request, read_emotion
from indextts2_jax.synthesis.speech import AudioSource

FORMAT = 1
"""A part of every key: what was spoken by another version of this is spoken again."""


@dataclasses.dataclass(frozen=True)
class Rules:
    """How lines follow one another, how cues are filled, how loud it all is."""

    line_pause_ms: int = 250
    """Silence between two lines of one speaker."""
    speaker_pause_ms: int = 450
    """Where another one speaks."""
    direction_pause_ms: int = 1000
    """Where a stage direction or a beat stands between them."""
    shortest: float = 0.75
    """A cue's speech is shortened to so much of its natural length at most."""
    longest: float = 1.35
    """And drawn out to so much."""
    loudness_lufs: float = -23.0
    """Of every line, where neither the cast nor the settings say another; 0: as it comes."""

    def __post_init__(self) -> None:
        """Raises `ConfigError` for the first value out of range."""
        for name in ("line_pause_ms", "speaker_pause_ms", "direction_pause_ms"):
            value = getattr(self, name)
            require(0 <= value <= 60_000, name, value, "from 0 to 60000 milliseconds")
        require(0.5 <= self.shortest <= 1.0, "shortest", self.shortest, "from 0.5 to 1")
        require(1.0 <= self.longest <= 2.0, "longest", self.longest, "from 1 to 2")
        lufs = self.loudness_lufs
        require(lufs == 0.0 or -60.0 <= lufs <= -5.0, "loudness_lufs", lufs, "from -60 to -5, or 0")


@dataclasses.dataclass(frozen=True)
class Manner:
    """How a line is spoken: all but its text and seed."""

    voice: ReferenceVoice | AudioSource
    emotion: Emotion | None
    config: Config
    pace: float
    """Factor on the length of what is spoken; in `config` too, but for cues."""
    identity: str
    """Changes with everything here, by the contents of files."""


def check_untimed(config: Config, cues: bool) -> None:
    """Raises `ConfigError` for settings with a duration of the whole, or of segments where there are `cues`."""
    if config.duration.target_seconds:
        raise ConfigError("duration.target_seconds is for single texts: a script is as long as its lines or cues.")
    if cues and config.duration.even_pace:
        raise ConfigError("duration.even_pace is not for subtitles: their cues say how long each line takes.")


class Checker:
    """The manner of every line. What is wrong with the cast is told once, in `faults`, not with every line."""

    def __init__(
        self, cast: Cast, config: Config, model: ModelConfig, rules: Rules, timed: bool, cast_name: str = "the cast"
    ) -> None:
        """`timed`: lines are fitted into cues, so that their pace is no setting of the model's."""
        self.faults: list[Fault] = []
        self._cast, self._config, self._model, self._rules, self._timed = cast, config, model, rules, timed
        self._name = cast_name
        self._parts: dict[str, Manner | None] = {}
        self._manners: dict[tuple[str, str], Manner] = {}
        self._digests: dict[str, str] = {}

    def manner(self, line: Line) -> Manner | None:
        """None where its speaker's part of the cast is wrong. Raises what is wrong with the line itself."""
        speaker = folded(line.speaker)
        part = self._cast.part(line.speaker)
        if part is None:
            raise TextError(
                f"{line.speaker} is not in {self._name}, which has {', '.join(self._cast.parts) or 'no names'}. (What "
                f"only looks like a name begins with a backslash: \\{line.speaker}: …)"
            )
        if speaker not in self._parts:
            self._parts[speaker] = self._of_part(part, line.speaker or "default")
        own = self._parts[speaker]
        if own is None or not line.emotion:
            return own
        known = speaker, line.emotion
        if known not in self._manners:
            emotion = read_emotion(parse_emotion(line.emotion), folder=self._cast.folder)
            check_request(Request(line.text, own.voice, emotion), own.config, self._model)
            identity = fingerprint([own.identity, self._emotion_identity(emotion)])
            self._manners[known] = dataclasses.replace(own, emotion=emotion, identity=identity)
        return self._manners[known]

    def _of_part(self, part: Part, name: str) -> Manner | None:
        try:
            if part.voice is None:
                raise ConfigError("there is no voice: name a clip or a voice file, here or in `default`.")
            config, pace = self._settings(part)
            request = check_request(Request("a", part.voice, part.emotion), config, self._model)
            identity = fingerprint(
                [
                    FORMAT,
                    self._digest(part.voice),
                    self._emotion_identity(part.emotion),
                    to_dict(config),
                    [pace, self._rules.shortest, self._rules.longest] if self._timed else None,
                ]
            )
            return Manner(request.voice, part.emotion, config, pace, identity)
        except IndexTTSError as error:
            self.faults.append(Fault(part.at, f"{name}: {' '.join(str(error).split())}"))
            return None

    def _settings(self, part: Part) -> tuple[Config, float]:
        """Raises `ConfigError`."""
        for key in part.settings:
            if key.startswith(("model.", "precision.")):
                raise ConfigError(f"there is no setting {key!r} that a part can change.")
        config = replace_dotted(self._config, part.settings)
        check_untimed(config, self._timed)
        pace = config.duration.factor / (part.speed or 1.0)
        lufs = config.polish.loudness_lufs or self._rules.loudness_lufs
        config = replace(
            config,
            duration={"factor": 1.0 if self._timed else pace},
            polish={"loudness_lufs": lufs if part.loudness is None else part.loudness},
        )
        check_fits(config, self._model)
        require(0.5 <= pace <= 2.0, "duration.factor over speed", pace, "from 0.5 to 2")
        return config, pace

    def _emotion_identity(self, emotion: Emotion | None) -> Any:
        return emotion_identity(emotion, self._digest)

    def _digest(self, source: ReferenceVoice | EmotionPrompt | AudioSource) -> str:
        """`digest_of`; a file is read once."""
        if not isinstance(source, str | os.PathLike):
            return digest_of(source)
        path = os.fspath(source)
        if path not in self._digests:
            self._digests[path] = digest_of(path)
        return self._digests[path]


def emotion_identity(
    emotion: Emotion | None, digest: Callable[[ReferenceVoice | EmotionPrompt | AudioSource], str]
) -> Any:
    """What a key holds of an emotion; `digest` is `digest_of`."""
    if emotion is None:
        return None
    clip = None if emotion.clip is None else digest(emotion.clip)
    return [clip, emotion.vector, emotion.words, emotion.from_text, emotion.weight]


def digest_of(source: ReferenceVoice | EmotionPrompt | AudioSource) -> str:
    """Of the contents: a clip that was replaced by another is another voice, one that was moved is not."""
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    values = source if isinstance(source, tuple) else dataclasses.astuple(source)
    digest = hashlib.sha256()
    for value in values:
        array = np.asarray("" if value is None else value)
        digest.update(f"{array.dtype} {array.shape} ".encode() + array.tobytes())
    return digest.hexdigest()
