"""`indextts2 voices encode|mix|show|list`: reference clips become small files, once.

    indextts2 voices encode --checkpoint=DIR --output=anna.safetensors clip.wav [more.wav ...]
    indextts2 voices mix --output=both.safetensors anna.safetensors:0.7 ben.safetensors:0.3
    indextts2 voices show anna.safetensors [more.safetensors ...]
    indextts2 voices list [FOLDER]

A voice file belongs to the model that encoded it, and another one refuses it. `--json` prints what `show` and `list`
say as JSON, a line a voice.
"""

import dataclasses
import hashlib
import json
import pathlib
import sys
from collections.abc import Sequence

import numpy as np
from absl import flags

from indextts2_jax.array_typing import Float
from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.commands import settings
from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.errors import AudioError, CheckpointError, ConfigError
from indextts2_jax.pipeline.voice import MAX_FRAMES, ReferenceVoice
from indextts2_jax.runtime import command_line, streams
from indextts2_jax.runtime.cache import use_compilation_cache
from indextts2_jax.synthesis.request import VOICE_SUFFIX, check_source

FRAME_SECONDS = 256 / SAMPLING_RATE


def merge(voices: Sequence[ReferenceVoice]) -> ReferenceVoice:
    """Several clips of one speaker as one voice: the embeddings are means, the prompts stand one behind the other.

    Whole prompts are taken in the order given while they fit into 15 seconds, as a single clip must; the first is
    always taken. So put the best clip first.

    Raises:
      CheckpointError: the voices are of different models. ValueError: none is given.
    """
    if not voices:
        raise ValueError("merge needs at least one voice.")
    first = voices[0]
    if len(voices) == 1:
        return first
    prompts, frames = [(first, len(first.prompt_mel))], len(first.prompt_mel)
    for voice in voices[1:]:
        if frames + len(voice.prompt_mel) <= MAX_FRAMES:
            prompts.append((voice, len(voice.prompt_mel)))
            frames += len(voice.prompt_mel)
    sources = "\n".join(voice.source_sha256 for voice in voices)
    return _joined(voices, np.ones(len(voices)), prompts, sources)


def mix(voices: Sequence[ReferenceVoice], weights: Sequence[float]) -> ReferenceVoice:
    """A voice between others: what describes a speaker is their weighted mean, and of its prompt each has its share.

    The prompt is a recording, of which no mean can be taken: each voice gives as much of the beginning of its own as
    its weight says, the heaviest last, where the speech goes on from.

    Args:
      weights: above 0, one for each voice; only their proportion counts.
    Raises:
      CheckpointError: the voices are of different models. ValueError: none is given.
    """
    if not voices:
        raise ValueError("mix needs at least one voice.")
    shares = np.array(weights, np.float64) / sum(weights)
    frames = min(len(voice.prompt_mel) / share for voice, share in zip(voices, shares, strict=True))
    parts = [
        (voices[place], max(1, int(min(frames, MAX_FRAMES) * shares[place])))
        for place in np.argsort(shares, kind="stable")
    ]
    sources = "\n".join(f"{voice.source_sha256} {share:.6f}" for voice, share in zip(voices, shares, strict=True))
    return _joined(voices, shares, parts, sources)


def _joined(
    voices: Sequence[ReferenceVoice],
    weights: Float[np.ndarray, " V"],
    prompts: Sequence[tuple[ReferenceVoice, int]],
    sources: str,
) -> ReferenceVoice:
    """One voice of several: weighted means, and so many frames from the beginning of each prompt, in this order."""
    if any(voice.model_id != voices[0].model_id for voice in voices):
        raise CheckpointError("The voices were encoded by different models; encode the clips again with one.")

    def mean(arrays: Sequence[np.ndarray]) -> np.ndarray:
        total = sum(weight * array.astype(np.float64) for weight, array in zip(weights, arrays, strict=True))
        return np.asarray(total / weights.sum(), np.float32)

    own = [voice.emotion_own for voice in voices if voice.emotion_own is not None]
    return dataclasses.replace(
        voices[0],
        speaker_latents=mean([voice.speaker_latents for voice in voices]),
        emotion_base=mean([voice.emotion_base for voice in voices]),
        emotion_own=mean(own) if len(own) == len(voices) else None,
        style=mean([voice.style for voice in voices]),
        prompt_mel=np.concatenate([voice.prompt_mel[:count] for voice, count in prompts]),
        prompt_condition=np.concatenate([voice.prompt_condition[:count] for voice, count in prompts]),
        source_sha256=hashlib.sha256(sources.encode()).hexdigest(),
    )


def describe(path: pathlib.Path) -> dict[str, object]:
    """What there is to know of a voice file. Raises `CheckpointError` as `ReferenceVoice.load` does."""
    voice = ReferenceVoice.load(path)
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "prompt_seconds": round(len(voice.prompt_mel) * FRAME_SECONDS, 2),
        "own_emotion": voice.emotion_own is not None,
        "model": voice.model_name,
        "model_id": voice.model_id,
        "source_sha256": voice.source_sha256,
    }


# --- the command line ---------------------------------------------------------------------------------------------


def _define(own: flags.FlagValues, command: list[str]) -> None:
    settings.define(own, command)
    flags.DEFINE_string("output", None, "encode, mix: the .safetensors file to write.", flag_values=own)
    flags.DEFINE_bool("json", False, "show, list: a JSON object a line.", flag_values=own)


def mix_files(own: flags.FlagValues, parts: Sequence[str]) -> None:
    """FILE:WEIGHT each; without a weight it is 1."""
    if len(parts) < 2 or not own.output:
        raise ConfigError("mix needs --output=FILE.safetensors and at least two voice files, as FILE:WEIGHT.")
    output = _voice_file(own.output)
    told = [_weighted(part) for part in parts]
    voices = [ReferenceVoice.load(path) for path, _ in told]
    mix(voices, [weight for _, weight in told]).save(output)
    _print([describe(output)], own.json)


def _weighted(part: str) -> tuple[pathlib.Path, float]:
    """ "anna.safetensors:0.7" as (its path, 0.7). Raises `ConfigError`."""
    path, _, told = part.rpartition(":")
    if part.endswith(VOICE_SUFFIX):  # a name may have a colon too
        return pathlib.Path(part), 1.0
    try:
        weight = float(told)
    except ValueError:
        weight = 0.0
    if not path.endswith(VOICE_SUFFIX) or not 0 < weight < np.inf:
        raise ConfigError(f"{part!r:.200} is no voice with a weight: write FILE{VOICE_SUFFIX}:0.7, above 0.")
    return pathlib.Path(path), weight


def _voice_file(name: str) -> pathlib.Path:
    """Where a voice is to be written. Raises `ConfigError`, `AudioError`."""
    output = pathlib.Path(name)
    if output.suffix != VOICE_SUFFIX:
        raise ConfigError(f"--output is {name!r}, but a voice file's name ends in {VOICE_SUFFIX}.")
    if not output.parent.is_dir():
        raise AudioError(f"Cannot write {output}: there is no folder {output.parent}.")
    return output


def encode(own: flags.FlagValues, clips: Sequence[str]) -> None:
    """Inputs are checked before a model is loaded."""
    if not clips or not own.output:
        raise ConfigError("encode needs --checkpoint=DIR, --output=FILE.safetensors and at least one clip.")
    output = _voice_file(own.output)
    if clips.count(streams.STANDARD) > 1:
        raise ConfigError("Standard input holds one clip: give - once.")
    sources = [audio_clip.read_clip() if clip == streams.STANDARD else clip for clip in clips]
    for source in sources:
        check_source(source)
    chosen = settings.choose(own)
    if not chosen.checkpoint:
        raise ConfigError("encode needs --checkpoint: voices of random weights are of no use.")
    use_compilation_cache()
    from indextts2_jax import IndexTTS2

    tts = IndexTTS2.from_pretrained(chosen.checkpoint, config=chosen.config)
    merge([tts.encode_voice(source) for source in sources]).save(output)
    _print([describe(output)], own.json)


def show(own: flags.FlagValues, files: Sequence[str]) -> None:
    if not files:
        raise ConfigError("show needs at least one voice file.")
    _print([describe(pathlib.Path(file)) for file in files], own.json)


def list_voices(own: flags.FlagValues, folders: Sequence[str]) -> None:
    """Files that are no voices are named on stderr, and do not stop the rest."""
    if len(folders) > 1:
        raise ConfigError("list takes one folder.")
    folder = pathlib.Path(folders[0] if folders else ".")
    if not folder.is_dir():
        raise ConfigError(f"There is no folder {folder}.")
    found = []
    for path in sorted(path for path in folder.iterdir() if path.suffix == VOICE_SUFFIX):
        try:
            found.append(describe(path))
        except CheckpointError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not found:
        print(f"note: there is no voice in {folder}.", file=sys.stderr)
    _print(found, own.json)


def _print(rows: Sequence[dict[str, object]], as_json: bool) -> None:
    for row in rows:
        if as_json:
            print(json.dumps(row))
            continue
        emotion = "" if row["own_emotion"] else ", without its own emotion"
        model = f"{row['model']} {row['model_id']}".strip()
        origin = f"model {model}, from {str(row['source_sha256'])[:12]}"
        print(f"{row['file']}: prompt of {row['prompt_seconds']} s{emotion}, {origin}, {row['bytes']:,} bytes")


COMMANDS = {"encode": encode, "mix": mix_files, "show": show, "list": list_voices}


def main(arguments: Sequence[str]) -> int:
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if name in ("--help", "-h"):
        with streams.until_closed():
            print(__doc__)
        return 0
    if name not in COMMANDS:
        print(f"error: say one of {', '.join(COMMANDS)} first, not {name!r}; see --help.", file=sys.stderr)
        return 2
    names: list[str] = []
    return command_line.run(lambda own: COMMANDS[name](own, names), _define, __doc__, rest, names)
