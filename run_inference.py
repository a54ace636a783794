"""Text and a reference clip in, speech out:

    python run_inference.py --config=configs/indextts2.py --checkpoint=DIR --speaker=voice.wav --text="…"

Any setting of the configuration can be changed on the command line: `--config.decode.num_beams=1`.
"""

import dataclasses
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

from absl import app, flags
from ml_collections import config_flags

from indextts2_jax.errors import ConfigError, IndexTTSError, TextError

_CONFIG = config_flags.DEFINE_config_file("config", "configs/indextts2.py", "Configuration file.")
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Folder that `python -m convert` wrote.")
_SPEAKER = flags.DEFINE_string("speaker", None, "Reference clip of the voice (WAV, FLAC, OGG, MP3), or a saved voice.")
_TEXT = flags.DEFINE_string("text", None, "What to say.")
_TEXT_FILE = flags.DEFINE_string("text_file", None, "File with what to say (UTF-8), instead of --text.")
_OUTPUT = flags.DEFINE_string("output", "out.wav", "Audio file to write; .flac writes FLAC.")
_EMOTION_AUDIO = flags.DEFINE_string("emotion_audio", None, "Clip whose emotion is taken over.")
_EMOTION_ALPHA = flags.DEFINE_float("emotion_alpha", 1.0, "Weight of the emotion clip or vector.")
_EMOTION_VECTOR = flags.DEFINE_list(
    "emotion_vector", None, "Eight weights: happy,angry,sad,afraid,disgusted,melancholic,surprised,calm."
)
_GLOSSARY = flags.DEFINE_string("glossary", None, "YAML or JSON file: how to read certain terms.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of all randomness.", lower_bound=0, upper_bound=2**32 - 1)
_INTERVAL_SILENCE = flags.DEFINE_integer("interval_silence", None, "Milliseconds of silence between segments.")
_COMPILATION_CACHE = flags.DEFINE_string(
    "compilation_cache", None, "Folder for compiled stages; empty: none. By default in the user's cache folder."
)
_DUMP_STAGES = flags.DEFINE_string("dump_stages", None, "Write every stage's arrays to this .npz file.")
_REPLAY = flags.DEFINE_string("replay", None, "Take cfm_noise[.k] and noise_seed from this .npz file.")


def fail(error: object) -> NoReturn:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(2)


def parse_flags(argv: Sequence[str]) -> list[str]:
    try:
        return flags.FLAGS(argv)
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        # ml_collections reports a bad file or override by whatever exception Python gave it
        fail(" ".join(str(error).split()))


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

    config: object
    text: str
    emotion_vector: tuple[float, ...] | None
    glossary: object
    replay: object


def _request() -> Request:
    from indextts2_jax import config as configuration
    from indextts2_jax.audio import io as audio_io
    from indextts2_jax.gpt import emotion
    from indextts2_jax.recording import Replay
    from indextts2_jax.text.glossary import load_glossary

    values = _CONFIG.value.to_dict()
    if _INTERVAL_SILENCE.value is not None:
        values["interval_silence_ms"] = _INTERVAL_SILENCE.value
    config = configuration.from_dict(configuration.Config, values)
    if (config.model is None) == (_CHECKPOINT.value is None):
        raise ConfigError(
            "--checkpoint is needed: the folder that `python -m convert` wrote."
            if config.model is None
            else "This configuration has random weights; --checkpoint cannot be given with it."
        )
    if _SPEAKER.value is None:
        raise ConfigError("--speaker is needed: a clip of the voice, at least half a second long.")
    vector = None
    if _EMOTION_VECTOR.value is not None:
        try:
            vector = emotion.check_vector([float(item) for item in _EMOTION_VECTOR.value])
        except ValueError as error:
            raise ConfigError(f"--emotion_vector: {error}") from None
    emotion.check_alpha(_EMOTION_ALPHA.value)
    if not _SPEAKER.value.endswith(".safetensors"):
        audio_io.inspect(_SPEAKER.value)
    if _EMOTION_AUDIO.value is not None:
        audio_io.inspect(_EMOTION_AUDIO.value, audio_io.MIN_EMOTION_SECONDS)
    audio_io.check_writable(_OUTPUT.value)
    return Request(
        config,
        _text(),
        vector,
        load_glossary(_GLOSSARY.value) if _GLOSSARY.value else None,
        Replay.load(_REPLAY.value) if _REPLAY.value else None,
    )


def _text() -> str:
    if (_TEXT.value is None) == (_TEXT_FILE.value is None):
        raise TextError("Give the text with either --text or --text_file.")
    if _TEXT.value is not None:
        text = _TEXT.value
    else:
        try:
            with open(_TEXT_FILE.value, encoding="utf-8") as file:
                text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise TextError(f"Cannot read {_TEXT_FILE.value}: {error}.") from None
    if not text.strip():
        raise TextError("The text is empty.")
    return text


def synthesize(request: Request) -> None:
    import jax
    from tqdm import tqdm

    from indextts2_jax import IndexTTS2, ReferenceVoice
    from indextts2_jax.cache import cache_folder
    from indextts2_jax.recording import StageRecorder

    compiled = _COMPILATION_CACHE.value
    jax.config.update("jax_compilation_cache_dir", str(cache_folder("xla")) if compiled is None else compiled or None)
    start = time.perf_counter()
    if request.config.model is not None:
        print("warning: random weights, the result is noise", file=sys.stderr)
        tts = IndexTTS2.from_random(request.config, glossary=request.glossary)
    else:
        tts = IndexTTS2.from_pretrained(_CHECKPOINT.value, config=request.config, glossary=request.glossary)
    loaded = time.perf_counter()
    speaker = _SPEAKER.value
    recorder = StageRecorder() if _DUMP_STAGES.value else None
    with tqdm(bar_format="{desc} [{elapsed}]", leave=False) as bar:
        speech = tts.synthesize(
            request.text,
            ReferenceVoice.load(speaker) if speaker.endswith(".safetensors") else speaker,
            emotion_audio=_EMOTION_AUDIO.value,
            emotion_alpha=_EMOTION_ALPHA.value,
            emotion_vector=request.emotion_vector,
            seed=_SEED.value,
            progress=lambda state: bar.set_description_str(_describe(state)),
            record=recorder,
            replay=request.replay,
        )
    seconds = time.perf_counter() - loaded
    speech.save(_OUTPUT.value)
    if recorder:
        recorder.save(_DUMP_STAGES.value)
    for warning in speech.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    for name, value in {"load": loaded - start, **speech.seconds}.items():
        print(f"{name:>18} {value:8.2f} s")
    factor = seconds / speech.duration if speech.duration else float("inf")
    print(f"{_OUTPUT.value}: {speech.duration:.2f} s of audio in {seconds:.2f} s, real-time factor {factor:.3f}")


def _describe(state) -> str:
    where = f"segment {state.segment}/{state.segments}: " if state.segment else ""
    codes = f" {state.codes}/{state.code_limit} codes" if state.code_limit else ""
    return f"{where}{state.stage}{codes}"


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
