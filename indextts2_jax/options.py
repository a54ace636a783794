"""Options that the reference lacks: how long speech takes, when it is drawn again, how its waveform is polished.

Every default is off, and then the speech is the reference's, sample by sample. `config.Config` nests them.
"""

import dataclasses

from indextts2_jax.errors import ConfigError, require

SHORT_NAMES = {
    "interval_silence": "interval_silence_ms",
    "paragraph_pause": "text.paragraph_pause_ms",
    "duration_factor": "duration.factor",
    "target_duration": "duration.target_seconds",
    "redraw": "redraw.attempts",
    "loudness": "polish.loudness_lufs",
}
"""What settings are called on the command line and in the lines of a batch."""


@dataclasses.dataclass(frozen=True)
class DurationConfig:
    """How long the speech takes: mel frames per code, by the length regulator. The codes stay the same."""

    factor: float = 1.0  # 0.5 is twice as fast, 2.0 half as fast
    target_seconds: float = 0.0  # of the whole, silences included, to the sample (0: as long as it comes)


@dataclasses.dataclass(frozen=True)
class RedrawConfig:
    """When a segment is drawn again with another seed; `redraw.py` says what makes one suspect."""

    attempts: int = 0  # further draws of one segment at most; the reference takes what comes
    shortest: float = 0.55  # seconds that its codes may take at least, by those its text is expected to take
    longest: float = 2.5  # and at most


@dataclasses.dataclass(frozen=True)
class PolishConfig:
    """What is done to the waveform of each segment, in this order (`audio/polish.py`, `audio/loudness.py`)."""

    trim_breath: bool = False  # cut off the hiss behind the last word that some segments end with
    max_silence_ms: int = 0  # longer silences inside a segment become this long (0: they stay)
    even_loudness: bool = False  # every segment as loud as the first
    loudness_lufs: float = 0.0  # every segment this loud by ITU-R BS.1770, e.g. -23 (0: not changed)
    end_fade_ms: int = 0  # fade out the end


@dataclasses.dataclass(frozen=True)
class PrecisionConfig:
    """In which numbers the networks that take the time compute (docs/performance.md has the deviations)."""

    gpt: str = "stored"  # the type of the weights; or float32, bfloat16, float16; int8: weights only, its blocks only
    flow: str = "stored"  # or float32, bfloat16, float16
    vocoder: str = "stored"  # or float32, bfloat16, float16


@dataclasses.dataclass(frozen=True)
class StreamConfig:
    """The chunks of a segment that is streamed (`streaming.py`), in semantic codes: 50 are a second."""

    first_codes: int = 16  # of the first chunk: the fewer, the sooner it is heard
    growth: float = 1.8  # of a chunk over the one before it
    largest_codes: int = 200
    held_back: int = 8  # codes known that wait for what follows them
    fade_ms: int = 20  # of cross-fade at a seam


def check_options(duration: DurationConfig, redraw: RedrawConfig, polish: PolishConfig, stream: StreamConfig) -> None:
    """Raises `ConfigError` for the first value out of range."""
    require(4 <= stream.first_codes <= 500, "stream.first_codes", stream.first_codes, "from 4 to 500")
    require(1.0 <= stream.growth <= 10.0, "stream.growth", stream.growth, "from 1 to 10")
    least = stream.first_codes
    require(
        least <= stream.largest_codes <= 5000, "stream.largest_codes", stream.largest_codes, f"from {least} to 5000"
    )
    require(4 <= stream.held_back <= 100, "stream.held_back", stream.held_back, "from 4 to 100")
    require(0 <= stream.fade_ms <= 30, "stream.fade_ms", stream.fade_ms, "from 0 to 30 milliseconds")
    require(0.5 <= duration.factor <= 2.0, "duration.factor", duration.factor, "from 0.5 to 2")
    seconds = duration.target_seconds
    require(seconds == 0.0 or 0.1 <= seconds <= 36_000.0, "duration.target_seconds", seconds, "from 0.1 to 36000, or 0")
    if seconds and duration.factor != 1.0:
        raise ConfigError("duration.factor and duration.target_seconds cannot both be given: either says how fast.")
    require(0 <= redraw.attempts <= 10, "redraw.attempts", redraw.attempts, "from 0 to 10")
    require(0.0 <= redraw.shortest <= 1.0, "redraw.shortest", redraw.shortest, "from 0 to 1")
    require(1.0 <= redraw.longest <= 100.0, "redraw.longest", redraw.longest, "from 1 to 100")
    silence, lufs, fade = polish.max_silence_ms, polish.loudness_lufs, polish.end_fade_ms
    require(silence == 0 or 50 <= silence <= 60_000, "polish.max_silence_ms", silence, "from 50 to 60000, or 0")
    require(lufs == 0.0 or -60.0 <= lufs <= -5.0, "polish.loudness_lufs", lufs, "from -60 to -5, or 0")
    require(0 <= fade <= 1000, "polish.end_fade_ms", fade, "from 0 to 1000 milliseconds")


def check_precision(config: PrecisionConfig) -> None:
    """Raises `ConfigError` for numbers that a network cannot compute in."""
    floats = ("stored", "float32", "bfloat16", "float16")
    for key, allowed in {"gpt": (*floats, "int8"), "flow": floats, "vocoder": floats}.items():
        value = getattr(config, key)
        require(value in allowed, f"precision.{key}", value, f"one of {', '.join(allowed)}")


def check_repeatable(config: RedrawConfig, recorded: bool) -> None:
    """Raises `ConfigError` where a run whose stages are recorded or replayed would draw anything twice."""
    if recorded and config.attempts:
        raise ConfigError(
            f"redraw.attempts is {config.attempts}, but a run that is recorded or replayed draws once: set it to 0."
        )


def check_streamable(duration: DurationConfig, redraw: RedrawConfig, polish: PolishConfig) -> None:
    """Raises `ConfigError` for settings that need a whole segment before its first sample is known."""
    whole = {
        "redraw.attempts": bool(redraw.attempts),
        "duration.target_seconds": bool(duration.target_seconds),
        "polish": polish != PolishConfig(),
    }
    for key, given in whole.items():
        if given:
            raise ConfigError(f"{key} needs whole segments and cannot be had while streaming; leave it at its default.")
