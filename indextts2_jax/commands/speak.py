"""Text and a reference clip in, speech out:

    python run_inference.py --config=configs/demo.py --text="…"
    python run_inference.py --checkpoint=DIR --speaker=voice.wav --text="…"

The first uses the small English model that comes with this package, and its own reference clip. Without --config the
settings are those that the checkpoint was made with. Any of them can be changed: `--config.decode.num_beams=1`.
"""

import dataclasses
import functools
import logging
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from absl import flags
from tqdm import tqdm

from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio import write as audio_write
from indextts2_jax.audio.write import AudioWriter, PipeWriter
from indextts2_jax.checkpoint import bundled
from indextts2_jax.commands import settings
from indextts2_jax.config import check_can_tell_where, replace
from indextts2_jax.dialogue.times import check_times, said_in, write_times
from indextts2_jax.errors import ConfigError, TextError
from indextts2_jax.pipeline.recording import Replay, StageRecorder, check_folder
from indextts2_jax.runtime import command_line, streams, text_files
from indextts2_jax.runtime.cache import cache_folder, use_compilation_cache
from indextts2_jax.runtime.malloc import keep_freed_memory
from indextts2_jax.synthesis.request import EMOTION_KINDS, Request, check_request, read_emotion
from indextts2_jax.text.glossary import Glossary, load_glossary

if TYPE_CHECKING:
    from indextts2_jax.synthesis.speech import Progress, Speech
    from indextts2_jax.synthesis.synthesizer import IndexTTS2

PIPED = ("text_file", "speaker", "emotion_audio", "glossary")
"""The flags that take - for standard input."""


def _define(own: command_line.Flags, command: list[str]) -> None:
    text, number, integer, switch = (
        functools.partial(define, flag_values=own)
        for define in (flags.DEFINE_string, flags.DEFINE_float, flags.DEFINE_integer, flags.DEFINE_bool)
    )
    settings.define(own, command)
    text("speaker", None, "Reference clip (WAV, FLAC, OGG, MP3; - reads it from the pipe), or a saved voice.")
    text("text", None, "What to say.")
    text("text_file", None, "File with what to say (UTF-8), instead of --text; - reads the pipe.")
    text("output", "out.wav", "Audio file to write; .flac writes FLAC; - writes to the pipe.")
    switch("stream", False, "Give the audio out in chunks, while the sentence is being made.")
    switch("raw", False, "With --output=-: samples alone (16-bit, 22050 Hz, mono), no WAV header.")
    text("emotion_audio", None, "Clip whose emotion is taken over.")
    number("emotion_alpha", None, "Weight of the emotion clip, or factor on the weights.")
    text("emotion", None, "Emotions by name, the others 0: happy:0.6,sad:0.2.")
    weights = "Eight weights: happy,angry,sad,afraid,disgusted,melancholic,surprised,calm."
    flags.DEFINE_list("emotion_vector", None, weights, flag_values=own)
    text("emotion_text", None, "Words about the emotion, which a classifier reads.")
    switch("emotion_from_text", False, "Let the classifier read what is said.")
    text("language", None, "auto, zh, en, ja, es or ar, for a model of several languages.")
    text("glossary", None, "YAML or JSON file: how to read certain terms.")
    integer("seed", 0, "Seed of all randomness.", lower_bound=0, upper_bound=2**32 - 1)
    integer("interval_silence", None, "Milliseconds of silence between segments.")
    integer("paragraph_pause", None, "Milliseconds of silence between paragraphs.")
    number("duration_factor", None, "0.5 (twice as fast) to 2 (half as fast).")
    number("target_duration", None, "Seconds that the whole speech takes, to the sample.", lower_bound=0.1)
    integer("redraw", None, "Draw a suspect segment again, at most so many times.")
    text("plot", None, "Picture to draw (.png, .svg, .pdf): waveform, mel, codes, segments.")
    text("times", None, "Write what is spoken when: .srt, .vtt or .json.")
    flags.DEFINE_enum(
        "times_by", "sentence", ["sentence", "word", "line"], "What is one entry of --times.", flag_values=own
    )
    number("loudness", None, "LUFS that every segment gets, such as -23.", upper_bound=-5.0)
    text("compilation_cache", None, "Folder for compiled stages; empty: none. By default in the user's cache folder.")
    switch("keep_memory", True, "Keep freed memory for the next stage (glibc on Linux); faster, keeps the peak.")
    switch("keep_voices", True, "Keep the encoded voices of the last clips in the user's cache folder.")
    text("dump_stages", None, "Write every stage's arrays to this .npz file.")
    text("replay", None, "Take cfm_noise[.k] and noise_seed from this .npz file.")


class Job(NamedTuple):
    """Everything of the command line, checked; no model has been touched yet."""

    chosen: settings.Chosen
    request: Request
    glossary: Glossary | None
    replay: Replay | None


def _job(own: command_line.Flags) -> Job:
    chosen = settings.choose(own)
    if own.times:
        chosen = chosen._replace(config=replace(chosen.config, times={"words": True}))
        check_can_tell_where(chosen.config, chosen.model)
    _check_inputs(own)
    speaker = own.speaker
    if speaker is None and bundled.is_demo(chosen.checkpoint):
        speaker = str(bundled.voice_clip())
    if speaker is None:
        raise ConfigError("--speaker is needed: a clip of the voice, at least half a second long.")
    if speaker == streams.STANDARD:
        speaker = audio_clip.read_clip()
    emotion = read_emotion(_emotion_flags(own), "--{}".format)
    if own.emotion_audio == streams.STANDARD and emotion is not None:
        emotion = dataclasses.replace(emotion, clip=audio_clip.read_clip(audio_clip.MIN_EMOTION_SECONDS))
    repeated = bool(own.dump_stages or own.replay)
    if own.stream and repeated:
        raise ConfigError("--stream cannot be had with --dump_stages or --replay, which are of whole segments.")
    if own.redraw and (own.stream or repeated):
        raise ConfigError("--redraw needs whole segments that may change: leave out --stream, --dump_stages, --replay.")
    request = Request(_text(own), speaker, emotion, own.seed)
    request = check_request(request, chosen.config, chosen.model, streamed=own.stream)
    _check_outputs(own)
    glossary = load_glossary(own.glossary) if own.glossary else None
    return Job(chosen, request, glossary, Replay.load(own.replay) if own.replay else None)


def _check_inputs(own: command_line.Flags) -> None:
    piped = [f"--{name}" for name in PIPED if own[name].value == streams.STANDARD]
    if len(piped) > 1:
        raise ConfigError(f"{' and '.join(piped)} cannot both be read from standard input.")


def _check_outputs(own: command_line.Flags) -> None:
    inputs = own.speaker, own.emotion_audio, own.text_file, own.glossary, own.replay
    audio_write.check_apart((own.output, own.times, own.plot, own.dump_stages), set(inputs) - {streams.STANDARD})
    if own.output != streams.STANDARD:
        audio_write.check_writable(own.output)
    if own.raw and own.output != streams.STANDARD:
        raise ConfigError("--raw is for --output=-; files are WAV or FLAC.")
    if own.plot:
        from indextts2_jax.commands.plot import check_plot

        check_plot(own.plot)
    if own.times:
        check_times(own.times)
    if own.dump_stages:
        check_folder(own.dump_stages)


def _emotion_flags(own: command_line.Flags) -> dict[str, Any]:
    values = {name: own[name].value for name in EMOTION_KINDS}
    if values["emotion_vector"] is not None:
        try:
            values["emotion_vector"] = [float(item) for item in values["emotion_vector"]]
        except ValueError as error:
            raise ConfigError(f"--emotion_vector: {error}") from None
    return values


def _text(own: command_line.Flags) -> str:
    if (own.text is None) == (own.text_file is None):
        raise TextError("Give the text with either --text or --text_file.")
    if own.text_file is None:
        return str(own.text)
    try:
        return text_files.read_text(own.text_file)
    except text_files.TextFileError as error:
        raise TextError(f"Cannot read {streams.shown(own.text_file)}: {error}.") from None


def work(own: command_line.Flags) -> None:
    """Loads, speaks, reports."""
    job = _job(own)
    if own.keep_memory:  # before the first computation
        keep_freed_memory()
    logging.getLogger("jax").setLevel(logging.WARNING)  # which backends it did not find is no news
    use_compilation_cache(own.compilation_cache)
    start = time.perf_counter()
    tts = _load(own, job)
    loaded = time.perf_counter()
    recorder = StageRecorder() if own.dump_stages else None
    piped = own.output == streams.STANDARD
    with PipeWriter(streams.binary_output(), raw=own.raw) if piped else AudioWriter(own.output) as file:
        sink = _Sink(file, keep=bool(own.plot))
        speech = _stream(tts, job, sink) if own.stream else _synthesize(tts, job, sink, recorder)
    seconds = time.perf_counter() - loaded
    for warning in speech.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if recorder:
        recorder.save(own.dump_stages)
    if own.times:
        write_times(own.times, [said_in(speech)], own.times_by)
    if own.plot:
        from indextts2_jax.commands.plot import plot_speech

        plot_speech(own.plot, speech, np.concatenate(sink.heard))
    report = sys.stderr if piped else sys.stdout
    times = {"load": loaded - start, **speech.seconds}
    if own.stream and sink.first is not None:
        times["first audio"] = sink.first - loaded
    for name, value in times.items():
        print(f"{name:>18} {value:8.2f} s", file=report)
    factor = seconds / speech.duration if speech.duration else float("inf")
    name = "pipe" if piped else own.output
    print(f"{name}: {speech.duration:.2f} s of audio in {seconds:.2f} s, real-time factor {factor:.3f}", file=report)


class _Sink:
    """Writes pieces of speech; keeps them where they are wanted again, and the time of the first."""

    def __init__(self, file: AudioWriter | PipeWriter, keep: bool) -> None:
        self.heard: list[np.ndarray] = []
        self.first: float | None = None
        self._file, self._keep = file, keep

    def __call__(self, audio: np.ndarray) -> None:
        self._file.write(audio)
        self.first = self.first or time.perf_counter()
        if self._keep:
            self.heard.append(audio)


def _load(own: command_line.Flags, job: Job) -> "IndexTTS2":
    from indextts2_jax import IndexTTS2

    if not job.chosen.checkpoint:
        print("warning: random weights, the result is noise", file=sys.stderr)
        return IndexTTS2.from_random(job.chosen.config, glossary=job.glossary)
    tts = IndexTTS2.from_pretrained(job.chosen.checkpoint, config=job.chosen.config, glossary=job.glossary)
    tts.voices.folder = cache_folder("voices") if own.keep_voices else None
    return tts


def _stream(tts: "IndexTTS2", job: Job, sink: _Sink) -> "Speech":
    request = job.request
    stream = tts.stream(request.text, request.voice, emotion=request.emotion, seed=request.seed)
    for chunk in stream:
        sink(chunk)
    return stream.speech


def _synthesize(tts: "IndexTTS2", job: Job, sink: _Sink, recorder: StageRecorder | None) -> "Speech":
    request = job.request
    with tqdm(bar_format="{desc} [{elapsed}]", leave=False) as bar:
        return tts.synthesize(
            request.text,
            request.voice,
            emotion=request.emotion,
            seed=request.seed,
            sink=sink,
            progress=lambda state: bar.set_description_str(_describe(state)),
            record=recorder,
            replay=job.replay,
        )


def _describe(state: "Progress") -> str:
    where = f"segment {state.segment}/{state.segments}: " if state.segment else ""
    codes = f" {state.codes}/{state.code_limit} codes" if state.code_limit else ""
    return f"{where}{state.stage}{codes}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    return command_line.run(work, _define, __doc__, arguments)
