"""Many speeches at once from one model, in this process: how many, how soon, and whether anything changes.

    python -m benchmarks.serving [--checkpoint=demo] [--clients=1 --clients=8] [--requests=200] [--json=out.json]
    python -m benchmarks.serving --size=published [--codes=64]       # decoding alone, random weights

So many clients ask for one sentence after the other, half of them streamed; each is compared with what it was alone.
The time to first audio is that of the streams. A stream is late where more than 100 ms pass without a sample to play.
"""

import dataclasses
import json
import pathlib
import statistics
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import flags

from benchmarks.random_model import model_of, random_params, random_utterances
from indextts2_jax import IndexTTS2, ReferenceVoice, use_compilation_cache
from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import SAMPLING_RATE, Config, fitted, replace
from indextts2_jax.pipeline.decoder import Decoder, Draw
from indextts2_jax.pipeline.generation import Utterance
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.serving.messages import Audio, Close, Done, Event, Failed, Speak, Stopped
from indextts2_jax.serving.scheduler import BOUNDARY, ROWS, Scheduler
from indextts2_jax.synthesis.request import Request

SENTENCES = (
    "The little boat came home before the storm.",
    "Hello there.",
    "Seven quiet horses stood beside the river in the morning light.",
    "She opened the window and listened.",
)
LATE_SECONDS = 0.1


@dataclasses.dataclass
class Asked:
    """A request on its way: when it was asked for, and what has come when."""

    begun: float
    times: list[float]
    pieces: list[np.ndarray]
    done: threading.Event
    failed: Failed | None = None

    @property
    def audio(self) -> np.ndarray:
        return np.concatenate([np.zeros(0, np.float32), *self.pieces])

    @property
    def late(self) -> float:
        """The longest time in seconds that a player had nothing to play, from the first sample on."""
        heard = np.cumsum([len(piece) for piece in self.pieces]) / SAMPLING_RATE
        gaps = [t - self.times[0] - before for t, before in zip(self.times[1:], heard[:-1], strict=True)]
        return max([0.0, *gaps])


class Service:
    """A scheduler in a thread of its own."""

    def __init__(self, tts: IndexTTS2, rows: int) -> None:
        self._asked: dict[int, Asked] = {}
        self._lock = threading.Lock()
        self._scheduler = Scheduler(tts, self._take, rows=rows)
        self._thread = threading.Thread(target=self._scheduler.run)
        self._thread.start()

    def ask(self, request: Request, streamed: bool) -> Asked:
        """Asks and waits."""
        one = Asked(time.perf_counter(), [], [], threading.Event())
        with self._lock:
            number = len(self._asked)
            self._asked[number] = one
        self._scheduler.submit(Speak(number, request, {}, streamed))
        one.done.wait()
        return one

    def close(self) -> None:
        self._scheduler.submit(Close())
        self._thread.join()

    def _take(self, event: Event) -> None:
        if isinstance(event, Stopped):
            return
        one = self._asked[event.number]
        if isinstance(event, Audio):
            one.times.append(time.perf_counter())
            one.pieces.append(event.samples)
        elif isinstance(event, Done | Failed):
            one.failed = event if isinstance(event, Failed) else None
            one.done.set()


def load(service: Service, requests: Sequence[tuple[Request, bool]], clients: int) -> tuple[list[Asked], float]:
    """So many clients share the requests out. Returns what came of each, and the seconds of all."""
    made: dict[int, Asked] = {}
    left = iter(range(len(requests)))
    lock = threading.Lock()

    def client() -> None:
        while True:
            with lock:
                place = next(left, None)
            if place is None:
                return
            made[place] = service.ask(*requests[place])

    begun = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [made[place] for place in range(len(requests))], time.perf_counter() - begun


def served(
    tts: IndexTTS2, voice: ReferenceVoice, sentences: Sequence[str], count: int, clients: Sequence[int], rows: int
) -> list[dict[str, Any]]:
    """A row for each number of clients."""
    kinds = [(Request(text, voice), streamed) for text in sentences for streamed in (False, True)]
    requests = [kinds[place % len(kinds)] for place in range(count)]
    service = Service(tts, rows)
    try:
        for request in kinds:
            service.ask(*request)  # compiles
        alone = [service.ask(*request).audio for request in kinds]
        found = []
        for number in clients:
            made, seconds = load(service, requests, number)
            streams = [one for one, (_, streamed) in zip(made, requests, strict=True) if streamed and one.times]
            changed = sum(not np.array_equal(one.audio, alone[place % len(kinds)]) for place, one in enumerate(made))
            found.append(
                {
                    "clients": number,
                    "requests_per_second": len(made) / seconds,
                    "audio_seconds_per_second": sum(len(one.audio) for one in made) / SAMPLING_RATE / seconds,
                    "first_audio_s": statistics.median(one.times[0] - one.begun for one in streams),
                    "streams_in_time": sum(one.late <= LATE_SECONDS for one in streams) / len(streams),
                    "failed": sum(one.failed is not None for one in made),
                    "changed": changed,
                }
            )
            print(", ".join(f"{key} {value:.4g}" for key, value in found[-1].items()), flush=True)
        return found
    finally:
        service.close()


# --- decoding alone ---------------------------------------------------------------------------------------------------


def drawn(decoder: Decoder, utterances: Sequence[Utterance], config: Config) -> tuple[list[np.ndarray], float]:
    """The codes of utterances that come at once, and the seconds they took."""
    begun = time.perf_counter()
    draws = [Draw(utterance, config.decode) for utterance in utterances]
    for draw in draws:
        decoder.join(draw)
    while not decoder.idle:
        decoder.run(BOUNDARY)
    for draw in draws:
        if draw.error is not None:
            raise draw.error
    return [draw.news[0][0].codes for draw in draws], time.perf_counter() - begun


def decoded(size: str, codes: int, rows: int, beams: int) -> dict[str, Any]:
    """`rows` requests one by one in a decoder of one row, and at once in one of so many."""
    model = model_of(size)
    params = random_params(model, ("gpt",))
    decode = {"max_mel_tokens": codes, "num_beams": beams}
    config = replace(fitted(Config(), model), decode=decode)
    utterances = random_utterances(model, rows, 3.0, 40)
    seconds: dict[int, float] = {}
    for count in (1, rows):
        decoder = Decoder(params, model, count)
        drawn(decoder, utterances[:1], config)  # compiles
        groups = [[one] for one in utterances] if count == 1 else [utterances]
        seconds[count] = sum(drawn(decoder, group, config)[1] for group in groups)
        del decoder
    found = {"rows": rows, "codes": codes, "beams": beams, "one_by_one_s": seconds[1], "at_once_s": seconds[rows]}
    found["times"] = seconds[1] / seconds[rows]
    print(", ".join(f"{key} {value:.4g}" for key, value in found.items()), flush=True)
    return found


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("checkpoint", bundled.NAME, "Folder of an artefact, or demo.", flag_values=own)
    flags.DEFINE_string("speaker", None, "Clip; by default the bundled one.", flag_values=own)
    flags.DEFINE_multi_integer("clients", [1, 4, 8, 16, 32], "At once.", 1, 64, flag_values=own)
    flags.DEFINE_integer("requests", 200, "Of each number of clients.", lower_bound=2, flag_values=own)
    flags.DEFINE_integer("sentences", len(SENTENCES), "How many.", 1, len(SENTENCES), flag_values=own)
    flags.DEFINE_integer("rows", ROWS, "Of the decoder.", 2, 64, flag_values=own)
    flags.DEFINE_enum("size", None, ["published", "tiny"], "Decoding alone, random weights.", flag_values=own)
    flags.DEFINE_integer("codes", 64, "With --size: of each request.", lower_bound=2, flag_values=own)
    flags.DEFINE_integer("beams", 1, "With --size.", 1, 16, flag_values=own)
    flags.DEFINE_string("json", None, "File to write the figures to.", flag_values=own)


def main(given: flags.FlagValues) -> None:
    use_compilation_cache()
    found: Any
    if given.size:
        found = decoded(given.size, given.codes, given.rows, given.beams)
    else:
        tts = IndexTTS2.from_pretrained(given.checkpoint)
        voice = tts.encode_voice(given.speaker or bundled.voice_clip())
        sentences = SENTENCES[: given.sentences]
        found = served(tts, voice, sentences, given.requests, given.clients, given.rows)
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
