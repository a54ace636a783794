"""Recordings that clients send, decoded in a child process that may take so much memory and so much time.

    bytes ── stdin ──► python -m indextts2_jax.serving.decode_clip ── stdout ──► (samples, sampling rate)

A decoder that crashes, hangs or swells takes nobody with it. Of a recording no more is kept than can be heard: 16 s.
"""

import asyncio
import base64
import binascii
import contextlib
import os
import sys

import numpy as np

from indextts2_jax.array_typing import Float
from indextts2_jax.audio.clip import MIN_SECONDS
from indextts2_jax.serving.decode_clip import HEADER
from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.problems import BUSY_SECONDS, Problem


class Decoders:
    """Decodes recordings, a few at once."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._free, self._waiting = asyncio.Semaphore(limits.decoders), 0

    async def decode(
        self, data: bytes, param: str, min_seconds: float = MIN_SECONDS
    ) -> tuple[Float[np.ndarray, " N"], int]:
        """The first 16 s of a recording, mono, and its sampling rate.

        Raises:
          Problem: too large (413), no recording that can be used (400), or too much that waits (429).
        """
        if len(data) > self._limits.clip_bytes:
            most = self._limits.clip_bytes >> 20
            raise Problem(413, f"The recording has {len(data) / 2**20:.1f} MiB; {most} MiB are taken.", param=param)
        if self._waiting + len(data) > self._limits.waiting_bytes:
            raise Problem(429, "Too many recordings are waiting: try again in a moment.", retry_after=BUSY_SECONDS)
        self._waiting += len(data)
        try:
            async with self._free:
                code, out, err = await self._child(data, min_seconds)
        finally:
            self._waiting -= len(data)
        if code == 0:
            (rate,) = HEADER.unpack_from(out)
            return np.frombuffer(out, np.float32, offset=HEADER.size), rate
        said = err.decode("utf-8", "replace").strip().splitlines()
        if code == 2 and said:
            raise Problem(400, said[-1], param=param, code="invalid_audio")
        raise Problem(400, "The recording cannot be decoded within the limits of memory and time.", param=param)

    async def _child(self, data: bytes, min_seconds: float) -> tuple[int, bytes, bytes]:
        limits = self._limits
        arguments = [str(limits.decode_bytes), str(limits.decode_seconds), str(min_seconds)]
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "indextts2_jax.serving.decode_clip",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        try:
            out, err = await asyncio.wait_for(child.communicate(data), limits.decode_seconds)
            return child.returncode or 0, out, err
        except TimeoutError:
            return -1, b"", b""
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


def from_base64(text: str, param: str) -> bytes:
    """The bytes that a field holds, as base64 or as a data: URL of it. Raises `Problem`: also for paths and URLs."""
    head, comma, rest = text.partition(",")
    if head.startswith("data:") and comma:
        text = rest if head.endswith(";base64") else ""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        raise Problem(400, f"{param} must be a recording in base64; paths and URLs are not opened.", param=param)
    return data
