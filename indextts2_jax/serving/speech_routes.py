"""`POST /v1/audio/speech` and `/v1/audio/speech/batch`."""

import asyncio
import base64
import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from indextts2_jax.serving.body import SpeechBody, parse
from indextts2_jax.serving.problems import Problem
from indextts2_jax.serving.responses import PiecewiseResponse, cut, encoded, events, joined, told, unless_gone
from indextts2_jax.serving.speakers import Speakers, Speech, Wanted

router = APIRouter()
logger = logging.getLogger(__name__)


def _schema(**extra: Any) -> dict[str, Any]:
    schema = SpeechBody.model_json_schema()
    definitions = schema.pop("$defs", {})
    voice = schema["properties"]["voice"]
    voice["anyOf"] = [definitions["VoiceId"] if "$ref" in kind else kind for kind in voice["anyOf"]]
    return schema | extra


_AUDIO: dict[str, dict[str, Any]] = {
    "audio/mpeg": {},
    "audio/ogg": {},
    "audio/aac": {},
    "audio/flac": {},
    "audio/wav": {},
    "audio/pcm": {},
}


@router.post(
    "/v1/audio/speech",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _schema()}}}},
    responses={200: {"description": "The speech, while it is made.", "content": _AUDIO | {"text/event-stream": {}}}},
    response_class=Response,
)
async def speech(request: Request) -> Response:
    """Speaks a text."""
    speakers: Speakers = request.app.state.speakers
    wanted = await speakers.prepare(parse(await request.body()))
    made = speakers.speak(wanted, progress=wanted.progress)
    try:
        return await _response(request, wanted, made)
    except BaseException:
        made.close()
        raise


async def _response(request: Request, wanted: Wanted, made: Speech) -> Response:
    pieces = told(made, wanted.encoder) if wanted.progress else encoded(made, wanted.encoder)
    first = await unless_gone(request, anext(pieces, b""))  # a failure is a status, not a broken stream
    headers = wanted.notes | {
        "X-Seed": str(wanted.request.seed),
        "X-Sample-Rate": str(wanted.encoder.sample_rate),
        "Cache-Control": "no-store",
    }
    if made.accepted is not None:
        headers["X-Segments"] = str(made.accepted.segments)
        if made.accepted.warnings:
            shown = " | ".join(made.accepted.warnings)[:1000]
            headers["X-Warnings"] = shown.encode("ascii", "backslashreplace").decode().replace("\n", " ")
    media_type, sent = wanted.encoder.media_type, _from(first, pieces)
    if wanted.events:
        media_type, sent = "text/event-stream", events(made, sent)
        headers["X-Accel-Buffering"] = "no"
    elif wanted.words or wanted.whole:
        audio = wanted.encoder.whole(await unless_gone(request, joined(sent)))
        made.close()
        if wanted.words:
            return JSONResponse(_whole(audio, wanted, made), headers=headers)
        headers["Content-Length"], sent = str(len(audio)), cut(audio)
    stall = request.app.state.limits.stall_seconds
    return PiecewiseResponse(sent, made.close, media_type=media_type, headers=headers, stall_seconds=stall)


async def _from(first: Any, rest: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """What has been made already, if anything, and the rest."""
    if first:
        yield first
    async for piece in rest:
        yield piece


# --- many at once ---


@router.post(
    "/v1/audio/speech/batch",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["items"],
                        "additionalProperties": True,
                        "properties": {
                            "items": {"type": "array", "minItems": 1, "maxItems": 32, "items": _schema()},
                        },
                    }
                }
            },
        }
    },
)
async def batch(request: Request) -> Response:
    """Speaks several texts; fields beside `items` are for all that say nothing else. None stops another."""
    values = parse(await request.body())
    items, most = values.pop("items", None), request.app.state.limits.items
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        raise Problem(400, f"items must be a list of 1 to {most} requests.", param="items")
    values.pop("stream_format", None)
    work = asyncio.gather(*(_item(request, values, index, item) for index, item in enumerate(items)))
    results = await unless_gone(request, work)
    failed = sum(result["status"] == "error" for result in results)
    return JSONResponse(
        {
            "id": f"speech-batch-{secrets.token_hex(8)}",
            "results": results,
            "total": len(results),
            "succeeded": len(results) - failed,
            "failed": failed,
        }
    )


async def _item(request: Request, shared: Mapping[str, Any], index: int, item: Any) -> dict[str, Any]:
    speakers: Speakers = request.app.state.speakers
    made: Speech | None = None
    try:
        if not isinstance(item, dict):
            raise Problem(400, f"items[{index}] must be an object.", param="items")
        wanted = await speakers.prepare({"stream": False, **shared, **item})
        made = speakers.speak(wanted)
        audio = wanted.encoder.whole(await joined(encoded(made, wanted.encoder)))
    except Problem as problem:
        return {"index": index, "status": "error", "error": problem.message, "details": problem.body["error"]}
    finally:
        if made is not None:
            made.close()
    return {"index": index, "status": "success"} | _whole(audio, wanted, made)


def _whole(audio: bytes, wanted: Wanted, made: Speech) -> dict[str, Any]:
    """A speech in one object, with what is told of it."""
    data = base64.b64encode(audio).decode()
    return {"audio_data": data, "media_type": wanted.encoder.media_type, "usage": made.usage} | made.told
