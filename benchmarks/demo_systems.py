"""Who speaks in `demo_speech`: the teacher, and our model with a clock that leaves compilation out."""

import dataclasses
import logging
import pathlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import soundfile
import soxr
from tqdm import tqdm

from indextts2_jax.config import Config
from indextts2_jax.errors import AudioError, TextError
from indextts2_jax.runtime.atomic import replaced_file
from indextts2_jax.text.phonemes.frontend import PhonemeFrontend
from indextts2_jax.training.demo import symbols, teacher

if TYPE_CHECKING:
    from indextts2_jax.pipeline.voice import ReferenceVoice

T = TypeVar("T")

CUT = "reached the limit"  # in the warning of a segment that no stop token ended
COMPILING = 0.05
RATE = 22050


@dataclasses.dataclass(frozen=True)
class Take:
    """One sentence, spoken. Without a `path` nothing came out, and `failure` says why."""

    system: str
    voice: str
    index: int
    text: str
    path: pathlib.Path | None
    took: float
    """Wall-clock seconds of synthesis."""
    stages: dict[str, float] = dataclasses.field(default_factory=dict)
    stopped: bool = True
    clip: int | None = None
    seed: int | None = None
    failure: str | None = None


class Spoken:
    """The teacher, which writes 22.05 kHz as the corpus has it."""

    def __init__(self, folder: pathlib.Path, frontend: PhonemeFrontend) -> None:
        """Raises `IndexTTSError` where it is not there or cannot run."""
        self._teacher, self._frontend = teacher.Teacher(folder), frontend

    def check(self, texts: Iterable[str]) -> None:
        """Raises `TextError` for a text that cannot be given to it."""
        for text in texts:
            symbols.symbols(symbols.read(self._frontend, text))

    def write(self, path: pathlib.Path, mixture: Mapping[str, float], text: str) -> float:
        """Writes a WAV file, 16-bit; returns the wall-clock seconds."""
        path.parent.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        audio, _ = self._teacher.speak(symbols.symbols(symbols.read(self._frontend, text)), mixture)
        took = time.perf_counter() - start
        made = soxr.resample(audio, teacher.RATE, RATE, quality="VHQ")
        with replaced_file(path) as new:
            soundfile.write(new, np.clip(made, -0.99, 0.99), RATE, subtype="PCM_16", format="WAV")
        return took


class Ours:
    """Our model, with a clock that leaves compilation out."""

    def __init__(self, checkpoint: str | None, config: Config, sentences: Sequence[str]) -> None:
        """Loads it and reads the sentences, so that what cannot be spoken shows at once. Raises `IndexTTSError`."""
        import jax

        from indextts2_jax import IndexTTS2
        from indextts2_jax.runtime.cache import cache_folder

        logging.getLogger("jax").setLevel(logging.WARNING)
        jax.config.update("jax_compilation_cache_dir", str(cache_folder("xla")))
        self._compiling = 0.0
        jax.monitoring.register_event_duration_secs_listener(self._listen)
        self.tts: IndexTTS2
        if checkpoint is None:
            print("warning: random weights, the result is noise", file=sys.stderr)
            self.tts = IndexTTS2.from_random(config)
        else:
            # without an override of --config, the model's own settings
            self.tts = IndexTTS2.from_pretrained(checkpoint, config=None if config == Config() else config)
        self.encode_seconds: list[float] = []
        for text in sentences:
            self.tts.read(text)

    def _listen(self, event: str, duration_secs: float, **kwargs: str | int) -> None:
        self._compiling += duration_secs * event.startswith("/jax/core/compile/")

    def timed(self, call: Callable[[], T]) -> tuple[T, float]:
        """The result and its wall-clock seconds. A call that was compiling for `COMPILING` of its time is made again.

        Shapes come in buckets, so this happens now and then all the way; no warm-up beforehand would meet them all.
        """
        for _ in range(2):
            self._compiling, start = 0.0, time.perf_counter()
            result = call()
            seconds = time.perf_counter() - start
            if self._compiling < COMPILING * seconds:
                break
        return result, seconds

    def encode(self, path: pathlib.Path) -> "ReferenceVoice":
        voice, seconds = self.timed(lambda: self.tts.encode_voice(path))
        self.encode_seconds.append(seconds)
        return voice

    def speak(
        self,
        path: pathlib.Path,
        voice: str,
        index: int,
        text: str,
        encoded: Sequence["ReferenceVoice"],
        seed: int,
    ) -> Take:
        """Writes a WAV file, sentence i with the clip i modulo their number. That nothing comes out is a result."""
        clip = index % len(encoded)
        start = time.perf_counter()
        try:
            speech, took = self.timed(lambda: self.tts.synthesize(text, encoded[clip], seed=seed))
            speech.save(path)
        except (TextError, AudioError) as error:  # the text was read before: no code, or no finite samples
            took = time.perf_counter() - start
            return Take("ours", voice, index, text, None, took, {}, False, clip, seed, str(error))
        stopped = not any(CUT in line for line in speech.warnings)
        return Take("ours", voice, index, text, path, took, speech.seconds, stopped, clip, seed)


def progress(name: str, items: Sequence[T]) -> Iterable[T]:
    return tqdm(items, desc=name, unit="sentence", leave=False, mininterval=1.0)
