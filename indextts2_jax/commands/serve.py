"""`indextts2 serve --checkpoint=DIR`: speech over HTTP, for the clients of OpenAI's interface, and a page at /.

    indextts2 serve --checkpoint=demo --port=8000                               http://127.0.0.1:8000
    indextts2 serve --checkpoint=DIR --host=0.0.0.0 --api_key_file=keys.txt     for other machines, which need a key
    indextts2 serve --checkpoint=DIR --replicas=4 [--ray_address=auto]          four workers, by Ray Serve (extra `ray`)

Needs the extra `server`. docs/serving.md says what there is. SIGTERM and Ctrl-C finish what runs, then it ends with 0.
"""

import functools
import importlib.util
import pathlib
import threading
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
    from indextts2_jax.serving.app import Serving
    from indextts2_jax.serving.limits import Limits
    from indextts2_jax.serving.voices import Voices
    from indextts2_jax.serving.worker import Order

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
    integer("replicas", None, "So many workers, by Ray Serve (extra `ray`): one a GPU, else one a processor.", 1)
    text("ray_address", None, "With --replicas: a cluster of Ray that runs, `auto` or HOST:PORT; else this machine.")
    switch("warmup", False, "Not ready before a few sentences were spoken in the default voice: nobody waits for XLA.")
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


def _check_replicas(own: command_line.Flags) -> None:
    if own.replicas is None:
        if own.ray_address is not None:
            raise ConfigError("--ray_address is of use with --replicas only.")
        return
    if importlib.util.find_spec("ray") is None or importlib.util.find_spec("grpc") is None:
        raise ConfigError("--replicas needs Ray Serve: pip install 'indextts2_jax[server,ray]'.")
    for name in ("wyoming", "access_log"):
        if own[name].value:
            raise ConfigError(f"--{name} is not for several replicas: leave it or --replicas out.")


def _serve_replicas(own: command_line.Flags, serving: "Serving", order: "Order") -> None:
    """Until a signal comes."""
    from indextts2_jax.serving import ray_app
    from indextts2_jax.serving.server import listen

    listen(own.host, own.port).close()  # else Ray says at length that the port is taken
    where = {"host": own.host, "port": own.port, "address": own.ray_address}
    try:
        ray_app.start(serving, order, Scheduler, replicas=own.replicas, **where)
        print(f"Serving at http://{own.host}:{own.port} with {own.replicas} replicas.", flush=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        ray_app.stop()


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

    _check_replicas(own)
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
    voices = _voices(own, chosen, limits)
    serving = Serving(chosen.checkpoint, chosen.config, chosen.model, voices, limits, keys, own.cors_origin)
    if own.warmup and not voices.all():
        raise ConfigError("--warmup needs a voice to speak in: give --speaker, or put one into the folder of --voices.")
    warmup = str(voices.all()[0].path) if own.warmup else None
    options = {} if own.rows is None else {"rows": own.rows}
    order = Order(chosen.checkpoint, chosen.config, own.queue, tuple(options.items()), own.keep_memory, warmup)
    wyoming = _wyoming(own)
    if own.replicas is not None:
        _serve_replicas(own, serving, order)
        return
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
