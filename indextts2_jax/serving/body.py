"""What the body of a speech request says, field by field.

    bytes ── JSON ──► values ── SpeechBody (what OpenAI has, and our fields) ──► body
                        └────── `settings_of` (any setting of a batch line) ───► {"decode": {"num_beams": 1}}

Fields that nobody here knows are let through, as clients add their own; `ignored` says which.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from indextts2_jax.config import SHORT_NAMES, Config, replace_dotted
from indextts2_jax.errors import ConfigError
from indextts2_jax.runtime.text_files import TextFileError, decode, parse_json
from indextts2_jax.serving.problems import Problem, of_error
from indextts2_jax.synthesis.request import EMOTION_KINDS

CHOSEN_AT_START = ("model", "precision", "checkpoint", "random_seed", "audio")
"""Groups of settings that no request changes."""

Words = Annotated[str, StringConstraints(max_length=2000)]
Base64 = Annotated[str, Field(description="A recording in base64, or a data: URL of one. Paths and URLs are refused.")]


class VoiceId(BaseModel):
    """{"id": "voice_…"}"""

    model_config = ConfigDict(extra="allow")
    id: str


class SpeechBody(BaseModel):
    """`POST /v1/audio/speech`. Beside these fields any setting of a batch line: "decode.num_beams", "redraw", …"""

    model_config = ConfigDict(extra="allow", protected_namespaces=(), populate_by_name=True)

    input: str = Field(description="What to say. `[pause:800ms]` in it is silence.")
    model: str = Field("indextts-2", description="Any name: there is one model here.")
    voice: str | VoiceId | None = Field(None, description="Id or name of a voice, one of OpenAI's names, or {id}.")
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    stream_format: Literal["audio", "sse"] = "audio"
    speed: float = Field(1.0, ge=0.25, le=4.0, description="1/duration_factor; the model speaks at 0.5 to 2.")
    instructions: Words | None = Field(None, description="How to say it, for a model with an emotion classifier.")
    sample_rate: int | None = Field(None, description="Of the audio, in Hz. PCM has 24,000 by default.")
    stream: bool | None = Field(None, description="Audio while a sentence is being made, rather than after it.")
    word_timestamps: bool = Field(False, description="When each word is heard: with events, in the last; else in JSON.")
    progress: bool = Field(False, description="With events: at which stage of which segment the speech is.")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Equal seeds give equal speech.")
    language: str | None = Field(None, description='"es", "es-MX" or "Spanish", for a model of several languages.')
    emotion: str | list[float] | dict[str, float] | None = Field(
        None, description='"happy:0.6,sad:0.2" or {"happy": 0.6}'
    )
    emotion_vector: list[float] | None = Field(None, description="Eight weights from 0 to 1.2.")
    emotion_audio: Base64 | None = None
    emotion_text: Words | None = None
    emotion_from_text: bool | None = None
    emotion_alpha: float | None = Field(None, ge=0, le=1)
    ref_audio: Base64 | None = Field(None, description="Instead of a voice: a recording of it, for this request only.")
    extra_params: dict[str, Any] | None = Field(None, description="emo_vector, emo_audio, emo_text, emo_alpha.")

    @property
    def voice_id(self) -> str | None:
        """Id or name."""
        return self.voice.id if isinstance(self.voice, VoiceId) else self.voice

    def emotions(self) -> dict[str, Any]:
        """What is said of the emotion, as `read_emotion` takes it. Raises `Problem` for a strange `extra_params`."""
        found: dict[str, Any] = {name: getattr(self, name) for name in EMOTION_KINDS}
        for theirs, ours in _EXTRA.items():
            value = (self.extra_params or {}).get(theirs)
            if value is None:
                continue
            kind = EMOTION_KINDS[ours]
            if not isinstance(value, kind) or isinstance(value, bool):
                raise Problem(400, f"extra_params.{theirs} is {value!r:.60}, which is of the wrong kind.", param=theirs)
            found[ours] = value
        return {name: value for name, value in found.items() if value is not None}


_LANGUAGES = {"english": "en", "chinese": "zh", "japanese": "ja", "spanish": "es", "arabic": "ar"}

_EXTRA = {
    "emo_vector": "emotion_vector",
    "emo_audio": "emotion_audio",
    "emo_text": "emotion_text",
    "emo_alpha": "emotion_alpha",
}


def parse(data: bytes) -> dict[str, Any]:
    """The object that a body holds. Raises `Problem` for anything else."""
    try:
        values = parse_json(decode(data))
    except TextFileError as error:
        raise Problem(400, f"The body is no JSON that can be read: it is {error}.", code="invalid_json") from None
    if not isinstance(values, dict):
        raise Problem(400, 'The body must be a JSON object: {"input": "…", "voice": "…"}.', code="invalid_json")
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Problem(
            400, "The body holds half a surrogate pair, which is no character.", code="invalid_json"
        ) from None
    return values


def read_body(values: Mapping[str, Any]) -> SpeechBody:
    """The fields, checked one by one; null is the same as none. Raises `Problem` for the first that is wrong."""
    given = {key: value for key, value in values.items() if value is not None}
    try:
        return SpeechBody.model_validate(given)
    except ValidationError as error:
        raise of_validation(error) from None


def of_validation(error: ValidationError) -> Problem:
    """The first fault, named by its field."""
    first = error.errors(include_url=False, include_context=False)[0]
    param = str(first["loc"][0]) if first["loc"] else None
    if first["type"] == "missing":
        return Problem(400, f"{param} is missing.", param=param, code="missing_required_parameter")
    return Problem(400, f"{param} is {first['input']!r:.60}: {first['msg']}.", param=param)


def language_code(said: str) -> str:
    """ "es" of "es-MX", "es_MX" and "Spanish"; what is none of a model's is for its settings to refuse."""
    word = said.strip().lower().replace("_", "-").partition("-")[0]
    return _LANGUAGES.get(word, word)


def settings_of(values: Mapping[str, Any], config: Config) -> tuple[dict[str, Any], list[str]]:
    """Which settings the further fields change, by their full names, and which fields are no settings.

    Args:
      values: the fields that `SpeechBody` does not know.
      config: what is changed.
    Raises:
      Problem: a setting that there is not, or that no request changes.
    """
    changes: dict[str, Any] = {}
    ignored = []
    for key, value in values.items():
        name = SHORT_NAMES.get(key, key)
        group = name.partition(".")[0]
        if name == key and "." not in key:
            ignored.append(key)
        elif group in CHOSEN_AT_START:
            raise Problem(400, f"{key} is chosen when the server starts; no request changes it.", param=key)
        elif name != group and not hasattr(config, group):
            ignored.append(key)
        elif changes.setdefault(name, value) is not value:
            raise Problem(400, f"{key} is given twice, under two names.", param=key)
    try:
        replace_dotted(config, changes)
    except ConfigError as error:
        raise of_error(error, next((key for key in changes if key in str(error)), None)) from None
    return changes, ignored


def nested(changes: Mapping[str, Any]) -> dict[str, Any]:
    """{"decode.num_beams": 1} as {"decode": {"num_beams": 1}}."""
    result: dict[str, Any] = {}
    for key, value in changes.items():
        *groups, name = key.split(".")
        place = result
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = value
    return result
