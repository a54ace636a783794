"""The Wyoming protocol of Home Assistant: one JSON line an event, and behind it its data and its payload.

    describe ─► info                       synthesize ─► audio-start, audio-chunk…, audio-stop
    synthesize-start, synthesize-chunk…, (synthesize, the whole text once more), synthesize-stop
        ─► audio-start, audio-chunk…, audio-stop, synthesize-stopped

It knows no keys: whoever reaches its port may speak. Events that nobody here knows are ignored.
"""

import asyncio
import contextlib
import json
import logging
import urllib.parse
from collections.abc import AsyncGenerator
from typing import Any

from wyoming.error import Error
from wyoming.event import Event, async_write_event
from wyoming.info import Attribution, Info, TtsProgram, TtsVoice
from wyoming.tts import SynthesizeStopped

from indextts2_jax import __version__
from indextts2_jax.audio.write import to_int16
from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.errors import ConfigError
from indextts2_jax.serving.messages import Progress
from indextts2_jax.serving.problems import Problem
from indextts2_jax.serving.sentences import Sentences
from indextts2_jax.serving.speakers import Speakers, Speech

logger = logging.getLogger(__name__)

MAX_LINE = 1 << 16
MAX_DATA = 1 << 20
AHEAD = 3

LANGUAGES = ["en", "zh"]
"""Home Assistant offers a voice for the languages that it names."""

_FORMAT = {"rate": SAMPLING_RATE, "width": 2, "channels": 1}  # wyoming.audio imports a module that Python drops
_SOURCE = Attribution(name="indextts2_jax", url="https://github.com/index-tts/index-tts")


def parse_address(text: str) -> tuple[str, int]:
    """("0.0.0.0", 10200) of "tcp://0.0.0.0:10200". Raises `ConfigError`."""
    parts = urllib.parse.urlsplit(text)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme != "tcp" or not host or port is None or parts.path:
        raise ConfigError(f"--wyoming is {text!r}, but it must look like tcp://127.0.0.1:10200.")
    return host, port


class HomeAssistant:
    """Listens for Wyoming clients."""

    def __init__(self, speakers: Speakers) -> None:
        self._speakers = speakers
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> int:
        """Returns the port. Raises OSError where it is taken."""
        self._server = await asyncio.start_server(self._connected, host, port, limit=MAX_LINE)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def close(self) -> None:
        """Ends all connections."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if len(self._connections) <= self._speakers.limits.connections:
                await _Connection(self._speakers, reader, writer).run()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            logger.info("A Wyoming client went away.")
        finally:
            self._connections.discard(task)
            writer.close()


class _Connection:
    def __init__(self, speakers: Speakers, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._speakers, self._reader, self._writer = speakers, reader, writer
        self._text = Sentences()
        self._voice: str | None = None
        self._streaming: asyncio.Task[None] | None = None
        self._queue: asyncio.Queue[Speech | None] = asyncio.Queue(AHEAD)

    async def run(self) -> None:
        try:
            while (event := await self._read()) is not None:
                await self._handle(event)
        finally:
            if self._streaming is not None:
                self._streaming.cancel()
                await asyncio.gather(self._streaming, return_exceptions=True)
            while not self._queue.empty():
                if (speech := self._queue.get_nowait()) is not None:
                    speech.close()

    async def _read(self) -> Event | None:
        """None: the client has closed the connection, or does not speak Wyoming."""
        try:
            line = await self._reader.readline()
            head: Any = json.loads(line) if line else {}
            more = await self._reader.readexactly(_length(head, "data_length"))
            await self._reader.readexactly(_length(head, "payload_length"))
            data = (head.get("data") or {}) | (json.loads(more) if more else {})
        except (ValueError, AttributeError, TypeError, RecursionError):
            return None
        kind = head.get("type")
        return Event(kind, data) if isinstance(kind, str) else None

    async def _handle(self, event: Event) -> None:
        text = event.data.get("text")
        match event.type:
            case "describe":
                await self._write(self._info().event())
            case "ping":
                await self._write(Event("pong", {"text": text} if text else {}))
            case "synthesize" if self._streaming is None:  # else it is the text that came in pieces, once more
                await self._whole(str(text or ""), _voice_of(event))
            case "synthesize-start":
                await self._begin(_voice_of(event))
            case "synthesize-chunk" if self._streaming is not None:
                for sentence in self._text.add(str(text or "")):
                    await self._ask(sentence)
            case "synthesize-stop" if self._streaming is not None:
                for sentence in self._text.rest():
                    await self._ask(sentence)
                await self._queue.put(None)
                await self._streaming
                self._streaming = None
                await self._write(SynthesizeStopped().event())

    def _info(self) -> Info:
        about: dict[str, Any] = {"attribution": _SOURCE, "installed": True, "version": __version__}
        voices = [
            TtsVoice(name=voice.id, description=voice.name, languages=LANGUAGES, **about)
            for voice in self._speakers.voices.all()
        ]
        program = TtsProgram(
            name="indextts2",
            description="IndexTTS-2 in JAX",
            voices=voices,
            supports_synthesize_streaming=True,
            **about,
        )
        return Info(tts=[program])

    # --- speech ---

    async def _begin(self, voice: str | None) -> None:
        if self._streaming is not None:
            self._streaming.cancel()
            await asyncio.gather(self._streaming, return_exceptions=True)
        self._text, self._voice, self._queue = Sentences(), voice, asyncio.Queue(AHEAD)
        self._streaming = asyncio.create_task(self._send_all(self._queue))

    async def _whole(self, text: str, voice: str | None) -> None:
        self._voice, queue = voice, asyncio.Queue[Speech | None](AHEAD)
        self._queue = queue
        await self._ask(text)
        await queue.put(None)
        await self._send_all(queue)

    async def _ask(self, text: str) -> None:
        """Has a sentence spoken; what is wrong with it is told, and the rest goes on."""
        fields = {"input": text, "voice": self._voice, "response_format": "pcm", "stream": True}
        try:
            wanted = await self._speakers.prepare(fields)
        except Problem as problem:
            await self._write(Error(text=problem.message, code=problem.code).event())
            return
        await self._queue.put(self._speakers.speak(wanted))

    async def _send_all(self, queue: "asyncio.Queue[Speech | None]") -> None:
        await self._write(Event("audio-start", _FORMAT))
        while (speech := await queue.get()) is not None:
            async with contextlib.aclosing(_pieces(speech)) as pieces:
                try:
                    async for piece in pieces:
                        await self._write(Event("audio-chunk", _FORMAT, piece))
                except Problem as problem:
                    await self._write(Error(text=problem.message, code=problem.code).event())
        await self._write(Event("audio-stop"))

    async def _write(self, event: Event) -> None:
        await asyncio.wait_for(async_write_event(event, self._writer), self._speakers.limits.stall_seconds)


async def _pieces(speech: Speech) -> AsyncGenerator[bytes, None]:
    try:
        async for samples in speech:
            if not isinstance(samples, Progress):
                yield to_int16(samples).astype("<i2").tobytes()
    finally:
        speech.close()


def _length(head: dict[str, Any], key: str) -> int:
    length = head.get(key) or 0
    if not isinstance(length, int) or not 0 <= length <= MAX_DATA:
        raise ValueError(f"{key} is {length}")
    return length


def _voice_of(event: Event) -> str | None:
    voice = event.data.get("voice")
    name = voice.get("name") if isinstance(voice, dict) else None
    return name if isinstance(name, str) and name else None
