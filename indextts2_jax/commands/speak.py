"""Text and a reference clip in, speech out:

    python run_inference.py --config=configs/demo.py --text="…"
    python run_inference.py --checkpoint=DIR --speaker=voice.wav --text="…"

The first uses the small English model that comes with this package, and its own reference clip. Without --config the
settings are those that the checkpoint was made with. Any of them can be changed: `--config.decode.num_beams=1`.
"""

import dataclasses
import functools
import logging
import pathlib
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import flags
from ml_collections import ConfigDict, config_flags

from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio import write as audio_write
from indextts2_jax.audio.loudness import check_loudness
from indextts2_jax.audio.write import AudioWriter, PipeWriter
from indextts2_jax.checkpoint import bundled as demo
from indextts2_jax.config import Config, from_dict, to_dict
from indextts2_jax.config.synthesis import SHORT_NAMES, check_repeatable, check_streamable
from indextts2_jax.errors import ConfigError, TextError
from indextts2_jax.gpt import emotion
from indextts2_jax.pipeline.recording import Replay, StageRecorder, check_folder
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.runtime import command_line
from indextts2_jax.synthesis import voice_cache
from indextts2_jax.text.glossary import Glossary, load_glossary
from indextts2_jax.text.reading import check_text

if TYPE_CHECKING:
    from indextts2_jax.synthesis.speech import Progress


def _define(own: command_line.Flags, command: list[str]) -> None:
    text, number, integer, switch = (
        functools.partial(define, flag_values=own)
        for define in (flags.DEFINE_string, flags.DEFINE_float, flags.DEFINE_integer, flags.DEFINE_bool)
    )
    command_line.define_config(own, command, "indextts2", "Configuration file, instead of the checkpoint's settings.")
    text("checkpoint", None, "Folder that `indextts2 convert` wrote; demo: the bundled model.")
    text("speaker", None, "Reference clip (WAV, FLAC, OGG, MP3), or a saved voice.")
    text("text", None, "What to say.")
    text("text_file", None, "File with what to say (UTF-8), instead of --text.")
    text("output", "out.wav", "Audio file to write; .flac writes FLAC; - writes to the pipe.")
    switch("stream", False, "Give the audio out in chunks, while the sentence is being made.")
    switch("raw", False, "With --output=-: samples alone (16-bit, 22050 Hz, mono), no WAV header.")
    text("emotion_audio", None, "Clip whose emotion is taken over.")
    number("emotion_alpha", 1.0, "Weight of the emotion clip, or factor on the weights.")
    text("emotion", None, "Emotions by name, the others 0: happy:0.6,sad:0.2.")
    weights = "Eight weights: happy,angry,sad,afraid,disgusted,melancholic,surprised,calm."
    flags.DEFINE_list("emotion_vector", None, weights, flag_values=own)
    text("emotion_text", None, "Words about the emotion, which a classifier reads.")
    switch("emotion_from_text", False, "Let the classifier read what is said.")
    text("glossary", None, "YAML or JSON file: how to read certain terms.")
    integer("seed", 0, "Seed of all randomness.", lower_bound=0, upper_bound=2**32 - 1)
    integer("interval_silence", None, "Milliseconds of silence between segments.")
    integer("paragraph_pause", None, "Milliseconds of silence between paragraphs.")
    number("duration_factor", None, "0.5 (twice as fast) to 2 (half as fast).")
    number("target_duration", None, "Seconds that the whole speech takes, to the sample.", lower_bound=0.1)
    integer("redraw", None, "Draw a suspect segment again, at most so many times.")
    text("plot", None, "Picture to draw (.png, .svg, .pdf): waveform, mel, codes, segments.")
    number("loudness", None, "LUFS that every segment gets, such as -23.", upper_bound=-5.0)
    text("compilation_cache", None, "Folder for compiled stages; empty: none. By default in the user's cache folder.")
    switch("keep_memory", True, "Keep freed memory for the next stage (glibc on Linux); faster, keeps the peak.")
    text("dump_stages", None, "Write every stage's arrays to this .npz file.")
    text("replay", None, "Take cfm_noise[.k] and noise_seed from this .npz file.")


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


def _config(own: command_line.Flags) -> tuple[Config, str]:
    """The settings, and the checkpoint that they are for (empty: random weights)."""
    config = from_dict(Config, own.config.to_dict())
    checkpoint = config.checkpoint if own.checkpoint is None else own.checkpoint
    if (config.model is None) == (not checkpoint):
        raise ConfigError(
            "--checkpoint is needed: the folder that `python -m convert` wrote, or demo for the bundled model."
            if config.model is None
            else "This configuration has random weights; --checkpoint cannot be given with it."
        )
    flag = own["config"]
    values = to_dict(config)
    if flag.using_default_value:  # no --config: the checkpoint's own settings, and what --config.KEY changes in them
        from indextts2_jax.checkpoint.artefact import read_header

        own = ConfigDict(to_dict(read_header(demo.resolve(checkpoint)).defaults or Config()))
        own.update_from_flattened_dict(config_flags.get_override_values(flag))
        values = own.to_dict()
    for name, setting in SHORT_NAMES.items():
        *groups, key = setting.split(".")
        place = values[groups[0]] if groups else values
        if own[name].value is not None:
            place[key] = own[name].value
    return from_dict(Config, values), checkpoint


def _request(own: command_line.Flags) -> Request:
    config, checkpoint = _config(own)
    check_repeatable(config.redraw, bool(own.dump_stages or own.replay))
    check_loudness(config.polish.even_loudness or config.polish.loudness_lufs != 0.0)
    speaker = own.speaker
    bundled = speaker is None and demo.is_demo(checkpoint)
    if bundled:
        speaker = str(demo.voice_clip())
    if speaker is None:
        raise ConfigError("--speaker is needed: a clip of the voice, at least half a second long.")
    text = _text(own)
    vector, emotion_text = _emotion(own, text, config, checkpoint)
    emotion.check_alpha(own.emotion_alpha)
    voice: str | ReferenceVoice = speaker
    if speaker.endswith(".safetensors"):
        voice = ReferenceVoice.load(speaker)
    else:
        audio_clip.inspect(speaker)
    if own.emotion_audio is not None:
        audio_clip.inspect(own.emotion_audio, audio_clip.MIN_EMOTION_SECONDS)
    if own.output != "-":
        audio_write.check_writable(own.output)
    if own.plot:
        from indextts2_jax.commands.plot import check_plot

        check_plot(own.plot)
    if own.raw and own.output != "-":
        raise ConfigError("--raw is for --output=-; files are WAV or FLAC.")
    if own.stream:
        check_streamable(config.duration, config.redraw, config.polish)
        if own.dump_stages or own.replay:
            raise ConfigError("--stream cannot be had with --dump_stages or --replay, which are of whole segments.")
    if own.dump_stages:
        check_folder(own.dump_stages)
    return Request(
        config,
        checkpoint,
        text,
        voice,
        bundled,
        vector,
        emotion_text,
        load_glossary(own.glossary) if own.glossary else None,
        Replay.load(own.replay) if own.replay else None,
    )


def _emotion(
    own: command_line.Flags, text: str, config: Config, checkpoint: str
) -> tuple[tuple[float, ...] | None, str | None]:
    """The eight weights, and the words that the emotion classifier is to read."""
    emotion.check_one_source(
        {
            "--emotion": own.emotion,
            "--emotion_text": own.emotion_text,
            "--emotion_from_text": own.emotion_from_text or None,
            "--emotion_vector": own.emotion_vector,
            "--emotion_audio": own.emotion_audio if own.emotion_vector is None else None,
        }
    )
    words = text if own.emotion_from_text else own.emotion_text
    if words is not None:
        from indextts2_jax.checkpoint.artefact import read_header
        from indextts2_jax.emotion_text.classifier import check_available, check_text

        check_text(words)
        model = config.model or read_header(demo.resolve(checkpoint)).model
        check_available(model.qwen)
    if own.emotion is not None:
        return emotion.parse_weights(own.emotion), None
    if own.emotion_vector is None:
        return None, words
    try:
        return emotion.check_vector([float(item) for item in own.emotion_vector]), None
    except ValueError as error:
        raise ConfigError(f"--emotion_vector: {error}") from None


def _text(own: command_line.Flags) -> str:
    if (own.text is None) == (own.text_file is None):
        raise TextError("Give the text with either --text or --text_file.")
    text = own.text
    if own.text_file is not None:
        try:
            text = pathlib.Path(own.text_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TextError(f"Cannot read {own.text_file}: {error}.") from None
    if not text or not text.strip():
        raise TextError("The text is empty.")
    check_text(text.strip())
    return text


def synthesize(own: command_line.Flags, request: Request) -> None:
    from tqdm import tqdm

    from indextts2_jax import keep_freed_memory

    if own.keep_memory:  # before JAX is there
        keep_freed_memory()

    from indextts2_jax import IndexTTS2, use_compilation_cache

    logging.getLogger("jax").setLevel(logging.WARNING)  # which backends it did not find is no news
    use_compilation_cache(own.compilation_cache)
    start = time.perf_counter()
    if not request.checkpoint:
        print("warning: random weights, the result is noise", file=sys.stderr)
        tts = IndexTTS2.from_random(request.config, glossary=request.glossary)
    else:
        tts = IndexTTS2.from_pretrained(request.checkpoint, config=request.config, glossary=request.glossary)
    loaded = time.perf_counter()
    recorder = StageRecorder() if own.dump_stages else None
    voice = request.voice
    if request.bundled_voice and not recorder:
        voice = voice_cache.encoded_voice(tts)
    prompts: dict[str, Any] = {
        "emotion_audio": own.emotion_audio,
        "emotion_alpha": own.emotion_alpha,
        "emotion_vector": request.emotion_vector,
        "emotion_text": request.emotion_text,
        "seed": own.seed,
    }
    piped = own.output == "-"
    first: float | None = None
    heard: list[np.ndarray] = []

    def sink(audio: np.ndarray) -> None:
        file.write(audio)
        if own.plot:
            heard.append(audio)

    with PipeWriter(sys.stdout.buffer, raw=own.raw) if piped else AudioWriter(own.output) as file:
        if own.stream:
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
    if recorder and own.dump_stages:
        recorder.save(own.dump_stages)
    if own.plot:
        from indextts2_jax.commands.plot import plot_speech

        plot_speech(own.plot, speech, np.concatenate(heard))
    report = sys.stderr if piped else sys.stdout
    for name, value in {"load": loaded - start, **speech.seconds, **({"first audio": first} if first else {})}.items():
        print(f"{name:>18} {value:8.2f} s", file=report)
    factor = seconds / speech.duration if speech.duration else float("inf")
    name = "pipe" if piped else own.output
    print(f"{name}: {speech.duration:.2f} s of audio in {seconds:.2f} s, real-time factor {factor:.3f}", file=report)


def _describe(state: "Progress") -> str:
    where = f"segment {state.segment}/{state.segments}: " if state.segment else ""
    codes = f" {state.codes}/{state.code_limit} codes" if state.code_limit else ""
    return f"{where}{state.stage}{codes}"


def work(own: command_line.Flags) -> None:
    synthesize(own, _request(own))


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    return command_line.run(work, _define, __doc__, arguments)
