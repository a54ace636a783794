"""Text and a reference clip in, speech out:

    python run_inference.py --config=configs/demo.py --text="…"
    python run_inference.py --checkpoint=DIR --speaker=voice.wav --text="…"

The first uses the small English model that comes with this package, and its own reference clip. Without --config the
settings are those that the checkpoint was made with. Any of them can be changed: `--config.decode.num_beams=1`.
"""

import dataclasses
import logging
import pathlib
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from absl import app, flags
from ml_collections import ConfigDict, config_flags

from indextts2_jax import demo
from indextts2_jax.audio import io as audio_io
from indextts2_jax.audio.loudness import check_loudness
from indextts2_jax.audio.pipe import PipeWriter
from indextts2_jax.audio.writer import AudioWriter
from indextts2_jax.bundles import ReferenceVoice
from indextts2_jax.config import Config, from_dict, to_dict
from indextts2_jax.errors import ConfigError, IndexTTSError, TextError
from indextts2_jax.gpt import emotion
from indextts2_jax.options import SHORT_NAMES, check_repeatable, check_streamable
from indextts2_jax.recording import Replay, StageRecorder, check_folder
from indextts2_jax.text.glossary import Glossary, load_glossary
from indextts2_jax.text.reading import check_text

if TYPE_CHECKING:
    from indextts2_jax.speech import Progress

_DEFAULT_CONFIG = str(pathlib.Path(__file__).resolve().with_name("configs") / "indextts2.py")
_CONFIG = config_flags.DEFINE_config_file("config", _DEFAULT_CONFIG, "Configuration file.")
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Folder that `python -m convert` wrote; demo: the bundled model.")
_SPEAKER = flags.DEFINE_string("speaker", None, "Reference clip (WAV, FLAC, OGG, MP3), or a saved voice.")
_TEXT = flags.DEFINE_string("text", None, "What to say.")
_TEXT_FILE = flags.DEFINE_string("text_file", None, "File with what to say (UTF-8), instead of --text.")
_OUTPUT = flags.DEFINE_string("output", "out.wav", "Audio file to write; .flac writes FLAC; - writes to the pipe.")
_STREAM = flags.DEFINE_bool("stream", False, "Give the audio out in chunks, while the sentence is being made.")
_RAW = flags.DEFINE_bool("raw", False, "With --output=-: samples alone (16-bit, 22050 Hz, mono), no WAV header.")
_EMOTION_AUDIO = flags.DEFINE_string("emotion_audio", None, "Clip whose emotion is taken over.")
_EMOTION_ALPHA = flags.DEFINE_float("emotion_alpha", 1.0, "Weight of the emotion clip, or factor on the weights.")
_EMOTION = flags.DEFINE_string("emotion", None, "Emotions by name, the others 0: happy:0.6,sad:0.2.")
_EMOTION_VECTOR = flags.DEFINE_list(
    "emotion_vector", None, "Eight weights: happy,angry,sad,afraid,disgusted,melancholic,surprised,calm."
)
_EMOTION_TEXT = flags.DEFINE_string("emotion_text", None, "Words about the emotion, which a classifier reads.")
_EMOTION_FROM_TEXT = flags.DEFINE_bool("emotion_from_text", False, "Let the classifier read what is said.")
_GLOSSARY = flags.DEFINE_string("glossary", None, "YAML or JSON file: how to read certain terms.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of all randomness.", lower_bound=0, upper_bound=2**32 - 1)
flags.DEFINE_integer("interval_silence", None, "Milliseconds of silence between segments.")
flags.DEFINE_integer("paragraph_pause", None, "Milliseconds of silence between paragraphs.")
flags.DEFINE_float("duration_factor", None, "0.5 (twice as fast) to 2 (half as fast).")
flags.DEFINE_float("target_duration", None, "Seconds that the whole speech takes, to the sample.", lower_bound=0.1)
flags.DEFINE_integer("redraw", None, "Draw a suspect segment again, at most so many times.")
_PLOT = flags.DEFINE_string("plot", None, "Picture to draw (.png, .svg, .pdf): waveform, mel, codes, segments.")
flags.DEFINE_float("loudness", None, "LUFS that every segment gets, such as -23.", upper_bound=-5.0)
_COMPILATION_CACHE = flags.DEFINE_string(
    "compilation_cache", None, "Folder for compiled stages; empty: none. By default in the user's cache folder."
)
_KEEP_MEMORY = flags.DEFINE_bool(
    "keep_memory", True, "Keep freed memory for the next stage (glibc on Linux); faster, and the peak is what it keeps."
)
_DUMP_STAGES = flags.DEFINE_string("dump_stages", None, "Write every stage's arrays to this .npz file.")
_REPLAY = flags.DEFINE_string("replay", None, "Take cfm_noise[.k] and noise_seed from this .npz file.")


def fail(error: object) -> NoReturn:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(2)


def parse_flags(argv: Sequence[str]) -> list[str]:
    """ml_collections reports a bad file or override by whatever exception Python gave it."""
    try:
        rest = flags.FLAGS(argv)
        _CONFIG.value.to_dict()  # a file that cannot be loaded only shows here
    except (KeyError, AttributeError) as error:
        fail(f"There is no such setting in the configuration: {error}.")
    except (flags.Error, TypeError, ValueError) as error:
        fail(" ".join(str(error).split()))
    except Exception as error:  # the file is a program: it may raise anything
        given = [arg.partition("=")[2] for arg in argv if arg.startswith("--config=")] or [_DEFAULT_CONFIG]
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        fail(f"Cannot load the configuration file {given[-1]} ({reason}).")
    return rest


def main(argv: Sequence[str]) -> None:
    try:
        if len(argv) > 1:
            raise ConfigError(f"Unexpected argument {argv[1]!r}; quote the text: --text='…'.")
        synthesize(_request())
    except IndexTTSError as error:
        fail(error)


@dataclasses.dataclass(frozen=True)
class Request:
    """Everything of the command line, checked; no model has been touched yet."""

    config: Config
    checkpoint: str
    """Name or folder; empty: random weights."""
    text: str
    voice: str | ReferenceVoice
    bundled_voice: bool
    """`voice` is the clip that comes with the package."""
    emotion_vector: tuple[float, ...] | None
    emotion_text: str | None
    glossary: Glossary | None
    replay: Replay | None


def _config() -> tuple[Config, str]:
    """The settings, and the checkpoint that they are for (empty: random weights)."""
    config = from_dict(Config, _CONFIG.value.to_dict())
    checkpoint = config.checkpoint if _CHECKPOINT.value is None else _CHECKPOINT.value
    if (config.model is None) == (not checkpoint):
        raise ConfigError(
            "--checkpoint is needed: the folder that `python -m convert` wrote, or demo for the bundled model."
            if config.model is None
            else "This configuration has random weights; --checkpoint cannot be given with it."
        )
    flag = flags.FLAGS["config"]
    values = to_dict(config)
    if flag.using_default_value:  # no --config: the checkpoint's own settings, and what --config.KEY changes in them
        from indextts2_jax.checkpoint import read_header

        own = ConfigDict(to_dict(read_header(demo.resolve(checkpoint)).defaults or Config()))
        own.update_from_flattened_dict(config_flags.get_override_values(flag))
        values = own.to_dict()
    for name, setting in SHORT_NAMES.items():
        *groups, key = setting.split(".")
        place = values[groups[0]] if groups else values
        if flags.FLAGS[name].value is not None:
            place[key] = flags.FLAGS[name].value
    return from_dict(Config, values), checkpoint


def _request() -> Request:
    config, checkpoint = _config()
    check_repeatable(config.redraw, bool(_DUMP_STAGES.value or _REPLAY.value))
    check_loudness(config.polish.even_loudness or config.polish.loudness_lufs != 0.0)
    speaker = _SPEAKER.value
    bundled = speaker is None and demo.is_demo(checkpoint)
    if bundled:
        speaker = str(demo.voice_clip())
    if speaker is None:
        raise ConfigError("--speaker is needed: a clip of the voice, at least half a second long.")
    text = _text()
    vector, emotion_text = _emotion(text, config, checkpoint)
    emotion.check_alpha(_EMOTION_ALPHA.value)
    voice: str | ReferenceVoice = speaker
    if speaker.endswith(".safetensors"):
        voice = ReferenceVoice.load(speaker)
    else:
        audio_io.inspect(speaker)
    if _EMOTION_AUDIO.value is not None:
        audio_io.inspect(_EMOTION_AUDIO.value, audio_io.MIN_EMOTION_SECONDS)
    if _OUTPUT.value != "-":
        audio_io.check_writable(_OUTPUT.value)
    if _PLOT.value:
        from indextts2_jax.plot import check_plot

        check_plot(_PLOT.value)
    if _RAW.value and _OUTPUT.value != "-":
        raise ConfigError("--raw is for --output=-; files are WAV or FLAC.")
    if _STREAM.value:
        check_streamable(config.duration, config.redraw, config.polish)
        if _DUMP_STAGES.value or _REPLAY.value:
            raise ConfigError("--stream cannot be had with --dump_stages or --replay, which are of whole segments.")
    if _DUMP_STAGES.value:
        check_folder(_DUMP_STAGES.value)
    return Request(
        config,
        checkpoint,
        text,
        voice,
        bundled,
        vector,
        emotion_text,
        load_glossary(_GLOSSARY.value) if _GLOSSARY.value else None,
        Replay.load(_REPLAY.value) if _REPLAY.value else None,
    )


def _emotion(text: str, config: Config, checkpoint: str) -> tuple[tuple[float, ...] | None, str | None]:
    """The eight weights, and the words that the emotion classifier is to read."""
    emotion.check_one_source(
        {
            "--emotion": _EMOTION.value,
            "--emotion_text": _EMOTION_TEXT.value,
            "--emotion_from_text": _EMOTION_FROM_TEXT.value or None,
            "--emotion_vector": _EMOTION_VECTOR.value,
            "--emotion_audio": _EMOTION_AUDIO.value if _EMOTION_VECTOR.value is None else None,
        }
    )
    words = text if _EMOTION_FROM_TEXT.value else _EMOTION_TEXT.value
    if words is not None:
        from indextts2_jax.checkpoint import read_header
        from indextts2_jax.emotion_text.classifier import check_available, check_text

        check_text(words)
        model = config.model or read_header(demo.resolve(checkpoint)).model
        check_available(model.qwen)
    if _EMOTION.value is not None:
        return emotion.parse_weights(_EMOTION.value), None
    if _EMOTION_VECTOR.value is None:
        return None, words
    try:
        return emotion.check_vector([float(item) for item in _EMOTION_VECTOR.value]), None
    except ValueError as error:
        raise ConfigError(f"--emotion_vector: {error}") from None


def _text() -> str:
    if (_TEXT.value is None) == (_TEXT_FILE.value is None):
        raise TextError("Give the text with either --text or --text_file.")
    text = _TEXT.value
    if _TEXT_FILE.value is not None:
        try:
            text = pathlib.Path(_TEXT_FILE.value).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TextError(f"Cannot read {_TEXT_FILE.value}: {error}.") from None
    if not text or not text.strip():
        raise TextError("The text is empty.")
    check_text(text.strip())
    return text


def synthesize(request: Request) -> None:
    from tqdm import tqdm

    from indextts2_jax import keep_freed_memory

    if _KEEP_MEMORY.value:  # before JAX is there
        keep_freed_memory()

    from indextts2_jax import IndexTTS2, use_compilation_cache

    logging.getLogger("jax").setLevel(logging.WARNING)  # which backends it did not find is no news
    use_compilation_cache(_COMPILATION_CACHE.value)
    start = time.perf_counter()
    if not request.checkpoint:
        print("warning: random weights, the result is noise", file=sys.stderr)
        tts = IndexTTS2.from_random(request.config, glossary=request.glossary)
    else:
        tts = IndexTTS2.from_pretrained(request.checkpoint, config=request.config, glossary=request.glossary)
    loaded = time.perf_counter()
    recorder = StageRecorder() if _DUMP_STAGES.value else None
    voice = request.voice
    if request.bundled_voice and not recorder:
        voice = demo.encoded_voice(tts)
    prompts: dict[str, Any] = {
        "emotion_audio": _EMOTION_AUDIO.value,
        "emotion_alpha": _EMOTION_ALPHA.value,
        "emotion_vector": request.emotion_vector,
        "emotion_text": request.emotion_text,
        "seed": _SEED.value,
    }
    piped = _OUTPUT.value == "-"
    first: float | None = None
    heard: list[np.ndarray] = []

    def sink(audio: np.ndarray) -> None:
        file.write(audio)
        if _PLOT.value:
            heard.append(audio)

    with PipeWriter(sys.stdout.buffer, raw=_RAW.value) if piped else AudioWriter(_OUTPUT.value) as file:
        if _STREAM.value:
            stream = tts.stream(request.text, voice, **prompts)
            for chunk in stream:
                sink(chunk)
                first = first or time.perf_counter() - loaded
            speech = stream.speech
        else:
            with tqdm(bar_format="{desc} [{elapsed}]", leave=False) as bar:
                speech = tts.synthesize(
                    request.text,
                    voice,
                    sink=sink,
                    progress=lambda state: bar.set_description_str(_describe(state)),
                    record=recorder,
                    replay=request.replay,
                    **prompts,
                )
    seconds = time.perf_counter() - loaded
    for warning in speech.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if recorder and _DUMP_STAGES.value:
        recorder.save(_DUMP_STAGES.value)
    if _PLOT.value:
        from indextts2_jax.plot import plot_speech

        plot_speech(_PLOT.value, speech, np.concatenate(heard))
    report = sys.stderr if piped else sys.stdout
    for name, value in {"load": loaded - start, **speech.seconds, **({"first audio": first} if first else {})}.items():
        print(f"{name:>18} {value:8.2f} s", file=report)
    factor = seconds / speech.duration if speech.duration else float("inf")
    name = "pipe" if piped else _OUTPUT.value
    print(f"{name}: {speech.duration:.2f} s of audio in {seconds:.2f} s, real-time factor {factor:.3f}", file=report)


def _describe(state: "Progress") -> str:
    where = f"segment {state.segment}/{state.segments}: " if state.segment else ""
    codes = f" {state.codes}/{state.code_limit} codes" if state.code_limit else ""
    return f"{where}{state.stage}{codes}"


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
