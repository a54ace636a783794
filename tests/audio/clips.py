"""Recordings made on the fly for the audio tests, and ways to spoil them."""

import io
import struct

import numpy as np
import soundfile

RATE = 48_000


def voice(seconds: float = 1.0, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """[N, channels] float64: a gliding harmonic tone with a syllable rhythm, all of it below 3.2 kHz."""
    time = np.arange(round(seconds * rate)) / rate
    pitch = 2 * np.pi * (110 * time + 12 * np.sin(2 * np.pi * 0.7 * time))
    tone = sum(np.sin(k * pitch) / k for k in range(1, 22))
    envelope = 0.55 + 0.45 * np.sin(2 * np.pi * 3.1 * time)
    return np.repeat((0.2 * tone * envelope)[:, None], channels, axis=1)


def encode(samples: np.ndarray, rate: int = RATE, container: str = "WAV", subtype: str = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype)
    return buffer.getvalue()


def wav(samples: np.ndarray | None = None, **options) -> bytes:
    return encode(voice() if samples is None else samples, **options)


def patched(data: bytes, position: int, form: str, *values: int) -> bytes:
    """`data` with a struct written over it."""
    body = bytearray(data)
    struct.pack_into(form if form[0] in "<>" else "<" + form, body, position, *values)
    return bytes(body)


def wav_header(tag=1, channels=1, rate=RATE, frame_bytes=2, bits=16, extra=b"") -> bytes:
    body = struct.pack("<HHIIHH", tag, channels, rate, rate * frame_bytes & 0xFFFFFFFF, frame_bytes, bits) + extra
    return b"fmt " + struct.pack("<I", len(body)) + body


def riff(*chunks: bytes, data: bytes | None = None, form: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    if data is not None:
        body += b"data" + struct.pack("<I", len(data)) + data
    return form + struct.pack("<I", len(body)) + body


def flac(frames: int | None = None, rate: int | None = None, channels: int | None = None) -> bytes:
    """A FLAC whose STREAMINFO says something else than its frames do."""
    data = bytearray(encode(voice(), container="FLAC"))
    word = int.from_bytes(data[18:26], "big")  # rate 20 bits, channels - 1 3 bits, bits - 1 5 bits, frames 36 bits
    fields = [word >> 44, word >> 41 & 7, word >> 36 & 31, word & (1 << 36) - 1]
    fields[0] = fields[0] if rate is None else rate
    fields[1] = fields[1] if channels is None else channels - 1
    fields[3] = fields[3] if frames is None else frames
    data[18:26] = (fields[0] << 44 | fields[1] << 41 | fields[2] << 36 | fields[3]).to_bytes(8, "big")
    return bytes(data)


def ogg(subtype: str = "VORBIS", seconds: float = 1.0) -> bytes:
    return encode(voice(seconds), container="OGG", subtype=subtype)


def ogg_lasting(hours: float) -> bytes:
    """A second of Opus whose last page says that hours have passed, checksum and all."""
    data = bytearray(ogg("OPUS"))
    last = data.rindex(b"OggS")
    struct.pack_into("<Q", data, last + 6, int(hours * 3600 * 48_000))
    struct.pack_into("<I", data, last + 22, 0)
    checksum = 0
    for byte in data[last:]:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x04C11DB7 if checksum & 0x80000000 else 0)) & 0xFFFFFFFF
    struct.pack_into("<I", data, last + 22, checksum)
    return bytes(data)


def mp3(seconds: float = 1.0) -> bytes:
    return encode(voice(seconds), container="MP3", subtype="MPEG_LAYER_III")


def id3(length: int, body: bytes = b"", flags: int = 0) -> bytes:
    return b"ID3\x03\x00" + bytes([flags] + [length >> shift & 0x7F for shift in (21, 14, 7, 0)]) + body
