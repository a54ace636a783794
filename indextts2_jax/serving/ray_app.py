"""The same application as a deployment of Ray Serve: replicas over processors, GPUs and machines.

    client ─► Ray's proxy ─► Replica: `build_app` around a `Link` ─► its worker, which has the model
                          └► Replica …                                         voices: a folder that all see

What a request gets does not depend on the replica. One that ends takes what it was working on with it (its clients are
told 500 or a broken connection, and ask again); Ray starts another one, and the others go on meanwhile.
"""

import logging
import signal
from typing import Any

import ray
from fastapi import FastAPI
from ray import serve

from indextts2_jax.errors import ConfigError
from indextts2_jax.serving.app import Serving, build_app
from indextts2_jax.serving.link import Link
from indextts2_jax.serving.worker import MakeScheduler, Order

NAME = "indextts2"
"""Of the application in Ray's lists."""

ONGOING = 256
"""Requests that Ray hands to a replica at once; beyond its own queue the replica says 429."""

PROXY_SECONDS = 10.0
"""For what runs, when a replica is stopped by Ray."""


@serve.ingress()
class Replica:
    """One application with one worker."""

    async def __init__(self, serving: Serving, order: Order, make: MakeScheduler) -> None:  # type: ignore[misc]
        """Returns when the model is loaded. Raises `CheckpointError`: it cannot be."""
        self._serving = serving
        self._link = Link(order, make, serving.limits)
        await self._link.start()

    def __serve_build_asgi_app__(self) -> FastAPI:
        """For Ray, which calls it after `__init__`."""
        return build_app(self._serving, self._link)

    async def __del__(self) -> None:
        """For Ray, when the replica is to end."""
        await self._link.close()


def application(serving: Serving, order: Order, make: MakeScheduler, replicas: int = 1) -> Any:
    """What `serve.run` takes. Where the cluster has GPUs each replica gets one, else one processor.

    Ray must be running: `ray.init` finds or starts it.
    """
    gpus = ray.cluster_resources().get("GPU", 0) > 0
    resources = {"num_gpus": 1} if gpus else {"num_cpus": 1}
    deployment = serve.deployment(
        name="speech",
        num_replicas=replicas,
        max_ongoing_requests=ONGOING,
        ray_actor_options=resources,
        graceful_shutdown_timeout_s=PROXY_SECONDS,
        health_check_period_s=2.0,
    )(Replica)
    return deployment.bind(serving, order, make)


def start(
    serving: Serving, order: Order, make: MakeScheduler, *, host: str, port: int, replicas: int, address: str | None
) -> None:
    """Joins or starts Ray, and returns when all replicas have their model.

    Args:
      address: of a cluster that runs; None: one of this machine alone, which ends with this process.
    Raises:
      ConfigError: there is no such cluster, it has too little room, or a model cannot be loaded.
    """
    minded = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises no narrower one where a node does not start
        raise ConfigError(f"Cannot reach Ray at {address or 'this machine'}: {_line(error)}") from None
    finally:
        signal.signal(signal.SIGTERM, minded)  # Ray takes it for itself
    resource = "GPU" if ray.cluster_resources().get("GPU", 0) else "CPU"
    room = int(ray.cluster_resources().get(resource, 0))
    if replicas > room:
        raise ConfigError(f"--replicas is {replicas}, but Ray has {room} {resource}s, and each replica takes one.")
    serve.start(http_options={"host": host, "port": port}, logging_config={"log_level": "ERROR"})
    try:
        serve.run(application(serving, order, make, replicas), name=NAME, route_prefix="/")
    except RuntimeError as error:
        raise ConfigError(f"The replicas did not start: {_line(error)}") from None


def stop() -> None:
    """Ends the application, and Ray where `start` has started it."""
    if ray.is_initialized():
        serve.delete(NAME)
        ray.shutdown()


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]
