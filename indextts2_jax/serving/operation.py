"""What is asked of a server that runs: which models, is it well, how much has it done, how will a text be read."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from indextts2_jax.serving.body import parse
from indextts2_jax.serving.problems import Problem
from indextts2_jax.serving.reader import Reader

router = APIRouter()

MODELS = ("indextts-2", "tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""The model, and the names that clients know it by; any other is understood too."""

MAX_READ = 2000
"""Characters of a text that `/v1/audio/reading` shows."""


@router.get("/v1/models")
async def models() -> dict[str, Any]:
    """As OpenAI lists them."""
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "indextts2_jax"} for name in MODELS]
    return {"object": "list", "data": data}


@router.get("/v1/models/{model}")
async def model(model: str) -> dict[str, Any]:
    if model not in MODELS:
        raise Problem(404, f"There is no model {model!r:.80}; there are {', '.join(MODELS)}.", param="model")
    return {"id": model, "object": "model", "created": 0, "owned_by": "indextts2_jax"}


@router.get("/v1/audio/models")
async def audio_models() -> dict[str, Any]:
    """As Open WebUI asks for them."""
    return {"models": [{"id": name, "name": name} for name in MODELS]}


@router.get("/health")
async def health() -> dict[str, str]:
    """The server answers."""
    return {"status": "ok"}


@router.get("/ready")
async def ready(request: Request) -> Response:
    """200 where a request would be spoken now, else 503."""
    link = request.app.state.link
    state = "stopping" if link.closing else "ready" if link.ready else "loading"
    return JSONResponse({"status": state, "running": link.running}, 200 if state == "ready" else 503)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """For Prometheus."""
    return Response(request.app.state.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.post("/v1/audio/reading")
async def reading(request: Request) -> dict[str, Any]:
    """How a text will be read: what becomes of numbers and the like, its segments, and warnings."""
    values = parse(await request.body())
    text = values.get("input")
    if not isinstance(text, str):
        raise Problem(400, "input is missing: it must be a text.", param="input")
    if len(text) > MAX_READ:
        raise Problem(
            400, f"input is longer than {MAX_READ} characters; what is read is shown in parts.", param="input"
        )
    reader: Reader = request.app.state.reader
    return await reader.read(text)
