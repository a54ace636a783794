"""How texts will be read, told by a child process: the official rules hold Python for seconds over a page of text.

    Reader ── a JSON line ──► python -m indextts2_jax.serving.read_texts ── a JSON line ──► Reader

The child starts when it is first asked, ends with its standard input, and is replaced where it takes too long.
"""

import asyncio
import contextlib
import json
import os
import sys
from typing import Any

from indextts2_jax.checkpoint import bundled
from indextts2_jax.checkpoint.artefact import TOKENIZER
from indextts2_jax.config import Config, ModelConfig, to_dict
from indextts2_jax.serving.problems import Problem

SECONDS = 30.0
"""For one text."""

MAX_LINE = 16 << 20


class Reader:
    """Reads with the model's own front-end and settings.

    Args:
      checkpoint: name or folder; empty: the tokenizer of models with random weights.
    """

    def __init__(self, checkpoint: str, config: Config, model: ModelConfig) -> None:
        self._setup = {
            "frontend": model.text_frontend,
            "tokenizer": os.fspath(bundled.resolve(checkpoint) / TOKENIZER) if checkpoint else None,
            "text": to_dict(config.text),
            "interval_ms": config.interval_silence_ms,
        }
        self._child: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def read(self, text: str) -> dict[str, Any]:
        """normalized (the text in words), segments (tokens), silences_ms around them, warnings.

        Raises:
          Problem: nothing to speak, a bad pause (400), or a text that takes too long (503).
        """
        async with self._lock:
            try:
                answer = await asyncio.wait_for(self._ask(text), SECONDS)
            except BaseException as error:  # what it answers next would be the answer to this
                self._end()
                if isinstance(error, asyncio.TimeoutError):
                    raise Problem(503, f"The text takes more than {SECONDS:g} s to read. Send a shorter one.") from None
                raise
        if "error" in answer:
            raise Problem(400, answer["error"], param="input")
        return answer

    async def _ask(self, text: str) -> dict[str, Any]:
        child = await self._running()
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(json.dumps(text).encode() + b"\n")
        line = await child.stdout.readline()
        if not line:
            self._end()
            raise Problem(503, "The process that reads texts has ended; send the request once more.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def _running(self) -> asyncio.subprocess.Process:
        if self._child is None or self._child.returncode is not None:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "indextts2_jax.serving.read_texts",
                json.dumps(self._setup),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=MAX_LINE,
                start_new_session=True,  # Ctrl-C is for the server
            )
        return self._child

    def _end(self) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()
            self._child = None

    async def close(self) -> None:
        """Ends the child."""
        child = self._child
        self._end()
        if child is not None:
            await child.wait()
