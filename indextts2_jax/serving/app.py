"""The application: all routes, behind `Access`, around one `Link`.

client ─► CORS ─► Access ─► routes ─► Speakers ─► Link ─► worker
"""

import asyncio
import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from indextts2_jax import __version__
from indextts2_jax.config import Config, ModelConfig
from indextts2_jax.serving import operation, page, scripts, speech_routes, voice_routes, websocket
from indextts2_jax.serving.access import Access, Keys
from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.link import Link
from indextts2_jax.serving.metrics import Metrics
from indextts2_jax.serving.problems import Problem
from indextts2_jax.serving.reader import Reader
from indextts2_jax.serving.responses import ClientGone
from indextts2_jax.serving.speakers import Speakers
from indextts2_jax.serving.uploads import Decoders
from indextts2_jax.serving.voices import Voices

logger = logging.getLogger(__name__)

GONE = 499
"""Of a response that nobody gets, as nginx counts it."""

EXPOSED = ["X-Seed", "X-Sample-Rate", "X-Segments", "X-Warnings", "X-Ignored-Fields", "X-Instructions"]
EXPOSED += ["X-Request-Id", "Retry-After"]
"""Headers that pages of other sites may read."""


@dataclasses.dataclass(frozen=True)
class Serving:
    """What a server is made of."""

    checkpoint: str
    """As the worker loads it; empty: random weights."""
    config: Config
    model: ModelConfig
    voices: Voices
    limits: Limits = dataclasses.field(default_factory=Limits)
    keys: Keys = dataclasses.field(default_factory=Keys)
    origins: Sequence[str] = ()


def build_app(serving: Serving, link: Link) -> FastAPI:
    """The application; `link` is started and closed by the caller."""
    app = FastAPI(title="indextts2_jax", version=__version__, docs_url=None, redoc_url=None)
    metrics = Metrics()
    decoders = Decoders(serving.limits)
    state: Any = app.state
    state.link, state.voices, state.limits, state.metrics = link, serving.voices, serving.limits, metrics
    state.decoders, state.uploading, state.websockets = decoders, asyncio.Lock(), 0
    state.reader = Reader(serving.checkpoint, serving.config, serving.model)
    state.speakers = Speakers(link, serving.voices, decoders, serving.limits, metrics, serving.config, serving.model)
    metrics.watch(link)
    for part in (speech_routes, scripts, voice_routes, operation, websocket, page):
        app.include_router(part.router)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(ClientGone, _on_gone)
    app.add_exception_handler(Exception, _on_fault)
    origins = [origin.rstrip("/") for origin in serving.origins]
    app.add_middleware(Access, keys=serving.keys, limits=serving.limits, metrics=metrics, origins=origins)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
        )
    return app


def _response(problem: Problem) -> JSONResponse:
    return JSONResponse(problem.body, problem.status, problem.headers)


async def _on_problem(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    return _response(problem)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    method, path = request.method, request.url.path
    said = {404: f"There is no {path:.80}.", 405: f"{method} is not for {path:.80}."}
    response = _response(Problem(error.status_code, said.get(error.status_code, str(error.detail))))
    response.headers.update(error.headers or {})
    return response


async def _on_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return _response(Problem(400, f"{first['loc'][-1]}: {first['msg']}.", param=str(first["loc"][-1])))


async def _on_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=GONE)


async def _on_fault(request: Request, error: Exception) -> JSONResponse:
    return _response(Problem(500, "The server has a fault here; its log says more."))
