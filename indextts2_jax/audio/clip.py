"""The one gate for reference clips.

    path ──► inspect ──► load_clip ──┐
                                     ├─► Clip ──► resample.speaker_audio, resample.emotion_audio
    (array, sample rate) ► clip_from_array

Reading follows `librosa.load` as indextts/infer_v2.py uses it: libsndfile's float32, channels averaged, no
normalisation and no trimming. Departure: only the part that can reach the result is decoded, and what cannot be a
voice is refused, where the reference would speak with a voice made of nothing.
"""

import contextlib
import math
import operator
import os
import stat
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np
import soundfile
from jaxtyping import Float32

from indextts2_jax.audio import containers
from indextts2_jax.audio.headers import open_sound
from indextts2_jax.audio.refusal import ALLOWED, MAX_FILE_BYTES, refusal
from indextts2_jax.errors import AudioError
from indextts2_jax.runtime import streams

Path: TypeAlias = str | os.PathLike[str]
Decoder: TypeAlias = soundfile.SoundFile | containers.Sound

USED_SECONDS = 15
"""Of every clip the first 15 seconds count (indextts/infer_v2.py)."""

KEPT_SECONDS = USED_SECONDS + 1
"""What is decoded and kept. The resamplers look at most 0.25 s ahead (at 4 kHz, the lowest rate), so that the first
15 s resampled from 16 s are bit for bit those resampled from the whole file."""

MIN_SECONDS = 0.5
"""Shorter clips are refused: 24 semantic frames, of which the conformer keeps 11, hardly describe a voice."""

MIN_EMOTION_SECONDS = 0.25
"""An emotion clip may be shorter: the samples published with the model go down to 0.47 s."""

MAX_SECONDS = 600.0
"""Longer clips are refused: an audiobook is no reference clip, and only its first 15 s would be heard."""

MAX_DECODED_BYTES = 64 << 20
"""Of the kept part, as float32 in all channels: more is never allocated, whatever a header says. 16 s of 48 kHz stereo
take 6 MB."""

MAX_CHANNELS = 32
MIN_RATE, MAX_RATE = 4_000, 384_000

MIN_PEAK = 1e-3
"""-60 dBFS about the mean: 33 steps of a 16-bit file. Below it there is noise and no voice."""

MAX_PEAK = 8.0
"""+18 dBFS. Float files may overshoot 1.0; a peak beyond 8 means integers stored as floats, or garbage."""

_PLAIN = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
_SUBTYPES = {
    "WAV": ("PCM_U8", *_PLAIN),
    "WAVEX": ("PCM_U8", *_PLAIN),
    "RF64": ("PCM_U8", *_PLAIN),
    "AIFF": ("PCM_S8", "PCM_U8", *_PLAIN),
    "CAF": ("PCM_S8", *_PLAIN),
    "FLAC": ("PCM_16", "PCM_24"),
    "OGG": ("VORBIS", "OPUS"),
    "MP3": ("MPEG_LAYER_III",),
    **{kind: tuple(map(str.upper, codecs)) for kind, codecs in containers.CODECS.items()},
}
_ESTIMATED = ("MP3", *containers.CODECS)
"""Whose header only estimates the length, or leaves it open."""
_UNKNOWN_LENGTH = 1 << 62  # libsndfile's frame count where a header leaves it open


class ClipInfo(NamedTuple):
    """What the header of a clip says."""

    path: str
    container: str
    subtype: str
    sampling_rate: int
    channels: int
    frames: int

    @property
    def seconds(self) -> float:
        return self.frames / self.sampling_rate


class Clip(NamedTuple):
    """At most the first `KEPT_SECONDS` of a checked recording: mono, in [-1, 1] but for overshoots."""

    audio: Float32[np.ndarray, " N"]
    sampling_rate: int


def inspect(path: Path, min_seconds: float = MIN_SECONDS) -> ClipInfo:
    """Reads the header only. Raises `AudioError` for everything that `load_clip` could refuse without decoding."""
    with _opened(path, min_seconds) as (_, info):
        return info


def load_clip(path: Path, min_seconds: float = MIN_SECONDS, *, kept_seconds: float = KEPT_SECONDS) -> Clip:
    """Decodes the start of a clip, mixed down to mono.

    Args:
      kept_seconds: how much of it; less where its channels at its rate take more than `MAX_DECODED_BYTES`.

    Raises:
      AudioError: no such file, not audio, not an allowed format, damaged, too long, too short, silent, not finite.
    """
    with _opened(path, min_seconds) as (sound, info):
        return _decoded(sound, info, min_seconds, kept_seconds)


def _decoded(sound: Decoder, info: ClipInfo, min_seconds: float, kept_seconds: float = KEPT_SECONDS) -> Clip:
    most = max(_kept(info.sampling_rate), MAX_DECODED_BYTES // (4 * info.channels))
    wanted = min(info.frames, most, math.ceil(kept_seconds * info.sampling_rate))
    # In one go, at most MAX_DECODED_BYTES: soundfile seeks after every read, and an MP3 goes on differently then.
    samples = sound.read(wanted, dtype="float32", always_2d=True)
    if len(samples) < wanted and info.container not in _ESTIMATED:
        missing = f"sample {len(samples)} of {info.frames} cannot be decoded"
        raise refusal(info.path, f"is cut short: {missing}", "Copy it again.")
    return _checked(info.path, _mono(samples), info.sampling_rate, min_seconds)


def read_clip(min_seconds: float = MIN_SECONDS) -> Clip:
    """The clip that standard input holds, decoded like that of a file. Raises `AudioError` as `load_clip`."""
    try:
        data = streams.read_input(streams.STANDARD, MAX_FILE_BYTES)
    except streams.InputError as error:
        raise refusal(streams.SHOWN, f"cannot be read ({error})", "Give the path of a file.") from None
    with _decoder(BytesIO(data), len(data), streams.SHOWN, min_seconds) as (sound, info):
        return _decoded(sound, info, min_seconds)


def clip_from_array(
    audio: Any, sampling_rate: int, min_seconds: float = MIN_SECONDS, *, kept_seconds: float = KEPT_SECONDS
) -> Clip:
    """The same checks for a recording in memory.

    Args:
      audio: [N] or [N, channels] as soundfile reads it; float in [-1, 1], int16 or int32.
      sampling_rate: in Hz, from 4000 to 384000.
      kept_seconds: how much of it.

    Raises:
      AudioError: a shape, type or rate that makes no sense, or a recording `load_clip` would refuse.
    """
    name = "(array)"
    try:
        array, rate = np.asarray(audio), operator.index(sampling_rate)
    except (TypeError, ValueError) as error:
        raise refusal(name, f"cannot be read ({error})", "Give an array and a whole sample rate.") from error
    if array.ndim not in (1, 2):
        raise refusal(name, f"has the shape {array.shape}", "Give [samples] or [samples, channels].")
    array = array.reshape(len(array), -1) if array.size else np.zeros((0, 1), np.float32)
    _check_numbers(name, rate, array.shape[1], array.shape[0], min_seconds, "Give [samples, channels].")
    array = array[: math.ceil(kept_seconds * rate)]
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite and is refused as such
        if array.dtype.kind == "f":
            array = array.astype(np.float32)
        elif array.dtype in (np.int16, np.int32):
            array = array.astype(np.float32) / np.float32(2 ** (8 * array.dtype.itemsize - 1))
        else:
            raise refusal(name, f"has the type {array.dtype}", "Give floats in [-1, 1], int16 or int32.")
    return _checked(name, _mono(array), rate, min_seconds)


@contextlib.contextmanager
def _opened(path: Path, min_seconds: float) -> Iterator[tuple[Decoder, ClipInfo]]:
    name = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else repr(path)
    try:
        status = os.stat(name)
        if stat.S_ISDIR(status.st_mode):
            raise refusal(name, "is a folder", "Give the audio file itself.")
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            raise refusal(name, "is not a regular file", "Give an audio file.")
        if status.st_size > MAX_FILE_BYTES:
            raise refusal(name, f"is a file of {status.st_size >> 20} MiB", "Cut out the 15 seconds to speak like.")
        with open(name, "rb") as handle, _decoder(handle, status.st_size, name, min_seconds) as opened:
            yield opened
    except FileNotFoundError as error:
        raise refusal(name, "does not exist", "Check the path.") from error
    except AudioError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL character within the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise refusal(name, f"cannot be read ({reason})", "Check the path and its permissions.") from error


@contextlib.contextmanager
def _decoder(
    handle: BinaryIO | BytesIO, size: int, name: str, min_seconds: float
) -> Iterator[tuple[Decoder, ClipInfo]]:
    kind = containers.container(handle.read(12))
    if kind is not None:
        with containers.open_container(kind, handle, name) as sound:
            yield sound, _info(name, sound, min_seconds)
        return
    source = open_sound(handle, size, name)
    try:
        with soundfile.SoundFile(source) as sound:
            yield sound, _info(name, sound, min_seconds)
    except soundfile.LibsndfileError as error:
        reason = " ".join(error.error_string.split())
        raise refusal(name, f"cannot be decoded ({reason.rstrip('.')})") from error
    except soundfile.SoundFileError as error:
        raise refusal(name, f"cannot be decoded ({error})") from error


def _info(name: str, sound: Decoder, min_seconds: float) -> ClipInfo:
    if sound.subtype not in _SUBTYPES.get(sound.format, ()):
        raise refusal(name, f"is {sound.format} of the kind {sound.subtype}, which is not read. Read are {ALLOWED}")
    if sound.frames >= _UNKNOWN_LENGTH:
        raise refusal(name, "was written to a pipe: its header does not say how long it is")
    frames = sound.frames or (_kept(sound.samplerate) if sound.format in containers.CODECS else 0)
    _check_numbers(name, sound.samplerate, sound.channels, frames, min_seconds)
    return ClipInfo(name, sound.format, sound.subtype, sound.samplerate, sound.channels, frames)


def _kept(rate: int) -> int:
    return math.ceil(KEPT_SECONDS * rate)


def _check_numbers(
    name: str, rate: int, channels: int, frames: int, min_seconds: float, remedy: str = "Mix it down to mono."
) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise refusal(name, f"has a sample rate of {rate} Hz, outside {MIN_RATE} to {MAX_RATE}")
    if not 1 <= channels <= MAX_CHANNELS:
        raise refusal(name, f"has {channels} channels, outside 1 to {MAX_CHANNELS}", remedy)
    if frames < min_seconds * rate:
        raise refusal(name, f"lasts {frames / rate:.3f} s, less than {min_seconds} s", "Give 3 to 15 s of speech.")
    if frames > MAX_SECONDS * rate:
        raise refusal(name, f"lasts {frames / rate:.0f} s by its header, more than {MAX_SECONDS:.0f} s", "Cut it.")
    if min(frames, _kept(rate)) * channels * 4 > MAX_DECODED_BYTES:
        raise refusal(name, f"has {channels} channels at {rate} Hz, too much to decode", remedy)


def _mono(samples: Float32[np.ndarray, "N channels"]) -> Float32[np.ndarray, " N"]:
    with np.errstate(over="ignore", invalid="ignore"):  # infinities are refused afterwards
        return np.mean(samples.T, axis=0)  # transposed as librosa has it, so that the sums round alike


def _checked(name: str, audio: Float32[np.ndarray, " N"], rate: int, min_seconds: float) -> Clip:
    if len(audio) < min_seconds * rate:  # an MP3 may hold less than it says
        raise refusal(name, f"lasts {len(audio) / rate:.3f} s", f"Give at least {min_seconds} s of speech.")
    if not np.isfinite(audio).all():
        where = int(np.argmin(np.isfinite(audio)))
        raise refusal(name, f"holds infinite samples or NaN, first at sample {where}", "Export it again.")
    if (peak := float(np.max(np.abs(audio)))) > MAX_PEAK:
        raise refusal(name, f"reaches {peak:.4g}, but sound lies in [-1, 1]", "Scale it, or export it as 16 bit.")
    used = audio[: USED_SECONDS * rate]
    if np.max(np.abs(used - np.float32(np.mean(used, dtype=np.float64)))) < MIN_PEAK:
        seconds = min(len(used) / rate, USED_SECONDS)
        raise refusal(name, f"is silent in its first {seconds:.3g} s", "Give a recording that starts with speech.")
    return Clip(audio, rate)
