"""Speech in the six formats of the interface, made while it comes.

samples at 22,050 Hz ── soxr ──► at the rate asked for ── 16 bit ──► pcm
                                                                ──► one header of unknown length ──► wav
                                                                ──► FFmpeg (PyAV) ──► mp3, aac, flac, opus in Ogg
"""

import io
import struct
from typing import Any, NamedTuple

import numpy as np
import soxr

from indextts2_jax.array_typing import Float
from indextts2_jax.audio.write import to_int16, wav_header
from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.serving.problems import Problem

RIFF_SIZE, WAV_SIZE = 4, 40
"""Where a WAV file says how many bytes follow, in all and of samples."""

STREAMINFO = 18
"""Where a FLAC file says its rate, channels and bits, and in the last 36 of 64 bits its samples."""

PCM_RATE = 24_000
"""Of what has no header: clients take it for granted."""


class Format(NamedTuple):
    """What there is to know of one format before anything is encoded."""

    media_type: str
    rates: tuple[int, ...]
    default_rate: int
    codec: str = ""
    container: str = ""
    bit_rate: int = 0


_ANY = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
FORMATS = {
    "mp3": Format("audio/mpeg", _ANY, SAMPLING_RATE, "libmp3lame", "mp3", 64_000),
    "opus": Format("audio/ogg", (8_000, 16_000, 24_000, 48_000), 24_000, "libopus", "ogg", 48_000),
    "aac": Format("audio/aac", _ANY, SAMPLING_RATE, "aac", "adts", 64_000),
    "flac": Format("audio/flac", _ANY, SAMPLING_RATE, "flac", "flac"),
    "wav": Format("audio/wav", _ANY, SAMPLING_RATE),
    "pcm": Format("audio/pcm", _ANY, PCM_RATE),
}
_OPTIONS = {"mp3": {"write_xing": "0", "id3v2_version": "0"}, "ogg": {"page_duration": "100000"}}
_SMALLEST = {8_000: 24_000, 16_000: 48_000}
"""Bits a second of MP3 and AAC at low rates, which allow no more."""


class Encoder:
    """Makes bytes of one speech, piece by piece.

    Args:
      name: one of `FORMATS`.
      sample_rate: in Hz; None: that of the format.
    Raises:
      Problem: a rate that the format does not have.
    """

    def __init__(self, name: str, sample_rate: int | None = None) -> None:
        self.name, self.format = name, FORMATS[name]
        self.sample_rate = self.format.default_rate if sample_rate is None else sample_rate
        if self.sample_rate not in self.format.rates:
            known = ", ".join(map(str, self.format.rates))
            raise Problem(400, f"sample_rate is {sample_rate}, but {name} has {known}.", param="sample_rate")
        self._resampler = None
        if self.sample_rate != SAMPLING_RATE:
            self._resampler = soxr.ResampleStream(SAMPLING_RATE, self.sample_rate, 1, dtype="float32")
        self._header = wav_header(self.sample_rate) if name == "wav" else b""
        self._muxer = _Muxer(self.format, self.sample_rate) if self.format.codec else None

    @property
    def media_type(self) -> str:
        """What Content-Type says."""
        return self.format.media_type

    def feed(self, samples: Float[np.ndarray, " N"]) -> bytes:
        """What can be sent after more samples at 22,050 Hz. Raises `AudioError` for NaN."""
        return self._encode(samples, last=False)

    def finish(self) -> bytes:
        """What is left at the end."""
        tail = self._encode(np.zeros(0, np.float32), last=True)
        return tail + (self._muxer.finish() if self._muxer else b"")

    def whole(self, audio: bytes) -> bytes:
        """All that `feed` and `finish` gave, with its length in its header, which could not be known there."""
        made = bytearray(audio)
        if self.name == "wav" and made:
            struct.pack_into("<I", made, RIFF_SIZE, len(made) - RIFF_SIZE - 4)
            struct.pack_into("<I", made, WAV_SIZE, len(made) - WAV_SIZE - 4)
        elif self.name == "flac" and self._muxer is not None and made:
            (about,) = struct.unpack_from(">Q", made, STREAMINFO)
            struct.pack_into(">Q", made, STREAMINFO, about | self._muxer.samples)
        return bytes(made)

    def _encode(self, samples: Float[np.ndarray, " N"], last: bool) -> bytes:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(np.ascontiguousarray(samples, np.float32), last=last)
        pcm = to_int16(samples)
        if self._muxer is not None:
            return self._muxer.feed(pcm) if len(pcm) else b""
        header, self._header = self._header, b""
        return header + pcm.astype("<i2").tobytes()


class _Muxer:
    """FFmpeg's encoder and container over memory that is emptied as it fills."""

    def __init__(self, kind: Format, sample_rate: int) -> None:
        import av

        self._av, self._rate = av, sample_rate
        self._buffer = _Unseekable()
        options = {"flush_packets": "1"} | _OPTIONS.get(kind.container, {})
        self._container: Any = av.open(self._buffer, "w", format=kind.container, options=options)
        self._stream: Any = self._container.add_stream(kind.codec, rate=sample_rate)
        context: Any = self._stream.codec_context
        context.layout, context.thread_count = "mono", 1
        if kind.bit_rate:
            context.bit_rate = min(kind.bit_rate, _SMALLEST.get(sample_rate, kind.bit_rate))
        self.samples = 0

    def feed(self, pcm: np.ndarray) -> bytes:
        frame = self._av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = self._rate, self.samples
        self.samples += len(pcm)
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        return self._buffer.take()

    def finish(self) -> bytes:
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()
        return self._buffer.take()


class _Unseekable:
    """Takes bytes, and gives them back once."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()

    def write(self, data: bytes) -> int:
        return self._bytes.write(data)

    def take(self) -> bytes:
        data = self._bytes.getvalue()
        self._bytes = io.BytesIO()
        return data
