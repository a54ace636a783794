"""Text in pieces: the WebSocket and the Wyoming protocol."""

import asyncio
import json
import time

import pytest
import websockets
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice

from indextts2_jax.errors import ConfigError
from indextts2_jax.serving import ahead
from indextts2_jax.serving.app import Serving, build_app
from indextts2_jax.serving.home_assistant import languages_of, parse_address
from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.link import Link
from indextts2_jax.serving.scheduler import Scheduler
from indextts2_jax.serving.speakers import Speakers
from indextts2_jax.serving.voices import Voices
from indextts2_jax.serving.worker import Order
from tests.serving.conftest import HEADERS
from tests.tiny import tiny_config
from tests.tiny_2_5 import tiny_config as tiny_config_2_5


def socket(live):
    return websockets.connect(f"ws{live.url[4:]}/v1/audio/speech/stream", additional_headers=HEADERS)


async def until(connection, kind: str) -> list:
    """Everything up to a message of this kind."""
    found = []
    while not found or isinstance(found[-1], bytes) or found[-1]["type"] != kind:
        message = await asyncio.wait_for(connection.recv(), 60)
        found.append(message if isinstance(message, bytes) else json.loads(message))
    return found


def test_sentences_leave_as_they_are_whole(live):
    async def run():
        async with socket(live) as connection:
            await connection.send(json.dumps({"type": "session.config", "voice": "alloy", "response_format": "wav"}))
            for piece in ("Hel", "lo the", "re. Hel", "lo there. "):
                await connection.send(json.dumps({"type": "input.text", "text": piece}))
            first = await until(connection, "audio.done")  # before the text has ended
            await connection.send(json.dumps({"type": "input.text", "text": "Hello there"}))
            await connection.send(json.dumps({"type": "input.done"}))
            rest = await until(connection, "session.done")
            await connection.send(json.dumps({"type": "input.text", "text": "Hello there."}))
            await connection.send(json.dumps({"type": "input.done"}))
            again = await until(connection, "session.done")
            await connection.send(json.dumps({"type": "session.close"}))
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(connection.recv(), 10)
        return first, rest, again

    first, rest, again = asyncio.run(run())
    starts = [message for message in first + rest if isinstance(message, dict) and message["type"] == "audio.start"]
    assert [start["sentence_text"] for start in starts] == ["Hello there.", "Hello there.", "Hello there"]
    assert [start["sentence_index"] for start in starts] == [0, 1, 2] and starts[0]["format"] == "wav"
    done = first[-1]
    audio = b"".join(message for message in first if isinstance(message, bytes))
    assert done["total_bytes"] == len(audio) > 1000 and audio[:4] == b"RIFF" and not done["error"]
    assert rest[-1] == {"type": "session.done", "utterance_index": 0, "total_sentences": 3}
    assert again[-1] == {"type": "session.done", "utterance_index": 1, "total_sentences": 1}


def test_what_a_websocket_does_not_understand(live):
    wrong = [
        "{",
        "[]",
        b"bytes",
        {"type": "session.update"},
        {"type": "input.text"},
        {"type": "input.text", "text": 5},
        {"type": "input.text", "text": "x" * 3000},
        {"type": "session.config", "voice": "nobody"},
        {"type": "session.config", "response_format": "wma"},
        {"type": "session.config", "session": "x"},
        {"type": "session.config", "session": 5},
        {"type": "session.config", "session": [1]},
    ]

    async def run():
        async with socket(live) as connection:
            for message in wrong:
                await connection.send(json.dumps(message) if isinstance(message, dict) else message)
                (answer,) = await until(connection, "error")
                assert answer["message"] and answer["error"]["type"] == "invalid_request_error", message
            await connection.send(json.dumps({"type": "session.config", "voice": "alloy"}))
            await connection.send(json.dumps({"type": "input.done"}))
            return await until(connection, "session.done")

    assert asyncio.run(run())[-1]["total_sentences"] == 0


async def say(connection, *pieces: str) -> list:
    """An utterance, up to its end."""
    for piece in pieces:
        await connection.send(json.dumps({"type": "input.text", "text": piece}))
    await connection.send(json.dumps({"type": "input.done"}))
    return await until(connection, "session.done")


def spoken(messages: list) -> list[str]:
    return [m["sentence_text"] for m in messages if isinstance(m, dict) and m["type"] == "audio.start"]


@pytest.mark.parametrize("last", ["[pause:soon] Hello.", "Hello \ud83d", "[pause:99999999ms] x"])
def test_an_utterance_whose_last_sentence_fails_has_an_end(live, last):
    async def run():
        async with socket(live) as connection:
            return await say(connection, "Hello there. ", last), await say(connection, "Hello there.")

    first, second = asyncio.run(run())
    assert spoken(first) == spoken(second) == ["Hello there."]
    assert [m["type"] for m in first if isinstance(m, dict)].count("error") == 1
    assert first[-1] == {"type": "session.done", "utterance_index": 0, "total_sentences": 1}
    assert second[-1] == {"type": "session.done", "utterance_index": 1, "total_sentences": 1}


def test_a_configuration_that_is_refused_changes_nothing(live):
    async def run():
        async with socket(live) as connection:
            await connection.send(json.dumps({"type": "session.config", "session": {"response_format": "wav"}}))
            await connection.send(json.dumps({"type": "session.config", "voice": "nobody"}))
            await until(connection, "error")
            return await say(connection, "Hello there.")

    assert asyncio.run(run())[0]["format"] == "wav"


def test_what_cannot_be_spoken_is_no_sentence(live):
    async def run():
        async with socket(live) as connection:
            return await say(connection, "Hi \ud83d", "\ude00 there.\n---\n***\n😀\n", "Bye.\n---")

    found = asyncio.run(run())
    assert spoken(found) == ["Hi 😀 there.", "Bye."] and not any(
        m["type"] == "error" for m in found if isinstance(m, dict)
    )


def is_idle(live) -> bool:
    with live.client() as client:
        return "indextts2_running 0.0" in client.get("/metrics").text


async def idle(live, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not await asyncio.to_thread(is_idle, live):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.05)
    return True


LONG = "Hello there, and hello, and hello there once more. "


@pytest.mark.parametrize("sentences", [3, 30])
def test_a_client_that_leaves_stops_what_it_has_asked_for(live, sentences):
    """However much of it waits, of one that takes what it gets, and of one that has closed the session."""

    async def run(*more: str):
        assert await idle(live, 60)
        async with socket(live) as connection:
            await connection.send(json.dumps({"type": "input.text", "text": LONG * sentences}))
            for kind in more:
                await connection.send(json.dumps({"type": kind}))
            await until(connection, "audio.start")
        return await idle(live, 3)

    for more in ((), ("input.done",), ("input.done", "session.close")):
        assert asyncio.run(run(*more)), more


def test_a_websocket_needs_a_key(live):
    async def run():
        async with websockets.connect(f"ws{live.url[4:]}/v1/audio/speech/stream"):
            pass

    with pytest.raises(websockets.InvalidStatus, match="403"):
        asyncio.run(run())


# --- Home Assistant ---


async def audio_of(client: AsyncTcpClient, last: str) -> list[Event]:
    found = []
    while not found or found[-1].type != last:
        event = await asyncio.wait_for(client.read_event(), 60)
        assert event is not None
        found.append(event)
    return found


def check_audio(events: list[Event]) -> bytes:
    """The samples of one audio-start, audio-chunk…, audio-stop."""
    start, *chunks, stop = events
    assert (start.type, stop.type) == ("audio-start", "audio-stop")
    assert all(event.data == {"rate": 22_050, "width": 2, "channels": 1} for event in (start, *chunks))
    return b"".join(chunk.payload for chunk in chunks)


def test_wyoming(live):
    async def run():
        async with AsyncTcpClient("127.0.0.1", live.wyoming) as client:
            await client.write_event(Describe().event())
            info = Info.from_event(await client.read_event())
            await client.write_event(Event("something-of-the-future", {"a": 1}, b"bytes"))
            voice = SynthesizeVoice(name=info.tts[0].voices[0].name)
            await client.write_event(Synthesize("Hello there.", voice=voice).event())
            whole = check_audio(await audio_of(client, "audio-stop"))

            text = "Hello there. Hello there."
            await client.write_event(SynthesizeStart(voice=voice).event())
            for piece in ("Hello th", "ere. Hel", "lo there."):
                await client.write_event(SynthesizeChunk(piece).event())
            await client.write_event(Synthesize(text, voice=voice).event())  # for servers that do not stream
            await client.write_event(SynthesizeStop().event())
            streamed = await audio_of(client, "synthesize-stopped")
        return info, whole, check_audio(streamed[:-1])

    info, whole, streamed = asyncio.run(run())
    (program,) = info.tts
    assert program.supports_synthesize_streaming and program.voices[0].name == "default" and program.installed
    assert len(whole) > 1000 and streamed == whole + whole


def test_wyoming_errors_keep_the_connection(live):
    async def run():
        async with AsyncTcpClient("127.0.0.1", live.wyoming) as client:
            for text, voice in (("", None), ("Hello there.", "nobody")):
                await client.write_event(Synthesize(text, voice=voice and SynthesizeVoice(name=voice)).event())
                events = await audio_of(client, "audio-stop")
                assert [event.type for event in events] == ["error", "audio-start", "audio-stop"]
            await client.write_event(Event("ping", {"text": "x"}))
            assert (await client.read_event()).type == "pong"
            client._writer.write(b'{"type": "ping", "data": {"text": "x\\ud83d"}}\n')
            assert (await client.read_event()).data["text"] == "x?"

    asyncio.run(run())


@pytest.mark.parametrize(
    "events",
    [
        [Synthesize(LONG * 30)],
        [SynthesizeStart(), SynthesizeChunk(LONG * 30), SynthesizeStop()],
        [SynthesizeStart(), SynthesizeChunk(LONG * 30)],
    ],
    ids=["whole", "streamed", "begun"],
)
@pytest.mark.parametrize("heard", [False, True])
def test_a_wyoming_client_that_leaves_stops_what_it_has_asked_for(live, events, heard):
    async def run():
        assert await idle(live, 60)
        async with AsyncTcpClient("127.0.0.1", live.wyoming) as client:
            for event in events:
                await client.write_event(event.event())
            if heard:
                await audio_of(client, "audio-chunk")
            else:
                await audio_of(client, "audio-start")
        return await idle(live, 3)

    assert asyncio.run(run())


def test_wyoming_text_has_a_limit(live):
    async def run():
        async with AsyncTcpClient("127.0.0.1", live.wyoming) as client:
            await client.write_event(SynthesizeStart().event())
            await client.write_event(SynthesizeChunk("Mr. " * 501).event())
            (error,) = await audio_of(client, "error")
            await client.write_event(SynthesizeChunk("Hello there.").event())
            await client.write_event(SynthesizeStop().event())
            return error, await audio_of(client, "synthesize-stopped")

    error, rest = asyncio.run(run())
    assert "2000 characters" in error.data["text"] and len(check_audio(rest[:-1])) > 1000


def speakers() -> Speakers:
    config, limits = tiny_config(), Limits()
    serving = Serving("", config, config.model, Voices(None, limits), limits)
    return build_app(serving, Link(Order("", config), Scheduler, limits)).state.speakers


@pytest.mark.parametrize("waits", [False, True])
def test_only_clients_that_wait_for_nothing_are_idle(monkeypatch, waits):
    monkeypatch.setattr(ahead, "IDLE_SECONDS", 0.05)

    async def run():
        one = ahead.Ahead(speakers())
        if waits:
            await one.mark("mark")
        return await one.unless_idle(asyncio.sleep(0.3, "heard"))

    if waits:
        assert asyncio.run(run()) == "heard"
    else:
        with pytest.raises(TimeoutError):
            asyncio.run(run())


def test_languages_are_those_of_the_model():
    assert languages_of(tiny_config().model) == ["en", "zh"]
    assert set(languages_of(tiny_config_2_5().model)) == {"zh", "en", "ja", "es", "ar"}


@pytest.mark.parametrize(
    "data", [b"\n", b"x\n", b"[]\n", b"{}\n", b'{"type": 5}\n', b'{"type":"x","data_length":-1}\n', b"x" * 100_000]
)
def test_what_is_no_wyoming_ends_the_connection(live, data):
    async def run():
        reader, writer = await asyncio.open_connection("127.0.0.1", live.wyoming)
        writer.write(data)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()

    asyncio.run(run())


@pytest.mark.parametrize("text", ["tcp://x", "10200", "unix:///tmp/x", "tcp://:1", "tcp://h:99999", "tcp://h:1/x"])
def test_addresses(text):
    with pytest.raises(ConfigError, match="must look like"):
        parse_address(text)
    assert parse_address("tcp://0.0.0.0:10200") == ("0.0.0.0", 10200)
