"""`indextts2 serve --checkpoint=DIR`: speech over HTTP, for the clients of OpenAI's interface, and a page at /.

    indextts2 serve --checkpoint=demo --port=8000                               http://127.0.0.1:8000
    indextts2 serve --checkpoint=DIR --host=0.0.0.0 --api_key_file=keys.txt     for other machines, which need a key

Needs the extra `server`. docs/serving.md says what there is. SIGTERM and Ctrl-C finish what runs, then it ends with 0.
"""

import functools
import importlib.util
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags

from indextts2_jax.checkpoint import bundled
from indextts2_jax.commands import settings
from indextts2_jax.errors import ConfigError
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.cache import cache_folder
from indextts2_jax.serving.scheduler import Scheduler
from indextts2_jax.synthesis.request import VOICE_SUFFIX, check_source

if TYPE_CHECKING:
    from indextts2_jax.serving.limits import Limits
    from indextts2_jax.serving.voices import Voices

NEEDED = ("fastapi", "uvicorn", "websockets", "python_multipart", "prometheus_client", "av")
PAGES = "Pages of other sites that may use this server, such as https://chat.example.org; may be given several times."


def _define(own: command_line.Flags, command: list[str]) -> None:
    text, number, integer, switch, several = (
        functools.partial(define, flag_values=own)
        for define in (
            flags.DEFINE_string,
            flags.DEFINE_float,
            flags.DEFINE_integer,
            flags.DEFINE_bool,
            flags.DEFINE_multi_string,
        )
    )
    settings.define(own, command)
    text("host", "127.0.0.1", "Address to listen at; any but this machine's own needs --api_key_file.")
    integer("port", 8000, "Port; 0: any that is free.", lower_bound=0, upper_bound=65535)
    text("api_key_file", None, "File with the keys that clients may come with, one a line.")
    text("voices", None, "Folder of voice files, to which uploads go; by default in the user's cache folder.")
    text("speaker", None, "Clip or voice file for requests that name no voice, and for OpenAI's names.")
    several("voice_name", [], "NAME=VOICE: another name of a voice, such as alloy=anna; may be given several times.")
    several("cors_origin", [], PAGES)
    text("wyoming", None, "tcp://HOST:PORT, where Home Assistant may connect (extra `wyoming`); it knows no keys.")
    integer("rows", None, "Segments that are spoken at once; by default as the device likes.", 1, 64)
    integer("queue", 64, "Requests that may wait; those beyond are told 429.", lower_bound=1)
    integer("max_text", 10_000, "Characters of one request.", lower_bound=1, upper_bound=300_000)
    number("max_audio", 1800.0, "Seconds of one speech.", lower_bound=1.0)
    number("max_seconds", 600.0, "Seconds that a request may take.", lower_bound=1.0)
    integer("max_voices", 200, "Uploaded voices that are kept.", lower_bound=1)
    number("drain", 60.0, "Seconds in which what runs is finished after SIGTERM.", lower_bound=0.0)
    switch("access_log", False, "A line for every request on standard error.")
    switch("keep_memory", True, "Keep freed memory for the next stage (glibc on Linux); faster, keeps the peak.")


def _voices(own: command_line.Flags, chosen: settings.Chosen, limits: "Limits") -> "Voices":
    """The folder's, and the one that --speaker or the bundled model brings."""
    from indextts2_jax.serving.voices import Voice, Voices

    folder = cache_folder("server_voices") if own.voices is None else pathlib.Path(own.voices)
    aliases = {}
    for given in own.voice_name:
        name, equals, meant = given.partition("=")
        if not equals or not name or not meant:
            raise ConfigError(f"--voice_name is {given!r}, but it must look like alloy=anna.")
        aliases[name] = meant
    speaker = own.speaker
    if speaker is None and bundled.is_demo(chosen.checkpoint):
        speaker = str(bundled.voice_clip())
    default = None
    if speaker is not None:
        path = pathlib.Path(speaker)
        if path.suffix == VOICE_SUFFIX:
            ReferenceVoice.load(path)
        else:
            check_source(path)
        name = bundled.NAME if own.speaker is None else "default"
        default = Voice(name, name, path, builtin=True)
    return Voices(folder, limits, default=default, aliases=aliases)


def _wyoming(own: command_line.Flags) -> tuple[str, int] | None:
    if own.wyoming is None:
        return None
    if importlib.util.find_spec("wyoming") is None:
        raise ConfigError("--wyoming needs wyoming: pip install 'indextts2_jax[wyoming]'.")
    from indextts2_jax.serving.home_assistant import parse_address

    return parse_address(own.wyoming)


def work(own: command_line.Flags) -> None:
    """Everything is checked before the model is loaded."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f"serve needs {missing[0]}: pip install 'indextts2_jax[server]'.")
    from indextts2_jax.serving.access import Keys, is_loopback
    from indextts2_jax.serving.app import Serving
    from indextts2_jax.serving.limits import Limits
    from indextts2_jax.serving.server import Server, listen
    from indextts2_jax.serving.worker import Order

    chosen = settings.choose(own)
    keys = Keys.load(own.api_key_file) if own.api_key_file is not None else Keys()
    if not keys and not is_loopback(own.host):
        raise ConfigError(
            f"--host is {own.host}, which other machines reach, so clients must have keys: give --api_key_file=FILE."
        )
    limits = Limits(
        text_characters=own.max_text,
        audio_seconds=own.max_audio,
        request_seconds=own.max_seconds,
        voices=own.max_voices,
    )
    serving = Serving(
        chosen.checkpoint, chosen.config, chosen.model, _voices(own, chosen, limits), limits, keys, own.cors_origin
    )
    options = {} if own.rows is None else {"rows": own.rows}
    order = Order(chosen.checkpoint, chosen.config, own.queue, tuple(options.items()), own.keep_memory)
    wyoming = _wyoming(own)
    with listen(own.host, own.port) as bound:
        server = Server(
            serving,
            order,
            Scheduler,
            bound,
            drain_seconds=own.drain,
            wyoming=wyoming,
            access_log=own.access_log,
        )
        server.run()


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    return command_line.run(work, _define, __doc__, arguments)
