"""Applications whose model is not there yet, asked without a socket."""

import asyncio

import httpx

from indextts2_jax.serving.access import Keys
from indextts2_jax.serving.app import Serving, build_app
from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.link import Link
from indextts2_jax.serving.scheduler import Scheduler
from indextts2_jax.serving.voices import Voices
from indextts2_jax.serving.worker import Order
from tests.tiny import tiny_config


def run(*, keys: Keys | None = None, origins: tuple[str, ...] = (), limits: Limits | None = None):
    """`run(…)(method, path, …)`: the response of an application whose model is not there yet."""
    limits = limits or Limits()
    config = tiny_config()
    serving = Serving("", config, config.model, Voices(None, limits), limits, keys or Keys(), origins)

    async def asked(method: str, path: str, **options) -> httpx.Response:
        app = build_app(serving, Link(Order("", config), Scheduler, limits))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            return await client.request(method, path, **options)

    return lambda *arguments, **options: asyncio.run(asked(*arguments, **options))
