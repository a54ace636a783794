"""How to synthesise: frozen dataclasses, one a stage, nested in `Config`.

Every default is the published IndexTTS-2 value. What the reference lacks (duration, redraw, polish, stream, other
precisions) is off by default, and then the speech is the reference's, sample by sample. Unknown keys and values out of
range are `ConfigError`s that name the key.
"""

import dataclasses
from typing import Any

from indextts2_jax.config.dicts import replace, to_dict
from indextts2_jax.config.networks import ModelConfig, check_model
from indextts2_jax.errors import ConfigError
from indextts2_jax.errors import require as _require

SHORT_NAMES = {
    "interval_silence": "interval_silence_ms",
    "language": "text.language",
    "paragraph_pause": "text.paragraph_pause_ms",
    "duration_factor": "duration.factor",
    "target_duration": "duration.target_seconds",
    "redraw": "redraw.attempts",
    "loudness": "polish.loudness_lufs",
    "word_times": "times.words",
}
"""What settings are called on the command line and in the lines of a batch."""


@dataclasses.dataclass(frozen=True)
class AudioConfig:
    trim: str = "off"  # the first 15 seconds of a clip, as in the reference; speech: those with the most speech


@dataclasses.dataclass(frozen=True)
class TextConfig:
    max_text_tokens_per_segment: int = 120
    max_english_tokens_per_segment: int = 0  # for English text (0: as above); 120 of its tokens are half a minute
    quick_streaming_tokens: int = 0  # merge short neighbours only after this many tokens (0: always)
    paragraph_pause_ms: int = 0  # silence between paragraphs (0: a line break is a space, as in the reference)
    language: str = "auto"  # of a model of several: by the script, or zh, en, ja, es, ar
    english: str = "reference"  # tokens equal to the reference's; careful: as a person reads it (text/english)
    # What follows is off as in the reference, and for IndexTTS-2.5 only:
    normalize_first: bool = False  # numbers before characters, so that "14:30" is still a time
    whole_words: bool = False  # a clause that is too long is cut between words
    spell_numbers: bool = False  # Spanish numbers in words, by num2words

    def __post_init__(self) -> None:
        object.__setattr__(self, "language", self.language.lower())  # as the official program


@dataclasses.dataclass(frozen=True)
class DecodeConfig:
    """Generation of semantic codes. `do_sample` with `num_beams > 1` is beam sampling, the published default."""

    do_sample: bool = True
    num_beams: int = 3
    top_k: int = 30
    top_p: float = 0.8
    temperature: float = 0.8
    repetition_penalty: float = 10.0
    length_penalty: float = 0.0
    max_mel_tokens: int = 1500
    contiguous_positions: bool = False  # codes at 1, 2, 3, … as in training; the reference leaves 1 out
    keep_marks: bool = False  # token 0 in texts: "!" of IndexTTS-2.5, which the reference takes out
    kernels: bool = False  # on one GPU: a step in kernels of our own (`gpt/kernels.py`); XLA's are faster on an H100


@dataclasses.dataclass(frozen=True)
class FlowConfig:
    steps: int = 25
    guidance: float = 0.7
    temperature: float = 1.0


@dataclasses.dataclass(frozen=True)
class EmotionConfig:
    normalize_vector: bool = False  # the bias and the cap of 0.8 that upstream applies in its web page only
    # The reference encodes a speaker's clip again as its own emotion prompt, resampled another way. False: once, for
    # both; the two emotion vectors differ by less than anyone hears, and w2v-bert runs half as long.
    encode_own_clip_twice: bool = True


SHORTEST_FACTOR, LONGEST_FACTOR = 0.5, 2.0
"""Of how long the codes take by themselves: beyond these speech is no longer speech."""

EVEN_FASTEST, EVEN_SLOWEST = 0.75, 1.35
"""Likewise of what an even pace changes by itself: within these nobody hears that it was changed."""


@dataclasses.dataclass(frozen=True)
class DurationConfig:
    """How long the speech takes: mel frames per code, by the length regulator. The codes stay the same."""

    factor: float = 1.0  # 0.5 is twice as fast, 2.0 half as fast
    target_seconds: float = 0.0  # of the whole, silences included, to the sample (0: as long as it comes)
    even_pace: bool = False  # every segment as fast as the first ten seconds, pauses apart (`synthesis/pace.py`)


@dataclasses.dataclass(frozen=True)
class RedrawConfig:
    """When a segment is drawn again with another seed; `synthesis/retry.py` says what makes one suspect."""

    attempts: int = 0  # further draws of one segment at most; the reference takes what comes
    shortest: float = 0.55  # seconds that its codes may take at least, by those its text is expected to take
    longest: float = 2.5  # and at most
    check_words: bool = False  # ask the model whether the codes leave out words: a pass for each word of the text
    check_alignment: bool = False  # see where it looked: words passed over, words said twice: one pass a segment


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
    """In which numbers the networks that take the time compute (docs/performance.md has the deviations).

    "auto" is float16 on a GPU, and elsewhere "stored", the type of the weights.
    """

    gpt: str = "auto"  # or stored, float32, bfloat16, float16; int8: weights only, its blocks only
    flow: str = "auto"  # or stored, float32, bfloat16, float16
    vocoder: str = "auto"  # or stored, float32, bfloat16, float16


@dataclasses.dataclass(frozen=True)
class TimesConfig:
    """What is told of a speech beside its sound."""

    words: bool = False  # when every word is heard (`Speech.words`): a parallel pass of the speech model a segment


@dataclasses.dataclass(frozen=True)
class StreamConfig:
    """The chunks of a segment that is streamed (`pipeline/chunks.py`), in codes of which 50 are a second: a model of
    other codes takes as many as last as long."""

    first_codes: int = 16  # of the first chunk: the fewer, the sooner it is heard
    growth: float = 1.8  # of a chunk over the one before it
    largest_codes: int = 200
    held_back: int = 8  # codes known that wait for what follows them
    fade_ms: int = 20  # of cross-fade at a seam


@dataclasses.dataclass(frozen=True)
class Config:
    """How to synthesise. `model` is None when a checkpoint says what the networks are; a model written here has
    no weights, so `random_seed` must then say how to draw them, and the result is noise.

    `checkpoint` is what `indextts2 speak` loads where --checkpoint says nothing else; Python code names it itself."""

    model: ModelConfig | None = None
    random_seed: int | None = None
    checkpoint: str = ""
    audio: AudioConfig = dataclasses.field(default_factory=AudioConfig)
    text: TextConfig = TextConfig()
    decode: DecodeConfig = DecodeConfig()
    flow: FlowConfig = FlowConfig()
    emotion: EmotionConfig = EmotionConfig()
    precision: PrecisionConfig = dataclasses.field(default_factory=PrecisionConfig)
    duration: DurationConfig = dataclasses.field(default_factory=DurationConfig)
    redraw: RedrawConfig = dataclasses.field(default_factory=RedrawConfig)
    polish: PolishConfig = dataclasses.field(default_factory=PolishConfig)
    stream: StreamConfig = dataclasses.field(default_factory=StreamConfig)
    times: TimesConfig = dataclasses.field(default_factory=TimesConfig)
    interval_silence_ms: int = 200
    segments_at_once: int = 1  # of one text; more is faster and takes more memory; the codes stay the same

    def __post_init__(self) -> None:
        check(self)


def check(config: Config) -> None:
    """Raises `ConfigError` for the first value out of range."""
    if config.model is not None:
        check_model(config.model)
        _require(not config.checkpoint, "checkpoint", config.checkpoint, "empty beside a model with random weights")
        check_fits(config, config.model)
    text, decode, flow = config.text, config.decode, config.flow
    n = text.max_text_tokens_per_segment
    _require(n >= 2, "text.max_text_tokens_per_segment", n, "at least 2")
    n = text.max_english_tokens_per_segment
    _require(n == 0 or n >= 2, "text.max_english_tokens_per_segment", n, "at least 2, or 0")
    pause = text.paragraph_pause_ms
    _require(0 <= pause <= 60_000, "text.paragraph_pause_ms", pause, "from 0 to 60000 milliseconds")
    _require(config.audio.trim in ("off", "speech"), "audio.trim", config.audio.trim, "off or speech")
    _require(text.english in ("reference", "careful"), "text.english", text.english, "reference or careful")
    languages = ("auto", "zh", "en", "ja", "es", "ar")
    _require(text.language in languages, "text.language", text.language, f"one of {', '.join(languages)}")
    _require(text.quick_streaming_tokens >= 0, "text.quick_streaming_tokens", text.quick_streaming_tokens, ">= 0")
    _require(1 <= decode.num_beams <= 16, "decode.num_beams", decode.num_beams, "from 1 to 16")
    _require(decode.top_k >= 0, "decode.top_k", decode.top_k, ">= 0 (0 switches it off)")
    _require(1e-6 <= decode.top_p <= 1.0, "decode.top_p", decode.top_p, "above 0 and at most 1")
    _require(0.01 <= decode.temperature <= 100.0, "decode.temperature", decode.temperature, "from 0.01 to 100")
    penalty = decode.repetition_penalty
    _require(0.1 <= penalty <= 1000.0, "decode.repetition_penalty", penalty, "from 0.1 to 1000 (1: none)")
    _require(abs(decode.length_penalty) <= 10.0, "decode.length_penalty", decode.length_penalty, "from -10 to 10")
    _require(decode.max_mel_tokens >= 1, "decode.max_mel_tokens", decode.max_mel_tokens, "at least 1")
    _require(1 <= flow.steps <= 1000, "flow.steps", flow.steps, "from 1 to 1000")
    _require(0.0 <= flow.guidance <= 100.0, "flow.guidance", flow.guidance, "from 0 to 100")
    _require(0.0 <= flow.temperature <= 10.0, "flow.temperature", flow.temperature, "from 0 to 10")
    check_precision(config.precision)
    seed = config.random_seed
    _require(seed is None or 0 <= seed < 2**32, "random_seed", seed, f"from 0 to {2**32 - 1}")
    _require(1 <= config.segments_at_once <= 64, "segments_at_once", config.segments_at_once, "from 1 to 64")
    check_options(config.duration, config.redraw, config.polish, config.stream)
    silence = config.interval_silence_ms
    _require(0 <= silence <= 60_000, "interval_silence_ms", silence, "from 0 to 60000 milliseconds")


def check_options(duration: DurationConfig, redraw: RedrawConfig, polish: PolishConfig, stream: StreamConfig) -> None:
    """Raises `ConfigError` for the first value out of range."""
    _require(4 <= stream.first_codes <= 500, "stream.first_codes", stream.first_codes, "from 4 to 500")
    _require(1.0 <= stream.growth <= 10.0, "stream.growth", stream.growth, "from 1 to 10")
    least = stream.first_codes
    _require(
        least <= stream.largest_codes <= 5000, "stream.largest_codes", stream.largest_codes, f"from {least} to 5000"
    )
    _require(4 <= stream.held_back <= 100, "stream.held_back", stream.held_back, "from 4 to 100")
    _require(0 <= stream.fade_ms <= 30, "stream.fade_ms", stream.fade_ms, "from 0 to 30 milliseconds")
    _require(
        SHORTEST_FACTOR <= duration.factor <= LONGEST_FACTOR,
        "duration.factor",
        duration.factor,
        f"from {SHORTEST_FACTOR:g} to {LONGEST_FACTOR:g}",
    )
    seconds = duration.target_seconds
    _require(
        seconds == 0.0 or 0.1 <= seconds <= 36_000.0, "duration.target_seconds", seconds, "from 0.1 to 36000, or 0"
    )
    if seconds and duration.factor != 1.0:
        raise ConfigError("duration.factor and duration.target_seconds cannot both be given: either says how fast.")
    if seconds and duration.even_pace:
        raise ConfigError("duration.even_pace and duration.target_seconds cannot both be given: either says how fast.")
    _require(0 <= redraw.attempts <= 10, "redraw.attempts", redraw.attempts, "from 0 to 10")
    _require(0.0 <= redraw.shortest <= 1.0, "redraw.shortest", redraw.shortest, "from 0 to 1")
    _require(1.0 <= redraw.longest <= 100.0, "redraw.longest", redraw.longest, "from 1 to 100")
    silence, lufs, fade = polish.max_silence_ms, polish.loudness_lufs, polish.end_fade_ms
    _require(silence == 0 or 50 <= silence <= 60_000, "polish.max_silence_ms", silence, "from 50 to 60000, or 0")
    _require(lufs == 0.0 or -60.0 <= lufs <= -5.0, "polish.loudness_lufs", lufs, "from -60 to -5, or 0")
    _require(0 <= fade <= 1000, "polish.end_fade_ms", fade, "from 0 to 1000 milliseconds")


def check_precision(config: PrecisionConfig) -> None:
    """Raises `ConfigError` for numbers that a network cannot compute in."""
    floats = ("auto", "stored", "float32", "bfloat16", "float16")
    for key, allowed in {"gpt": (*floats, "int8"), "flow": floats, "vocoder": floats}.items():
        value = getattr(config, key)
        _require(value in allowed, f"precision.{key}", value, f"one of {', '.join(allowed)}")


def asks_where(config: Config) -> list[str]:
    """The keys of what is asked for that needs to know which word is spoken when."""
    asked = {
        "times.words": config.times.words,
        "redraw.check_alignment": config.redraw.check_alignment,
        "duration.even_pace": config.duration.even_pace,
    }
    return [key for key, given in asked.items() if given]


def check_drawn_once(asked: RedrawConfig, own: RedrawConfig) -> None:
    """Raises `ConfigError` where a call asks for redraws though it is streamed, recorded or replayed.

    Such speech is drawn once. `own` are the settings of the synthesizer: what they hold is for speech that can be drawn
    again, and no demand of this call.
    """
    if asked.attempts and asked.attempts != own.attempts:
        raise ConfigError(
            f"redraw.attempts is {asked.attempts}, but what is streamed, recorded or replayed is drawn once: leave it."
        )


def check_streamable(duration: DurationConfig, polish: PolishConfig) -> None:
    """Raises `ConfigError` for settings that need a whole segment before its first sample is known."""
    whole = {
        "duration.target_seconds": bool(duration.target_seconds),
        "duration.even_pace": duration.even_pace,
        "polish": polish != PolishConfig(),
    }
    for key, given in whole.items():
        if given:
            raise ConfigError(f"{key} needs whole segments and cannot be had while streaming; leave it at its default.")


SETTINGS = ("text", "decode", "flow", "emotion", "redraw", "polish", "interval_silence_ms")
"""The keys of `Config` that any model has: what an artefact may hold as its defaults."""


def settings(config: Config) -> dict[str, Any]:
    """The `SETTINGS` of a configuration as nested dicts."""
    return {name: to_dict(getattr(config, name)) for name in SETTINGS}


def check_fits(config: Config, model: ModelConfig) -> None:
    """Raises `ConfigError` where `config` has a limit above what `model` can do, or wants what it has no part for."""
    for key, value, most in _limits(config, model):
        _require(value <= most, key, value, f"at most {most}, which is what the model was made for")
    language = config.text.language
    told = language == "auto" or model.gpt.languages is not None
    _require(told, "text.language", language, f"auto for {model.name}, which tells Chinese and English by itself")
    check_can_tell_where(config, model)


def check_can_tell_where(config: Config, model: ModelConfig) -> None:
    """Raises `ConfigError` where `config` asks where in the text the model is, and it lacks what that is found with."""
    asked = asks_where(config)
    if asked and not model.semantic_codec.encoder:
        raise ConfigError(
            f"{asked[0]} is found by codes of a clip, for which {model.name} has no encoder: convert the checkpoint "
            "again with --with_encoder, or leave it."
        )


def fitted(config: Config, model: ModelConfig) -> Config:
    """The same settings with the limits lowered to what `model` can do: for those that nobody has asked for."""
    lowered: dict[str, Any] = {}
    for key, value, most in _limits(config, model):
        group, name = key.split(".")
        lowered.setdefault(group, {})[name] = min(value, most)
    return replace(config, **lowered)


def _limits(config: Config, model: ModelConfig) -> list[tuple[str, int, int]]:
    """(key, value, most of the model)."""
    codes, text = model.gpt.max_mel_tokens, model.gpt.max_text_tokens
    return [
        ("decode.max_mel_tokens", config.decode.max_mel_tokens, codes),
        ("text.max_text_tokens_per_segment", config.text.max_text_tokens_per_segment, text),
        ("text.max_english_tokens_per_segment", config.text.max_english_tokens_per_segment, text),
    ]


def check_of_call(config: Config, own: Config, model: ModelConfig) -> None:
    """Raises `ConfigError` where the settings of a call differ in what was chosen when the model was loaded.

    Args:
      own: the settings that the model was loaded with.
    """
    chosen: dict[str, tuple[object, ...]] = {
        "precision": (own.precision,),
        "model": (None, own.model, model),
        "checkpoint": ("", own.checkpoint),
        "random_seed": (None, own.random_seed),
    }
    for key, allowed in chosen.items():
        if getattr(config, key) not in allowed:
            raise ConfigError(
                f"{key} is chosen when a model is loaded and cannot change with a call: give it to from_pretrained or "
                "from_random, and start the settings of a call from the model's own, replace(tts.config, …)."
            )
