"""Scripts of several speakers: which lines they have, and when their words are heard. Both by `dialogue`'s own rules.

    script, cast ─ POST /v1/audio/script ─► lines: the body of each for /v1/audio/speech, the silence before it
    words of the lines ─ POST /v1/audio/script/times ─► SRT, WebVTT, JSON

Lines are spoken as any text is, one by one; who asked puts them behind one another. Voices are those of the server, and
no path is opened that a script or a cast has.
"""

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.dialogue.cast import Cast, Part
from indextts2_jax.dialogue.emotions import cast_emotion, parse_emotion
from indextts2_jax.dialogue.lines import Fault, Line, Script, folded
from indextts2_jax.dialogue.plan import Task, plan_script
from indextts2_jax.dialogue.play import read_play
from indextts2_jax.dialogue.project import names_of
from indextts2_jax.dialogue.subtitles import looks_like_subtitles
from indextts2_jax.dialogue.times import Said, captions, subtitles, times_json
from indextts2_jax.errors import EmotionError, IndexTTSError, TextError
from indextts2_jax.serving.body import of_validation, parse
from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.problems import Problem, of_error
from indextts2_jax.serving.speakers import Speakers
from indextts2_jax.synthesis.request import read_emotion
from indextts2_jax.synthesis.words import Word

router = APIRouter()

SHOWN = 100
"""Faults that are told of one script."""

Name = Annotated[str, StringConstraints(max_length=200)]


class PartBody(BaseModel):
    """How one speaker speaks."""

    model_config = ConfigDict(extra="forbid")

    voice: Name | None = Field(default=None, description="Id or name of a voice; the default one where there is none.")
    emotion: Name | list[float] | dict[str, float] | None = Field(
        default=None, description='"sad 0.6" or {"happy": 0.6}'
    )
    speed: float | None = None
    loudness: float | None = Field(default=None, description="LUFS of every line; 0: as it comes.")


class ScriptBody(BaseModel):
    """`POST /v1/audio/script`."""

    model_config = ConfigDict(extra="forbid")

    script: str = Field(description="A play, as docs/scripts.md has it.")
    cast: dict[Name, PartBody] | None = Field(None, description="By name; none: all speak as `default` does.")
    seed: int = Field(0, ge=0, le=2**32 - 1)


class WordBody(BaseModel):
    """A word as `word_timestamps` gives it."""

    word: str
    start: float = Field(ge=0, le=1e6)
    end: float = Field(ge=0, le=1e6)
    confidence: float = 0.0
    spaced: bool = True


class SaidBody(BaseModel):
    """What is said from a sample of the recording on."""

    words: list[WordBody]
    start: int = Field(0, ge=0, le=2**40, description="The sample that it begins at, at 22,050 Hz.")
    speaker: Name = ""


class TimesBody(BaseModel):
    """`POST /v1/audio/script/times`."""

    model_config = ConfigDict(extra="forbid")

    lines: list[SaidBody]
    format: Literal["srt", "vtt", "json"] = "srt"
    by: Literal["line", "sentence", "word"] = "line"


_TYPES = {"srt": "application/x-subrip", "vtt": "text/vtt", "json": "application/json"}


def _described(body: type[BaseModel]) -> dict[str, Any]:
    """A body as OpenAPI has it, whole in itself."""
    schema = _inlined(body.model_json_schema())
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    definitions = schema.pop("$defs", {})

    def whole(value: Any) -> Any:
        if isinstance(value, list):
            return [whole(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return whole(definitions[value["$ref"].rpartition("/")[2]])
        return {key: whole(item) for key, item in value.items()}

    inlined: dict[str, Any] = whole(schema)
    return inlined


@router.post("/v1/audio/script", openapi_extra=_described(ScriptBody))
async def script(request: Request) -> dict[str, Any]:
    """The lines of a script, and what to ask /v1/audio/speech for each; or everything that is wrong with it."""
    state = request.app.state
    try:
        body = ScriptBody.model_validate(parse(await request.body()))
    except ValidationError as error:
        raise of_validation(error) from None
    found = await asyncio.to_thread(_read, body, state.limits)
    cast = _cast(body, found, state.speakers)
    return await asyncio.to_thread(_lines, body, found, cast, state.speakers)


@router.post("/v1/audio/script/times", openapi_extra=_described(TimesBody))
async def times(request: Request) -> Response:
    """When the words of a recording of several lines are heard, as a file."""
    try:
        body = TimesBody.model_validate(parse(await request.body()))
    except ValidationError as error:
        raise of_validation(error) from None
    text = await asyncio.to_thread(_times, body)
    return Response(text, media_type=f"{_TYPES[body.format]}; charset=utf-8")


def _times(body: TimesBody) -> str:
    said = [
        Said([Word(w.word, w.start, w.end, w.confidence, w.spaced) for w in line.words], line.start, line.speaker)
        for line in body.lines
    ]
    if body.format == "json":
        return times_json(said, body.by)
    return subtitles(captions(said, body.by), body.format == "vtt")


def _read(body: ScriptBody, limits: Limits) -> Script:
    """Raises `Problem` where it cannot be read; what is wrong in it is among its faults."""
    if len(body.script) > limits.script_characters:
        most = limits.script_characters
        message = f"script has {len(body.script)} characters; {most} are read at once. Send it in parts."
        raise Problem(400, message, param="script", code="string_above_max_length")
    if looks_like_subtitles(body.script):
        raise Problem(400, "These are subtitles, which `indextts2 script` fits into their times.", param="script")
    found = read_play(body.script, list(body.cast or {}))
    if len(found.lines) > limits.script_lines:
        most = limits.script_lines
        raise Problem(400, f"script has {len(found.lines)} lines; {most} are read at once.", param="script")
    return _without_clips(found, limits)


def _lines(body: ScriptBody, found: Script, cast: Cast, speakers: Speakers) -> dict[str, Any]:
    """What the request is answered with. Raises `Problem`."""
    try:
        names = ("script", "cast")
        plan = plan_script(found, cast, speakers.config, speakers.model, seed=body.seed, names=names)
    except TextError as error:
        raise _of_faults(str(error).splitlines()) from None
    except IndexTTSError as error:
        raise of_error(error, "script") from None
    ids = names_of([task.line for task in plan.tasks])
    each = zip(plan.tasks, ids, plan.silences, strict=False)
    return {
        "lines": [_line(body, task, own, silence) for task, own, silence in each],
        "silence": plan.silences[-1],
        "sample_rate": SAMPLING_RATE,
        "notes": list(plan.notes),
    }


def _of_faults(faults: Sequence[str]) -> Problem:
    """One message with the first fault, and all of them beside it."""
    others = f" And {len(faults) - 1} more: see `faults`." if len(faults) > 1 else ""
    return Problem(
        400, faults[0] + others, param="script", code="invalid_script", more={"faults": list(faults[:SHOWN])}
    )


def _line(body: ScriptBody, task: Task, own: str, silence: int) -> dict[str, Any]:
    line = task.line
    part = _part_of(body, line.speaker)
    emotion = parse_emotion(line.emotion) if line.emotion else _emotion(part)
    request = {
        "input": line.text,
        "voice": part.voice or _part_of(body, "").voice,
        "seed": task.request.seed,
        "duration_factor": round(task.pace, 6),
        "loudness": task.config.polish.loudness_lufs,
        **(emotion or _emotion(_part_of(body, ""))),
    }
    return {
        "line": line.number,
        "at": line.at,
        "id": own,
        "speaker": line.speaker,
        "emotion": line.emotion,
        "text": line.text,
        "silence": silence,
        "request": {key: value for key, value in request.items() if value is not None},
    }


# --- the cast -----------------------------------------------------------------------------------------------------

NOBODY = PartBody()
DEFAULT = "default"


def _part_of(body: ScriptBody, speaker: str) -> PartBody:
    """What the cast says of a speaker; empty: of those that the script does not name."""
    wanted = folded(speaker) or DEFAULT
    return next((part for name, part in (body.cast or {}).items() if folded(name) == wanted), NOBODY)


def _emotion(part: PartBody) -> dict[str, Any]:
    """As /v1/audio/speech takes it. Raises `EmotionError`: it names a clip, which is a path."""
    found = {} if part.emotion is None else cast_emotion(part.emotion)
    if "emotion_audio" in found:
        raise EmotionError("a clip's emotion is for a request: no path is opened here.")
    return found


def _cast(body: ScriptBody, found: Script, speakers: Speakers) -> Cast:
    """The voices' files. Raises `Problem` for what is wrong with any part."""
    names = {folded(line.speaker): line.speaker for line in found.lines if line.speaker}
    given = body.cast if body.cast is not None else dict.fromkeys(names.values(), NOBODY)
    parts, default = {}, Part(str(speakers.voices.find(None).path))
    for name, part in given.items():
        try:
            voice = None if part.voice is None else str(speakers.voices.find(part.voice).path)
            own = Part(voice, read_emotion(_emotion(part)), part.speed, part.loudness)
        except IndexTTSError as error:
            raise of_error(error, f"cast.{name}") from None
        if folded(name) == DEFAULT:
            default = own.over(default)
        else:
            parts[name] = own
    try:
        return Cast(parts, default)
    except IndexTTSError as error:
        raise of_error(error, "cast") from None


def _without_clips(found: Script, limits: Limits) -> Script:
    """The same with a fault in place of every line whose emotion is a path, or that is too long for one speech."""

    def wrong(line: Line) -> str | None:
        try:
            if "emotion_audio" in parse_emotion(line.emotion):
                return f"({line.emotion:.40}) is a clip; no path is opened here."
        except EmotionError:  # which the plan tells
            pass
        if len(line.text) > limits.text_characters:
            return f"it has {len(line.text)} characters; {limits.text_characters} are spoken at once."
        return None

    told = [(line, wrong(line)) for line in found.lines]
    faults = tuple(Fault(line.at, what) for line, what in told if what)
    spoken = tuple(line for line, what in told if not what)
    return dataclasses.replace(found, lines=spoken, faults=found.faults + faults)
