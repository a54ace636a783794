"""`/v1/audio/voices`: listed for everyone, uploaded and deleted by those who have a key."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import FormData, UploadFile

from indextts2_jax.serving.link import Link
from indextts2_jax.serving.messages import Failed
from indextts2_jax.serving.problems import Problem, of_failure
from indextts2_jax.serving.responses import unless_gone
from indextts2_jax.serving.uploads import Decoders
from indextts2_jax.serving.voices import Voice, Voices

router = APIRouter()

_FORM = {
    "type": "object",
    "required": ["audio_sample", "name"],
    "properties": {
        "audio_sample": {"type": "string", "format": "binary"},
        "name": {"type": "string", "maxLength": 64},
        "consent": {"type": "string", "maxLength": 500},
        "type": {"type": "string", "enum": ["audio_sample"]},
    },
}


@router.get("/v1/audio/voices")
async def list_voices(request: Request) -> dict[str, Any]:
    """All voices. OpenAI's names are understood beside these."""
    voices: Voices = request.app.state.voices
    found = [voice.describe() for voice in await asyncio.to_thread(voices.all)]
    return {"object": "list", "voices": found, "data": found, "has_more": False}


@router.get("/v1/audio/voices/{voice_id}")
async def show(request: Request, voice_id: str) -> dict[str, Any]:
    """A voice of the list, with the consent that was given for it."""
    voice = request.app.state.voices.listed(voice_id)
    return voice.describe() | {"consent": voice.consent}


@router.post(
    "/v1/audio/voices",
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}},
)
async def upload(request: Request) -> dict[str, Any]:
    """Makes a voice of a recording: 3 to 15 seconds of one speaker."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Problem(415, "Send multipart/form-data with audio_sample and name.")
    app = request.app.state
    async with _form(request) as form:
        kind, name, consent = (form.get(key) for key in ("type", "name", "consent"))
        sample = form.get("audio_sample")
        if kind not in (None, "audio_sample"):
            raise Problem(400, "type must be audio_sample: voices are made of recordings here.", param="type")
        if not isinstance(sample, UploadFile):
            raise Problem(400, "audio_sample is missing: send the recording as a file.", param="audio_sample")
        if not isinstance(name, str):
            raise Problem(400, "name is missing.", param="name")
        data = await sample.read(app.limits.clip_bytes + 1)
    consent = consent if isinstance(consent, str) and consent else None
    voice = await unless_gone(request, _made(app, data, name, consent))
    return voice.describe() | {"consent": voice.consent}


@contextlib.asynccontextmanager
async def _form(request: Request) -> AsyncIterator[FormData]:
    try:
        form = await request.form(max_files=2, max_fields=16, max_part_size=1 << 16)
    except UnicodeError:
        raise Problem(400, "The form names a charset that it is not written in.") from None
    try:
        yield form
    finally:
        await form.close()


async def _made(app: Any, data: bytes, name: str, consent: str | None) -> Voice:
    """The voice of a recording; none is left where it comes to nothing."""
    decoders: Decoders = app.decoders
    clip = await decoders.decode(data, "audio_sample")
    voices: Voices = app.voices
    async with app.uploading:
        voice = voices.reserve(name, consent)
        try:
            await _encode(app.link, clip, voice)
        except BaseException:
            voices.discard(voice)
            raise
        return voices.added(voice)


async def _encode(link: Link, clip: Any, voice: Voice) -> None:
    task = link.encode(clip, str(voice.path))
    try:
        event = await task.next()
        if isinstance(event, Failed):
            problem = of_failure(event)
            problem.param = "audio_sample" if problem.status == 400 else None
            raise problem
    finally:
        task.cancel()


@router.delete("/v1/audio/voices/{voice_id}")
async def delete(request: Request, voice_id: str) -> dict[str, Any]:
    """Removes an uploaded voice."""
    voices: Voices = request.app.state.voices
    voices.discard(voices.uploaded(voice_id))
    return {"id": voice_id, "object": "audio.voice.deleted", "deleted": True}
