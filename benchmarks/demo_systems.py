"""Who speaks in `demo_speech`: flite, and our model with a clock that leaves compilation out."""

import dataclasses
import logging
import pathlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from tqdm import tqdm

from indextts2_jax.config import Config
from indextts2_jax.errors import AudioError, ConfigError, IndexTTSError, TextError

if TYPE_CHECKING:
    from indextts2_jax.pipeline.voice import ReferenceVoice

T = TypeVar("T")

CUT = "reached the limit"  # in the warning of a segment that no stop token ended
COMPILING = 0.05


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


def check_flite(voices: Sequence[str]) -> str:
    """The version. Raises `IndexTTSError` where flite or one of the voices is missing."""
    if not shutil.which("flite"):
        raise IndexTTSError("flite is not installed. On Debian: apt-get install flite")
    known = subprocess.run(["flite", "-lv"], capture_output=True, text=True, check=False).stdout.split(":")[-1].split()
    for voice in voices:
        if voice not in known:
            raise ConfigError(f"--voices: flite has no voice {voice!r}; it has {', '.join(known)}.")
    said = subprocess.run(["flite", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version: (\S+)", said)
    return found[1] if found else "unknown"


def flite_speak(path: pathlib.Path, voice: str, text: str) -> float:
    """Writes a WAV file, 16-bit; returns the wall-clock seconds. Raises `IndexTTSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    command = ["flite", "-voice", voice, "-t", text, "-o", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not path.exists():
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise IndexTTSError(f"flite failed in the voice {voice} ({reason}): {text}")
    return time.perf_counter() - start


def flite_takes(folder: pathlib.Path, voices: Sequence[str], sentences: Sequence[str]) -> list[Take]:
    takes = []
    for voice, (i, text) in progress("flite", product(voices, sentences)):
        path = folder / "flite" / voice / f"{i:02}.wav"
        takes.append(Take("flite", voice, i, text, path, flite_speak(path, voice, text)))
    return takes


class Ours:
    """Our model, with a clock that leaves compilation out."""

    def __init__(self, checkpoint: str | None, config: Config, sentences: Sequence[str], seed: int) -> None:
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
        self.seed = seed
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
        self, path: pathlib.Path, voice: str, index: int, text: str, encoded: "ReferenceVoice", clip: int
    ) -> Take:
        """Writes a WAV file. That nothing comes out is a result, not an error."""
        seed = self.seed + index
        start = time.perf_counter()
        try:
            speech, took = self.timed(lambda: self.tts.synthesize(text, encoded, seed=seed))
            speech.save(path)
        except (TextError, AudioError) as error:  # the text was read before: no code, or no finite samples
            took = time.perf_counter() - start
            return Take("ours", voice, index, text, None, took, {}, False, clip, seed, str(error))
        stopped = not any(CUT in line for line in speech.warnings)
        return Take("ours", voice, index, text, path, took, speech.seconds, stopped, clip, seed)

    def takes(
        self, folder: pathlib.Path, clips: Mapping[str, Sequence[pathlib.Path]], sentences: Sequence[str]
    ) -> list[Take]:
        """Every sentence in every voice of `clips`, sentence i with the clip i modulo their number."""
        takes = []
        encoded = {voice: [self.encode(path) for path in paths] for voice, paths in clips.items()}
        for voice, (i, text) in progress("ours", product(list(clips), sentences)):
            clip = i % len(encoded[voice])
            path = folder / "ours" / voice / f"{i:02}.wav"
            takes.append(self.speak(path, voice, i, text, encoded[voice][clip], clip))
        return takes


def product(voices: Sequence[str], sentences: Sequence[str]) -> list[tuple[str, tuple[int, str]]]:
    return [(voice, pair) for voice in voices for pair in enumerate(sentences)]


def progress(name: str, items: Sequence[T]) -> Iterable[T]:
    return tqdm(items, desc=name, unit="sentence", leave=False, mininterval=1.0)
