"""`/v1/audio/speech/stream`: text in pieces in, audio sentence by sentence out.

    client: session.config {voice, response_format, …} · input.text {text} … · input.done · session.close
    server: audio.start {utterance_index, sentence_index, sentence_text, format, sample_rate} · bytes … · audio.done
            … · session.done {utterance_index, total_sentences}; error {message, error} wherever it is due

A sentence is asked of the model as soon as it is whole, a few ahead of the one that is being sent.
"""

import asyncio
import contextlib
import enum
import json
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from indextts2_jax.runtime.text_files import TextFileError, parse_json
from indextts2_jax.serving.ahead import Ahead
from indextts2_jax.serving.problems import Problem
from indextts2_jax.serving.responses import encoded
from indextts2_jax.serving.sentences import Sentences
from indextts2_jax.serving.speakers import Speakers, Speech, Wanted

router = APIRouter()


class _Mark(enum.Enum):
    """Between sentences."""

    DONE = enum.auto()
    CLOSE = enum.auto()


@router.websocket("/v1/audio/speech/stream")
async def stream(websocket: WebSocket) -> None:
    """One connection."""
    state = websocket.app.state
    await websocket.accept()
    if state.websockets >= state.limits.connections or state.link.closing:
        await websocket.close(1013, "The server has no room for another connection.")
        return
    state.websockets += 1
    try:
        await _Session(websocket, state.speakers, state.limits.stall_seconds).run()
    finally:
        state.websockets -= 1


class _Session:
    def __init__(self, websocket: WebSocket, speakers: Speakers, stall: float) -> None:
        self._websocket, self._speakers, self._stall = websocket, speakers, stall
        self._config: dict[str, Any] = {}
        self._text = Sentences(speakers.limits.text_characters)
        self._ahead: Ahead[_Mark] = Ahead(speakers)

    async def run(self) -> None:
        """Until either side has had enough."""
        tasks = [asyncio.create_task(work) for work in (self._receive_all(), self._ahead.ask(), self._send_all())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self._ahead.close()
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._websocket.close()
        expected = (WebSocketDisconnect, asyncio.CancelledError, asyncio.TimeoutError, OSError)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, expected):
                raise result

    # --- in ---

    async def _receive_all(self) -> None:
        """Until the client has gone: one that closes the session gets what it has asked for."""
        closed = False
        while True:
            text = await self._ahead.unless_idle(self._websocket.receive())
            if text["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            if closed:
                continue
            try:
                closed = await self._message(text.get("text"))
            except Problem as problem:
                await self._error(problem)

    async def _message(self, text: str | None) -> bool:
        """Whether it was the last. Raises `Problem`."""
        try:
            message = parse_json(text) if text is not None else None
        except TextFileError as error:
            raise Problem(400, f"The message is {error}.", code="invalid_json") from None
        if not isinstance(message, dict):
            raise Problem(400, 'A message is a JSON object with "type".', code="invalid_json")
        match message.get("type"):
            case "session.config":
                self._config = await self._configured(message)
            case "input.text":
                piece = message.get("text")
                if not isinstance(piece, str):
                    raise Problem(400, "input.text needs a text.", param="text")
                for sentence in self._text.add(piece):
                    await self._ahead.put(_fields(self._config, sentence))
            case "input.done":
                for sentence in self._text.rest():
                    await self._ahead.put(_fields(self._config, sentence))
                await self._ahead.mark(_Mark.DONE)
            case "session.close":
                await self._ahead.mark(_Mark.CLOSE)
                return True
            case other:
                known = "session.config, input.text, input.done, session.close"
                raise Problem(400, f"There is no message {other!r:.40}; there are {known}.", param="type")
        return False

    async def _configured(self, message: dict[str, Any]) -> dict[str, Any]:
        """What a message says of the speeches to come, once it is found to make sense. Raises `Problem`."""
        if len(self._text):
            raise Problem(400, "session.config cannot change text that waits: send input.done first.")
        config = message.get("session") or {key: message[key] for key in message if key not in ("type", "session")}
        if not isinstance(config, dict):
            raise Problem(400, f"session is {config!r:.60}, but it must be an object.", param="session")
        await self._speakers.prepare(_fields(config, "test"))
        return config

    # --- out ---

    async def _send_all(self) -> None:
        utterance, sentences = 0, 0
        async for item in self._ahead.answers():
            if isinstance(item, Problem):
                await self._error(item)
            elif len(item) == 3:
                await self._sentence({"utterance_index": utterance, "sentence_index": sentences}, *item)
                sentences += 1
            elif item[0] is _Mark.DONE:
                await self._send({"type": "session.done", "utterance_index": utterance, "total_sentences": sentences})
                utterance, sentences = utterance + 1, 0
            else:
                return

    async def _sentence(self, place: dict[str, int], text: str, wanted: Wanted, speech: Speech) -> None:
        encoder, sent, failed = wanted.encoder, 0, False
        kind = {"format": encoder.name, "sample_rate": encoder.sample_rate}
        try:
            await self._send({"type": "audio.start"} | place | {"sentence_text": text} | kind)
            async for piece in encoded(speech, encoder):
                await asyncio.wait_for(self._websocket.send_bytes(piece), self._stall)
                sent += len(piece)
        except Problem as problem:
            failed = True
            await self._error(problem)
        finally:
            speech.close()
        await self._send({"type": "audio.done"} | place | {"total_bytes": sent, "error": failed} | speech.told)

    async def _error(self, problem: Problem) -> None:
        await self._send({"type": "error", "message": problem.message} | problem.body)

    async def _send(self, message: dict[str, Any]) -> None:
        await asyncio.wait_for(self._websocket.send_text(json.dumps(message)), self._stall)


def _fields(config: dict[str, Any], sentence: str) -> dict[str, Any]:
    return {"response_format": "pcm"} | config | {"input": sentence}
