"""Clips in MP4, WebM and AAC, as telephones and browsers record them, decoded by FFmpeg (the extra `formats`, PyAV).

    bytes ── ftyp ─────────► MP4, M4A, MOV, 3GP ──┐
          ── EBML ─────────► WebM, Matroska ──────┼─► the first stream of sound, its codec on the list ─► Sound
          ── ADTS sync ────► AAC ─────────────────┘

No more is decoded than is kept of a clip. The demultiplexer is named, so that FFmpeg tries no other one.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float32

from indextts2_jax.audio.refusal import CONVERT, refusal
from indextts2_jax.audio.view import Handle
from indextts2_jax.errors import AudioError

CODECS = {
    "MP4": ("aac", "alac", "mp3", "mp3float", "opus", "flac"),
    "WEBM": ("opus", "vorbis", "aac", "flac", "mp3", "mp3float"),
    "AAC": ("aac",),
}
"""Container -> what is decoded in it."""

_DEMULTIPLEXERS = {"MP4": "mov", "WEBM": "matroska", "AAC": "aac"}
INSTALL = f"Install the extra: pip install 'indextts2_jax[formats]'; or {CONVERT[0].lower()}{CONVERT[1:]}"
MAX_PACKETS = 100_000
"""A second has a few hundred at most."""


def container(head: bytes) -> str | None:
    """Which of the containers the first 12 bytes begin; None: no such one."""
    if head[4:8] == b"ftyp":
        return "MP4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "WEBM"
    if len(head) >= 7 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "AAC"
    return None


class Sound:
    """One stream of sound, with what the gate asks of a `soundfile.SoundFile`."""

    def __init__(self, kind: str, opened: Any, stream: Any) -> None:
        self.format, self.subtype = kind, stream.codec_context.name.upper()
        self.samplerate, self.channels = int(stream.rate or 0), int(stream.codec_context.channels or 0)
        self._opened, self._stream = opened, stream
        seconds = opened.duration / 1e6 if opened.duration else 0.0
        self.frames = round(seconds * self.samplerate)
        """By the header; 0 where it does not say."""

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> Float32[np.ndarray, "N channels"]:
        """The first `frames` samples, or as many as there are."""
        import av

        resampler = av.AudioResampler(format="fltp", layout=self._stream.layout, rate=self.samplerate)
        blocks, found = [], 0
        for packet, _ in zip(self._opened.demux(self._stream), range(MAX_PACKETS), strict=False):
            for decoded in packet.decode():
                for block in resampler.resample(decoded):
                    blocks.append(np.asarray(block.to_ndarray(), np.float32))
                    found += block.samples
            if found >= frames:
                break
        if not blocks:
            return np.zeros((0, self.channels), np.float32)
        return np.concatenate(blocks, axis=1).T[:frames]


@contextlib.contextmanager
def open_container(kind: str, handle: Handle, name: str) -> Iterator[Sound]:
    """Opens the first stream of sound.

    Raises:
      AudioError: PyAV is not installed, no such stream, a codec that is not on the list, or what FFmpeg says of it.
    """
    try:
        import av
    except ImportError:
        raise refusal(
            name, f"is not audio of a kind that is read without PyAV: it begins like {kind}", INSTALL
        ) from None
    handle.seek(0)
    try:
        with av.open(handle, "r", format=_DEMULTIPLEXERS[kind], metadata_errors="ignore") as opened:
            if not opened.streams.audio:
                raise refusal(name, f"is {kind} without sound", "Give a recording.")
            stream = opened.streams.audio[0]
            if stream.codec_context.name not in CODECS[kind]:
                raise refusal(name, f"is {kind} with {stream.codec_context.name}, which is not read")
            stream.codec_context.thread_count = 1
            yield Sound(kind, opened, stream)
    except AudioError:
        raise
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refusal(name, f"is not audio that FFmpeg can decode ({reason})") from error
