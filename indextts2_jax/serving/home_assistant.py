"""The Wyoming protocol of Home Assistant: one JSON line an event, and behind it its data and its payload.

    describe ─► info                       synthesize ─► audio-start, audio-chunk…, audio-stop
    synthesize-start, synthesize-chunk…, (synthesize, the whole text once more), synthesize-stop
        ─► audio-start, audio-chunk…, audio-stop, synthesize-stopped

It knows no keys: whoever reaches its port may speak. Events that nobody here knows are ignored.
"""

import asyncio
import enum
import json
import logging
import urllib.parse
from collections.abc import Iterable
from typing import Any

from wyoming.error import Error
from wyoming.event import Event, async_write_event
from wyoming.info import Attribution, Info, TtsProgram, TtsVoice
from wyoming.tts import SynthesizeStopped

from indextts2_jax import __version__
from indextts2_jax.audio.write import to_int16
from indextts2_jax.config import SAMPLING_RATE, ModelConfig
from indextts2_jax.errors import ConfigError
from indextts2_jax.serving.ahead import Ahead
from indextts2_jax.serving.messages import Progress
from indextts2_jax.serving.problems import Problem
from indextts2_jax.serving.sentences import Sentences
from indextts2_jax.serving.speakers import Speakers, Speech
from indextts2_jax.text.tiktoken.languages import LANGUAGES

logger = logging.getLogger(__name__)

MAX_LINE = 1 << 16
MAX_DATA = 1 << 20

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


class _Mark(enum.Enum):
    """Behind the sentences of a text."""

    WHOLE = enum.auto()
    STREAMED = enum.auto()


class _Connection:
    def __init__(self, speakers: Speakers, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._speakers, self._reader, self._writer = speakers, reader, writer
        self._text: Sentences | None = None
        """What comes in pieces, between synthesize-start and synthesize-stop."""
        self._voice: str | None = None
        self._ahead: Ahead[_Mark] = Ahead(speakers)

    async def run(self) -> None:
        """Until the client has gone, or takes nothing. Raises what ended it."""
        tasks = [asyncio.create_task(work) for work in (self._listen(), self._ahead.ask(), self._send_all())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._ahead.close()
        for task in done:
            task.result()

    # --- in ---

    async def _listen(self) -> None:
        while (event := await self._ahead.unless_idle(self._read())) is not None:
            try:
                await self._handle(event)
            except Problem as problem:
                await self._error(problem)

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
                said = text.encode("utf-8", "replace").decode() if isinstance(text, str) else None
                await self._write(Event("pong", {"text": said} if said else {}))
            case "synthesize" if self._text is None:  # else it is the text that came in pieces, once more
                self._voice = _voice_of(event)
                await self._put([str(text or "")])
                await self._ahead.mark(_Mark.WHOLE)
            case "synthesize-start":
                if self._text is not None:  # which nobody has ended
                    await self._ahead.mark(_Mark.WHOLE)
                self._text, self._voice = Sentences(self._speakers.limits.text_characters), _voice_of(event)
            case "synthesize-chunk" if self._text is not None:
                await self._put(self._text.add(str(text or "")))
            case "synthesize-stop" if self._text is not None:
                await self._put(self._text.rest())
                self._text = None
                await self._ahead.mark(_Mark.STREAMED)

    async def _put(self, sentences: Iterable[str]) -> None:
        for sentence in sentences:
            sentence = sentence[: self._speakers.limits.text_characters + 1]  # enough to be refused
            fields = {"input": sentence, "voice": self._voice, "response_format": "pcm", "stream": True}
            await self._ahead.put(fields)

    def _info(self) -> Info:
        about: dict[str, Any] = {"attribution": _SOURCE, "installed": True, "version": __version__}
        languages = languages_of(self._speakers.model)
        voices = [
            TtsVoice(name=voice.id, description=voice.name, languages=languages, **about)
            for voice in self._speakers.voices.all()
        ]
        program = TtsProgram(
            name="indextts2",
            description=f"{self._speakers.model.name} in JAX",
            voices=voices,
            supports_synthesize_streaming=True,
            **about,
        )
        return Info(tts=[program])

    # --- out ---

    async def _send_all(self) -> None:
        started = False
        async for item in self._ahead.answers():
            if isinstance(item, Problem):
                await self._error(item)
                continue
            if not started:
                await self._write(Event("audio-start", _FORMAT))
            started = len(item) == 3
            if len(item) == 3:
                await self._speak(item[2])
                continue
            await self._write(Event("audio-stop"))
            if item[0] is _Mark.STREAMED:
                await self._write(SynthesizeStopped().event())

    async def _speak(self, speech: Speech) -> None:
        """What is wrong with it is told, and the rest goes on."""
        try:
            async for samples in speech:
                if not isinstance(samples, Progress):
                    await self._write(Event("audio-chunk", _FORMAT, to_int16(samples).astype("<i2").tobytes()))
        except Problem as problem:
            await self._error(problem)
        finally:
            speech.close()

    async def _error(self, problem: Problem) -> None:
        await self._write(Error(text=problem.message, code=problem.code).event())

    async def _write(self, event: Event) -> None:
        await asyncio.wait_for(async_write_event(event, self._writer), self._speakers.limits.stall_seconds)


def languages_of(model: ModelConfig) -> list[str]:
    """Those that a model speaks: Home Assistant offers a voice for the languages that it names."""
    return list(LANGUAGES) if model.gpt.languages is not None else ["en", "zh"]


def _length(head: dict[str, Any], key: str) -> int:
    length = head.get(key) or 0
    if not isinstance(length, int) or not 0 <= length <= MAX_DATA:
        raise ValueError(f"{key} is {length}")
    return length


def _voice_of(event: Event) -> str | None:
    voice = event.data.get("voice")
    name = voice.get("name") if isinstance(voice, dict) else None
    return name if isinstance(name, str) and name else None
