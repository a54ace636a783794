"""Options that the reference lacks: how long speech takes, when it is drawn again, how its waveform is polished.

Every default is off, and then the speech is the reference's, sample by sample. `config.Config` nests them.
"""

import dataclasses

from indextts2_jax.errors import ConfigError, require


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


def check_options(duration: DurationConfig, redraw: RedrawConfig, polish: PolishConfig) -> None:
    """Raises `ConfigError` for the first value out of range."""
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


def check_repeatable(config: RedrawConfig, recorded: bool) -> None:
    """Raises `ConfigError` where a run whose stages are recorded or replayed would draw anything twice."""
    if recorded and config.attempts:
        raise ConfigError(
            f"redraw.attempts is {config.attempts}, but a run that is recorded or replayed draws once: set it to 0."
        )
