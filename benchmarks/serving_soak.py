"""A mixed load for minutes: is the memory flat, is anything compiled again, does every request end as it should?

    python -m benchmarks.serving_soak [--minutes=60] [--clients=4] [--checkpoint=demo] [--warmup] [--json=out.json]

Sentences of many lengths, all formats, streams, events, batches, seeds, bad requests, and clients that go away. Every
line tells the memory of the server and its worker, and how many programs were compiled or read from the cache so far.
The first --settle minutes are for what is compiled late.
"""

import contextlib
import dataclasses
import http.client
import json
import pathlib
import random
import threading
import time
from typing import Any

from absl import flags

from benchmarks import serving_process
from benchmarks.serving_process import Address, metric, own_server, resident
from indextts2_jax.checkpoint import bundled
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave

TEXT = "The little boat came home before the storm and seven quiet horses stood beside the river in the morning light"
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
BAD = (
    {"input": ""},
    {"input": "Hello.", "voice": "nobody"},
    {"input": "Hello.", "speed": 9},
    {"input": "Hello.", "decode.num_beams": "x"},
)


@dataclasses.dataclass
class Counts:
    """What came of the requests."""

    done: int = 0
    refused: int = 0
    left: int = 0
    faults: list[str] = dataclasses.field(default_factory=list)


def request_of(rng: random.Random, longest: int) -> dict[str, Any]:
    """Something that can be spoken, of 1 to `longest` words."""
    text = " ".join(rng.choices(TEXT.lower().split(), k=rng.randint(1, longest))).capitalize() + "."
    events = {"stream_format": "sse", "progress": True} if rng.random() < 0.2 else {}
    return {"input": text, "response_format": rng.choice(FORMATS), "seed": rng.randrange(1000), **events}


def client(address: Address, rng: random.Random, longest: int, until: float, counts: Counts) -> None:
    """One request after the other."""
    while time.monotonic() < until:
        kind = rng.random()
        bad, leaves = kind < 0.1, 0.1 <= kind < 0.2
        body = rng.choice(BAD) if bad else request_of(rng, longest)
        connection = http.client.HTTPConnection(*address, timeout=600)
        try:
            connection.request("POST", "/v1/audio/speech", json.dumps(body), {"Content-Type": "application/json"})
            if leaves:
                time.sleep(rng.random() * 2)
                counts.left += 1
                continue
            answer = connection.getresponse()
            answer.read()
            if bad and 400 <= answer.status < 500:
                counts.refused += 1
            elif not bad and answer.status == 200:
                counts.done += 1
            else:
                counts.faults.append(f"{answer.status} to {json.dumps(body)}")
        except (OSError, http.client.HTTPException) as error:
            counts.faults.append(f"{type(error).__name__}: {error} to {json.dumps(body)}")
        finally:
            connection.close()


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("checkpoint", bundled.NAME, "Folder of an artefact, demo, or tiny.", flag_values=own)
    flags.DEFINE_float("minutes", 60.0, "In all.", lower_bound=0.1, flag_values=own)
    flags.DEFINE_float("settle", 10.0, "Minutes in which things may still be compiled.", 0.0, flag_values=own)
    flags.DEFINE_float("every", 30.0, "Seconds between two lines.", lower_bound=1.0, flag_values=own)
    flags.DEFINE_integer("clients", 4, "At once.", 1, 64, flag_values=own)
    flags.DEFINE_integer("words", 18, "Of the longest sentence.", lower_bound=1, flag_values=own)
    flags.DEFINE_bool("warmup", False, "As of the server.", flag_values=own)
    flags.DEFINE_string("json", None, "File to write the figures to.", flag_values=own)


def main(given: flags.FlagValues) -> int:
    tiny = given.checkpoint == "tiny"
    model = serving_process.TINY if tiny else (f"--checkpoint={given.checkpoint}",)
    begun, counts = time.monotonic(), Counts()
    with own_server(*model, *(["--warmup"] if given.warmup else [])) as (process, address):
        print(f"ready after {time.monotonic() - begun:.1f} s", flush=True)
        begun = time.monotonic()
        until, rows = begun + 60 * given.minutes, []
        clients = [
            threading.Thread(target=client, args=(address, random.Random(number), given.words, until, counts))
            for number in range(given.clients)
        ]
        for one in clients:
            one.start()
        while any(one.is_alive() for one in clients):
            programs = metric(address, "indextts2_programs")
            minutes = round((time.monotonic() - begun) / 60, 2)
            rows.append({"minutes": minutes, "programs": programs, **resident(process.pid), "done": counts.done})
            print(", ".join(f"{key} {value:g}" for key, value in rows[-1].items()), flush=True)
            with contextlib.suppress(RuntimeError):
                clients[-1].join(given.every)
        restarts = metric(address, "indextts2_worker_restarts")
    settled = [row for row in rows if row["minutes"] >= given.settle] or rows[-1:]
    shown = dataclasses.asdict(counts) | {"restarts": restarts, "rows": rows}
    for name in ("server", "worker", "programs"):
        shown[f"{name} grew by, when settled"] = round(settled[-1][name] - settled[0][name], 1)
    print(json.dumps({key: value for key, value in shown.items() if key != "rows"}, indent=1))
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")
    return 1 if counts.faults or restarts else 0


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
