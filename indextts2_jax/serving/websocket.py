"""`/v1/audio/speech/stream`: text in pieces in, audio sentence by sentence out.

    client: session.config {voice, response_format, …} · input.text {text} … · input.done · session.close
    server: audio.start {utterance_index, sentence_index, sentence_text, format, sample_rate} · bytes … · audio.done
            … · session.done {utterance_index, total_sentences}; error {message, error} wherever it is due

A sentence is asked of the model as soon as it is whole, a few ahead of the one that is being sent.
"""

import asyncio
import contextlib
import json
from typing import Any, TypeAlias

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from indextts2_jax.runtime.text_files import TextFileError, parse_json
from indextts2_jax.serving.problems import Problem
from indextts2_jax.serving.responses import encoded
from indextts2_jax.serving.sentences import Sentences
from indextts2_jax.serving.speakers import Speakers, Speech, Wanted

router = APIRouter()

AHEAD = 3
"""Sentences that are asked for before the one that is being sent has ended."""

IDLE_SECONDS = 300.0

_Sentence: TypeAlias = tuple[int, int, str, Wanted, Speech]
_End: TypeAlias = tuple[int, int]
"""(utterance, sentences)"""


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
        self._text = Sentences()
        self._characters, self._utterance, self._sentences = 0, 0, 0
        self._queue: asyncio.Queue[_Sentence | _End | None] = asyncio.Queue(AHEAD)

    async def run(self) -> None:
        """Until either side has had enough."""
        sending = asyncio.create_task(self._send_all())
        receiving = asyncio.create_task(self._receive_all())
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            if receiving.done() and receiving.exception() is None:
                await sending  # the client closes the session: it gets what it has asked for
        finally:
            for task in (sending, receiving):
                task.cancel()
            results = await asyncio.gather(sending, receiving, return_exceptions=True)
            while not self._queue.empty():
                if (left := self._queue.get_nowait()) is not None and len(left) == 5:
                    left[4].close()
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._websocket.close()
        expected = (WebSocketDisconnect, asyncio.CancelledError, asyncio.TimeoutError, OSError)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, expected):
                raise result

    # --- in ---

    async def _receive_all(self) -> None:
        while True:
            text = await asyncio.wait_for(self._websocket.receive(), IDLE_SECONDS)
            if text["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            try:
                if await self._message(text.get("text")):
                    await self._queue.put(None)
                    return
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
                if len(self._text):
                    raise Problem(400, "session.config cannot change text that waits: send input.done first.")
                config = {key: value for key, value in message.items() if key != "type"}
                self._config = config.pop("session", None) or config
                await self._speakers.prepare(self._fields("test"))
            case "input.text":
                await self._input(message.get("text"))
            case "input.done":
                for sentence in self._text.rest():
                    await self._speak(sentence)
                await self._queue.put((self._utterance, self._sentences))
                self._utterance, self._sentences, self._characters = self._utterance + 1, 0, 0
            case "session.close":
                return True
            case other:
                known = "session.config, input.text, input.done, session.close"
                raise Problem(400, f"There is no message {other!r:.40}; there are {known}.", param="type")
        return False

    async def _input(self, piece: object) -> None:
        if not isinstance(piece, str):
            raise Problem(400, "input.text needs a text.", param="text")
        self._characters += len(piece)
        if self._characters > self._speakers.limits.text_characters:
            raise Problem(400, f"More than {self._speakers.limits.text_characters} characters without input.done.")
        for sentence in self._text.add(piece):
            await self._speak(sentence)

    def _fields(self, sentence: str) -> dict[str, Any]:
        return {"response_format": "pcm"} | self._config | {"input": sentence}

    async def _speak(self, sentence: str) -> None:
        wanted = await self._speakers.prepare(self._fields(sentence))
        speech = self._speakers.speak(wanted)
        try:
            await self._queue.put((self._utterance, self._sentences, sentence, wanted, speech))
        except BaseException:
            speech.close()
            raise
        self._sentences += 1

    # --- out ---

    async def _send_all(self) -> None:
        while (item := await self._queue.get()) is not None:
            if len(item) == 2:
                await self._send({"type": "session.done", "utterance_index": item[0], "total_sentences": item[1]})
            else:
                await self._sentence(*item)

    async def _sentence(self, utterance: int, index: int, text: str, wanted: Wanted, speech: Speech) -> None:
        place = {"utterance_index": utterance, "sentence_index": index}
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
