"""What a reference clip may be, decided from its first bytes, before any native decoder sees the file.

    bytes ── RIFF / RF64 ──► format chunk on the allow-list? data chunk inside the file? ──┐
          ── fLaC ─────────────────────────────────────────────────────────────────────────┤
          ── OggS ─────────► Vorbis or Opus? one stream? ──────────────────────────────────┼─► libsndfile may open it
          ── ID3 ──────────► a tag of sane size, then FLAC or MPEG ────────────────────────┤
          ── MPEG sync ────► layer III? ───────────────────────────────────────────────────┘
          ── anything else ► AudioError

Why not let libsndfile decide: it opens some thirty formats, and its faults sit in the ones nobody needs (the integer
overflow in the header path of IMA-ADPCM, CVE-2026-37555, is one), so a check after opening comes too late.
"""

import re
import struct
from io import BytesIO
from typing import BinaryIO, TypeAlias

from indextts2_jax.errors import AudioError

Handle: TypeAlias = BinaryIO | BytesIO

ALLOWED = "WAV (16, 24 or 32 bit, or float), FLAC, OGG (Vorbis or Opus) and MP3"
CONVERT = "Convert it with: ffmpeg -i OLD -c:a pcm_s16le NEW.wav"

MAX_CHUNKS = 256  # before the data of a WAV; real files have fewer than ten
MAX_TAG_BYTES = 16 << 20  # an ID3 tag in front of the sound: room for cover art, not for a bomb

_STREAMED = 0xFFFFFFFF
_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_BITS = {_PCM: (16, 24, 32), _FLOAT: (32, 64)}
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_OGG_FIRST_PAGE = re.compile(rb"OggS\x00[\x02\x03\x06\x07]")


def refusal(name: str, reason: str, remedy: str = CONVERT) -> AudioError:
    """The one form of every message about a clip: where, what is wrong, what to do."""
    return AudioError(f"The reference clip {name!r} {reason}. {remedy}")


def check_header(handle: Handle, size: int, name: str) -> None:
    """Raises `AudioError` unless the file is of an allowed container, codec and sample format.

    Args:
      handle: the file, open for reading and seekable; left at its start.
      size: its length in bytes.
      name: what messages call it.
    """
    if size == 0:
        raise refusal(name, "is an empty file", "Give a recording.")
    _check_at(handle, 0, size, name)
    handle.seek(0)


def _check_at(handle: Handle, start: int, size: int, name: str) -> None:
    head = _read(handle, start, 12)
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE" and start == 0:
        _check_wav(handle, head, size, name)
    elif head[:4] == b"OggS" and start == 0:
        _check_ogg(handle, name)
    elif head[:3] == b"ID3" and start == 0 and len(head) >= 10 and not head[5] & 0x10:  # with a footer: read unalike
        _check_at(handle, _tag_end(head, size, name), size, name)
    elif head[:4] != b"fLaC" and not _is_mpeg_layer_3(head):
        raise refusal(name, f"is not audio of a kind that is read here: {ALLOWED}")


def _read(handle: Handle, start: int, length: int) -> bytes:
    handle.seek(start)
    return handle.read(length)


def _is_mpeg_layer_3(head: bytes) -> bool:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bitrate != 15 and rate != 3


def _tag_end(head: bytes, size: int, name: str) -> int:
    length = 0
    for byte in head[6:10]:  # four bytes of seven bits
        length = length << 7 | byte & 0x7F
    end = 10 + length
    if length > MAX_TAG_BYTES:
        raise refusal(name, f"starts with a tag of {length} bytes, more than the {MAX_TAG_BYTES} allowed")
    if end >= size:
        raise refusal(name, "ends within its ID3 tag: it is cut short or damaged", "Copy it again.")
    return end


def _check_wav(handle: Handle, head: bytes, size: int, name: str) -> None:
    long_form = head[:4] == b"RF64"
    if not long_form and int.from_bytes(head[4:8], "little") in (0, _STREAMED):
        raise _streamed(name)
    position, long_length, has_format = 12, 0, False
    for _ in range(MAX_CHUNKS):
        header = _read(handle, position, 8)
        if len(header) < 8:
            break
        kind, length = struct.unpack("<4sI", header)
        if kind == b"data":
            if long_form and length == _STREAMED:
                length = long_length
            _check_wav_data(position + 8, length, has_format, size, name)
            return
        if kind == b"fmt ":
            if has_format:
                raise refusal(name, "is damaged: it describes its format twice")
            _check_wav_format(handle.read(min(length, 40)), name)
            has_format = True
        elif kind == b"ds64":
            body = handle.read(16)
            long_length = int.from_bytes(body[8:16], "little") if len(body) == 16 else 0
        position += 8 + length + (length & 1)
    raise refusal(name, "is a WAV without sound: its header is cut short or damaged", "Copy it again.")


def _streamed(name: str) -> AudioError:
    # libsndfile would take whatever follows for sound. A header that cannot be wrong is worth one command.
    return refusal(
        name, "was written to a pipe: its WAV header does not say how long it is", "Repair: ffmpeg -i OLD NEW.wav"
    )


def _check_wav_data(start: int, length: int, has_format: bool, size: int, name: str) -> None:
    if not has_format:
        raise refusal(name, "is damaged: its sound comes before the description of its format")
    if length == 0:
        raise refusal(name, "holds no sound: 0 bytes of it by its header", "Give a recording.")
    if length == _STREAMED:
        raise _streamed(name)
    if start + length > size:
        found = max(0, size - start)
        raise refusal(name, f"is cut short: it promises {length} bytes of sound and has {found}", "Copy it again.")


def _check_wav_format(body: bytes, name: str) -> None:
    if len(body) < 16:
        raise refusal(name, "is damaged: its format description is cut short", "Copy it again.")
    tag, channels, _, _, frame_bytes, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == _EXTENSIBLE and len(body) == 40 and body[26:40] == _GUID_TAIL:
        tag = int.from_bytes(body[24:26], "little")
    if bits not in _BITS.get(tag, ()):
        raise refusal(name, f"is WAV of coding 0x{tag:04X} with {bits} bits, which is not read. Read are {ALLOWED}")
    if frame_bytes != channels * bits // 8:
        raise refusal(name, f"is damaged: {channels} channels of {bits} bits do not fill frames of {frame_bytes} bytes")


def _check_ogg(handle: Handle, name: str) -> None:
    page = _read(handle, 0, 27 + 255 + 8)
    packet = page[27 + page[26] :] if len(page) > 27 else b""
    if not packet.startswith((b"OpusHead", b"\x01vorbis")):
        raise refusal(name, f"is OGG, but neither Vorbis nor Opus. Read are {ALLOWED}")
    handle.seek(0)
    streams, tail = 0, b""
    while block := handle.read(1 << 20):
        # The overlap is one byte less than a match, so that none is counted twice.
        streams += len(_OGG_FIRST_PAGE.findall(tail + block))
        tail = block[-5:]
    if streams != 1:
        raise refusal(name, f"holds {streams} OGG streams where one is expected: the others would not be heard")
